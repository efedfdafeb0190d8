package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// pageOf runs a command with a page and returns its text and what it draws.
func pageOf(t testing.TB, s *layouttest.Store, args ...string) (string, pageJSON) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	r := runProgram(t, "", append(args, "--root", s.Root, "--report", file)...)
	if r.status != statusDone && r.status != statusProblems {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	text := readFile(t, file)
	return text, dataOf(t, text)
}

// pageJSON is what a page draws.
type pageJSON struct {
	Report       sweep.Report
	Repositories [][]any
	Items        [][]any
	Decisions    [][]any
	LeftOut      leftOut
}

func dataOf(t testing.TB, page string) (d pageJSON) {
	t.Helper()
	_, rest, ok := strings.Cut(page, `<script type="application/json" id="data">`)
	text, _, closed := strings.Cut(rest, "</script>")
	if !ok || !closed {
		t.Fatal("there are no data in the page")
	}
	if strings.ContainsAny(text, "<>&\u2028\u2029") {
		t.Error("the data have characters that mean something in HTML")
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// withoutData is all of a page but its data.
func withoutData(page string) string {
	before, rest, _ := strings.Cut(page, `id="data">`)
	_, after, _ := strings.Cut(rest, "</script>")
	return before + after
}

// markupNames are names that mean something to a browser, a script or a terminal.
var markupNames = []string{
	`<img src=x onerror=alert(1)>`, `</script><script>alert(1)</script>`, `"><svg onload=alert(1)>`, `{{script}}`,
	"\u202egnp.exe", "\x1b[31mred", `' onmouseover='alert(1)`, "<!--", "\u2028alert(1)",
}

func markupStore(t *testing.T) *layouttest.Store {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o size=5k")
	link := func(text string, path ...string) {
		path = append([]string{s.Dir, layout.Repositories}, path...)
		file := filepath.Join(append(path, "link")...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range markupNames {
		link("sha256:"+strings.Repeat("0", 64), "h"+name, layout.Manifests, layout.Tags, "gone", layout.Current)
		link(s.Digest("x").String(), "h"+name, layout.Manifests, layout.Revisions, "sha256", s.Digest("x").Hex())
		if !strings.Contains(name, "/") {
			link(s.Digest("x").String(), "a", "b", layout.Manifests, layout.Tags, name, layout.Current)
		}
	}
	return s
}

// No name from the disk is in the page as it is: nothing can act that is not the page's own.
func TestPageHasNoNameAsMarkup(t *testing.T) {
	t.Parallel()
	s := markupStore(t)
	empty, _ := pageOf(t, newStore(t, "image a/b:v1 as=x"), "gc", "-d", "-v")
	text, d := pageOf(t, s, "gc", "-d", "-v")
	if got, want := withoutData(text), withoutData(empty); got != want {
		t.Errorf("the page around the data is another one:\n%s", cmp.Diff(want, got))
	}
	if strings.ContainsAny(text, "\u202e\x1b") {
		t.Error("the page has characters that steer")
	}
	if len(d.Repositories) < len(markupNames) {
		t.Errorf("the page has only %d repositories", len(d.Repositories))
	}
}

// The policy lets nothing be fetched, and only the page's own style and script act.
func TestPageAllowsNothingElse(t *testing.T) {
	t.Parallel()
	text, _ := pageOf(t, newStore(t, "image a/b:v1 as=x"), "gc", "-d")
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'") || strings.Contains(policy[1], "unsafe") {
		t.Fatalf("the policy is %q", policy)
	}
	for tag, hash := range map[string]string{"style": "style-src", "script": "script-src"} {
		_, body, _ := strings.Cut(text, "<"+tag+">")
		body, _, _ = strings.Cut(body, "</"+tag+">")
		if !strings.Contains(policy[1], hash+" '"+hashOf(body)+"'") {
			t.Errorf("the %s is not what the policy allows: %s", tag, policy[1])
		}
	}
	if left := regexp.MustCompile(`https?://[^"']*`).FindAllString(text, -1); len(left) > 0 {
		t.Errorf("it names %v", left)
	}
	if strings.Contains(text, "innerHTML") || strings.Contains(text, "{{") {
		t.Error("markup is made of text, or a place was not filled")
	}
}

// What the page divides adds up: the images of a repository to the repository,
// and the parts of the totals to the store.
func TestPageAddsUp(t *testing.T) {
	t.Parallel()
	s := newStore(t, `
		image team/app:v1,latest layers=base:30k,one:5k as=one
		image team/app:v2 layers=base,two:7k as=two
		index team/app:all of=one
		image team/app as=loose layers=base,l:3k
		referrer team/app of=two
		image other:v1 layers=base,o:2k as=other
		orphan as=gone size=9k
		orphan as=young size=1k age=1m`)
	_, d := pageOf(t, s, "gc", "-d", "-v")
	rep := &d.Report
	same(t, "the sum of the totals", rep.Store.Bytes, rep.Live.Bytes+rep.Removed.Bytes+rep.Failed.Bytes)
	if rep.Kept.Fresh.Bytes != 1024 || len(d.Items) == 0 {
		t.Errorf("fresh are %d bytes, and there are %d items", rep.Kept.Fresh.Bytes, len(d.Items))
	}
	if len(d.Repositories) != 2 {
		t.Fatalf("repositories: %v", d.Repositories)
	}
	for _, r := range d.Repositories {
		sum := 0.0
		for _, image := range r[6].([]any) {
			sum += image.([]any)[3].(float64)
		}
		for i, part := range r[7].([]any) {
			if i != 2 { // which is a number of images
				sum += part.(float64)
			}
		}
		same(t, "the sum of "+r[0].(string), r[3].(float64), sum)
	}
}

// The page marks the images that go.
func TestPageMarksWhatGoes(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 layers=one:9k as=x\nimage a/b:v2 layers=two:5k as=y")
	for _, args := range [][]string{{"rm", "-d", "a/b:v1"}, {"rm", "-y", "a/b:v1"}} {
		_, d := pageOf(t, s, args...)
		images := d.Repositories[0][6].([]any)
		goes := map[any]any{}
		for _, i := range images {
			goes[i.([]any)[0].([]any)[0]] = i.([]any)[4]
		}
		same(t, "what goes", map[any]any{"v1": 1.0, "v2": 0.0}, goes)
	}
}

// However much there is, the page stays one that a browser can draw.
func TestPageStaysSmall(t *testing.T) {
	t.Parallel()
	rep := &sweep.Report{Started: time.Now().UTC()}
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for i := range 30_000 {
		name := fmt.Sprintf("some-team/with-a-name/service-%05d", i)
		rep.Repositories = append(rep.Repositories, sweep.RepositoryLine{Name: name, Tags: 120, Manifests: 4000, Bytes: 123456789012, UniqueBytes: 12345678901, ReclaimableBytes: 1234567890})
		rep.Items = append(rep.Items, sweep.ItemLine{Kind: "layerLink", Repository: name, Digest: digest, Bytes: 123456789})
		rep.Problems = append(rep.Problems, walker.Problem{Kind: walker.BrokenManifest, Path: "repositories/" + name + "/_manifests/revisions/sha256/" + digest[7:] + "/link", Detail: "a link that holds no digest: it is empty", Cure: "regsweep rm " + name + "@" + digest})
	}
	e := ending{f: &filing{result: rep}, planned: true, report: rep}
	text, err := e.page()
	if err != nil || len(text) > 5_000_000 {
		t.Errorf("it has %d bytes: %v", len(text), err)
	}
	d := dataOf(t, string(text))
	want := leftOut{Repositories: 30_000 - mostPageRepos, Items: 30_000 - mostPageItems, Problems: 30_000 - mostPageProblems}
	same(t, "what is said to be left out", want, d.LeftOut)
}
