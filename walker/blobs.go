package walker

import (
	"context"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Blob is a blob's directory and what is in it.
type Blob struct {
	Digest layout.Digest // from the directory's name
	Size   int64         // bytes of the data
	Disk   int64         // bytes allocated for the data; 0 behind a symbolic link
	MTime  int64         // of the data; of the directory if there are none
	CTime  int64         // of the data, as disk.Info has it; 0 behind a symbolic link
	Links  uint64        // names of the data file
	ID     disk.ID       // of the data file
	State  BlobState
	// Twice says that there is data.regsweep beside data. It is looked for only
	// after a run that was stopped.
	Twice  bool
	Linked bool // behind a symbolic link to a directory: never removed
	Behind bool // data is a symbolic link
	Left   Leftover
}

// BlobState says what a blob's directory holds.
type BlobState uint8

// The states of a blob's directory.
const (
	BlobHere    BlobState = iota + 1 // data
	BlobAside                        // data.regsweep, set aside by a run that was stopped
	BlobAbsent                       // neither
	BlobSpecial                      // something that is no file in place of data
)

// Blobs calls fn for every blob's directory, concurrently, except for digests
// that known, which may be nil, reports to be known: these are not looked at.
func (w *Walker) Blobs(ctx context.Context, known func(layout.Digest) bool, fn func(Blob)) {
	blobs, ok := w.open(w.store, layout.Blobs)
	if !ok {
		return
	}
	defer blobs.Close()
	if known == nil {
		known = func(layout.Digest) bool { return false }
	}
	v := &blobWalk{w: w, ctx: ctx, queue: newQueue(), known: known, fn: fn}
	w.list(blobs, func(e disk.Entry, name string) {
		if _, ok := layout.ParseAlgorithm(name); !ok || !isDirectory(e) {
			w.unknown(blobs, name, "not a directory of an algorithm")
			return
		}
		v.queue.push(func() { v.prefixes(name) })
	})
	w.drain(v.queue)
}

// blobWalk is the state of one walk through blobs/.
type blobWalk struct {
	w     *Walker
	ctx   context.Context
	queue *queue
	known func(layout.Digest) bool
	fn    func(Blob)
}

// isDirectory reports whether an entry is a directory or may lead to one.
func isDirectory(e disk.Entry) bool { return e.Type == disk.Directory || e.Type == disk.Symlink }

// list lists a directory, with names that stay valid. A failure is recorded. It
// is not a failure if the directory has been removed.
func (w *Walker) list(d *disk.Dir, fn func(e disk.Entry, name string)) {
	w.scan(d, func(e disk.Entry) {
		e.Name = strings.Clone(e.Name)
		fn(e, e.Name)
	})
}

// scan is list with names that are valid only during the call.
func (w *Walker) scan(d *disk.Dir, fn func(disk.Entry)) {
	each := func(e disk.Entry) error {
		fn(e)
		return nil
	}
	list := (*disk.Dir).List
	if w.inOrder {
		list = byInode
	}
	err := list(d, each)
	if disk.Gone(err) && d.Path() != "" {
		// So says a listing of a directory that was removed after it was opened.
		// By its path there may be another one by now, or none.
		again, aerr := w.store.Open(d.Path())
		if disk.Gone(aerr) {
			return
		}
		if aerr == nil {
			defer again.Close()
			err = list(again, each)
		}
	}
	if err != nil {
		w.Unreadable(d.Path(), err)
	}
}

// prefixes queues the directories of the first two digits below blobs/<alg>.
func (v *blobWalk) prefixes(name string) {
	w := v.w
	// By its path: blobs itself may be a symbolic link that is removed behind.
	d, ok := w.open(w.store, layout.Blobs+"/"+name)
	if !ok {
		return
	}
	if d.Linked() {
		w.shares.lead(d.Path())
	}
	alg, _ := layout.ParseAlgorithm(name)
	if !w.algs.open[alg].CompareAndSwap(nil, d) {
		defer d.Close() // a second walk
	}
	var found []string
	w.list(d, func(e disk.Entry, name string) {
		if !isPrefix(name) || !isDirectory(e) {
			w.unknown(d, name, "not a directory of blobs")
			return
		}
		w.Progress.PrefixesFound.Add(1)
		found = append(found, name)
	})
	if w.inOrder {
		v.inOrder(alg, d, found)
		return
	}
	for _, name := range found {
		path, linked := d.Join(name), d.Linked()
		v.queue.push(func() {
			if v.ctx.Err() == nil {
				v.prefix(alg, name, path, linked)
			}
		})
	}
}

func isPrefix(name string) bool {
	return len(name) == 2 && isHex(name[0]) && isHex(name[1])
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// open opens a directory that should be there. If it is not there, it is looked
// for once more by its path. If it is absent then, too, it has been deleted,
// which is not an error. ok is false for an absent directory, and for one that
// cannot be opened.
func (w *Walker) open(d *disk.Dir, name string) (sub *disk.Dir, ok bool) {
	sub, err := d.Open(name)
	if err != nil && Unsettled(err) {
		w.Pause()
		sub, err = w.store.Open(d.Join(name))
	}
	if err != nil && !disk.Gone(err) {
		w.Unreadable(d.Join(name), err)
	}
	return sub, err == nil
}

// openIfThere opens a directory that need not be there.
func (w *Walker) openIfThere(d *disk.Dir, name string) (sub *disk.Dir, ok bool) {
	_, err := d.Stat(name)
	if err != nil && Unsettled(err) {
		_, err = w.store.Stat(d.Join(name)) // one wrong answer is not believed
	}
	switch {
	case disk.Gone(err):
		return nil, false
	case err != nil:
		w.Unreadable(d.Join(name), err)
		return nil, false
	}
	return w.open(d, name)
}

// prefixCount is what a worker has looked at since it last told.
type prefixCount struct{ blobs, bytes int64 }

func (c *prefixCount) tell(p *Progress) {
	p.Blobs.Add(c.blobs)
	p.BlobBytes.Add(c.bytes)
}

// prefix reads one directory of blobs.
func (v *blobWalk) prefix(alg layout.Algorithm, prefix, path string, linked bool) {
	var c prefixCount
	defer func() {
		c.tell(v.w.Progress)
		v.w.Progress.Prefixes.Add(1)
	}()
	var data disk.Name
	v.names(alg, prefix, path, linked, func(d *disk.Dir, e disk.Entry, digest layout.Digest, linked bool) {
		v.look(d, e, digest, data.Join(e.Name, layout.Data), linked, &c)
	})
}

// names lists one directory of blobs. It is opened by its path, which has few
// parts, so that its parent need not stay open until its turn comes.
func (v *blobWalk) names(alg layout.Algorithm, prefix, path string, linked bool, fn func(d *disk.Dir, e disk.Entry, digest layout.Digest, linked bool)) {
	w := v.w
	d, ok := w.open(w.store, path)
	if !ok {
		return
	}
	defer d.Close()
	if d.Linked() && !linked {
		w.shares.lead(path)
	}
	linked = linked || d.Linked()
	w.scan(d, func(e disk.Entry) {
		digest, err := layout.ParseHex(alg, e.Name)
		if err != nil || e.Name[:2] != prefix || !isDirectory(e) {
			w.unknown(d, e.Name, "not a blob's directory")
			return
		}
		if v.ctx.Err() == nil && !v.known(digest) {
			fn(d, e, digest, linked)
		}
	})
}

// look looks at the directory of one blob, whose data have a name below d.
func (v *blobWalk) look(d *disk.Dir, e disk.Entry, digest layout.Digest, data string, linked bool, c *prefixCount) {
	w, name := v.w, e.Name
	b, err := w.blob(d, name, data)
	if err == nil && b.State == BlobAbsent {
		b, err = w.absent(d, name, b)
	}
	if err != nil {
		w.Unreadable(d.Join(name), err)
		return
	}
	if b.State == 0 {
		return
	}
	b.Digest = digest
	b.Linked = linked || e.Type == disk.Symlink
	w.leadsElsewhere(d, e, &b)
	if b.State == BlobSpecial {
		w.unknown(d, name+"/"+layout.Data, "not a regular file")
	}
	c.blobs++
	c.bytes += b.Size
	if w.all && b.State != BlobAbsent { // that has been listed
		w.unknownIn(d, name, layout.Data, layout.Aside)
	}
	v.fn(b)
}

// leadsElsewhere takes down the symbolic links by which a blob is reached.
func (w *Walker) leadsElsewhere(d *disk.Dir, e disk.Entry, b *Blob) {
	if e.Type == disk.Symlink {
		w.shares.lead(d.Join(e.Name))
	}
	if b.Behind {
		w.shares.lead(d.Join(e.Name + "/" + layout.Data))
	}
}

// absent lists a blob's directory without data, and looks for them once more
// then: a registry may have given them their name before the listing.
func (w *Walker) absent(d *disk.Dir, name string, b Blob) (Blob, error) {
	b.Left = w.leftover(d, name)
	info, err := d.Stat(name + "/" + layout.Data)
	if disk.Gone(err) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	return fileBlob(d, name, info, BlobHere)
}

// blob looks at a blob's directory; the zero Blob is one that has vanished.
func (w *Walker) blob(d *disk.Dir, name, data string) (Blob, error) {
	info, err := d.Stat(data)
	if err != nil && Unsettled(err) {
		info, err = w.store.Stat(d.Join(data))
	}
	state := BlobHere
	if disk.Gone(err) {
		info, err = d.Stat(name + "/" + layout.Aside)
		state = BlobAside
	}
	if disk.Gone(err) {
		info, err = d.Follow(name)
		if disk.Gone(err) {
			return Blob{}, nil
		}
		return Blob{MTime: info.MTime, State: BlobAbsent}, err
	}
	if err != nil {
		return Blob{}, err
	}
	b, err := fileBlob(d, name, info, state)
	if err == nil && w.resumed.Load() && state == BlobHere {
		_, aside := d.Stat(name + "/" + layout.Aside)
		b.Twice = aside == nil
		if !b.Twice && !disk.Gone(aside) {
			return Blob{}, aside
		}
	}
	return b, err
}

func fileBlob(d *disk.Dir, name string, info disk.Info, state BlobState) (Blob, error) {
	b := Blob{Size: info.Size, Disk: info.Disk, MTime: info.MTime, CTime: info.CTime, Links: info.Links, ID: info.ID, State: state}
	switch info.Type {
	case disk.File:
	case disk.Symlink:
		// Its target is content as any other, but removing the link frees nothing.
		file := layout.Data
		if state == BlobAside {
			file = layout.Aside
		}
		target, err := d.Follow(name + "/" + file)
		if err != nil {
			return Blob{}, err
		}
		b.Size, b.Disk, b.MTime, b.CTime, b.Links = target.Size, 0, max(info.MTime, target.MTime), 0, 1
		b.Behind = state == BlobHere
		if target.Type != disk.File {
			b.State = BlobSpecial
		}
	default:
		b.State = BlobSpecial
	}
	return b, nil
}
