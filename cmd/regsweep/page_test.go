package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

const pageStore = `
	age 20d
	image team/app:v1,latest layers=base:30k,one:5k as=one
	image team/app:v2 layers=base,two:7k as=two
	index team/app:all of=one
	image team/app as=loose layers=base,l:3k
	referrer team/app of=two
	image other:v1 layers=base,o:2k as=other
	upload other kind=patched size=3k age=20d
	orphan as=gone size=9k
	orphan as=recent size=1k age=1m`

// Without scripts the page has the figures of the JSON report.
func TestPageHasTheFiguresOfTheReport(t *testing.T) {
	t.Parallel()
	s := newStore(t, pageStore)
	for _, args := range [][]string{
		{"gc", "-m", "-d", "-v"},
		{"rm", "-d", "-v", "team/app:v2"},
		{"untag", "-d", "-v", "team/app:latest"},
		{"prune", "-d", "-v", "--filter", "team/.*:v.*", "--keep", "1"},
	} {
		d, rep := pageAndReport(t, s, args...)
		removed := "would be removed"
		same := func(what string, want, got int64) {
			t.Helper()
			if want != got {
				t.Errorf("%q: %s is %d on the page, and %d in the report", args, what, got, want)
			}
		}
		stays := "live"
		if args[0] != "gc" {
			stays = "kept"
		}
		for name, want := range map[string]sweep.Amount{"in the store before": rep.Store.Amount, stays: rep.Live, removed: rep.Removed.Amount} {
			row := d.row("totals", name)
			same(name+", blobs", want.Blobs, row.value["blobs"])
			same(name+", size", want.Bytes, row.value["size"])
			same(name+", on disk", want.DiskBytes, row.value["on disk"])
			if row.text["size"] != term.Size(want.Bytes) {
				t.Errorf("%q: %s is %s, want %s", args, name, row.text["size"], term.Size(want.Bytes))
			}
		}
		for name, want := range map[string][2]int{
			"repositories": {rep.Store.Repositories, rep.Removed.Repositories}, "tags": {rep.Store.Tags, rep.Removed.Tags},
			"manifests": {rep.Store.Manifests, rep.Removed.Manifests}, "layer links": {rep.Store.LayerLinks, rep.Removed.LayerLinks}, "uploads": {rep.Store.Uploads, rep.Removed.Uploads},
		} {
			row := d.row("counts", name)
			same(name+" before", int64(want[0]), row.value["in the store before"])
			same(name+" removed", int64(want[1]), row.value[removed])
		}
		same("what would be freed", rep.Freed.DiskBytes, d.row("space", "would be freed").value["size"])
		for _, r := range rep.Repositories {
			row := d.row("repositories", r.Name)
			same(r.Name+": tags", int64(r.Tags), row.value["tags"])
			same(r.Name+": manifests", int64(r.Manifests), row.value["manifests"])
			same(r.Name+": size", r.Bytes, row.value["size"])
			same(r.Name+": unique", r.UniqueBytes, row.value["unique"])
			same(r.Name+": reclaimable", r.ReclaimableBytes, row.value["reclaimable"])
		}
		same("the whole store", rep.Removed.Bytes, d.row("repositories", "(the whole store)").value["reclaimable"])
		same("items", int64(len(rep.Items)), int64(len(d.rows("items"))))
		if want := outcomeOf(t, s, args...); d.textOf("outcome") != want {
			t.Errorf("%q: the outcome is %q, and %q on the terminal", args, d.textOf("outcome"), want)
		}
	}
}

// outcomeOf is the last line of a command's table.
func outcomeOf(t *testing.T, s *layouttest.Store, args ...string) string {
	t.Helper()
	r := runProgram(t, "", append(args, "--root", s.Root)...)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	return lines[len(lines)-1]
}

