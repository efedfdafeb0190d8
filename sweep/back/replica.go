package back

import (
	"errors"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Replica is where a repair may copy blobs from: the root of another registry, or
// an OCI image layout. It is only read.
type Replica struct {
	Name string // the directory, as it was given
	dir  *disk.Dir
	oci  bool
	bad  map[layout.Digest]bool // blobs whose data are damaged here, too
}

var (
	// ErrNoReplica says that a directory is neither a registry's nor a layout.
	ErrNoReplica = errors.New("neither the root directory of a registry nor an OCI image layout")
	// ErrSameStore says that a source is the store that is to be repaired.
	ErrSameStore = errors.New("the store that is to be repaired")
)

// OpenReplica opens a replica. The caller closes it.
func OpenReplica(files *disk.FS, name string, store *disk.Dir) (*Replica, error) {
	here, err := store.Info()
	if err != nil {
		return nil, err
	}
	for _, path := range []string{name + "/" + layout.Store, name} {
		dir, err := files.OpenStore(path)
		if disk.Gone(err) && path != name {
			continue
		}
		if err != nil {
			return nil, err
		}
		s := &Replica{Name: name, dir: dir, bad: map[layout.Digest]bool{}}
		there, err := s.isOne(path != name)
		if info, ierr := dir.Info(); err == nil && ierr == nil && info.ID == here.ID {
			err = ErrSameStore
		}
		if err == nil && there {
			return s, nil
		}
		dir.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, ErrNoReplica
}

// isOne finds out what the directory is.
func (s *Replica) isOne(store bool) (bool, error) {
	if store {
		return true, nil
	}
	r := reader{s.dir}
	_, blobs, err := r.stat(layout.Blobs)
	if err != nil {
		return false, err
	}
	_, repositories, err := r.stat(layout.Repositories)
	if err != nil || blobs && repositories {
		return blobs && repositories, err
	}
	_, s.oci, err = r.stat("oci-layout")
	return s.oci, err
}

// Close closes the directory.
func (s *Replica) Close() { s.dir.Close() }

// blobPath is where the data of a blob are, if they are there.
func (s *Replica) blobPath(d layout.Digest) string {
	if s.oci {
		return strings.Join([]string{layout.Blobs, d.Algorithm().String(), d.Hex()}, "/")
	}
	return layout.BlobDir(d) + "/" + layout.Data
}

// Has reports whether there is a file for a blob that is not known to be damaged.
func (s *Replica) Has(d layout.Digest) bool {
	if s.bad[d] {
		return false
	}
	info, ok, err := reader{s.dir}.stat(s.blobPath(d))
	return err == nil && ok && info.Type == disk.File
}

// links reports whether the same link is in the same repository of the source.
func (s *Replica) links(path string, d layout.Digest) bool {
	if s.oci {
		return false
	}
	l, err := reader{s.dir}.link(path)
	return err == nil && l.target == d
}
