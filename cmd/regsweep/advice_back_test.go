package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

var lastResortLine = regexp.MustCompile(`(?m)^as the last resort, which loses (.*): regsweep `)

// leftForSomebody are findings that a repair leaves, or damage that it takes away: after
// each it prints commands.
var leftForSomebody = map[string]string{
	"damaged data":                   "damage wrong-digest blob base",
	"a blob that is missing":         "damage missing blob l2",
	"a manifest that is missing":     "damage missing blob x2",
	"a damaged manifest":             "damage wrong-digest blob x2",
	"a child that was deleted":       "delete-manifest a/app x3",
	"a layer that was deleted":       "delete-blob a/app l2",
	"a tag of a deletion":            "remove repositories/a/app/_manifests/revisions/sha256/{x2}/link",
	"half a tag, the newest deleted": "damage half-tag tag c/app:t\nremove repositories/c/app/_manifests/revisions/sha256/{new}/link",
	"half a tag, the newest gone":    "damage half-tag tag c/app:t\nremove repositories/c/app/_manifests/revisions/sha256/{new}",
	"half a tag, the newest broken":  "damage half-tag tag c/app:t\ndamage missing blob c2",
	"half a tag without a history":   "damage empty-tag tag c/app:t",
	"nothing needs it":               "layer e stray\ndamage missing blob stray",
	"a false size":                   "layer a/app base\nmanifest a/app:liar {\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"digest\":\"{{x1.config}}\",\"size\":3},\"layers\":[{\"digest\":\"{{base}}\",\"size\":7}]}",
	"two at a time":                  "damage wrong-digest blob l1\ndelete-manifest a/app x2\ndelete-blob b/app l1",
}

// Every command that repair prints is complete, and works. None loses an image but
// the last resorts, which say which.
func TestAdviceOfRepairIsTrue(t *testing.T) {
	t.Parallel()
	for name, damage := range leftForSomebody {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := damaged(t, damage)
			r := runProgram(t, "", "repair", "--root", s.Root, "--yes")
			if r.status != statusProblems {
				t.Fatalf("status %d\n%s%s", r.status, r.stdout, r.stderr)
			}
			advice := adviceIn(r.stdout)
			if len(advice) == 0 {
				t.Fatalf("it leaves something, and names no command:\n%s", r.stdout)
			}
			loses := []string{}
			for _, found := range lastResortLine.FindAllStringSubmatch(r.stdout, -1) {
				loses = append(loses, strings.Split(found[1], ", ")...)
			}
			before := canBePulled(s, referencesOf(t, s))
			for _, command := range advice {
				c := copyStore(t, s)
				got := obey(t, strings.ReplaceAll(command, s.Root, c.Root))
				if got.status != statusDone && got.status != statusProblems {
					t.Errorf("%s: status %d\n%s%s", command, got.status, got.stdout, got.stderr)
				}
				after := canBePulled(c, referencesOf(t, c))
				gives := strings.HasPrefix(command, "regsweep rm ") || strings.HasPrefix(command, "regsweep untag ")
				for ref := range before {
					if !after[ref] && (!gives || !slices.Contains(loses, ref) && !strings.Contains(command, ref)) {
						t.Errorf("%s loses %s", command, ref)
					}
				}
				back := strings.HasPrefix(command, "regsweep undelete ") || strings.HasPrefix(command, "regsweep tag ")
				if back && len(after) <= len(before) {
					t.Errorf("%s brings nothing back", command)
				}
			}
		})
	}
}

// advised is a run that prints commands.
type advised struct {
	damage string   // to the store
	first  []string // what is run before the commands
	args   []string // {x} is the digest of x
	status int
	least  int // how many commands it prints
	most   int
}

