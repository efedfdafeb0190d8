package walker

import (
	"context"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// History returns the digests in a tag's history, by the names of its
// directories, without those behind symbolic links. It may be called
// concurrently for different tags.
func (r *Repository) History(t *Tag) (found []layout.Digest) {
	history := r.openHistory(t)
	defer history.close()
	history.list(r, func(d layout.Digest, linked bool) {
		if !linked {
			found = append(found, d)
		}
	})
	return found
}

// ReadHistory calls fn with all entries of a tag's history, read, some at a time. What
// fn gets is valid until it returns. It may be called concurrently for different tags.
func (r *Repository) ReadHistory(ctx context.Context, t *Tag, fn func([]Revision)) {
	history := r.openHistory(t)
	defer history.close()
	for _, d := range history {
		r.eachLink(ctx, d.Dir, d.alg, r.hashes, fn)
	}
}

// ReadWantedHistory calls wants with the digest of each entry of a tag's history, by
// the name of its directory, and whether a symbolic link leads to it. If wants returns
// true for one entry or more, ReadWantedHistory reads all of them, and returns them,
// unless the tag and all entries were last written at since, in nanoseconds since 1970,
// or before. After a run that was stopped, behind symbolic links, and where TagsAreLocal has
// not found a disk of this host, it reads them all the same. It may be called concurrently
// for different tags.
func (r *Repository) ReadWantedHistory(ctx context.Context, t *Tag, since int64, wants func(d layout.Digest, linked bool) bool) []Revision {
	history := r.openHistory(t)
	defer history.close()
	wanted := false
	var all []Revision
	ends := make([]int, len(history))
	for i := range history {
		history[i:i+1].list(r, func(d layout.Digest, linked bool) {
			wanted = wants(d, linked) || wanted
			all = append(all, Revision{Digest: d, Linked: linked})
		})
		ends[i] = len(all)
	}
	if !wanted {
		return nil
	}
	from, isOld := 0, t.Link.State == LinkGood && t.Link.MTime <= since && !r.w.resumed.Load()
	for i, d := range history {
		isOld = isOld && d.isOld(all[from:ends[i]], since)
		from = ends[i]
	}
	if isOld {
		return nil
	}
	from = 0
	for i, d := range history {
		r.readRevisions(ctx, d.Dir, all[from:ends[i]])
		from = ends[i]
	}
	return all
}

// TagsAreLocal reports whether the tags are on a disk of this host, as disk.Dir.Local has
// it. Only then ReadWantedHistory leaves anything unread for its age.
func (r *Repository) TagsAreLocal() bool {
	return r.tags != nil && r.tags.LearnLocal()
}

// historyDirs are the open directories of a tag's history, one for each algorithm.
type historyDirs []historyDir

type historyDir struct {
	*disk.Dir
	alg layout.Algorithm
}

// isOld reports whether all entries are plain files on a disk of this host that were last
// written at since, or before. That takes one call for each, and reading takes four. What
// another host may have written is read.
func (d historyDir) isOld(entries []Revision, since int64) bool {
	var name disk.Name
	for i := range entries {
		info, err := d.Stat(name.JoinHex(entries[i].Digest.Sum(), layout.Link))
		if err != nil || info.Type != disk.File || info.MTime > since || entries[i].Linked || !d.Local(info.ID.Dev) {
			return false
		}
	}
	return true
}

// list calls fn with the digest of each entry, and whether a symbolic link leads to it.
func (h historyDirs) list(r *Repository, fn func(digest layout.Digest, linked bool)) {
	for _, d := range h {
		r.hashes(d.Dir, d.alg, func(digest layout.Digest, e disk.Entry) {
			fn(digest, d.Linked() || e.Type == disk.Symlink)
		})
	}
}

func (h historyDirs) close() {
	for _, d := range h {
		d.Close()
	}
}

// openHistory opens the directories of a tag's history. The caller closes them. Where the repository has digests of sha256 alone, and no symbolic
// link is on the way, one directory is opened in place of three.
func (r *Repository) openHistory(t *Tag) historyDirs {
	if r.onlySHA256 {
		var path disk.Name
		d, err := r.tags.OpenStraight(path.Join(t.Name, layout.Index, layout.SHA256.String()))
		switch {
		case err == nil:
			return historyDirs{{d, layout.SHA256}}
		case !disk.NotStraight(err):
			r.w.Unreadable(r.tags.Join(t.Name), err)
			return nil
		}
	}
	dir, ok := r.w.open(r.tags, t.Name)
	if !ok {
		return nil
	}
	defer dir.Close()
	return r.openHistoryIn(dir)
}

func (r *Repository) openHistoryIn(tag *disk.Dir) (found historyDirs) {
	index, ok := r.w.openIfThere(tag, layout.Index)
	if !ok {
		return nil
	}
	defer index.Close()
	for _, alg := range r.algorithms(index) {
		if d, ok := r.w.open(index, alg.String()); ok {
			found = append(found, historyDir{d, alg})
		}
	}
	return found
}

// historyIn returns the digests in the history of the tag in this directory, those
// behind symbolic links too.
func (r *Repository) historyIn(tag *disk.Dir) (found []layout.Digest) {
	history := r.openHistoryIn(tag)
	defer history.close()
	history.list(r, func(d layout.Digest, _ bool) { found = append(found, d) })
	return found
}
