//go:build !portable

package walker_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// A disk with an arm is read from one end to the other, whatever the names.
func TestWhatIsOnADiskWithAnArmIsReadInTheOrderOfInodes(t *testing.T) {
	s := layouttest.New(t, "scale s repositories=1 images=60 layers=1 base=2")
	var stats, reads []uint64
	note := func(list *[]uint64, path string) {
		info, err := os.Stat(filepath.Join(s.Dir, filepath.Dir(path)))
		if err != nil {
			t.Error(err)
			return
		}
		*list = append(*list, info.Sys().(*syscall.Stat_t).Ino) //nolint:forcetypeassert // of Linux
	}
	f := &disk.FS{Fault: func(op disk.Op, path string) error {
		switch {
		case op == disk.OpStat && strings.HasPrefix(path, "blobs/") && strings.HasSuffix(path, "/data"):
			note(&stats, path)
		case op == disk.OpRead && strings.Contains(path, "/revisions/"):
			note(&reads, path)
		}
		return nil
	}}
	w := open(t, f, s.Dir, walker.Options{Jobs: 1, InOrder: true})
	w.Blobs(t.Context(), nil, func(walker.Blob) {})
	w.Repositories(t.Context(), func(r *walker.Repository) { r.Revisions(t.Context(), func([]walker.Revision) {}) })
	for what, list := range map[string][]uint64{"blobs": stats, "links": reads} {
		if len(list) < 60 || !slices.IsSorted(list) {
			t.Errorf("%s: %d were looked at, in this order: %v", what, len(list), list)
		}
	}
}