// Every command that undelete, tag, protect and export print works.
func TestAdviceOfWhatBringsBackIsTrue(t *testing.T) {
	t.Parallel()
	const gone = "delete-manifest a/app x2"
	unknown := "a/app@sha256:" + strings.Repeat("ab", 32)
	for name, a := range map[string]advised{
		"undelete lists":             {gone, nil, []string{"undelete"}, 0, 1, 1},
		"undelete brings back":       {gone, nil, []string{"undelete", "a/app@{x2}", "--yes"}, 0, 1, 1},
		"undelete gives a tag":       {gone, nil, []string{"undelete", "a/app@{x2}", "--tag", "new", "--yes"}, 0, 0, 0},
		"the tag is there":           {gone, []string{"undelete", "a/app@{x2}", "--yes"}, []string{"undelete", "a/app@{x2}", "--tag", "v1", "--yes"}, 1, 1, 1},
		"not complete":               {gone + "\ndamage missing blob l2", nil, []string{"undelete", "a/app@{x2}", "--yes"}, 1, 1, 1},
		"not complete, but partial":  {gone + "\ndamage missing blob l2", nil, []string{"undelete", "a/app@{x2}", "--partial", "--yes"}, 0, 0, 0},
		"no trace":                   {gone, nil, []string{"undelete", unknown, "--yes"}, 1, 1, 1},
		"a tag is not undeleted":     {gone, nil, []string{"undelete", "a/app:v1"}, 2, 1, 1},
		"tag moves":                  {"", nil, []string{"tag", "a/app:v1", "v2"}, 1, 1, 1},
		"tag of no image":            {"", nil, []string{"tag", "a/app:nothing", "v2"}, 1, 1, 1},
		"tag of no repository":       {"", nil, []string{"tag", "nowhere:v1", "v2"}, 1, 1, 1},
		"tag is protected":           {"raw .regsweep/protect a/app:v2", nil, []string{"tag", "a/app:v1", "v2"}, 1, 1, 1},
		"tag is protected, by force": {"raw .regsweep/protect a/app:v2", nil, []string{"tag", "a/app:v1", "v2", "--force", "--yes"}, 1, 1, 1},
		"protect is empty":           {"", nil, []string{"protect", "ls"}, 0, 1, 1},
		"protect rm of nothing":      {"raw .regsweep/protect a/app:v2", nil, []string{"protect", "rm", "a/app:v1"}, 1, 1, 1},
		"export of no tag":           {"", nil, []string{"export", "a/app:nothing", "/nowhere/images"}, 1, 1, 1},
		"export of what is damaged":  {"damage missing blob l2", nil, []string{"export", "a/app:v2", "/nowhere/images"}, 1, 1, 1},
		"rm of what is protected":    {"raw .regsweep/protect a/app:v2", nil, []string{"rm", "a/app:v2", "--yes"}, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := damaged(t, a.damage)
			in := func(root string, args []string) (list []string) {
				for _, arg := range args {
					for _, image := range []string{"x1", "x2"} {
						arg = strings.ReplaceAll(arg, "{"+image+"}", s.Digest(image).String())
					}
					list = append(list, arg)
				}
				return append(list, "--root", root)
			}
			r := runProgram(t, "", in(s.Root, a.args)...)
			advice := adviceIn(r.stdout + r.stderr)
			if r.status != a.status || len(advice) < a.least || len(advice) > a.most {
				t.Fatalf("status %d, %q\n%s%s", r.status, advice, r.stdout, r.stderr)
			}
			for _, command := range advice {
				a.obey(t, s, command, in)
			}
		})
	}
}

// obey runs a command that was printed on a copy of the store.
func (a *advised) obey(t *testing.T, s *layouttest.Store, command string, in func(root string, args []string) []string) {
	t.Helper()
	c := copyStore(t, s)
	before := canBePulled(c, referencesOf(t, c))
	if a.first != nil {
		if r := runProgram(t, "", in(c.Root, a.first)...); r.status != statusDone {
			t.Fatalf("%q: status %d\n%s%s", a.first, r.status, r.stdout, r.stderr)
		}
	}
	image := "a/app@" + s.Digest("x2").String()
	line := strings.NewReplacer(s.Root, c.Root, "NAME@DIGEST", image, " TAG", " fresh", "PATTERN", "a/app").Replace(command)
	r := obey(t, line)
	if r.status != statusDone && (r.status != statusProblems || !strings.Contains(line, " check ")) {
		t.Errorf("%s: status %d\n%s%s", command, r.status, r.stdout, r.stderr)
	}
	for ref := range before {
		if c.Missing(ref) != nil {
			t.Errorf("%s loses %s", command, ref)
		}
	}
	if strings.HasPrefix(command, "regsweep protect rm ") { // now what was refused works
		args := a.args
		if !slices.Contains(args, "--force") && args[0] == "tag" {
			args = append(slices.Clone(args), "--force")
		}
		if !slices.Contains(args, "--yes") {
			args = append(slices.Clone(args), "--yes")
		}
		if r := runProgram(t, "", in(c.Root, args)...); r.status != statusDone {
			t.Errorf("after %s: %q: status %d\n%s%s", command, args, r.status, r.stdout, r.stderr)
		}
	}
}

// An archive on the store's own filesystem is refused with a command that keeps what
// goes in the trash. A file in its place is no directory.
func TestAdviceOfArchiveIsTrue(t *testing.T) {
	t.Parallel()
	s := damaged(t, "")
	r := runProgram(t, "", "rm", "--root", s.Root, "a/app:v2", "--yes", "--archive", filepath.Join(filepath.Dir(s.Root), "archive"))
	advice := adviceIn(r.stderr)
	if r.status != statusUsage || len(advice) != 1 || !strings.Contains(advice[0], "--trash") {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	before := canBePulled(s, referencesOf(t, s))
	if r := obey(t, advice[0]); r.status != statusDone {
		t.Fatalf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	runs := strings.Fields(runProgram(t, "", "trash", "ls", "-q", "--root", s.Root).stdout)
	if len(runs) != 1 {
		t.Fatalf("in the trash: %q", runs)
	}
	if r := runProgram(t, "", "trash", "restore", runs[0], "--root", s.Root, "--yes"); r.status != statusDone {
		t.Fatalf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	for ref := range before {
		if s.Missing(ref) != nil {
			t.Errorf("%s is lost", ref)
		}
	}
	file := filepath.Join(s.Dir, "blobs/sha256", s.Digest("l1").Hex()[:2], s.Digest("l1").Hex(), "data")
	to := filepath.Join(t.TempDir(), "file")
	content, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(to, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	r = runProgram(t, "", "export", "a/app:v2", to, "--root", s.Root)
	if r.status != statusFailed || !strings.Contains(r.stderr, "give a new directory") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
}
