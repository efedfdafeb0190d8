package back_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// push pushes the images that a repair without a replica says have to be pushed, and
// no others. Then they can be pulled, unless somebody deleted a part or has to choose.
func (d *damagedStore) push(t *testing.T, s *layouttest.Store, left []walker.Problem, all map[string]bool, fail func(string, ...any)) {
	t.Helper()
	store, err := (&disk.FS{}).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	plan, err := back.NewRepair(context.Background(), store, left, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	some := false
	needed, others := map[string]bool{}, map[string]bool{}
	for _, step := range plan.Steps {
		for _, name := range step.Finding.Breaks {
			if step.Way == back.ByPush {
				some, needed[name] = true, true
			} else {
				others[name] = true
			}
		}
	}
	if !some {
		return
	}
	d.pushAgain(t, s, needed)
	for name := range needed {
		if !others[name] && s.Missing(name) != nil {
			fail("%s was pushed again, and lacks %q", name, s.Missing(name))
		}
	}
}

// pushAgain pushes images, as a client does that asks for each part whether it is
// there: data that are there are not sent, be they damaged or not.
func (d *damagedStore) pushAgain(t *testing.T, s *layouttest.Store, names map[string]bool) {
	t.Helper()
	replica := memoryStore(t, d.whole)
	for name := range names {
		tag := ""
		repository, _, byDigest := strings.Cut(name, "@")
		if !byDigest {
			at := strings.LastIndexByte(name, ':')
			repository, tag = name[:at], name[at+1:]
		}
		paths := []string{}
		for _, digest := range replica.Needs(name) {
			id, err := layout.ParseDigest(digest)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, layout.BlobDir(id)+"/"+layout.Data, layout.LayerDir(repository, id)+"/"+layout.Link, layout.RevisionDir(repository, id)+"/"+layout.Link)
		}
		if tag != "" {
			paths = append(paths, layout.TagDir(repository, tag)+"/"+layout.Current+"/"+layout.Link)
		}
		for _, path := range paths {
			if err := pushFile(s.Dir, replica.Dir, path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pushFile copies a file that a replica has, but no data that are there.
func pushFile(to, from, path string) error {
	to = filepath.Join(to, path)
	if _, err := os.Stat(to); err == nil && strings.HasSuffix(path, "/"+layout.Data) {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(from, path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, content, 0o644))
}
