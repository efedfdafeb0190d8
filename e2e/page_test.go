package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/e2e/internal/browser"
	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// makeSample builds the store of the demo, once.
var makeSample = sync.OnceValues(func() (string, error) {
	root := filepath.Join(buildDir, "sample")
	text, err := os.Open("../testdata/sample.store")
	if err != nil {
		return "", err
	}
	defer text.Close()
	cmd := exec.Command("go", "run", "./layout/layouttest/makestore", root)
	cmd.Dir, cmd.Stdin, cmd.Env = "..", text, append(os.Environ(), "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("makestore: %w\n%s", err, output)
	}
	return root, nil
})

// sampleStore is the store of the demo, to be read only.
func sampleStore(t *testing.T) (root string) {
	t.Helper()
	return must[string](t)(makeSample())
}

// ownSample is a copy of it, as old as the original.
func ownSample(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	if output, err := exec.Command("cp", "-a", sampleStore(t)+"/.", root).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, output)
	}
	return root
}

// pageOf is the page that a run on a store writes.
func pageOf(t *testing.T, root string, args ...string) (file string) {
	t.Helper()
	parts.Need(t, "chromium")
	file = filepath.Join(t.TempDir(), "report.html")
	got := regsweep(t, append(args, "--root", root, "-q", "--report", file)...)
	if got.Status != 0 && got.Status != 3 {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	return file
}

// screenshots keeps pictures for people, if a directory is named for them.
func screenshots(t *testing.T, p *browser.Page, name string, looks ...browser.Look) {
	t.Helper()
	dir := os.Getenv("REGSWEEP_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, l := range looks {
		p.Looks(l)
		file := fmt.Sprintf("%s-%s-%s-%d.png", name, l.Scheme, l.Media, l.Width)
		if err := os.WriteFile(filepath.Join(dir, file), p.Screenshot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// looks are all ways in which a page is looked at.
func looks() (list []browser.Look) {
	for _, width := range []int64{400, 1000} {
		for _, scheme := range []string{"light", "dark"} {
			list = append(list, browser.Look{Width: width, Media: "screen", Scheme: scheme})
		}
	}
	return append(list, browser.Look{Width: 800, Media: "print", Scheme: "dark"})
}

// withoutScript is a page as somebody has it whose browser or mail reader runs none.
func withoutScript(t *testing.T, file string) string {
	t.Helper()
	text := must[[]byte](t)(os.ReadFile(file))
	before, rest, _ := strings.Cut(string(text), "<script>")
	_, after, _ := strings.Cut(rest, "</script>")
	plain := filepath.Join(t.TempDir(), "plain.html")
	if err := os.WriteFile(plain, []byte(before+after), 0o644); err != nil {
		t.Fatal(err)
	}
	return plain
}

// texts are the texts of the elements that a selector finds.
func texts(p *browser.Page, selector string) []string {
	return browser.Eval[[]string](p, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.textContent)`, selector))
}

// column is one column of a table.
func column(p *browser.Page, table string, n int) []string {
	return texts(p, fmt.Sprintf("#%s tbody td:nth-child(%d)", table, n))
}

// brokenSample is the sample with something that a check finds, and names that
// take much room.
func brokenSample(t *testing.T) (root string) {
	t.Helper()
	root = ownSample(t)
	repositories := filepath.Join(root, "docker/registry/v2/repositories")
	long := "a-group-with-a-rather-long-name/another-one-below-it/and-a-service-with-a-long-name"
	for _, dir := range []string{filepath.Join(repositories, long, "_manifests/tags/a-tag-with-a-name-that-is-long-too/current"), filepath.Join(repositories, "team/web/_manifests/tags/gone/current")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "link"), []byte("sha256:"+strings.Repeat("0", 64)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The page can be used at any width, light and dark, printed, with and without
// scripts: nothing is wider than the window, the figures and cures are visible,
// no digest is broken into pieces, and axe finds nothing.
func TestPageAsPeopleLookAtIt(t *testing.T) {
	root := brokenSample(t)
	var p *browser.Page
	for name, args := range map[string][]string{
		"gc": {"gc", "-m", "-d"}, "check": {"check"}, "prune": {"prune", "-d", "-v", "--filter", ".*:.*", "--keep", "1", "--untagged", "--ago", "1d"},
	} {
		file := pageOf(t, root, args...)
		if p == nil {
			p = browser.Open(t, file)
		}
		for scripts, file := range map[string]string{"with": file, "without": withoutScript(t, file)} {
			if name == "prune" && scripts == "without" {
				continue // the others show what there is without scripts
			}
			p.Go(file)
			for _, l := range looks() {
				p.Looks(l)
				at := fmt.Sprintf("%s %s scripts, %+v", name, scripts, l)
				if wide := browser.Eval[int64](p, `document.documentElement.scrollWidth`); wide > l.Width {
					t.Errorf("%s: it is %d pixels wide", at, wide)
				}
				// A text that is cut off or has no room is not read.
				if hidden := browser.Eval[[]string](p, `[...document.querySelectorAll("#problems td:last-child code, td[data-v], #outcome, h1")].filter((e) => {
					const r = e.getBoundingClientRect();
					return r.width < 8 || r.height < 8 || r.right > innerWidth + 1;
				}).map((e) => e.textContent)`); len(hidden) > 0 {
					t.Errorf("%s: not to be seen: %q", at, hidden)
				}
				if broken := browser.Eval[int](p, `[...document.querySelectorAll(".digest")].filter((e) => e.getBoundingClientRect().height > 2 * parseFloat(getComputedStyle(e).fontSize)).length`); broken > 0 {
					t.Errorf("%s: %d digests take several lines", at, broken)
				}
				// In commands and paths they are whole, and no line has less than 16 digits.
				if pieces := browser.Eval[[]string](p, `[...document.querySelectorAll(".hash")].filter((e) => new Set([...e.getClientRects()].map((r) => Math.round(r.top))).size > 4).map((e) => e.textContent)`); len(pieces) > 0 {
					t.Errorf("%s: broken into small pieces: %q", at, pieces)
				}
				// It takes seconds: each look of one page, and one look of the others.
				if name == "gc" && scripts == "with" || l == looks()[0] && scripts != "with" {
					for _, v := range p.Violations() {
						t.Errorf("%s: %s", at, v)
					}
				}
			}
			if scripts == "without" && !browser.Eval[bool](p, `document.querySelectorAll("button, input, [hidden] #map, #checked tr, #totals tr").length >= 5 && !document.querySelector("button, input")`) {
				t.Errorf("%s: without scripts there are no figures, or there is something that does nothing", name)
			}
			screenshots(t, p, name+"-"+scripts, looks()...)
		}
	}
}

func TestPageTotalsAddUp(t *testing.T) {
	p := browser.Open(t, pageOf(t, sampleStore(t), "gc", "-m", "-d", "-v"))
	if title := texts(p, "h1"); len(title) != 1 || !strings.HasPrefix(title[0], "regsweep gc -m -d -v --root /") {
		t.Errorf("the title is %q", title)
	}
	if got := texts(p, "#outcome"); len(got) != 1 || !strings.HasPrefix(got[0], "would free ") {
		t.Errorf("the outcome is %q", got)
	}
	if !browser.Eval[bool](p, `[...document.querySelectorAll("#bar rect")].reduce((sum, e) => sum + Number(e.dataset.v), 0) === Number(document.querySelector("#totals tbody tr td:nth-child(3)").dataset.v)`) {
		t.Error("the bar does not add up to the store")
	}
	if !browser.Eval[bool](p, `Math.abs([...document.querySelectorAll("#bar rect")].reduce((sum, e) => sum + e.getBoundingClientRect().width, 0) - document.querySelector("#bar").clientWidth) < 10`) {
		t.Error("the bar is not full")
	}
	if len(texts(p, "#error")) != 0 {
		t.Error("it shows an error")
	}
}

// The map is entered by mouse and keyboard, and left again.
func TestPageDrillsDown(t *testing.T) {
	p := browser.Open(t, pageOf(t, sampleStore(t), "gc", "-m", "-d"))
	where := func() string { return strings.Join(texts(p, "#crumbs .name"), "|") }
	p.Do(chromedp.Click(`#treemap > button[title^="team:"]`, chromedp.ByQuery))
	if got := where(); got != "all repositories|team/" {
		t.Errorf("after a click the place is %q", got)
	}
	p.Do(chromedp.KeyEvent(kb.Enter)) // the largest has the focus
	if got := where(); got != "all repositories|team/|api" {
		t.Errorf("after Enter the place is %q", got)
	}
	sizes := `[...document.querySelectorAll("#treemap > .tile")].map((e) => e.getBoundingClientRect()).reduce((sum, r) => sum + r.width * r.height, 0) / (document.querySelector("#treemap").clientWidth * document.querySelector("#treemap").clientHeight)`
	if full := browser.Eval[float64](p, sizes); full < 0.99 || full > 1.01 {
		t.Errorf("the tiles cover %.2f of the map", full)
	}
	p.Do(chromedp.KeyEvent(kb.Escape))
	if got := where(); got != "all repositories|team/" {
		t.Errorf("after Escape the place is %q", got)
	}
	p.Do(chromedp.Click("#crumbs button", chromedp.ByQuery))
	if got := where(); got != "all repositories" {
		t.Errorf("after a click on the first the place is %q", got)
	}
	p.Do(chromedp.Click(`#repositories tbody tr:first-child button`, chromedp.ByQuery))
	if got, want := where(), "all repositories|ci/build"; got != want {
		t.Errorf("from the table the place is %q, want %q", got, want)
	}
}

func TestPageSortsAndSearches(t *testing.T) {
	p := browser.Open(t, pageOf(t, sampleStore(t), "gc", "-m", "-d", "-v"))
	sorted := func() string {
		return browser.Eval[string](p, `[...document.querySelectorAll("#repositories th")].map((e) => e.getAttribute("aria-sort") ?? "-").join(" ")`)
	}
	if got := sorted(); got != "- - - - - descending" {
		t.Errorf("at first it is sorted by %s", got)
	}
	names := column(p, "repositories", 1)
	p.Do(chromedp.Click("#repositories th:nth-child(1) button", chromedp.ByQuery))
	if got, want := column(p, "repositories", 1), slices.Sorted(slices.Values(names)); !cmp.Equal(got, want) {
		t.Errorf("by name: %s", cmp.Diff(want, got))
	}
	p.Do(chromedp.Focus("#repositories th:nth-child(1) button", chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	if got := sorted(); got != "descending - - - - -" {
		t.Errorf("after Enter it is sorted by %s", got)
	}
	p.Do(chromedp.KeyEvent(" "))
	if got := sorted(); got != "ascending - - - - -" {
		t.Errorf("after Space it is sorted by %s", got)
	}
	p.Do(chromedp.KeyEvent(kb.Tab))
	if !browser.Eval[bool](p, `document.activeElement === document.querySelector("#repositories th:nth-child(2) button") && getComputedStyle(document.activeElement).outlineStyle === "solid"`) {
		t.Error("after Tab the next column has no visible focus")
	}
	p.Do(chromedp.Click("#repositories th:nth-child(2) button", chromedp.ByQuery))
	if got := column(p, "repositories", 2); got[0] != "7" || got[len(got)-1] != "0" {
		t.Errorf("by tags: %v", got)
	}
	p.Do(chromedp.SendKeys("#repositories input", "TEAM", chromedp.ByQuery))
	if got := column(p, "repositories", 1); len(got) != 2 || !strings.HasPrefix(got[0], "team/") || !strings.HasPrefix(got[1], "team/") {
		t.Errorf("found: %v", got)
	}
	p.Do(chromedp.SendKeys("#items input", "upload", chromedp.ByQuery))
	if got := column(p, "items", 1); len(got) != 2 || got[0] != "upload" {
		t.Errorf("found items: %v", got)
	}
	if n := browser.Eval[int](p, `document.querySelectorAll("th:not([scope])").length + document.querySelectorAll("input:not([aria-label])").length`); n != 0 {
		t.Errorf("%d headers and fields have no name", n)
	}
}

// Names from the disk are text, whatever they mean to a browser.
func TestPageOfHostileNames(t *testing.T) {
	root := ownSample(t)
	names := []string{`<img src=x onerror=alert(1)>`, `</script><script>alert(1)</script>`, `"><svg onload=alert(1)>`, "\u202egnp.exe", "\x1b[31mred", `' onmouseover='alert(1)`, `{{script}}`, "__proto__"}
	repositories := filepath.Join(root, "docker/registry/v2/repositories")
	layers := filepath.Join(repositories, "team/web/_manifests/tags")
	for _, name := range names {
		for _, dir := range []string{filepath.Join(repositories, "h"+name, "_manifests/tags/gone/current"), filepath.Join(layers, name, "current")} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "link"), []byte("sha256:"+strings.Repeat("0", 64)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A tag of that name which is shown in the map, too.
	if err := os.CopyFS(filepath.Join(layers, names[0]), os.DirFS(filepath.Join(layers, "v1"))); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	p := browser.Open(t, pageOf(t, root, "gc", "-m", "-d", "-v"))
	if n := browser.Eval[int](p, `document.querySelectorAll("img, svg, iframe, object, [onload], [onerror], [onmouseover]").length + document.scripts.length`); n != 2 {
		t.Errorf("there are %d elements that may act, want the bar and the script", n)
	}
	for _, name := range []string{names[0], names[1], names[2], `\u202egnp.exe`, `\x1b[31mred`} {
		if !strings.Contains(strings.Join(texts(p, "#problems td"), "\n"), name) {
			t.Errorf("%q is not shown as it is", name)
		}
	}
}

// With 3,900 repositories the page is below 5 MB and answers.
func TestPageOfALargeStore(t *testing.T) {
	file := pageOf(t, sampleStore(t), "gc", "-m", "-d")
	enlarge(t, file, 3900)
	if info, err := os.Stat(file); err != nil || info.Size() > 5_000_000 {
		t.Errorf("it has %d bytes: %v", info.Size(), err)
	}
	p := browser.Open(t, file)
	if n := len(texts(p, "#treemap > .tile")); n < 10 || n > 120 {
		t.Errorf("the map has %d tiles", n)
	}
	if n := len(column(p, "repositories", 1)); n != 100 {
		t.Errorf("the table has %d rows at first", n)
	}
	p.Do(chromedp.Click("#repositories .more", chromedp.ByQuery))
	if n := len(column(p, "repositories", 1)); n != 600 {
		t.Errorf("the table has %d rows after more", n)
	}
	p.Do(chromedp.SendKeys("#repositories input", "service-0042", chromedp.ByQuery))
	if n := len(column(p, "repositories", 1)); n != 1 {
		t.Errorf("%d are found", n)
	}
}

// enlarge gives a page more repositories.
func enlarge(t *testing.T, file string, n int) {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile(file)))
	section := strings.Index(text, `<section id="repositories"`)
	start := section + strings.Index(text[section:], "<tbody>") + len("<tbody>")
	var rows strings.Builder
	for i := range n {
		size := 40_000_000_000 / (i + 10)
		fmt.Fprintf(&rows, `<tr data-map="%d %d"><td><bdi>team-%02d/group-%d/service-%04d</bdi></td><td data-v="3">3</td><td data-v="5">5</td>`, size/2, size/8, i%23, i%7, i)
		for _, bytes := range []int{size, size / 2, size / (4 + i%9)} {
			fmt.Fprintf(&rows, `<td data-v="%d">%d B</td>`, bytes, bytes)
		}
		rows.WriteString("</tr>\n")
	}
	if err := os.WriteFile(file, []byte(text[:start]+rows.String()+text[start:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
