package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// hostile are names that steer terminals, or are no UTF-8.
var hostile = map[string]string{
	"escape":      "evil\x1b[2Jname",
	"title":       "\x1b]0;title\x07x",
	"newline":     "two\nlines",
	"return":      "a\rb",
	"delete":      "a\x7fb",
	"c1":          "a\u009b2Jb",
	"direction":   "a\u202eb",
	"not UTF-8":   "a\xff\xfeb",
	"half a rune": "a\xc3",
}

// put makes the same image, and garbage of every kind, under a hostile name.
func putHostile(t *testing.T, s *layouttest.Store, name string) {
	t.Helper()
	copyTo := func(from, to string) {
		t.Helper()
		if err := os.CopyFS(filepath.Join(s.Dir, to), os.DirFS(filepath.Join(s.Dir, from))); err != nil {
			t.Fatal(err)
		}
	}
	copyTo("repositories/model", "repositories/"+name)
	copyTo("repositories/model/_manifests/tags/v1", "repositories/model/_manifests/tags/"+name)
	copyTo(strings.TrimPrefix(s.Path("u"), s.Dir), "repositories/model/_uploads/"+name)
	for _, dir := range []string{"blobs", "repositories", "repositories/model/_layers/sha256"} {
		if err := os.WriteFile(filepath.Join(s.Dir, dir, name), nil, 0o644); err != nil && dir != "repositories" {
			t.Fatal(err)
		}
	}
	s.MustApply(t, "touch repositories age=30d\ntouch blobs age=30d")
}

func steersTerminal(text string) (bad []rune) {
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) || r == utf8.RuneError {
			bad = append(bad, r)
		}
	}
	return bad
}

func TestReportMakesNamesHarmless(t *testing.T) {
	t.Parallel()
	for what, name := range hostile {
		t.Run(what, func(t *testing.T) {
			s := newStore(t, `
				image keep:v1 as=k
				image model:v1 layers=one as=x
				image model layers=two as=y
				layer model unused
				remove repositories/model/_manifests/revisions/sha256/{x}
				upload model kind=patched size=1k age=30d as=u
			`)
			putHostile(t, s, name)
			for _, args := range [][]string{{"-d"}, {"-d", "-v"}, {"-d", "-m", "-v"}, {"-v", "-m"}} {
				for _, format := range []string{"table", "json"} {
					r := runProgram(t, "", append([]string{"gc", "--root", s.Root, "-o", format}, args...)...)
					if r.stdout == "" {
						t.Fatalf("status %d: %q", r.status, r.stderr)
					}
					for stream, text := range map[string]string{"stdout": r.stdout, "stderr": r.stderr} {
						if bad := steersTerminal(text); bad != nil {
							t.Errorf("%s %v: %s has %U", format, args, stream, bad)
						}
						if strings.Contains(text, "two\nlines") {
							t.Errorf("%s %v: %s has a name's own line", format, args, stream)
						}
					}
					if format == "json" && !json.Valid([]byte(r.stdout)) {
						t.Errorf("%v: no JSON: %s", args, r.stdout)
					}
				}
			}
		})
	}
}

// An error's path is as harmless.
func TestReportMakesErrorsHarmless(t *testing.T) {
	for what, name := range hostile {
		t.Run(what, func(t *testing.T) {
			for _, args := range [][]string{
				{"gc", "--root", name},
				{"gc", name},
				{"gc", "--config", name},
				{name},
				{"gc", "--protect", name, "--root", "x"},
				{"gc", "--grace", name},
				{"gc", "--max-remove", name},
				{"gc", "-o", name},
				{"gc", "--" + name},
			} {
				r := runProgram(t, "", args...)
				if bad := steersTerminal(r.stderr); bad != nil || r.status == 0 || r.stdout != "" {
					t.Errorf("%q: status %d, stderr has %U: %q", args, r.status, bad, r.stderr)
				}
			}
		})
	}
}

// A name that is not UTF-8 is still told apart from others.
func TestReportNamesThatAreNotUTF8(t *testing.T) {
	s := newStore(t, "image keep:v1 as=k")
	for _, name := range []string{"a\xff", "a\xfe"} {
		if err := os.WriteFile(filepath.Join(s.Dir, "repositories", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := mustGC(t, s, 0)
	if len(r.report.Problems) != 2 || r.report.Problems[0].Path == r.report.Problems[1].Path {
		t.Errorf("%v", problemLines(r))
	}
}
