package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// swept is what the contract says about one store under "What is swept". Its
// check makes a dry run, a run and another run.
type swept struct {
	text string   // the store, in the language of layouttest
	args []string // of all runs
	more func(t *testing.T, s *layouttest.Store)

	items    []string // KIND REPOSITORY[:TAG] NAME, in any order; see itemLine
	gone     []string // paths, {NAME} and {xx:NAME} as in layouttest; a directory stands for all below it
	back     []string // paths that are new
	problems []string // KIND PATH, those of the first run
	status   int      // of the first run
	again    int      // of the run after it
	messy    bool     // the numbers of bytes on the disk do not follow from the items
}

func (c swept) check(t *testing.T) *layouttest.Store {
	t.Helper()
	s := layouttest.New(t, c.text)
	if c.more != nil {
		c.more(t, s)
	}
	before, tree, bytes := s.Snapshot(t), s.Tree(t), s.BlobBytes(t)
	want := []string{}
	for _, item := range expand(s, c.items) {
		want = append(want, item+" "+fmt.Sprint(bytesOf(t, s, item)))
	}
	slices.Sort(want)

	dry := mustGC(t, s, c.status, append([]string{"--dry-run"}, c.args...)...)
	same(t, "what the dry run plans", want, itemLines(s, dry))
	same(t, "the store after a dry run", before, s.Snapshot(t))
	same(t, "the dry run's problems", expand(s, c.problems), problemLines(dry))

	run := mustGC(t, s, c.status, c.args...)
	same(t, "what is removed", want, itemLines(s, run))
	same(t, "the numbers of the dry run and the run", dry.report.Removed, run.report.Removed)
	same(t, "the problems", expand(s, c.problems), problemLines(run))
	same(t, "what is on the disk", c.expected(s, tree), s.Tree(t))
	if run.report.Failed != (sweep.FailedCount{}) {
		t.Errorf("failed is %+v", run.report.Failed)
	}
	if freed := bytes - s.BlobBytes(t); !c.messy && freed != run.report.Removed.Bytes+temporaries(run) {
		t.Errorf("%d bytes of blobs are gone, the report says %d", freed, run.report.Removed.Bytes)
	}
	countsAgree(t, run)

	after := s.Tree(t)
	second := mustGC(t, s, c.again, c.args...)
	same(t, "what a second run removes", []string{}, itemLines(s, second))
	same(t, "what is on the disk after a second run", after, s.Tree(t))
	return s
}

// expected is the tree without what goes and with what comes back.
func (c swept) expected(s *layouttest.Store, tree []string) []string {
	for _, path := range expand(s, c.gone) {
		if !slices.ContainsFunc(tree, func(p string) bool { return under(p, path) }) {
			tree = append(tree, "is not in the store at all: "+path)
		}
		tree = slices.DeleteFunc(tree, func(p string) bool { return under(p, path) })
	}
	tree = append(tree, expand(s, c.back)...)
	tree = slices.DeleteFunc(tree, func(p string) bool { return p == layout.Unfinished })
	slices.Sort(tree)
	return tree
}

func under(path, dir string) bool {
	return path == dir || strings.HasSuffix(dir, "/") && strings.HasPrefix(path, dir)
}

// blob are the directories of blobs, for gone.
func blobs(names ...string) (dirs []string) {
	for _, n := range names {
		dirs = append(dirs, fmt.Sprintf("blobs/sha256/{xx:%s}/{%s}/", n, n))
	}
	return dirs
}

// layers are the directories of layer links, for gone.
func layers(repository string, names ...string) (dirs []string) {
	for _, n := range names {
		dirs = append(dirs, fmt.Sprintf("repositories/%s/_layers/sha256/{%s}/", repository, n))
	}
	return dirs
}

