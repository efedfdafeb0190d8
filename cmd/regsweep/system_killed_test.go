//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// killText is a store with about twenty times n things that go, of every kind,
// among images that share layers with them.
func killText(n int) string {
	var b strings.Builder
	b.WriteString(`
age 30d
image a/app:v1 layers=base,l1 as=app1
image a/app as=dead1 layers=base,d1
index a/app:multi of=app1 as=multi
index a/app as=deadmulti of=dead1,app1
referrer a/app of=app1 as=ref
referrer a/app of=dead1 as=deadref
cosign a/app of=app1 as=sig
cosign a/app of=dead1 as=deadsig
image h/hist:v1 as=h1 layers=base,x1
image h/hist:v1 as=h2 layers=base,x2
delete-manifest h/hist h1
image h/hist:v2 as=h3 layers=base,x3
upload a/app kind=patched size=100
upload e/up kind=cancelled
image old/alias as=alias alias=1
image old/s1 as=s1 type=schema1 signatures=1
image old/keep:v1 as=keepalias alias=1
layer e/layers only
`)
	for i := range n {
		fmt.Fprintf(&b, "image r%d/app:v1 layers=base,share%d as=live%d\n", i%8, i%4, i)
		fmt.Fprintf(&b, "image r%d/app as=gone%d layers=base,share%d,gone%d\n", i%8, i, i%4, i)
		fmt.Fprintf(&b, "copy mirror/app gone%d\nlayer r%d/app stray%d\norphan\n", i, i%8, i)
	}
	for i := range n * 5 / 8 { // tags that go with what they are about
		fmt.Fprintf(&b, "cosign r%d/app of=gone%d\n", i%8, i)
	}
	return b.String()
}

// killing is a store as it is before a run and after one that nobody disturbed.
type killing struct {
	dir      string
	command  []string      // what is stopped
	ends     int           // the status of an undisturbed run
	slow     time.Duration // how much each of its changes is delayed, if it makes few
	readonly string        // a configuration of a registry that takes no pushes, so that nothing is waited for
	template *layouttest.Store
	refs     []string        // what can be pulled and is kept
	dangling map[string]bool // blobs that links name in vain from the start
	doomed   map[string]bool // digests of the blobs that an undisturbed run takes
	after    []string        // the tree without empty directories, in the end
	goes     []string        // what of the tree the command takes
	had      int             // how many files there are before
	blobs    int             // how many there are before
	took     time.Duration   // of the undisturbed run
	serial   atomic.Int64    // numbers copies
	phases   map[string]int  // how often a kill came when
	// finish lets the next runs do what a stopped one has left.
	finish func(t *testing.T, rnd *rand.Rand, s *layouttest.Store)
	mu     sync.Mutex // guards phases
}

