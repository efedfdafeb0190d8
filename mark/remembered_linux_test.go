//go:build !portable

package mark_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

var newVersion = flag.Bool("new-version", false, "write what is remembered of manifests for a new manifest.Version")

// What is remembered of a manifest is believed by later versions of this program as
// long as manifest.Version is the same. So whoever changes what is found in manifests
// has to change that, too. The file of a version is written once, and never changed.
func TestWhatIsRememberedOfManifestsHasAVersion(t *testing.T) {
	text, err := os.ReadFile("testdata/remembered.store")
	if err != nil {
		t.Fatal(err)
	}
	got := remembered(t, layouttest.New(t, string(text)))
	file := fmt.Sprintf("testdata/remembered.v%d.txt", manifest.Version)
	want, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && *newVersion:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	case errors.Is(err, fs.ErrNotExist):
		t.Errorf("there is no %s: go test ./mark -run '%s' -new-version writes it", file, t.Name())
	case err != nil:
		t.Fatal(err)
	default:
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("something else is found in manifests than was, and old indexes are still believed: raise manifest.Version (-then +now)\n%s", diff)
		}
	}
}

// remembered is what an index says of the manifests of a store, a line each.
func remembered(t *testing.T, s *layouttest.Store) string {
	t.Helper()
	dir, err := new(disk.FS).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	findings := new(walker.Findings)
	w := walker.New(dir, walker.Options{Findings: findings})
	defer w.Close()
	now := time.Now().Add(time.Hour) // so that all is old enough
	memory := mark.NewMemory(nil, now)
	store := mark.ReadWith(t.Context(), w, mark.Rules{Now: now}, memory)
	store.Look(t.Context(), w, nil)
	if findings.Unreadable() > 0 {
		t.Fatal(findings.Problems())
	}
	x := mark.ReadIndex(mark.IndexText(memory.Index(store)))
	var lines []string
	for i := range x.Contents() {
		var c index.Content
		if !x.Content(i, &c) {
			t.Fatalf("manifest %d makes no sense", i)
		}
		lines = append(lines, fmt.Sprintf("%s kind %d, %d and %d configurations, required %s, optional %s, subjects %s",
			short(x, c.Digest), c.Kind, c.Configs[0], c.Configs[1], shorts(x, c.Required), shorts(x, c.Optional), shorts(x, c.Subjects)))
	}
	if len(lines) < 19 { // one refers to a digest of another algorithm at most
		t.Errorf("%d manifests are remembered", len(lines))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func short(x *index.Index, digest uint32) string {
	sum := x.Sum(digest)
	return hex.EncodeToString(sum[:5])
}

func shorts(x *index.Index, digests []uint32) string {
	var list []string
	for _, d := range digests {
		list = append(list, short(x, d))
	}
	return "[" + strings.Join(list, " ") + "]"
}
