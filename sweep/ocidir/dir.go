// Package ocidir writes OCI image layouts: directories of images that skopeo,
// crane, regctl and other programs read. It reads a store, and never changes one.
//
// A layout is made, or added to, in an order that leaves it whole wherever that
// is stopped: blobs first, each under its name only when its digest has been
// verified and its data are on the disk; index.json last, by a rename.
package ocidir

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// The names that an image layout defines.
// Source: OCI image specification v1.1.0 image-layout.md.
const (
	versionFile = "oci-layout"
	indexFile   = "index.json"
	blobsDir    = "blobs"
	version     = "1.0.0"
)

var (
	// ErrNotLayout says that a directory is neither empty nor an image layout.
	ErrNotLayout = errors.New("neither empty nor an OCI image layout")
	// ErrBusy says that another run writes to the layout.
	ErrBusy = errors.New("another regsweep writes to it")
)

// Dir is an image layout that is open for being added to. Nobody else adds to it
// meanwhile.
type Dir struct {
	dir   *disk.Dir
	lock  *disk.Lock
	index index
}

// Look opens a layout for reading, as far as it is there: nil says that there is
// nothing yet. A directory that is neither empty nor a layout is an error.
func Look(files *disk.FS, path string) (*Dir, error) {
	dir, err := files.OpenStore(path)
	if disk.Gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &Dir{dir: dir}
	if _, err := d.read(); err != nil {
		dir.Close()
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return d, nil
}

// Open opens a layout for being added to, and makes it if it is not there. The
// caller closes it.
func Open(files *disk.FS, path string) (*Dir, error) {
	if err := makeDirectory(path); err != nil {
		return nil, err
	}
	dir, err := files.OpenStore(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{dir: dir}
	if err := d.begin(); err != nil {
		d.Close()
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return d, nil
}

// makeDirectory makes a directory and those above it; each is on the disk when
// it returns.
func makeDirectory(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	err = os.Mkdir(path, 0o777)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist) && filepath.Dir(path) != path:
		if err := makeDirectory(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o777)
	}
	if err != nil {
		return err
	}
	if above, err := os.Open(filepath.Dir(path)); err == nil {
		// Some systems cannot sync a directory; the blobs are synced all the same.
		_ = above.Sync()
		above.Close()
	}
	return nil
}

// begin takes the lock, and makes what a layout needs.
func (d *Dir) begin() (err error) {
	if d.lock, err = d.dir.Lock(); err != nil {
		if errors.Is(err, disk.ErrLocked) {
			err = ErrBusy
		}
		return err
	}
	there, err := d.read()
	if err != nil {
		return err
	}
	if err := d.removeTemporaries(); err != nil {
		return err
	}
	if there {
		return nil
	}
	text, err := json.Marshal(map[string]string{"imageLayoutVersion": version})
	if err != nil {
		return err
	}
	return d.replace(versionFile, text)
}

// Close gives the directory back.
func (d *Dir) Close() {
	if d.lock != nil {
		_ = d.lock.Release()
	}
	d.dir.Close()
}

// read finds out whether there is a layout, and reads its index.
func (d *Dir) read() (there bool, err error) {
	text, err := d.readFile(versionFile)
	if disk.Gone(err) {
		return false, d.isEmpty()
	}
	if err != nil {
		return false, err
	}
	var says struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(text, &says); err != nil || !strings.HasPrefix(says.Version, "1.") {
		return false, fmt.Errorf("%w: its file %s does not say version %s", ErrNotLayout, versionFile, version)
	}
	text, err = d.readFile(indexFile)
	if disk.Gone(err) {
		return true, nil // a run was stopped before its end
	}
	if err == nil {
		err = d.index.parse(text)
	}
	return true, err
}

// maxIndex is how large an index may be, in bytes.
const maxIndex = 64 << 20

func (d *Dir) readFile(name string) ([]byte, error) {
	info, err := d.dir.Follow(name)
	if err != nil {
		return nil, err
	}
	if info.Size > maxIndex {
		return nil, fmt.Errorf("its file %s has more than %d bytes", name, maxIndex)
	}
	buf := make([]byte, info.Size+1)
	n, _, err := d.dir.ReadFile(name, buf)
	return buf[:n], err
}

var temporaryName = regexp.MustCompile(`^\.regsweep-[0-9a-f]{16}\.tmp$`)

func newTemporary() string { return fmt.Sprintf(".regsweep-%016x.tmp", rand.Uint64()) }

// list calls fn for each name in the directory.
func (d *Dir) list(fn func(name string)) error {
	// A directory can be listed once each time it is opened.
	dir, err := d.dir.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.List(func(e disk.Entry) error {
		fn(strings.Clone(e.Name))
		return nil
	})
}

// isEmpty returns an error if there is anything in the directory but what a new
// filesystem has, or a run that was stopped.
func (d *Dir) isEmpty() error {
	found := ""
	err := d.list(func(name string) {
		if name != "lost+found" && !temporaryName.MatchString(name) {
			found = name
		}
	})
	if err == nil && found != "" {
		err = fmt.Errorf("%w: there is %q", ErrNotLayout, found)
	}
	return err
}

// removeTemporaries removes what a run has left that was stopped.
func (d *Dir) removeTemporaries() error {
	var names []string
	err := d.list(func(name string) {
		if temporaryName.MatchString(name) {
			names = append(names, name)
		}
	})
	for _, name := range names {
		if err == nil {
			err = tree.IgnoreGone(d.lock.Store().Unlink(name))
		}
	}
	return err
}

// replace puts a file into the place of another one, in one step. It is on the
// disk when it returns.
func (d *Dir) replace(name string, text []byte) error {
	top, temporary := d.lock.Store(), newTemporary()
	err := top.Write(temporary, text)
	if err == nil {
		err = top.Rename(temporary, top, name)
	}
	if err != nil {
		_ = top.Unlink(temporary) // it is in nobody's way
		return err
	}
	return top.SyncHere()
}

// blobPath is where a blob is in a layout.
func blobPath(d layout.Digest) string {
	return blobsDir + "/" + d.Algorithm().String() + "/" + d.Hex()
}
