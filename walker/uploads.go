package walker

import (
	"context"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Upload is a directory below _uploads.
type Upload struct {
	ID     string
	Linked bool  // the directory is a symbolic link
	Bytes  int64 // of all its files
	MTime  int64 // of its newest file; of the directory if it has none

	unknown bool // something is in it that the layout does not define
	known   bool // something is in it that the layout defines
	// Rest says that only what the layout does not define is in it.
	Rest bool
}

// Uploads returns the repository's uploads.
func (r *Repository) Uploads(ctx context.Context) []Upload {
	if r.uploads == nil {
		return nil
	}
	var all []Upload
	r.w.list(r.uploads, func(e disk.Entry, name string) {
		if !isDirectory(e) || layout.IsForeign(name) {
			r.unknown(r.uploads, name, "not an upload's directory")
			return
		}
		if e.Type == disk.Symlink {
			r.w.shares.lead(r.uploads.Join(name))
		}
		all = append(all, Upload{ID: name, Linked: e.Type == disk.Symlink})
	})
	exists := make([]bool, len(all))
	r.w.Each(ctx, len(all), func(i int) { exists[i] = r.readUpload(&all[i]) })
	present := all[:0]
	for i, u := range all {
		r.Unknown = r.Unknown || u.unknown
		u.Rest = u.unknown && !u.known
		if exists[i] {
			present = append(present, u)
		}
	}
	return present
}

func (r *Repository) readUpload(u *Upload) (exists bool) {
	dir, ok := r.w.open(r.uploads, u.ID)
	if !ok {
		return false
	}
	defer dir.Close()
	info, err := dir.Info()
	if err != nil {
		r.w.Unreadable(dir.Path(), err)
		return true
	}
	r.uploadFiles(dir, 0, u)
	if u.MTime == 0 {
		u.MTime = info.MTime
	}
	return true
}

// UploadName reports whether the layout defines a name at a depth of an
// upload's directory: as a file (startedat, data, hashstates/<alg>/<offset>, and
// interrupted writes of these) or as a directory.
func UploadName(depth int, name string) (file, directory bool) {
	switch depth {
	case 0:
		return name == layout.StartedAt || name == layout.Data || layout.IsTemporary(name), name == layout.HashStates
	case 1:
		_, ok := layout.ParseAlgorithm(name)
		return false, ok
	case 2:
		return isNumber(name) || layout.IsTemporary(name), false
	}
	return false, false
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func (r *Repository) uploadFiles(dir *disk.Dir, depth int, u *Upload) {
	r.w.list(dir, func(e disk.Entry, name string) {
		file, directory := UploadName(depth, name)
		switch {
		case directory && e.Type == disk.Directory:
			u.known = true
			if sub, ok := r.w.open(dir, name); ok {
				r.uploadFiles(sub, depth+1, u)
				sub.Close()
			}
			return
		case !file || e.Type != disk.File:
			u.unknown = true
			if file && e.Type == disk.Symlink {
				r.w.shares.lead(dir.Join(name))
			}
			r.w.unknown(dir, name, "not a part of an upload")
			return
		}
		u.known = true
		info, err := dir.Stat(name)
		if err != nil {
			if !disk.Gone(err) {
				r.w.Unreadable(dir.Join(name), err)
			}
			return
		}
		u.Bytes += info.Size
		u.MTime = max(u.MTime, info.MTime)
	})
}
