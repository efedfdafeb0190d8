package sweep

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// serverNow is not after what the file server calls the present.
func (r *run) serverNow() time.Time { return r.pace.now().Add(-r.pace.Behind) }

// run is one execution of a plan.
type run struct {
	*Plan
	ctx  context.Context
	lock *disk.Lock
	w    *walker.Walker

	pace     Pace
	lastName time.Time // when the last name of any kind had been set aside
	recheck  *mark.Recheck
	batch    time.Duration // how long the next batch lasts
	mu       sync.Mutex
	failures []tree.Failure
	// histories are the manifests that a tag's history still names.
	histories map[history]struct{}
	devices   map[uint64][]string // a directory on each filesystem that links were removed from
	stuck     map[int]bool        // items that could not be moved into the trash
	unmarked  bool                // no mark of this run could be made
	beside    string              // the path of its mark among links, if there is one
	unmarks   []string            // the paths of marks among links that are removed
	undone    bool                // all that this run had set aside was to get its name back
}

// history names a manifest in the histories of a repository.
type history struct {
	repo uint32
	id   digests.ID
}

func newRun(ctx context.Context, p *Plan, lock *disk.Lock, w *walker.Walker) *run {
	return &run{Plan: p, ctx: ctx, lock: lock, w: w, devices: map[uint64][]string{}, stuck: map[int]bool{}, histories: map[history]struct{}{}}
}

// stopped reports whether the run was asked to end.
func (r *run) stopped() bool { return r.ctx.Err() != nil }

// entry is an item of some look, for giving its name back.
type entry struct {
	look *mark.Look
	item mark.Item
}

// allAside returns all items that this run has set aside.
func (r *run) allAside() []entry {
	var list []entry
	for i, item := range r.items {
		if r.done[i] == setAside && !item.Aside {
			list = append(list, entry{r.look, item})
		}
	}
	return list
}

func compareEntries(a, b *entry) int {
	return compareItems(a.look, &a.item, b.look, &b.item)
}

// places are the indices of the items in the order of compareItems.
func (r *run) places() []int32 {
	order := make([]int32, len(r.items))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return compareItems(r.look, &r.items[a], r.look, &r.items[b])
	})
	return order
}

func (r *run) pathOf(e *entry) string { return (&Plan{look: e.look}).path(&e.item) }

// mover is the exit into a run of the trash. Each worker has its own.
type mover struct {
	bin *trash.Bin
	tree.Maker
}

func (c *cache) closeMover() {
	if c.mover != nil {
		c.mover.Close()
		c.mover = nil
	}
}

// within is where a repository's items of a kind are.
func (r *run) within(kind mark.Kind, repo uint32) (lo, hi int) {
	lo, hi = r.kindRange(kind)
	byRepo := func(i mark.Item, repo uint32) int { return cmp.Compare(i.Repo, repo) }
	items := r.items[lo:hi]
	first, _ := slices.BinarySearchFunc(items, repo, byRepo)
	last, _ := slices.BinarySearchFunc(items, repo+1, byRepo)
	return lo + first, lo + last
}

// step does one thing to one item. It is not an error if the item is gone
// already.
type step func(c *cache, i *mark.Item) error

// leftError is returned by a step that has removed its item, but could not
// remove something that is useless without it, such as its directory.
type leftError struct{ err error }

func (e *leftError) Error() string { return e.err.Error() }

func (e *leftError) Unwrap() error { return e.err }

// left wraps an error that comes after the item itself was removed. Absence is
// not an error then.
func left(err error) error {
	if err == nil || disk.Gone(err) || errors.Is(err, errKept) {
		return err
	}
	return &leftError{err}
}

// errKept is returned by a step that finds its item in use.
var errKept = errors.New("in use")

func (r *run) fail(path string, err error) { r.addFailure(tree.Failure{Path: path, Err: err}) }

// failLeft is fail for an item that is gone, though not all that belonged to it.
func (r *run) failLeft(path string, err error) {
	r.addFailure(tree.Failure{Path: path, Err: err, Gone: true})
}

func (r *run) addFailure(f tree.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, f)
}

// cache is what a worker works with: its open directories, and its exits.
type cache struct {
	r    *run
	dirs tree.Dirs
	// mover is the worker's way into the trash, if it has taken that.
	mover *mover

	steps, bytes int64 // that the worker has not told yet
}

func (c *cache) Close() {
	c.dirs.Close()
	c.closeMover()
}

// open returns a directory below the store, which the cache closes.
func (c *cache) open(path ...string) (*disk.Locked, error) { return c.dirs.Open(c.r.lock, path...) }

// openIn opens a directory of a repository, and remembers its filesystem.
func (c *cache) openIn(repository string, parts ...string) (*disk.Locked, error) {
	path := slices.Concat(repositoryPath(repository), parts)
	if c.dirs.IsAt(path) {
		return c.dirs.Last(), nil
	}
	dir, err := c.open(path...)
	if err != nil {
		return nil, err
	}
	info, err := dir.Info()
	if err != nil {
		return nil, err
	}
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if _, ok := c.r.devices[info.ID.Dev]; !ok {
		c.r.devices[info.ID.Dev] = path
	}
	return dir, nil
}

func repositoryPath(name string) []string {
	return append([]string{layout.Repositories}, strings.Split(name, "/")...)
}

// openDigest opens the directory of an item's digest in a part of its repository.
func (r *run) openDigest(c *cache, i *mark.Item, parts ...string) (*disk.Locked, error) {
	return openDigest(c, r.look.RepositoryOf(i), r.look.Digest(i.ID), parts...)
}

func openDigest(c *cache, repository string, digest layout.Digest, parts ...string) (*disk.Locked, error) {
	dir, err := c.openIn(repository, append(parts, digest.Algorithm().String())...)
	if err != nil {
		return nil, err
	}
	return dir.OpenBelow(digest.Hex())
}

// openBlob opens a blob's directory. The parent is the cache's.
func openBlob(c *cache, digest layout.Digest) (d *disk.Locked, parent *disk.Locked, err error) {
	hex := digest.Hex()
	parent, err = c.open(layout.Blobs, digest.Algorithm().String(), hex[:2])
	if err != nil {
		return nil, nil, err
	}
	d, err = parent.OpenBelow(hex)
	return d, parent, err
}

// errLater is returned by a step that leaves its item as it is for now.
var errLater = errors.New("later")

func (r *run) hasPlanned(kind mark.Kind) bool {
	lo, hi := r.kindRange(kind)
	for i := lo; i < hi; i++ {
		if r.done[i] == planned {
			return true
		}
	}
	return false
}