// images are those that can be pulled from a store.
func images(s *layouttest.Store) (refs []string) {
	for _, repository := range []string{"a/app", "h/hist", "old/keep", "r0/app", "r1/app", "r2/app", "r3/app", "r4/app", "r5/app", "r6/app", "r7/app"} {
		for _, tag := range []string{"v1", "v2", "multi"} {
			if ref := repository + ":" + tag; s.Missing(ref) == nil {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// newKilling lets a command and then gc -m run undisturbed: together they leave
// what the next runs after a stop have to leave.
func newKilling(t *testing.T, text string, command ...string) *killing {
	t.Helper()
	k := &killing{dir: memory(t), command: command, phases: map[string]int{}, doomed: map[string]bool{}}
	k.finish = func(t *testing.T, rnd *rand.Rand, s *layouttest.Store) { k.completes(t, s, rnd.IntN(10) == 0) }
	k.readonly = filepath.Join(k.dir, "config.yml")
	config := "version: 0.1\nstorage:\n  filesystem: {rootdirectory: /nonexistent}\n  maintenance: {readonly: {enabled: true}}\n"
	if err := os.WriteFile(k.readonly, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	k.template = build(t, filepath.Join(k.dir, "template"), text)
	k.dangling = lacks(t, k.template.Dir, "data")
	whatWas := files(k.template.Dir)
	before := data(whatWas, "data")
	k.blobs = len(before)
	s := k.copy(t)
	r := system{}.removing(t, s, command...)
	if r.status != 0 || r.report.Failed.Items != 0 || r.report.Removed.Manifests+r.report.Removed.Tags < 5 {
		t.Fatalf("undisturbed: status %d, removed %+v, failed %+v\n%s", r.status, r.report.Removed, r.report.Failed, r.stderr)
	}
	k.refs, k.took = images(s), r.took
	stays := files(s.Dir)
	k.goes = slices.DeleteFunc(slices.Clone(whatWas), func(path string) bool { return slices.Contains(stays, path) })
	left := data(stays, "data")
	for d := range before {
		if !left[d] {
			k.doomed[d] = true
		}
	}
	if r := (system{}).gc(t, s, "-m"); r.status != 0 {
		t.Fatalf("undisturbed gc -m: status %d\n%s", r.status, r.stderr)
	}
	whole(t, s, k.refs...)
	k.after = files(s.Dir)
	k.had = len(whatWas)
	t.Logf("an undisturbed %v takes %s and removes %+v", command, r.took, r.report.Removed)
	return k
}

// copy copies the template with its times.
func (k *killing) copy(t *testing.T) *layouttest.Store {
	t.Helper()
	root := filepath.Join(k.dir, fmt.Sprint(k.serial.Add(1)))
	if out, err := exec.Command("cp", "-a", k.template.Root, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := *k.template
	s.Root, s.Dir = root, filepath.Join(root, "docker/registry/v2")
	return &s
}

// data are the digests of the blobs whose data have a name.
func data(files []string, name string) map[string]bool {
	found := map[string]bool{}
	for _, path := range files {
		if strings.HasPrefix(path, "blobs/") && filepath.Base(path) == name {
			found[filepath.Base(filepath.Dir(path))] = true
		}
	}
	return found
}

var digestText = regexp.MustCompile(`sha256:([0-9a-f]{64})`)

// lacks lists the blobs that a visible manifest link reaches and whose data have
// none of the names: links and manifests are read as text, by no
// code that the program has.
func lacks(t *testing.T, dir string, names ...string) map[string]bool {
	t.Helper()
	lacking := map[string]bool{}
	read := map[string][]byte{}
	content := func(hex string) []byte {
		if b, ok := read[hex]; ok {
			return b
		}
		at := filepath.Join(dir, "blobs/sha256", hex[:2], hex)
		var b []byte
		for _, name := range names {
			if text, err := os.ReadFile(filepath.Join(at, name)); err == nil {
				b = append([]byte{}, text...)
			}
		}
		read[hex] = b
		return b
	}
	for _, path := range files(filepath.Join(dir, "repositories")) {
		if !strings.Contains(path, "/_manifests/revisions/") || filepath.Base(path) != "link" {
			continue
		}
		if revision, _, ok := strings.Cut(path, "/signatures/"); ok {
			if _, err := os.Stat(filepath.Join(dir, "repositories", revision, "link")); err != nil {
				continue // these are signatures of nothing
			}
		}
		link, err := os.ReadFile(filepath.Join(dir, "repositories", path))
		if err != nil {
			t.Error(err)
			continue
		}
		manifest, ok := strings.CutPrefix(string(link), "sha256:")
		if !ok || len(manifest) != 64 {
			t.Errorf("%s holds %q", path, link)
			continue
		}
		b := content(manifest)
		if b == nil {
			lacking[manifest] = true
		}
		if strings.Contains(path, "signatures") || strings.Contains(string(b), `"subject"`) {
			continue // a subject may be absent
		}
		for _, m := range digestText.FindAllSubmatch(b, -1) {
			if hex := string(m[1]); content(hex) == nil {
				lacking[hex] = true
			}
		}
	}
	return lacking
}
