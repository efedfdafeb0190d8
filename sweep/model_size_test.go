//go:build unix

package sweep_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// size is what the store takes on the disk.
type size struct {
	blobs, bytes, disk, uploads int64
}

func measure(dir string) (z size) {
	for _, path := range pathsOf(dir) {
		info, err := os.Stat(dir + path)
		if err != nil || info.IsDir() {
			continue
		}
		switch {
		case strings.HasPrefix(path, "/blobs/"):
			z.blobs++
			z.bytes += info.Size()
			z.disk += info.Sys().(*syscall.Stat_t).Blocks * 512
		case strings.Contains(path, "/_uploads/"):
			z.uploads += info.Size()
		}
	}
	return z
}

// numbers compares the reports with each other and with the disk.
func numbers(dry, done *outcome, before, after size) (wrong complaints) {
	would, did := dry.report(), done.report()
	for _, o := range []*outcome{dry, done} {
		if err := addsUp(o); err != nil {
			wrong.add("%v", err)
		}
	}
	if would.Removed != did.Removed || would.Live != did.Live || would.Store != did.Store ||
		would.Kept != did.Kept || would.Failed != did.Failed || !slices.Equal(would.Repositories, did.Repositories) {
		wrong.add("the dry run's numbers are %+v, the run's %+v", would, did)
	}
	freed := size{did.Removed.Blobs, did.Removed.Bytes, did.Removed.DiskBytes, did.Removed.UploadBytes}
	if want := (size{before.blobs - after.blobs, before.bytes - after.bytes, before.disk - after.disk, before.uploads - after.uploads}); freed != want {
		wrong.add("it says that it freed %+v; the disk says %+v", freed, want)
	}
	if had := (size{did.Store.Blobs, did.Store.Bytes, did.Store.DiskBytes, did.Store.UploadBytes}); had != before {
		wrong.add("it says that there were %+v; the disk says %+v", had, before)
	}
	return wrong
}
