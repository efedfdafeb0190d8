package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// markupNames are names that mean something to a browser, a script or a terminal.
var markupNames = []string{
	`<img src=x onerror=alert(1)>`, `</script><script>alert(1)</script>`, `"><svg onload=alert(1)>`, `{{script}}`,
	"\u202egnp.exe", "\x1b[31mred", `' onmouseover='alert(1)`, "<!--", "\u2028alert(1)",
}

func markupStore(t *testing.T) *layouttest.Store {
	s := newStore(t, "image a/b:v1 as=x\nimage a/b as=u\norphan as=o size=5k")
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

// No name from the disk is markup: the page has no element and no attribute but
// its own, whatever names there are.
func TestPageHasNoNameAsMarkup(t *testing.T) {
	t.Parallel()
	s := markupStore(t)
	for _, args := range [][]string{{"gc", "-m", "-d", "-v", "--grace", "0"}, {"check"}, {"prune", "-d", "-v", "--filter", ".*:.*", "--ago", "0d", "--allow-empty", "--grace", "0"}} {
		d := pageOf(t, s, args...)
		elements, attributes := map[string]int{}, map[string]bool{}
		d.each(func(n *html.Node) {
			elements[n.Data]++
			for _, a := range n.Attr {
				attributes[a.Key] = true
			}
		})
		if elements["script"] != 1 || elements["style"] != 1 || elements["svg"] > 1 || elements["img"] > 0 {
			t.Errorf("%q: the page has the elements %v", args, elements)
		}
		for a := range attributes {
			if strings.HasPrefix(a, "on") || a == "src" || a == "style" {
				t.Errorf("%q: the page has an attribute %s", args, a)
			}
		}
		if strings.ContainsAny(d.text, "\u202e\u2028\x1b") {
			t.Errorf("%q: the page has characters that steer", args)
		}
		for _, name := range []string{markupNames[0], markupNames[1], markupNames[2]} {
			if !strings.Contains(textIn(d.root), name) {
				t.Errorf("%q: %q is not shown as it is", args, name)
			}
		}
	}
}

// The policy lets nothing be fetched, and only the page's own style and script act.
func TestPageAllowsNothingElse(t *testing.T) {
	t.Parallel()
	d := pageOf(t, newStore(t, "image a/b:v1 as=x"), "gc", "-d")
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(d.text)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'") || strings.Contains(policy[1], "unsafe") {
		t.Fatalf("the policy is %q", policy)
	}
	for tag, hash := range map[string]string{"style": "style-src", "script": "script-src"} {
		_, body, _ := strings.Cut(d.text, "<"+tag+">")
		body, _, _ = strings.Cut(body, "</"+tag+">")
		if !strings.Contains(policy[1], hash+" '"+sha256Of(body)+"'") {
			t.Errorf("the %s is not what the policy allows: %s", tag, policy[1])
		}
	}
	if left := regexp.MustCompile(`https?://[^"']*`).FindAllString(d.text, -1); len(left) > 0 {
		t.Errorf("it names %v", left)
	}
	if strings.Contains(d.text, "innerHTML") || strings.Contains(d.text, "style=") {
		t.Error("markup is made of text, or a style is not in its place")
	}
}

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
			stays = "stays"
		}
		for name, want := range map[string]sweep.Amount{"in the store before": rep.Store.Amount, stays: rep.Live, removed: rep.Removed.Amount} {
			row := d.row("totals", name)
			same(name+", blobs", want.Blobs, row.value["blobs"])
			same(name+", size", want.Bytes, row.value["size"])
			same(name+", on disk", want.DiskBytes, row.value["on disk"])
			if row.text["size"] != size(want.Bytes) {
				t.Errorf("%q: %s is %s, want %s", args, name, row.text["size"], size(want.Bytes))
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
		{[]string{"rm", "-d", "team/app:v2"}, []string{"team/app|image|v2|20d ago|it was named", "team/app|referrer||20d ago|it is about an image that goes"}},
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

// A plan that is carried out has a page with what went and what was left out.
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
	if rows := d.rows("left-out"); len(rows) == 0 || rows[0].text["why"] == "" {
		t.Errorf("left out: %v", rows)
	}
	if h := d.textOf("outcome"); !strings.HasPrefix(h, "freed ") {
		t.Errorf("the outcome is %q", h)
	}
}

// A check says what it has checked, also where it finds nothing, and what cures
// what it finds.
func TestPageOfACheck(t *testing.T) {
	t.Parallel()
	s := newStore(t, pageStore+"\nraw repositories/README text")
	d := pageOf(t, s, "check", "--read-data")
	r := runProgram(t, "", "check", "--read-data", "-o", "json", "--root", s.Root)
	var c checkReport
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
	long := commandLine([]string{"rm", strings.Repeat("a", 5000), "b", "c"})
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

// However much there is, the page stays one that a browser can draw, and it says
// what it lacks.
func TestPageStaysSmall(t *testing.T) {
	t.Parallel()
	rep := &sweep.Report{Started: time.Now().UTC(), DryRun: true}
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	breaks := slices.Repeat([]string{"some-team/with-a-name/service:v1"}, 1000)
	const n = 20_000
	cure := "regsweep rm " + strings.Repeat("some-team/with-a-name/service@"+digest+" ", 100)
	for i := range n {
		name := fmt.Sprintf("some-team/with-a-name/service-%05d", i)
		rep.Repositories = append(rep.Repositories, sweep.RepositoryLine{Name: name, Tags: 120, Manifests: 4000, Bytes: 123456789012, UniqueBytes: 12345678901, ReclaimableBytes: 1234567890})
		rep.Items = append(rep.Items, sweep.ItemLine{Kind: "layerLink", Repository: name, Digest: digest, Bytes: 123456789})
		rep.LeftOut = append(rep.LeftOut, sweep.LeftOutLine{Kind: "tag", Repository: name, Name: "v1", Digest: digest, Reason: "it came into use while the plan was carried out"})
		rep.Decisions = append(rep.Decisions, sweep.DecisionLine{Repository: name, Tag: "v1", Digest: digest, Action: "keep", Rule: "few", Reasons: []string{"the last one"}})
		rep.Problems = append(rep.Problems, walker.Problem{Kind: walker.BrokenManifest, Path: "repositories/" + name + "/_manifests/revisions/sha256/" + digest[7:] + "/link", Detail: "a link that holds no digest: it is empty", Breaks: breaks, Cure: cure})
	}
	e := ending{f: &filing{result: rep, page: &pageFacts{next: []string{}}}, planned: true, report: rep}
	text, err := e.page(nil)
	if err != nil || len(text) > 5_000_000 {
		t.Errorf("it has %d bytes: %v", len(text), err)
	}
	d := parsePage(t, string(text))
	for id, most := range map[string]int{"repositories": mostPageRepos + 2, "items": mostPageItems, "left-out": mostPageProblems, "decisions": mostPageKept, "problems": mostPageProblems} {
		shown := len(d.rows(id))
		if shown == 0 || shown > most {
			t.Errorf("%s: %d rows are shown", id, shown)
		}
		if id == "repositories" {
			shown -= 2 // the sums
		}
		if want := fmt.Sprintf("%s of 20,000 rows are on this page; the JSON report has all of them", comma(shown)); !strings.Contains(d.textOf(id), want) {
			t.Errorf("%s does not say %q", id, want)
		}
	}
	rest := d.row("repositories", "(repositories that are not on this page)")
	same(t, "the tags of the others", int64(120*(n-len(d.rows("repositories"))+2)), rest.value["tags"])
}

// Where more goes than there is room for, every repository has its share of the rows.
func TestPageDividesItsRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ all, repositories, want int }{
		{mostPageGoing, 1, mostPageGoing}, {mostPageGoing + 1, 1, mostPageGoing}, {mostPageGoing + 1, 3, mostPageGoing / 3}, {1_000_000, 50_000, 5}, {0, 0, mostPageGoing},
	} {
		same(t, fmt.Sprintf("of %d rows in %d repositories each", c.all, c.repositories), c.want, rowsOfEach(c.all, c.repositories))
	}
}

// A page is the same whenever it is made of the same report.
func TestPageIsTheSameAgain(t *testing.T) {
	t.Parallel()
	rep := &sweep.Report{Repositories: []sweep.RepositoryLine{{Name: "a", Bytes: 3}, {Name: "b", Bytes: 3}}}
	var texts [][]byte
	for range 2 {
		e := ending{f: &filing{result: rep, page: &pageFacts{}}, planned: true, report: rep}
		text, err := e.page(nil)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("the pages differ")
	}
}