// expand writes the names in paths as digests: {NAME}, {xx:NAME}, {alias:NAME}
// for the digest that manifests use, and {id:NAME} of uploads.
func expand(s *layouttest.Store, paths []string) []string {
	out := []string{}
	for _, p := range paths {
		for from := strings.IndexByte(p, '{'); from >= 0; from = strings.IndexByte(p, '{') {
			to := strings.IndexByte(p, '}')
			how, name, ok := strings.Cut(p[from+1:to], ":")
			if !ok {
				how, name = "", how
			}
			text := filepath.Base(s.Path(name))
			switch how {
			case "":
				text = s.Digest(name).Hex()
			case "xx":
				text = s.Digest(name).Hex()[:2]
			case "alias":
				text = s.Alias(name).Hex()
			}
			p = p[:from] + text + p[to+1:]
		}
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// itemLine writes an item as tests do: "blob NAME", "manifest REPOSITORY NAME",
// "layerLink REPOSITORY NAME", "tag REPOSITORY:TAG NAME", "tagHistory ...",
// "upload REPOSITORY NAME", "temporary PATH", "repository REPOSITORY".
func itemLine(s *layouttest.Store, i *sweep.ItemLine) string {
	name := ""
	if i.Digest != "" {
		name = " " + nameOf(s, i.Digest)
		for _, n := range s.Names() {
			if s.Alias(n).String() == i.Digest && s.Alias(n) != s.Digest(n) {
				name = " " + n + "@sha512"
			}
		}
	}
	switch i.Kind {
	case "tag", "tagHistory":
		return i.Kind + " " + i.Repository + ":" + i.Name + name
	case "upload":
		for _, n := range s.Names() {
			if filepath.Base(s.Path(n)) == i.Name {
				return "upload " + i.Repository + " " + n
			}
		}
		return "upload " + i.Repository + " " + i.Name
	case "temporary":
		return "temporary " + i.Name
	}
	return strings.Join(strings.Fields(i.Kind+" "+i.Repository+name), " ")
}

func itemLines(s *layouttest.Store, r result) []string {
	list := []string{}
	for k := range r.report.Items {
		i := &r.report.Items[k]
		list = append(list, fmt.Sprint(itemLine(s, i), " ", i.Bytes))
	}
	slices.Sort(list)
	return list
}

// bytesOf counts on the disk what an item's removal frees.
func bytesOf(t *testing.T, s *layouttest.Store, item string) (n int64) {
	t.Helper()
	words := strings.Fields(item)
	var path string
	switch words[0] {
	case "blob", "upload":
		path = s.Path(words[len(words)-1])
		if _, err := os.Lstat(path); err != nil && words[0] == "blob" {
			path += ".regsweep"
		}
	case "temporary":
		path = filepath.Join(s.Dir, words[1])
	default:
		return 0
	}
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, err := os.Stat(p)
			if err == nil {
				n += info.Size()
			}
			return err
		}
		return err
	})
	if err != nil {
		t.Errorf("%s is expected to go: %v", item, err)
	}
	return n
}

// countsAgree compares removed with the items.
func countsAgree(t *testing.T, r result) {
	t.Helper()
	var want sweep.RemovedCount
	for _, i := range r.report.Items {
		switch i.Kind {
		case "tag":
			want.Tags++
		case "manifest":
			want.Manifests++
		case "tagHistory":
			want.TagHistory++
		case "layerLink":
			want.LayerLinks++
		case "upload":
			want.Uploads++
			want.UploadBytes += i.Bytes
		case "repository":
			want.Repositories++
		case "blob":
			want.Blobs++
			want.Bytes += i.Bytes
		case "temporary":
		default:
			t.Errorf("%q is not a kind of item", i.Kind)
		}
	}
	want.DiskBytes = r.report.Removed.DiskBytes
	same(t, "removed, counted from the items,", want, r.report.Removed)
}

// temporaries are the bytes of interrupted writes below blobs/.
func temporaries(r result) (n int64) {
	for _, i := range r.report.Items {
		if i.Kind == "temporary" && strings.HasPrefix(i.Name, "blobs/") {
			n += i.Bytes
		}
	}
	return n
}

func problemLines(r result) []string {
	list := []string{}
	for _, p := range r.report.Problems {
		list = append(list, p.Kind+" "+p.Path)
	}
	slices.Sort(list)
	return list
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s is not as the contract says (-want +got)\n%s", what, diff)
	}
}

// join puts lists of paths or items together.
func join(lists ...[]string) []string { return slices.Concat(lists...) }

func newStore(t *testing.T, text string) *layouttest.Store {
	t.Helper()
	return layouttest.New(t, text)
}
