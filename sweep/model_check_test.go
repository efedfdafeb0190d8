//go:build unix

package sweep_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// TestModelCheck checks random stores, whole and with random damage, and
// compares what the problems break with what an independent model cannot pull.
// To see one again: go test ./sweep -run TestModelCheck -rapid.seed=N.
func TestModelCheck(t *testing.T) {
	c := onRandomStores(t, 400, (*census).checkDamage)
	c.atLeast(t, 10, "whole", "broken", "zero", "half", "gone", "other", "flip", "blobs", "revisions", "tags", "_layers")
}

func (c *census) checkDamage(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 1, 14).Draw(t, "ops"))
	seed := rapid.Uint64().Draw(t, "seed")
	harm := rapid.SampledFrom([]string{"none", "zero", "half", "gone", "other", "flip"}).Draw(t, "harm")
	store, text := c.newStore(t, dir, text)
	path, err := doHarm(store, harm, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if path != "" {
		c.add(harm, 1)
		for _, part := range []string{"blobs", "revisions", "tags", "_layers"} {
			if strings.Contains(path, "/"+part+"/") {
				c.add(part, 1)
				break
			}
		}
	}
	wrong := c.compareCheck(store, harm, path)
	if len(wrong) > 0 {
		t.Fatalf("%s %s\n  %s\nin\n%s", harm, withNames(store, path), withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// doHarm damages one link or blob, and returns its path below the store.
func doHarm(s *layouttest.Store, harm string, r *rand.Rand) (path string, err error) {
	files := slices.DeleteFunc(pathsOf(s.Dir), func(path string) bool {
		// The model knows nothing of signatures, which no registry has read since 2.5.
		return strings.HasSuffix(path, "/") || strings.Contains(path, "/_uploads/") || strings.Contains(path, "/signatures/") ||
			strings.Contains(withNames(s, path), ".signature")
	})
	if harm == "none" || len(files) == 0 {
		return "", nil
	}
	path = files[r.IntN(len(files))]
	file := s.Dir + path
	content, err := os.ReadFile(file)
	if err != nil {
		return path, err
	}
	switch harm {
	case "gone":
		return path, os.Remove(file)
	case "zero":
		content = nil
	case "half":
		content = content[:len(content)/2]
	case "other": // another file's content
		other := files[r.IntN(len(files))]
		was := string(content)
		content, err = os.ReadFile(s.Dir + other)
		// A link to a digest of another algorithm is an alias, whatever that is of.
		if err != nil || string(content) == was || !strings.HasPrefix(string(content), "sha256:") || strings.Contains(path, "/sha512/") {
			return "", err
		}
	case "flip":
		if len(content) > 0 {
			content[r.IntN(len(content))] ^= 1 << r.IntN(7)
		}
	}
	return path, os.WriteFile(file, content, 0o644)
}

// inspect checks a store with its data.
func inspectStore(dir string, rules mark.Rules) ([]walker.Problem, error) {
	store, err := (&disk.FS{}).OpenStore(dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	w := walker.New(store, walker.Options{Jobs: 4, Thorough: true})
	defer w.Close()
	s := mark.Read(context.Background(), w, rules)
	s.Inspect(context.Background(), w)
	ids := s.Choose(mark.Share{Part: 1}, rules.Now)
	s.ReportData(context.Background(), w, s.ReadData(context.Background(), w, ids, new(mark.DataRead)))
	if n := w.Findings.Unreadable(); n > 0 {
		return nil, fmt.Errorf("%d paths cannot be read", n)
	}
	return w.Findings.Problems(), nil
}

func (c *census) compareCheck(s *layouttest.Store, harm, path string) (wrong complaints) {
	before := pathsOf(s.Dir)
	rules := usual(s.Now)
	rules.DeleteUntagged = false
	problems, err := inspectStore(s.Dir, rules)
	if err != nil {
		wrong.add("%v", err)
		return wrong
	}
	if !slices.Equal(before, pathsOf(s.Dir)) {
		wrong.add("the store has changed")
	}
	broken := map[string]string{}
	found := false
	for _, p := range problems {
		found = found || strings.HasPrefix(path, "/"+p.Path)
		for _, ref := range p.Breaks {
			broken[ref] = p.Kind + " " + p.Path
		}
	}
	for _, ref := range references(s.Dir) {
		name, _, byDigest := strings.Cut(ref, "@")
		lacks := s.Broken(ref)
		cause := broken[ref]
		switch {
		case len(lacks) == 0 && cause == "":
			c.add("whole", 1)
		case len(lacks) > 0 && cause == "" && byDigest && isTagged(s, name, ref):
			// It is told by its tags.
		case len(lacks) > 0 && cause == "":
			wrong.add("%s lacks %v, and no problem breaks it", ref, lacks)
		case len(lacks) == 0 && isLayer(s, cause):
		case len(lacks) == 0 && len(s.Missing(ref)) == 0:
			wrong.add("%s can be pulled, and %s breaks it", ref, cause)
		default:
			c.add("broken", 1)
		}
	}
	// What is no link any more, and no blob, has to be named itself.
	if seen := harm == "zero" || harm == "half" || harm == "flip"; path != "" && seen && !found {
		wrong.add("nothing is said of it: %v", problems)
	}
	return wrong
}

// isLayer reports whether the manifest of a broken link is linked as a layer,
// too. The model falls back to that, and the registries only if there is no link.
// Source: distribution v2.8.3 registry/storage/linkedblobstore.go linkedBlobStatter.Stat.
func isLayer(s *layouttest.Store, cause string) bool {
	_, link, _ := strings.Cut(cause, " ")
	layer := strings.Replace(link, "/_manifests/revisions/", "/_layers/", 1)
	_, err := os.Stat(filepath.Join(s.Dir, layer))
	return layer != link && err == nil
}

// isTagged reports whether a manifest, NAME@DIGEST, has a tag.
func isTagged(s *layouttest.Store, repository, ref string) bool {
	for _, tag := range references(s.Dir) {
		if !strings.HasPrefix(tag, repository+":") {
			continue
		}
		at := strings.LastIndexByte(tag, ':')
		link, err := os.ReadFile(filepath.Join(s.Dir, "repositories", tag[:at], "_manifests/tags", tag[at+1:], "current/link"))
		if err == nil && strings.HasSuffix(ref, "@"+string(link)) {
			return true
		}
	}
	return false
}
