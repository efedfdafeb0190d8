package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/pulls"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

const (
	pullsName      = "pulls"
	pullsTemporary = "pulls.tmp"
	// PullsPath is where the table of pulls is, relative to the store.
	PullsPath = layout.Own + "/" + pullsName
	// maxPulls is how large the table may be, in bytes.
	maxPulls = 1 << 30
)

// ReadPulls reads the store's table of pulls, or returns nil if there is none. If
// the table exists and cannot be read in full, that is an error: what is missing
// would look unused.
func ReadPulls(store *disk.Dir) (*pulls.Table, error) {
	text, err := readOwn(store, pullsName, maxPulls)
	if err != nil || text == nil {
		return nil, err
	}
	t, err := pulls.Unmarshal(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", PullsPath, err)
	}
	return t, nil
}

// WritePulls replaces the store's own table, in one step. The new table is on the
// disk when WritePulls returns.
func WritePulls(lock *disk.Lock, t *pulls.Table) error {
	return writeOwn(lock, pullsName, pullsTemporary, t.Marshal())
}

// WaitLock takes the store's lock as soon as its holder releases it. waits is
// called once if WaitLock has to wait.
func WaitLock(ctx context.Context, store *disk.Dir, waits func()) (*disk.Lock, error) {
	for {
		lock, err := Lock(store)
		if !errors.Is(err, disk.ErrLocked) {
			return lock, err
		}
		if waits != nil {
			waits()
			waits = nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// lockPoll is how often it is asked whether the lock is free.
const lockPoll = 200 * time.Millisecond

// readOwn reads a file of regsweep's own directory, or returns nil if there is
// none. Only a name that is not there says so: what cannot be opened, a symbolic
// link to nothing included, is an error.
func readOwn(store *disk.Dir, name string, most int64) ([]byte, error) {
	path := layout.Own + "/" + name
	there, err := tree.IsThere(store, layout.Own)
	if err != nil || !there {
		return nil, err
	}
	own, err := store.Open(layout.Own)
	if err != nil {
		return nil, tree.NotGone(err)
	}
	defer own.Close()
	there, err = tree.IsThere(own, name)
	if err != nil || !there {
		return nil, err
	}
	info, err := own.Follow(name)
	switch {
	case err != nil:
		return nil, tree.NotGone(err)
	case info.Size > most:
		return nil, fmt.Errorf("%s: it has more than %d bytes", path, most)
	}
	text := make([]byte, info.Size+1) // one byte more shows a file that has grown
	n, info, err := own.ReadFile(name, text)
	switch {
	case err != nil:
		return nil, tree.NotGone(err)
	case int64(n) != info.Size:
		return nil, fmt.Errorf("%s: it changed while it was read", path)
	}
	return text[:n], nil
}

// writeOwn puts a text in the place of a file of regsweep's own directory.
func writeOwn(lock *disk.Lock, name, temporary string, text []byte) error {
	own, err := tree.MakeOwn(lock)
	if err != nil {
		return err
	}
	defer own.Close()
	if err = own.Write(temporary, text); err == nil {
		err = own.Rename(temporary, own, name)
	}
	if err != nil {
		_ = own.Unlink(temporary) // it is in nobody's way
		return err
	}
	return own.Sync()
}
