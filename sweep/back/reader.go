package back

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker/disk"
)

// reader reads a store. What it cannot read is an error, and never absence; that
// something is absent is believed when it is said twice.
type reader struct{ store *disk.Dir }

// errAbsent says that a blob is not stored.
var errAbsent = errors.New("its data is not in the store any more")

// errDamaged says that a blob's data is not what its digest says.
var errDamaged = errors.New("its data is damaged: it has another digest")

// stat tells what a path is; ok is false if it is absent.
func (r reader) stat(path string) (info disk.Info, ok bool, err error) {
	info, err = r.store.Follow(path)
	if disk.Gone(err) {
		info, err = r.store.Follow(path)
	}
	if disk.Gone(err) {
		return info, false, nil
	}
	return info, err == nil, err
}

// list returns the names in a directory; of one that is absent none.
func (r reader) list(path string) (names []string, err error) {
	d, err := r.store.Open(path)
	if disk.Gone(err) {
		d, err = r.store.Open(path)
	}
	if disk.Gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	err = d.List(func(e disk.Entry) error {
		names = append(names, strings.Clone(e.Name))
		return nil
	})
	return names, err
}

// link is what a link's file holds.
type link struct {
	there  bool
	target layout.Digest // zero if it holds no digest
	set    int64         // its modification time
}

func (r reader) link(path string) (l link, err error) {
	var buf [layout.MaxLink + 1]byte
	n, info, err := r.store.ReadFile(path, buf[:])
	if disk.Gone(err) {
		n, info, err = r.store.ReadFile(path, buf[:])
	}
	switch {
	case disk.Gone(err):
		return link{}, nil
	case err != nil:
		return link{}, err
	}
	l = link{there: true, set: info.MTime}
	if d, err := layout.ParseLink(buf[:n]); err == nil {
		l.target = d
	}
	return l, nil
}

// size is that of a blob's data; ok is false if there is none.
func (r reader) size(d layout.Digest) (bytes int64, ok bool, err error) {
	info, ok, err := r.stat(layout.BlobDir(d) + "/" + layout.Data)
	return info.Size, ok && info.Type == disk.File, err
}

// content reads a small blob whose data is what its digest says. The error is
// errAbsent or errDamaged, or that it cannot be read.
func (r reader) content(d layout.Digest) ([]byte, error) {
	size, ok, err := r.size(d)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errAbsent
	case size > manifest.Max:
		return nil, fmt.Errorf("it has more than %d bytes, and no registry accepts such a manifest", manifest.Max)
	}
	buf := make([]byte, size+1)
	n, _, err := r.store.ReadFile(layout.BlobDir(d)+"/"+layout.Data, buf)
	switch {
	case disk.Gone(err):
		return nil, errAbsent
	case err != nil:
		return nil, err
	case layout.FromBytes(d.Algorithm(), buf[:n]) != d:
		return nil, errDamaged
	}
	return buf[:n], nil
}

// json reads a small blob into a value. What cannot be read says nothing.
func (r reader) json(d layout.Digest, into any) bool {
	content, err := r.content(d)
	return err == nil && json.Unmarshal(content, into) == nil
}

// isManifest reads a blob as a manifest; ok is false if it is none, or is not
// stored whole.
func (r reader) isManifest(d layout.Digest) (p manifest.Parsed, ok bool, err error) {
	size, there, err := r.size(d)
	if err != nil || !there || size > manifest.Max {
		return p, false, err
	}
	content, err := r.content(d)
	if errors.Is(err, errAbsent) || errors.Is(err, errDamaged) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	p, err = manifest.Decode(content)
	return p, err == nil, nil //nolint:nilerr // what is no manifest is no error
}

// isIntact compares a blob's data with its digest, until ctx is done.
func (r reader) isIntact(ctx context.Context, d layout.Digest) error {
	sum := d.Algorithm().NewHash()
	info, err := r.store.Follow(layout.BlobDir(d) + "/" + layout.Data)
	if err == nil && info.Type != disk.File {
		return disk.ErrNotFile // somebody may wait for a FIFO to be opened
	}
	err = r.store.Stream(layout.BlobDir(d)+"/"+layout.Data, make([]byte, 1<<20), func(b []byte) error {
		sum.Write(b)
		return stopped(ctx)
	})
	switch {
	case disk.Gone(err):
		return errAbsent
	case err != nil:
		return err
	case layout.FromSum(d.Algorithm(), sum.Sum(nil)) != d:
		return errDamaged
	}
	return nil
}

// stopped is the cause if ctx is done.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// digestsIn lists the digests that the directories below one name, by algorithm.
func (r reader) digestsIn(path string, fn func(d layout.Digest, dir string) error) error {
	algs, err := r.list(path)
	if err != nil {
		return err
	}
	for _, name := range algs {
		alg, ok := layout.ParseAlgorithm(name)
		if !ok {
			continue
		}
		hexes, err := r.list(path + "/" + name)
		if err != nil {
			return err
		}
		for _, hex := range hexes {
			if d, err := layout.ParseHex(alg, hex); err == nil {
				if err := fn(d, path+"/"+name+"/"+hex); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
