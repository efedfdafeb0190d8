package ocidir

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker/disk"
)

// Blob is a blob that is to be in a layout.
type Blob struct {
	Digest layout.Digest // its name there
	Path   string        // of its data in the store; a stopped sweep may have set them aside
	Size   int64
}

// Copied counts the bytes of what was added to a layout, by how that was done.
type Copied struct {
	Bytes      atomic.Int64 // copied
	Reflinked  atomic.Int64 // share their blocks with the store
	HardLinked atomic.Int64 // second names of the store's files
	Present    atomic.Int64 // were there
	Blobs      atomic.Int64 // of all sorts
}

// Method says how blobs come into a layout.
type Method struct {
	HardLink bool // by second names for the store's files
	Jobs     int  // at a time
}

var (
	// ErrDigest says that a blob's data have another digest than its name.
	ErrDigest = errors.New("its data have another digest")
	// ErrHardLink says that files cannot have second names there.
	ErrHardLink = errors.New("it cannot have a second name there")
)

const (
	// asideEnding makes the name of a blob's data into that which a stopped sweep gave them.
	asideEnding = ".regsweep"
	readBuffer  = 256 << 10 // bytes
)

// adding is one call of Add.
type adding struct {
	*Dir
	store  *disk.Dir
	method Method
	count  *Copied

	mu   sync.Mutex
	dirs map[layout.Algorithm]*disk.Locked
}

// Add copies blobs from a store. All are verified, and on the disk, when it
// returns. What is there already is verified and left, or replaced if it is damaged.
func (d *Dir) Add(ctx context.Context, store *disk.Dir, blobs []Blob, method Method, count *Copied) error {
	a := &adding{Dir: d, store: store, method: method, count: count, dirs: map[layout.Algorithm]*disk.Locked{}}
	defer a.close()
	// More than a few at a time only make a disk seek.
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(max(1, min(method.Jobs, 4)))
	for i := range blobs {
		work.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := a.add(ctx, &blobs[i]); err != nil {
				return fmt.Errorf("%s: %w", blobs[i].Digest, err)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return a.sync()
}

// sync waits until the names of the blobs are on the disk.
func (a *adding) sync() error {
	for _, dir := range a.dirs {
		if err := dir.SyncHere(); err != nil {
			return err
		}
	}
	if len(a.dirs) == 0 {
		return nil
	}
	if a.count.HardLinked.Load() > 0 { // whoever wrote these files may not have waited for the disk
		if err := a.lock.Store().Sync(); err != nil {
			return err
		}
	}
	blobs, err := a.lock.Open(blobsDir)
	if err != nil {
		return err
	}
	defer blobs.Close()
	return errors.Join(blobs.SyncHere(), a.lock.Store().SyncHere())
}

func (a *adding) close() {
	for _, dir := range a.dirs {
		dir.Close()
	}
}

// directory opens the directory of the blobs of an algorithm.
func (a *adding) directory(alg layout.Algorithm) (*disk.Locked, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if dir := a.dirs[alg]; dir != nil {
		return dir, nil
	}
	blobs, err := tree.OpenOrMake(a.lock.Store(), blobsDir, a.dir)
	if err != nil {
		return nil, err
	}
	defer blobs.Close()
	dir, err := tree.OpenOrMake(blobs, alg.String(), a.dir)
	if err == nil {
		a.dirs[alg] = dir
	}
	return dir, err
}

func (a *adding) add(ctx context.Context, b *Blob) error {
	dir, err := a.directory(b.Digest.Algorithm())
	if err != nil {
		return err
	}
	whole, err := a.isWhole(ctx, b)
	if err != nil {
		return err
	}
	a.count.Blobs.Add(1)
	if whole {
		a.count.Present.Add(b.Size)
		return nil
	}
	temporary, top := newTemporary(), a.lock.Store()
	if a.method.HardLink {
		err = a.link(ctx, top, temporary, b)
	} else {
		err = a.copy(ctx, top, temporary, b)
	}
	if err != nil {
		return err
	}
	if err := top.Rename(temporary, dir, b.Digest.Hex()); err != nil {
		_ = top.Unlink(temporary) // a later run removes it
		return err
	}
	// A rename of one name of a file over another does nothing, and leaves both.
	if a.method.HardLink {
		return tree.IgnoreGone(top.Unlink(temporary))
	}
	return nil
}

// copy makes a copy that is verified and on the disk.
func (a *adding) copy(ctx context.Context, top *disk.Locked, name string, b *Blob) error {
	from, err := a.store.OpenSource(b.Path)
	if disk.Gone(err) {
		from, err = a.store.OpenSource(b.Path + asideEnding)
	}
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	sum := summing{hash: b.Digest.Algorithm().NewHash(), ctx: ctx}
	cloned, err := top.CopyNew(name, from, sum.add)
	if err != nil {
		return err
	}
	if !sum.is(b.Digest) {
		_ = top.Unlink(name) // a later run removes it
		return ErrDigest
	}
	if cloned {
		a.count.Reflinked.Add(sum.bytes)
	} else {
		a.count.Bytes.Add(sum.bytes)
	}
	return nil
}

// link makes a second name of the store's file, and verifies what it names.
func (a *adding) link(ctx context.Context, top *disk.Locked, name string, b *Blob) error {
	err := top.LinkFrom(a.store, b.Path, name)
	if disk.Gone(err) {
		err = top.LinkFrom(a.store, b.Path+asideEnding, name)
	}
	switch {
	case disk.Gone(err):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrHardLink, err)
	}
	sum := summing{hash: b.Digest.Algorithm().NewHash(), ctx: ctx}
	err = a.dir.Stream(name, make([]byte, readBuffer), sum.add)
	if err == nil && !sum.is(b.Digest) {
		err = ErrDigest
	}
	if err != nil {
		_ = top.Unlink(name) // a later run removes it
		return err
	}
	a.count.HardLinked.Add(sum.bytes)
	return nil
}

// isWhole reports whether a blob is in the layout, and its data have its digest.
func (a *adding) isWhole(ctx context.Context, b *Blob) (bool, error) {
	return a.Dir.isWhole(ctx, b.Digest)
}

func (d *Dir) isWhole(ctx context.Context, digest layout.Digest) (bool, error) {
	sum := summing{hash: digest.Algorithm().NewHash(), ctx: ctx}
	err := d.dir.Stream(blobPath(digest), make([]byte, readBuffer), sum.add)
	if disk.Gone(err) {
		return false, nil
	}
	return err == nil && sum.is(digest), err
}

// Has reports whether a blob is in the layout, and its data have its digest.
func (d *Dir) Has(ctx context.Context, digest layout.Digest) (bool, error) {
	if d == nil {
		return false, nil
	}
	return d.isWhole(ctx, digest)
}

// summing computes a digest while something is read.
type summing struct {
	hash  hash.Hash
	bytes int64
	ctx   context.Context
}

func (s *summing) add(piece []byte) error {
	s.hash.Write(piece)
	s.bytes += int64(len(piece))
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return nil
}

func (s *summing) is(d layout.Digest) bool {
	return layout.FromSum(d.Algorithm(), s.hash.Sum(nil)) == d
}