// What the page divides adds up: the images of a repository to the repository,
// the parts of the bar to the store, and what is in no repository is a row.
func TestPageAddsUp(t *testing.T) {
	t.Parallel()
	d, rep := pageAndReport(t, newStore(t, pageStore), "gc", "-d", "-v")
	bar := int64(0)
	d.each(func(n *html.Node) {
		if v, ok := attribute(n, "data-v"); ok && n.Data == "rect" {
			var part int64
			fmt.Sscan(v, &part)
			bar += part
		}
	})
	same(t, "the sum of the bar", rep.Store.Bytes, bar)
	only := map[string]int64{}
	for _, r := range d.rows("images") {
		only[r.text["repository"]] += r.value["only this image"]
	}
	d.each(func(n *html.Node) {
		parts, ok := attribute(n, "data-map")
		if !ok || parts == "" {
			return
		}
		name := textIn(n.FirstChild)
		var shared, untagged int64
		fmt.Sscan(parts, &shared, &untagged)
		same(t, "the sum of "+name, d.row("repositories", name).value["size"], only[name]+shared+untagged)
	})
	outside := d.row("repositories", "(in no repository)")
	same(t, "what is in no repository", int64(10<<10), outside.value["size"])
	same(t, "what of that goes", int64(9<<10), outside.value["reclaimable"])
}

// goingLines are the rows of the table of what goes, as text.
func goingLines(d document, titles ...string) (list []string) {
	for _, r := range d.rows("going") {
		var cells []string
		for _, title := range titles {
			cells = append(cells, r.text[title])
		}
		list = append(list, strings.Join(cells, "|"))
	}
	slices.Sort(list)
	return list
}

