package sweep_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

// wayToMark is a way by which a stopped run is known, where those before it fail.
type wayToMark struct {
	name    string
	refuses func(op disk.Op, path string) error
	is      func(s *layouttest.Store) bool // whether it is what the run left
	blob    bool                           // garbage among the blobs is there
}

func isFile(s *layouttest.Store, path string) (os.FileInfo, bool) {
	info, err := os.Stat(filepath.Join(s.Dir, path))
	return info, err == nil
}

func waysToMark() []wayToMark {
	isMark := func(op disk.Op, path string) bool {
		return op == disk.OpWrite && filepath.Base(path) == layout.Unfinished
	}
	const beside = "repositories/a/_layers/sha256/" + layout.Unfinished
	links := 0
	return []wayToMark{
		{"a file", func(disk.Op, string) error { return nil }, func(s *layouttest.Store) bool {
			info, ok := isFile(s, layout.Unfinished)
			return ok && info.Size() == 0
		}, false},
		{"a hard link where no file can be made", func(op disk.Op, path string) error {
			if isMark(op, path) {
				return syscall.ENOSPC
			}
			return nil
		}, func(s *layouttest.Store) bool {
			info, ok := isFile(s, layout.Unfinished)
			return ok && info.Size() > 0
		}, false},
		{"a file among the links where the store's directory is not ours", func(op disk.Op, path string) error {
			if path == layout.Unfinished && isMark(op, path) || op == disk.OpLink {
				return syscall.EACCES
			}
			return nil
		}, func(s *layouttest.Store) bool {
			info, ok := isFile(s, beside)
			return ok && info.Size() == 0
		}, false},
		{"a file among the links where somebody has removed the first", func(disk.Op, string) error { return nil }, func(s *layouttest.Store) bool {
			_, ok := isFile(s, beside)
			return ok && os.Remove(filepath.Join(s.Dir, layout.Unfinished)) == nil
		}, false},
		{"a hard link among the links where no file can be made either", func(op disk.Op, path string) error {
			if isMark(op, path) {
				return syscall.ENOSPC
			}
			if op == disk.OpLink {
				if links++; links == 1 {
					return syscall.EACCES
				}
			}
			return nil
		}, func(s *layouttest.Store) bool {
			info, ok := isFile(s, beside)
			return ok && info.Size() > 0
		}, false},
		{"blobs that are set aside first where no name can be made", func(op disk.Op, path string) error {
			if isMark(op, path) || op == disk.OpLink {
				return syscall.ENOSPC
			}
			return nil
		}, func(s *layouttest.Store) bool {
			_, there := isFile(s, layout.BlobDir(s.Digest("o"))+"/"+layout.Aside)
			return there
		}, true},
	}
}

// marked has a layer link that goes; the push of an image that has found it is
// accepted while it is set aside.
const marked = "age 30d\nimage k:v1 layers=l\nimage a:v1\nlayer a l\n"

// TestStoppedRunIsKnown kills a run when a layer link has been set aside that an
// image needs by then, and touches the store. The next run gives the link back,
// whatever tells of the stopped one, and leaves no mark.
func TestStoppedRunIsKnown(t *testing.T) {
	t.Parallel()
	for _, way := range waysToMark() {
		t.Run(way.name, func(t *testing.T) {
			text := marked
			if way.blob {
				text += "orphan as=o\n"
			}
			s := layouttest.New(t, text)
			link := layout.LayerDir("a", s.Digest("l")) + "/" + layout.Link
			killed := false
			p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 1, fault: func(op disk.Op, path string) error {
				if killed {
					return errCrash
				}
				killed = op == disk.OpSync && !s.HasPath(link)
				return way.refuses(op, path)
			}}
			if o := p.run(); !killed {
				t.Fatal("the layer link was not set aside:", o.err, o.failures)
			}
			if !way.is(s) {
				t.Fatalf("this is not how the run is known: %s", strings.Join(pathsOf(s.Dir), "\n"))
			}
			aside := s.HasPath(strings.TrimSuffix(link, layout.Link) + layout.AsideLink)
			s.MustApply(t, "image a:new layers=l\nremove "+link+"\nraw .DS_Store x")
			if err := os.Chtimes(s.Dir, s.Now, s.Now); err != nil {
				t.Fatal(err)
			}
			if lacks := s.Missing("a:new"); !aside || len(lacks) == 0 {
				t.Fatalf("set aside: %v; it lacks %v", aside, lacks)
			}
			p.fault = nil
			if o := p.run(); o.said() {
				t.Fatal(o.err, o.failures)
			}
			if lacks := s.Missing("a:new"); len(lacks) > 0 {
				t.Errorf("a:new lacks %v", lacks)
			}
			for _, path := range pathsOf(s.Dir) {
				if strings.Contains(path, "regsweep") {
					t.Errorf("%s is left", path)
				}
			}
		})
	}
}

// TestPlanOfLayerLinksAloneIsRefusedOnlyWhereNothingCanTell says that the links
// are left where no mark at all can be made and there is no blob to be one.
func TestPlanOfLayerLinksAloneIsRefusedOnlyWhereNothingCanTell(t *testing.T) {
	t.Parallel()
	for _, way := range waysToMark() {
		s := layouttest.New(t, marked)
		p := pipeline{dir: s.Dir, rules: usual(s.Now), jobs: 1, fault: way.refuses}
		switch o := p.run(); {
		case way.blob && (o.err == nil || !strings.Contains(o.err.Error(), "nothing has been removed")):
			t.Errorf("%s: %v", way.name, o.err)
		case !way.blob && (o.said() || o.report().Removed.LayerLinks != 1):
			t.Errorf("%s: %v, %v", way.name, o.err, o.failures)
		}
	}
}
