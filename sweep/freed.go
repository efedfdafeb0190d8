package sweep

import (
	"path"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
	"golang.org/x/sync/errgroup"
)

// Freed returns what has been freed through a lock. Moving into the trash frees
// nothing, and needs some space.
func Freed(lock *disk.Lock) FreedCount {
	f := lock.Freed()
	return FreedCount{DiskBytes: max(f.Bytes, 0), Inodes: max(f.Inodes, 0)}
}

// sampled is how many items of a kind are measured for an estimate.
// sampledClosely is how many are if a target decides what is removed.
const (
	sampled        = 16
	sampledClosely = 1024
)

// Closely makes the plan measure more items for its estimates. They are exact
// with up to a thousand items of each kind.
func (p *Plan) Closely() *Plan {
	p.closely = true
	return p
}

// Estimate returns what the plan would free if it were executed without a
// trash. The space of blobs is known. Some links and directories are measured,
// and the others count as the average of these.
func (p *Plan) Estimate(store *disk.Dir) FreedCount {
	var sum disk.Freed
	for kind := mark.Tag; kind <= mark.Namespace; kind++ {
		sum.Add(p.estimate(store, kind))
	}
	for _, one := range p.emptied(store) {
		sum.Add(one)
	}
	return FreedCount{DiskBytes: sum.Bytes, Inodes: sum.Inodes}
}

// estimate is what the items of one kind would free.
func (p *Plan) estimate(store *disk.Dir, kind mark.Kind) (sum disk.Freed) {
	lo, hi := p.kindRange(kind)
	items := int64(0)
	for i := lo; i < hi; i++ {
		if p.done[i] != planned {
			continue
		}
		items++
		if kind == mark.Blob {
			sum.Bytes = disk.Sum(sum.Bytes, p.look.Store.Blob(p.items[i].ID).Disk)
			sum.Inodes++
		}
	}
	if some, seen := p.sample(store, kind, nil); seen > 0 {
		sum.Bytes = disk.Sum(sum.Bytes, some.Bytes*items/seen)
		sum.Inodes += some.Inodes * items / seen
	}
	return sum
}

// sample measures some items of a kind, and all of a kind in which one may be a
// thousand times as large as another. It calls each, if that is not nil, for
// each item that it measures.
func (p *Plan) sample(store *disk.Dir, kind mark.Kind, each func(i int, f disk.Freed)) (some disk.Freed, seen int64) {
	most := sampled
	if p.closely {
		most = sampledClosely
	}
	lo, hi := p.kindRange(kind)
	for lo < hi && p.done[lo] != planned {
		lo++
	}
	step := max((hi-lo)/most, 1)
	if kind == mark.Upload || kind == mark.Temporary {
		step = 1
	}
	var chosen []int
	for i := lo; i < hi && (step == 1 || len(chosen) < most); i += step {
		if p.done[i] == planned {
			chosen = append(chosen, i)
		}
	}
	// Each takes a dozen calls that wait for the filesystem, one after another.
	measured := make([]disk.Freed, len(chosen))
	var group errgroup.Group
	group.SetLimit(p.look.Jobs())
	for k, i := range chosen {
		group.Go(func() error {
			measured[k] = p.measure(store, &p.items[i])
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	for k, i := range chosen {
		some.Add(measured[k])
		if each != nil {
			each(i, measured[k])
		}
	}
	return some, int64(len(chosen))
}

// emptied returns the directories above removed repositories that become empty,
// and what each of them frees.
func (p *Plan) emptied(store *disk.Dir) map[string]disk.Freed {
	found := map[string]disk.Freed{}
	gone := map[string]bool{}
	var above []string
	for i := range p.items {
		if k := p.items[i].Kind; p.done[i] == planned && (k == mark.Repository || k == mark.Namespace) {
			at := p.path(&p.items[i])
			gone[at] = true
			above = append(above, path.Dir(at))
		}
	}
	for ; len(above) > 0; above = above[1:] {
		at := above[0]
		if at == layout.Repositories || gone[at] || !isEmptied(store, at, gone) {
			continue
		}
		gone[at] = true
		found[at] = measureNames(store, at)
		above = append(above, path.Dir(at))
	}
	return found
}

func isEmptied(store *disk.Dir, at string, gone map[string]bool) bool {
	d, err := store.Walk(strings.Split(at, "/")...)
	if err != nil {
		return false
	}
	defer d.Close()
	empty := true
	err = d.List(func(e disk.Entry) error {
		empty = empty && gone[at+"/"+e.Name]
		return nil
	})
	return err == nil && empty
}

// measure returns what the removal of an item frees, without the data of a
// blob. What cannot be measured counts as nothing, since this is an estimate.
func (p *Plan) measure(store *disk.Dir, i *mark.Item) (f disk.Freed) {
	at := p.path(i)
	switch i.Kind {
	case mark.Tag, mark.Upload:
		if i.Kind == mark.Tag && i.Aside {
			at = path.Join(layout.RepositoryDir(p.look.RepositoryOf(i)), layout.Manifests, layout.GonePrefix+p.look.NameOf(i))
		}
		return measureTree(store, strings.Split(at, "/")...)
	case mark.Manifest, mark.TagHistory, mark.LayerLink:
		return measureTree(store, strings.Split(path.Dir(at), "/")...)
	case mark.Blob:
		return measureNames(store, path.Dir(at))
	case mark.Repository:
		var names []string
		for _, part := range []string{"", layout.Uploads, layout.Layers, layout.Manifests, layout.Manifests + "/" + layout.Tags, layout.Manifests + "/" + layout.Revisions} {
			names = append(names, path.Join(at, part))
			if part == layout.Layers || strings.HasSuffix(part, layout.Revisions) {
				for _, alg := range layout.Algorithms {
					names = append(names, path.Join(at, part, alg.String()))
				}
			}
		}
		return measureNames(store, names...)
	}
	return measureNames(store, at)
}

func measureNames(store *disk.Dir, names ...string) (f disk.Freed) {
	for _, name := range names {
		if info, err := store.Stat(name); err == nil && info.Links > 0 && (info.Type == disk.Directory || info.Links == 1) {
			f.Add(disk.Freed{Bytes: info.Disk, Inodes: 1})
		}
	}
	return f
}

func measureTree(store *disk.Dir, parts ...string) (f disk.Freed) {
	f = measureNames(store, path.Join(parts...))
	d, err := store.Walk(parts...)
	if err != nil {
		return f
	}
	defer d.Close()
	f.Add(measureBelow(d))
	return f
}

func measureBelow(d *disk.Dir) (f disk.Freed) {
	var names, directories []string
	_ = d.List(func(e disk.Entry) error {
		names = append(names, strings.Clone(e.Name))
		if e.Type == disk.Directory {
			directories = append(directories, strings.Clone(e.Name))
		}
		return nil
	})
	f = measureNames(d, names...)
	for _, name := range directories {
		if sub, err := d.Open(name); err == nil {
			f.Add(measureBelow(sub))
			sub.Close()
		}
	}
	return f
}
