package mark

import (
	"errors"

	"github.com/regsweep/regsweep/mark/index"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker/disk"
)

// loadError says why a linked manifest could not be read.
type loadError struct {
	err error
	// missing and broken are about this manifest; if neither is set, the
	// operating system has failed.
	missing, broken bool
	// unsettled says that it may be being written, and should be tried once more.
	unsettled bool
}

func (e *loadError) Error() string { return e.err.Error() }

func (e *loadError) Unwrap() error { return e.err }

func missingBlob() *loadError {
	return &loadError{err: errors.New("the blob is absent"), missing: true}
}

// buffer is the memory for reading one manifest, and what has been read before it.
type buffer struct {
	now, before manifest.Seen
	ids         [3][]ID
	info        disk.Info     // of the file that was read last, if that is to be remembered
	known       index.Content // what an index knew of the last one
}

// next forgets the manifest before the one that was read last.
func (b *buffer) next() {
	b.now, b.before = b.before, b.now
	b.now.Reset()
	if b.now.Bytes == nil {
		b.now.Bytes = make([]byte, 16<<10)
	}
}
