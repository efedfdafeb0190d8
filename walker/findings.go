package walker

import (
	"cmp"
	"slices"
	"sync"

	"github.com/regsweep/regsweep/walker/disk"
)

// The kinds of problems. Their names are part of the report's schema.
const (
	BrokenManifest  = "brokenManifest"  // a linked manifest that cannot be read as one
	MissingManifest = "missingManifest" // a manifest link whose blob is absent
	BrokenLink      = "brokenLink"      // a link that holds no digest
	MissingBlob     = "missingBlob"     // a referenced blob, or a layer link's, is absent
	DanglingTag     = "danglingTag"     // a tag that names a manifest whose link is gone
	HalfTag         = "halfTag"         // a tag without current/link
	LinkMismatch    = "linkMismatch"    // a link whose content and path name different digests
	UnknownFile     = "unknownFile"     // a name that the layout does not define
	IOError         = "ioError"         // a path that cannot be read
)

// Kinds are all kinds of problems.
func Kinds() []string {
	return []string{BrokenManifest, MissingManifest, BrokenLink, MissingBlob, DanglingTag, HalfTag, LinkMismatch, UnknownFile, IOError}
}

// Problem is something about the store that its owner should know.
type Problem struct {
	Kind   string   `json:"kind"`
	Path   string   `json:"path"` // relative to the store's directory
	Detail string   `json:"detail"`
	Breaks []string `json:"breaks,omitempty"` // references that cannot be pulled for it
	Cure   string   `json:"cure,omitempty"`   // a command
}

// Findings collects problems. Its methods may be called concurrently.
type Findings struct {
	mu       sync.Mutex
	problems []Problem
	errors   int
	serious  int
}

// Add records a problem.
func (f *Findings) Add(p Problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems = append(f.problems, p)
	switch p.Kind {
	case IOError:
		f.errors++
	case UnknownFile:
		return
	}
	f.serious++
}

// Unreadable is how many paths could not be read. If it is not 0, the walk is
// incomplete, and nothing may be removed on the ground of it.
func (f *Findings) Unreadable() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errors
}

// Serious is how many problems there are besides unknown files.
func (f *Findings) Serious() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.serious
}

// Problems returns all problems, sorted by path and kind. Of several about one
// path and kind there is one, which breaks what any of them breaks.
func (f *Findings) Problems() []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Detail, b.Detail))
	})
	var list []Problem
	for _, p := range f.problems {
		if n := len(list); n > 0 && list[n-1].Path == p.Path && list[n-1].Kind == p.Kind {
			list[n-1].Breaks = append(slices.Clip(list[n-1].Breaks), p.Breaks...)
			continue
		}
		list = append(list, p)
	}
	for i := range list {
		slices.Sort(list[i].Breaks)
		list[i].Breaks = slices.Compact(list[i].Breaks)
	}
	return list
}

// Unreadable records that a path below a directory cannot be read.
func (w *Walker) Unreadable(path string, err error) {
	w.Findings.Add(Problem{Kind: IOError, Path: path, Detail: reason(err)})
}

// unknown records a name that the layout does not define.
func (w *Walker) unknown(d *disk.Dir, name, detail string) {
	w.Findings.Add(Problem{Kind: UnknownFile, Path: d.Join(name), Detail: detail})
}
