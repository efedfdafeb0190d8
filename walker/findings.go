package walker

import (
	"cmp"
	pathpkg "path"
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

	// Only a walk that reads everything finds these.
	MissingLayerLink = "missingLayerLink" // a referenced blob is not linked in the repository
	UnlinkedChild    = "unlinkedChild"    // a part of an index that the repository had is not linked any more
	WrongSize        = "wrongSize"        // a blob has another size than a manifest says
	CorruptBlob      = "corruptBlob"      // a blob's data have another digest
	SetAside         = "setAside"         // something live has the name that a stopped run gave it, so that no registry sees it
)

// Kinds returns all kinds of problems.
func Kinds() []string {
	return []string{BrokenManifest, MissingManifest, BrokenLink, MissingBlob, DanglingTag, HalfTag, LinkMismatch, UnknownFile, IOError, MissingLayerLink, UnlinkedChild, WrongSize, CorruptBlob, SetAside}
}

// Problem is something in the store that its owner should know.
type Problem struct {
	Kind   string   `json:"kind"`
	Path   string   `json:"path"` // relative to the store's directory
	Detail string   `json:"detail"`
	Breaks []string `json:"breaks,omitempty"` // references that cannot be pulled for it
	Cure   string   `json:"cure,omitempty"`   // a command, known to the caller
	// Loses are the images and tags that the cure gives up, and LastResort a
	// command that gives them up though pushing them again would bring them back.
	Loses      []string `json:"loses,omitempty"`
	LastResort string   `json:"lastResort,omitempty"`
	Cured      bool     `json:"cured,omitempty"` // by the run that reports it

	Remedy `json:"-"`
}

// Remedy has the facts about a problem that matter for its cure.
type Remedy struct {
	Remove []string // the images, NAME@DIGEST, without which the problem is gone
	Along  []string // what is removed with them, as names
	Untag  string   // the tag, NAME:TAG, without which it is gone
	// Replica is a command that heals it with a copy of the registry, for which
	// DIR stands; known to the caller.
	Replica string
	// Flags say more about what is to be removed.
	Flags RemedyFlags
	// Absent are the paths whose absence is the problem. It is none if one of
	// them, or a directory above it, cannot be read: nobody knows then.
	Absent []string
}

// RemedyFlags is a set of facts about a Remedy.
type RemedyFlags uint8

// The facts.
const (
	Force       RemedyFlags = 1 << iota // an image in Remove is a part of an index
	Unremovable                         // something that the problem breaks cannot be removed by name
	Whole                               // all bytes of what it breaks are in the store
	Garbage                             // nothing needs what it is about: gc removes that
)

// Has reports whether a fact is in the set.
func (f RemedyFlags) Has(fact RemedyFlags) bool { return f&fact != 0 }

// Findings collects problems. Its methods may be called concurrently.
type Findings struct {
	mu       sync.Mutex
	problems []Problem
	remnants []string
	errors   int
	serious  int
}

// Add records a problem.
func (f *Findings) Add(p Problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems = append(f.problems, p)
	f.count(p.Kind)
}

func (f *Findings) count(kind string) {
	switch kind {
	case IOError:
		f.errors++
	case UnknownFile:
		return
	}
	f.serious++
}

// Unreadable returns how many paths could not be read. If it is not 0, the walk
// is incomplete, and nothing may be removed because of it.
func (f *Findings) Unreadable() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errors
}

// Remnants returns the paths of files that regsweep was writing when a run was
// stopped. Only a thorough walk finds those next to data and links.
func (f *Findings) Remnants() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.remnants)
}

func (f *Findings) addRemnant(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remnants = append(f.remnants, path)
}

// AddUnreadable records the paths that could not be read by another walk.
func (f *Findings) AddUnreadable(other *Findings) {
	for _, p := range other.Problems() {
		if p.Kind == IOError {
			f.Add(p)
		}
	}
}

// Serious returns how many problems there are, without unknown files.
func (f *Findings) Serious() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.serious
}

// Problems returns all problems that are certain, sorted by path and kind.
// Several with one path and kind are merged: the result breaks what any of them
// breaks, and its remedy has the facts of all.
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

// isDoubtful reports whether a problem calls something absent that may be
// there.
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
	p.Along = append(slices.Clip(p.Along), o.Along...)
	p.Untag = cmp.Or(p.Untag, o.Untag)
	// What is whole, or garbage, must be so for all.
	all := Whole | Garbage
	p.Flags = (p.Flags|o.Flags)&^all | p.Flags&o.Flags&all
}

// settle sorts what the problem breaks, and what removing it would take.
func (p *Problem) settle() {
	p.Breaks = sorted(p.Breaks)
	p.Remove = sorted(p.Remove)
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
	return Problem{Kind: IOError, Path: cmp.Or(path, "."), Detail: reason(cmp.Or(path, "."), err)}
}

// unknown records a name that the layout does not define.
func (w *Walker) unknown(d *disk.Dir, name, detail string) {
	w.Findings.Add(Problem{Kind: UnknownFile, Path: d.Join(name), Detail: detail})
}

// Keep drops all problems for which keep is false.
func (f *Findings) Keep(keep func(*Problem) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems = slices.DeleteFunc(f.problems, func(p Problem) bool { return !keep(&p) })
	f.errors, f.serious = 0, 0
	for i := range f.problems {
		f.count(f.problems[i].Kind)
	}
}
