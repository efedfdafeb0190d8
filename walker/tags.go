package walker

import (
	"context"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Tag is a directory below _manifests/tags.
type Tag struct {
	Name string
	Link Link // current/link; for a half tag its newest history entry
	Half bool // there is no current/link
	// Newest are the newest entries of a half tag's history; Link is the first.
	Newest []HistoryEntry
	Odd    bool // no registry accepts the name
	// Linked says that the tag's directory is a symbolic link.
	Linked bool
	// AsideName is the name in _manifests of a tag that a stopped run took out of
	// tags/ and did not remove; "" for any other.
	AsideName string
}

// HistoryEntry is an entry of a tag's history: the digest of its path, and the
// content of its link.
type HistoryEntry struct{ Digest, Target layout.Digest }

// Tags appends the repository's tags to tags, which must be empty, and also the
// tags that a stopped run was about to remove.
func (r *Repository) Tags(ctx context.Context, tags []Tag) []Tag {
	if r.tags != nil {
		// Names first: a list of tags that grows takes several times the memory.
		var names, linked []string
		r.w.list(r.tags, func(e disk.Entry, name string) {
			switch {
			case layout.IsForeign(name):
				r.unknown(r.tags, name, "not entered: no tag begins like this")
			case !r.leadsToDirectory(r.tags, e):
				r.unknown(r.tags, name, "not a tag's directory")
			case e.Type == disk.Symlink:
				r.w.shares.lead(r.tags.Join(name))
				linked = append(linked, name)
			default:
				names = append(names, name)
			}
		})
		tags = slices.Grow(tags, len(names)+len(linked)+len(r.gone))
		for i, name := range slices.Concat(names, linked) {
			tags = append(tags, Tag{Name: name, Odd: !layout.IsTag(name), Linked: i >= len(names)})
		}
		r.readTags(ctx, r.tags, tags)
	}
	aside := make([]Tag, len(r.gone))
	for i, name := range r.gone {
		aside[i] = Tag{Name: strings.TrimPrefix(name, layout.GonePrefix), AsideName: name}
	}
	if len(aside) > 0 {
		r.readTags(ctx, r.manifests, aside)
	}
	tags = append(tags, aside...)
	present := tags[:0]
	for _, t := range tags {
		if t.Link.State != linkFailed && (t.Link.State != LinkMissing || r.lacksCurrent(&t)) {
			present = append(present, t)
		}
	}
	return present
}

func (r *Repository) readTags(ctx context.Context, d *disk.Dir, tags []Tag) {
	r.w.readLinks(ctx, links{dir: d, n: len(tags), areTags: true, name: func(b *disk.Name, i int) string {
		if t := &tags[i]; t.AsideName != "" {
			return b.Join(t.AsideName, layout.Current, layout.Link)
		}
		return b.Join(tags[i].Name, layout.Current, layout.Link)
	}, to: func(i int) *Link { return &tags[i].Link }})
	for i := range tags {
		if tags[i].Odd {
			r.unknown(d, tags[i].Name, "not a tag's name: what it names is kept")
		}
	}
}

// lacksCurrent fills in a tag without current/link, and reports whether there is such a tag at all.
func (r *Repository) lacksCurrent(t *Tag) (exists bool) {
	if t.AsideName != "" {
		return true
	}
	dir, ok := r.w.open(r.tags, t.Name)
	if !ok {
		return false // deleted since it was listed
	}
	defer dir.Close()
	if current, ok := r.w.openIfThere(dir, layout.Current); ok {
		current.Close() // a link that leads nowhere has been recorded
	}
	t.Half = true
	for _, e := range r.historyIn(dir) {
		path := layout.Index + "/" + e.Algorithm().String() + "/" + e.Hex()
		if entry, ok := r.w.openIfThere(dir, path); ok {
			r.w.leadAt(entry, layout.Link)
			entry.Close()
		}
		l := r.w.readAgain(dir.Path() + "/" + path + "/" + layout.Link)
		switch {
		case l.State == LinkMissing || l.State == linkFailed:
		case l.State == LinkBroken:
			t.Link = l
			return true
		case t.Link.State != LinkGood || l.MTime > t.Link.MTime:
			t.Link, t.Newest = l, nil
			fallthrough
		case l.MTime == t.Link.MTime:
			t.Newest = append(t.Newest, HistoryEntry{e, l.Target})
		}
	}
	return true
}

// HasSymlink reports whether something in a tag's directory is a symbolic link,
// so that the tag cannot be removed.
func (r *Repository) HasSymlink(t *Tag) bool {
	dir, ok := r.w.open(r.tags, t.Name)
	if !ok {
		return false
	}
	defer dir.Close()
	return r.w.hasSymlink(dir, 4) // <tag>/index/<alg>/<hex>/link
}

func (w *Walker) hasSymlink(dir *disk.Dir, depth int) (found bool) {
	w.list(dir, func(e disk.Entry, name string) {
		switch {
		case e.Type == disk.Symlink:
			found = true
		case e.Type == disk.Directory && depth > 1:
			if sub, ok := w.open(dir, name); ok {
				found = w.hasSymlink(sub, depth-1) || found
				sub.Close()
			}
		}
	})
	return found
}
