package walker

import (
	"cmp"
	pathpkg "path"
	"slices"
	"strings"
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

	// These are found only by who reads everything.
	MissingLayerLink = "missingLayerLink" // a referenced blob is not linked in the repository
	WrongSize        = "wrongSize"        // a blob has another size than a manifest says
	CorruptBlob      = "corruptBlob"      // a blob's data have another digest
	SetAside         = "setAside"         // something live has the name that a stopped run gave it, so that no registry sees it
)

// Kinds are all kinds of problems.
func Kinds() []string {
	return []string{BrokenManifest, MissingManifest, BrokenLink, MissingBlob, DanglingTag, HalfTag, LinkMismatch, UnknownFile, IOError, MissingLayerLink, WrongSize, CorruptBlob, SetAside}
}

// Problem is something about the store that its owner should know.
type Problem struct {
	Kind   string   `json:"kind"`
	Path   string   `json:"path"` // relative to the store's directory
	Detail string   `json:"detail"`
	Breaks []string `json:"breaks,omitempty"` // references that cannot be pulled for it
	Cure   string   `json:"cure,omitempty"`   // a command
	// Remove are the images, NAME@DIGEST, without which the problem is gone. Of
	// them a Findings makes the Cure, unless there is one.
	Remove []string `json:"-"`
	Force  bool     `json:"-"` // one of them is a part of an index
	// Absent are the paths whose absence is the problem. It is none if one of
	// them, or a directory above it, cannot be read: nobody knows then.
	Absent []string `json:"-"`
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

// AddUnreadable records the paths that could not be read by another walk.
func (f *Findings) AddUnreadable(other *Findings) {
	for _, p := range other.Problems() {
		if p.Kind == IOError {
			f.Add(p)
		}
	}
}

// Serious is how many problems there are besides unknown files.
func (f *Findings) Serious() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.serious
}

// Problems returns all problems that are beyond doubt, sorted by path and kind. Of several about one
// path and kind there is one, which breaks what any of them breaks and whose
// cure is that of all.
func (f *Findings) Problems() []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Detail, b.Detail))
	})
	unread := f.unread()
	var list []Problem
	for _, p := range f.problems {
		if p.isDoubtful(unread) {
			continue
		}
		if n := len(list); n > 0 && list[n-1].Path == p.Path && list[n-1].Kind == p.Kind {
			list[n-1].add(&p)
			continue
		}
		list = append(list, p)
	}
	for i := range list {
		list[i].settle()
	}
	return list
}

// unread are the paths that cannot be read.
func (f *Findings) unread() map[string]bool {
	if f.errors == 0 {
		return nil
	}
	paths := map[string]bool{}
	for i := range f.problems {
		if f.problems[i].Kind == IOError {
			paths[f.problems[i].Path] = true
		}
	}
	return paths
}

// isDoubtful reports whether something is called absent that may be there.
func (p *Problem) isDoubtful(unread map[string]bool) bool {
	if unread == nil {
		return false
	}
	for _, path := range p.Absent {
		for ; path != "."; path = pathpkg.Dir(path) {
			if unread[path] {
				return true
			}
		}
	}
	return false
}

// add takes over what another problem of the same path and kind says.
func (p *Problem) add(o *Problem) {
	p.Breaks = append(slices.Clip(p.Breaks), o.Breaks...)
	p.Remove = append(slices.Clip(p.Remove), o.Remove...)
	p.Force = p.Force || o.Force
	p.Cure = cmp.Or(p.Cure, o.Cure)
}

// cured is how many images a cure names: a layer may be in a thousand of them.
const cured = 20

// settle sorts what the problem breaks, and makes its cure.
func (p *Problem) settle() {
	p.Breaks = sorted(p.Breaks)
	p.Remove = sorted(p.Remove)
	if p.Cure != "" || len(p.Remove) == 0 {
		return
	}
	p.Cure = "regsweep rm "
	if p.Force {
		p.Cure += "--force "
	}
	p.Cure += strings.Join(p.Remove[:min(cured, len(p.Remove))], " ")
}

// sorted returns a list of its own, in which each text is once.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// Unreadable records that a path below a directory cannot be read.
func (w *Walker) Unreadable(path string, err error) { w.Findings.Add(Unreadable(path, err)) }

// Unreadable is the problem that a path below a directory cannot be read.
func Unreadable(path string, err error) Problem {
	return Problem{Kind: IOError, Path: cmp.Or(path, "."), Detail: reason(err)}
}

// unknown records a name that the layout does not define.
func (w *Walker) unknown(d *disk.Dir, name, detail string) {
	w.Findings.Add(Problem{Kind: UnknownFile, Path: d.Join(name), Detail: detail})
}
