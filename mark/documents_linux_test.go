//go:build !portable

package mark_test

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

const documentsStore = `
	age 40d
	image a/b:v1 layers=2 as=v1 created=30d platform=linux/arm64 label=team=blue annotation=expires=soon
	image a/b:v2 layers=2 as=v2 created=none
	image a/b:d layers=1 as=d type=docker label=long=` + "{long}" + `
	image a/b:old layers=2 as=old type=schema1
	image a/b:art layers=1 as=art type=artifact
	image a/b:oci layers=1 as=oci type=ociartifact
	image a/b:none layers=1 as=none type=nomediatype
	image a/b:huge layers=1 as=huge label=huge={huge}
	image a/b:sum layers=1 as=sum alg=sha512
	index a/b:multi of=v1,v2 as=multi
	image lib/src as=x
	index a/b:sparse of=v1 sparse=x as=sparse
	referrer a/b of=v1 as=sig
	manifest a/b:odd {"config":{"digest":"{{v1.config}}","mediaType":"application/vnd.oci.image.config.v1+json"},"layers":null,"annotations":{"a":5,"b":"c"}}
`

// described are what a run finds all manifests of a store to say of themselves, by
// their names, how many blobs it has read for that, and what the next run may use.
func described(t *testing.T, s *layouttest.Store, old []byte, asks bool) (said map[string]mark.Description, reads int64, text []byte) {
	t.Helper()
	var data atomic.Int64
	files := &disk.FS{Fault: func(op disk.Op, path string) error {
		if op == disk.OpRead && strings.HasSuffix(path, "/data") {
			data.Add(1)
		}
		return nil
	}}
	dir, err := files.OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var x *index.Index
	if old != nil {
		if x = mark.ReadIndex(old); x == nil {
			t.Fatal("the index is not read")
		}
	}
	findings := new(walker.Findings)
	now := time.Now().Add(time.Hour) // so that all is old enough
	memory := mark.NewMemory(x, now)
	w := walker.New(dir, walker.Options{Findings: findings, Memory: memory})
	defer w.Close()
	store := mark.ReadWith(t.Context(), w, mark.Rules{Now: now}, memory)
	store.Look(t.Context(), w, nil)
	said = map[string]mark.Description{}
	for _, name := range s.Names() {
		if asks {
			said[name] = store.Describe(w, s.Digest(name))
		}
	}
	reads = data.Load()
	if b := memory.Index(store); b != nil {
		old = mark.IndexText(b)
	}
	if b := memory.Index(store); b != nil {
		t.Error("it is said to be new a second time")
	}
	return said, reads, old
}

func documentsOf(t *testing.T) *layouttest.Store {
	t.Helper()
	text := strings.ReplaceAll(documentsStore, "{long}", strings.Repeat("long", 100))
	return layouttest.New(t, strings.ReplaceAll(text, "{huge}", strings.Repeat("huge", 3000)))
}

func same(t *testing.T, when string, got, want map[string]mark.Description) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if g, w := got[name], want[name]; !reflect.DeepEqual(g, w) {
			t.Errorf("%s, %s says %+v, not %+v", when, name, g, w)
		}
	}
}

// What documents say of themselves is remembered, and kept by a run that does not ask.
func TestDocumentsAreNotReadAgain(t *testing.T) {
	s := documentsOf(t)
	want, first, text := described(t, s, nil, true)
	if d := want["v1"]; d.Created.IsZero() || d.Labels["team"] != "blue" || d.Labels["expires"] != "soon" || !slices.Equal(d.Platforms, []string{"linux/arm64"}) {
		t.Errorf("v1 says %+v", d)
	}
	if len(want["d"].Labels["long"]) != mark.MaxLabel || len(want["multi"].Children) != 2 {
		t.Errorf("%+v, %+v", want["d"], want["multi"])
	}
	_, reads, text2 := described(t, s, text, false)
	// The manifest that names a digest of sha512 is read each time.
	if reads > 1 || len(text2) != len(text) {
		t.Errorf("a run that does not ask reads %d blobs, and the index has %d bytes, not %d", reads, len(text2), len(text))
	}
	s.MustApply(t, "image a/b:new layers=1 as=new")
	_, _, text = described(t, s, text, false) // which writes another index
	want2, _, _ := described(t, s, nil, true)
	got, reads, _ := described(t, s, text, true)
	same(t, "remembered", got, want2)
	// What is new is read, what is too long, what has no digest of sha256, and what is no
	// JSON: layers are asked, too.
	if reads > first/2 {
		t.Errorf("%d blobs were read, and %d the first time", reads, first)
	}
	t.Logf("%d blobs were read, and %d the first time; the index has %d bytes", reads, first, len(text))
}

// A configuration that was written again is read again, though all that a run sees of
// it but the time of the change is as it was; what has another digest is not remembered.
func TestDocumentsThatWereWrittenAgainAreReadAgain(t *testing.T) {
	s := documentsOf(t)
	_, _, text := described(t, s, nil, true)
	path := s.Path("v1.config")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(string(content), "blue", "grey")
	for i, c := range []string{other, string(content), other} {
		time.Sleep(20 * time.Millisecond) // longer than the unit of the filesystem's time
		if err := os.WriteFile(path, []byte(c), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		want, _, _ := described(t, s, nil, true)
		if got := want["v1"].Labels["team"]; (got == "grey") != (c == other) {
			t.Fatalf("team is %q", got)
		}
		var got map[string]mark.Description
		got, _, text = described(t, s, text, true)
		same(t, fmt.Sprint("change ", i), got, want)
		got, _, text = described(t, s, text, true)
		same(t, fmt.Sprint("once more after change ", i), got, want)
	}
}

// An index of another store with the same manifests says what their digests say.
func TestDocumentsOfAnotherStoreAreNotBelieved(t *testing.T) {
	_, _, text := described(t, documentsOf(t), nil, true)
	s := documentsOf(t)
	want, first, _ := described(t, s, nil, true)
	got, reads, _ := described(t, s, text, true)
	same(t, "with another store's", got, want)
	if reads != first {
		t.Errorf("%d blobs were read, and %d without an index", reads, first)
	}
}