// What goes is named, tags and untagged images, with its date, its age and why.
func TestPageNamesWhatGoes(t *testing.T) {
	t.Parallel()
	const noTag = "it has no tag, and nothing that is kept needs it"
	policy := filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(policy, []byte("version: 1\nrules:\n- name: few\n  repositories: [\"team/**\"]\n  tags:\n  - match: [\"v*\"]\n    keep: {last: 1}\n  untagged: {keep: {within: 7d}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"gc", "-m", "-d"}, []string{"team/app|untagged image||20d ago|" + noTag}},
		{[]string{"rm", "-d", "team/app:v2"}, []string{"team/app|image|v2|20d ago|it was named", "team/app|referrer||20d ago|it refers to an image that is removed"}},
		{[]string{"untag", "-d", "team/app:latest"}, []string{"team/app|tag only|latest|20d ago|it was named"}},
		{[]string{"untag", "-y", "team/app:latest"}, []string{"team/app|tag only|latest|20d ago|it was named"}},
		{[]string{"prune", "-d", "--policy", policy}, []string{"team/app|untagged image||20d ago|older than 7d"}},
	} {
		s := newStore(t, pageStore)
		d := pageOf(t, s, c.args...)
		got := goingLines(d, "repository", "what", "tag", "date", "why")
		for i := range got {
			got[i] = regexp.MustCompile(`pushed [0-9-]{10} [0-9:]{5}, `).ReplaceAllString(got[i], "")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", c.args, diff)
		}
		if c.args[0] == "prune" {
			if got := d.rows("going")[0].text["rule"]; got != "rule few" {
				t.Errorf("the rule is %q", got)
			}
		}
		for _, r := range d.rows("going") {
			if !strings.HasPrefix(r.text["digest"], "sha256:") || len(r.text["digest"]) != 71 {
				t.Errorf("%q: the digest is %q", c.args, r.text["digest"])
			}
		}
	}
}

// A plan that is carried out has a page with what went and what was skipped.
func TestPageOfApply(t *testing.T) {
	t.Parallel()
	s := newStore(t, pageStore)
	plan := filepath.Join(t.TempDir(), "plan")
	if r := runProgram(t, "", "rm", "-d", "team/app:v2", "other:v1", "--allow-empty", "--plan", plan, "--root", s.Root); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	if r := runProgram(t, "", "untag", "-y", "other:v1", "--root", s.Root); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	d := pageOf(t, s, "apply", "-y", plan)
	got := goingLines(d, "repository", "tag", "why")
	if !slices.Contains(got, "team/app|v2|it is in the plan") {
		t.Errorf("what went: %q", got)
	}
	if rows := d.rows("skipped"); len(rows) == 0 || rows[0].text["why"] == "" {
		t.Errorf("skipped: %v", rows)
	}
	if h := d.textOf("outcome"); !strings.HasPrefix(h, "freed ") {
		t.Errorf("the outcome is %q", h)
	}
}

// A plan of untag says of itself on the page what untag says.
func TestPageOfAnAppliedUntag(t *testing.T) {
	t.Parallel()
	s := newStore(t, pageStore)
	plan := filepath.Join(t.TempDir(), "plan")
	if r := runProgram(t, "", "untag", "-d", "team/app:latest", "--plan", plan, "--root", s.Root); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	if text := pageOf(t, s, "apply", "-d", plan).textOf("going"); !strings.Contains(text, "no image is removed, since the manifests are kept") {
		t.Errorf("what goes: %s", text)
	}
}

// A check says what it has checked, also where it finds nothing, and what cures
// what it finds.
func TestPageOfACheck(t *testing.T) {
	t.Parallel()
	s := newStore(t, pageStore+"\nraw repositories/README text")
	d := pageOf(t, s, "check", "--read-data")
	r := runProgram(t, "", "check", "--read-data", "-o", "json", "--root", s.Root)
	var c report.Check
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{
		"repositories": int64(c.Checked.Repositories), "tags": int64(c.Checked.Tags), "manifests": int64(c.Checked.Manifests), "layer links": int64(c.Checked.LayerLinks),
		"entries of tags' histories": int64(c.Checked.HistoryEntries), "blobs": c.Checked.Blobs, "of these read": c.Checked.BlobsRead,
	} {
		same(t, name, want, d.row("checked", name).value["number"])
	}
	if got := d.textOf("outcome"); !strings.HasPrefix(got, "no problems; checked in ") {
		t.Errorf("the outcome is %q", got)
	}
	if n := len(d.rows("unknown")); n != 1 || d.byID("problems") != nil || d.byID("totals") != nil {
		t.Errorf("%d unknown files, and tables that do not belong there", n)
	}
	broken := newStore(t, "image a/b:v1 layers=l as=x\ndelete-blob a/b l")
	d = pageOf(t, broken, "check")
	rows := d.rows("problems")
	if len(rows) == 0 || !strings.Contains(rows[0].text["what to do"], "push again a/b:v1") || rows[0].text["breaks"] != "a/b:v1" {
		t.Errorf("problems: %v", rows)
	}
}

// The headline is the whole command line, as it can be pasted.
func TestPageHeadlineIsTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 as=x")
	file := filepath.Join(t.TempDir(), "a report.html")
	if r := runProgram(t, "", "gc", "-d", "--grace", "30min", "--root", s.Root, "--report", file); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	d := parsePage(t, readFile(t, file))
	want := "regsweep gc -d --grace 30min --root " + s.Root + " --report '" + file + "'"
	for _, element := range []string{"h1", "title"} {
		d.each(func(n *html.Node) {
			if n.Data == element && n.Parent.Data != "rect" && textIn(n) != want {
				t.Errorf("%s is %q, want %q", element, textIn(n), want)
			}
		})
	}
	long := term.CommandLine([]string{"rm", strings.Repeat("a", 5000), "b", "c"})
	if len(long) > 1100 || !strings.HasSuffix(long, " ... and 2 more words") {
		t.Errorf("a long one is %q", long)
	}
}

// A run that is refused says on its page that nothing was removed, and why.
func TestPageOfARefusedRun(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a/b:v1 layers=l:9k as=x\nimage a/b:v2 as=y")
	d, status := pageAndStatus(t, s, "rm", "-y", "a/b:v1", "--max-remove", "1%")
	if status != statusFailed || d.textOf("outcome") != "nothing has been removed" || !strings.Contains(d.textOf("error"), "--max-remove") {
		t.Errorf("status %d, outcome %q, error %q", status, d.textOf("outcome"), d.textOf("error"))
	}
	if n := len(d.rows("going")); n != 0 {
		t.Errorf("%d rows went", n)
	}
	// Of a refused dry run every decision is explained.
	d, status = pageAndStatus(t, s, "prune", "-d", "--filter", ".*:.*", "--ago", "0d")
	if got := goingLines(d, "tag", "rule"); status != statusFailed || !slices.Equal(got, []string{"v1|rule flags", "v2|rule flags"}) {
		t.Errorf("status %d, going %q", status, got)
	}
	if !strings.Contains(d.textOf("pruned"), "refused: ") {
		t.Errorf("the policy: %s", d.textOf("pruned"))
	}
}
