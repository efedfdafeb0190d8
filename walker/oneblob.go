package walker

import (
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Replaced looks in the directory of a blob that has been set aside for what a
// registry has stored or is storing in its place.
func (w *Walker) Replaced(digest layout.Digest) Blob {
	dir := layout.BlobDir(digest)
	b, err := w.absent(w.store, dir, Blob{State: BlobAbsent})
	if err != nil {
		w.Unreadable(dir, err)
	}
	b.Digest = digest
	return b
}

// StatBlob looks for one blob by its digest; ok is false if it has no data. It
// serves blobs that came after Blobs.
func (w *Walker) StatBlob(digest layout.Digest) (b Blob, ok bool) {
	dir := layout.BlobDir(digest)
	b, err := w.blob(w.store, dir, dir+"/"+layout.Data)
	if err != nil {
		w.Unreadable(dir, err)
		return Blob{}, false
	}
	b.Digest = digest
	return b, b.State == BlobHere || b.State == BlobAside
}

var blobPaths = sync.Pool{New: func() any { return new(disk.Name) }}

// ReadBlob reads the first len(buf) bytes of a blob's data and returns how
// many it got. aside says which of its two names to try first.
func (w *Walker) ReadBlob(digest layout.Digest, aside bool, buf []byte) (int, error) {
	names := [2]string{layout.Data, layout.Aside}
	if aside {
		names[0], names[1] = names[1], names[0]
	}
	if d := w.algs.open[digest.Algorithm()].Load(); d != nil {
		path := blobPaths.Get().(*disk.Name)
		n, err := d.ReadRegular(path.JoinBlob(digest.Sum(), names[0]), buf)
		blobPaths.Put(path)
		if err == nil || !Unsettled(err) {
			return n, err
		}
	}
	// By its path from the top, if it has gone or its directory has.
	dir := layout.BlobDir(digest) + "/"
	n, err := w.store.ReadRegular(dir+names[0], buf)
	if disk.Gone(err) {
		n, err = w.store.ReadRegular(dir+names[1], buf)
	}
	return n, err
}
