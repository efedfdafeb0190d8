package walker

import (
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Replaced looks in the directory of a blob that has been set aside for data
// that a registry has stored there meanwhile, or is storing.
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
	return w.readBlob(digest, aside, func(d *disk.Dir, name string) (int, error) { return d.ReadRegular(name, buf) })
}

// ReadBlobInfo is ReadBlob, and also returns what the file was before it was
// read.
func (w *Walker) ReadBlobInfo(digest layout.Digest, aside bool, buf []byte) (n int, info disk.Info, err error) {
	n, err = w.readBlob(digest, aside, func(d *disk.Dir, name string) (n int, err error) {
		n, info, err = d.ReadFile(name, buf)
		return n, err
	})
	return n, info, err
}

func (w *Walker) readBlob(digest layout.Digest, aside bool, read func(d *disk.Dir, name string) (int, error)) (int, error) {
	names := [2]string{layout.Data, layout.Aside}
	if aside {
		names[0], names[1] = names[1], names[0]
	}
	if d := w.algs.open[digest.Algorithm()].Load(); d != nil {
		path := blobPaths.Get().(*disk.Name)
		n, err := read(d, path.JoinBlob(digest.Sum(), names[0]))
		blobPaths.Put(path)
		if err == nil || !Unsettled(err) {
			return n, err
		}
	}
	// By its path from the top, if it has gone or its directory has.
	dir := layout.BlobDir(digest) + "/"
	n, err := read(w.store, dir+names[0])
	if disk.Gone(err) {
		n, err = read(w.store, dir+names[1])
	}
	return n, err
}
