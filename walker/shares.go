package walker

import (
	"maps"
	pathpkg "path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Shares has the names that a Walker has found and that lead to other parts of the
// store: symbolic links and mounts. The target of such a name is shared: if it were
// removed, the name would lead nowhere. All methods except Settle can be called
// concurrently.
type Shares struct {
	store *disk.Dir

	mu    sync.Mutex
	leads map[string]bool   // symbolic links in places of the layout; true for those that were followed
	names map[string]string // second names of directories below repositories/, and the first ones

	mounts *disk.Mounts // nil before it was read
	parts  []part
	opaque string
	shared atomic.Pointer[sharedPaths]
}

// part is a directory of the store, or a mount in it, with the place that it shows.
type part struct {
	path  string // relative to the store
	real  string // absolute, without symbolic links
	place disk.Place
	mount disk.Mount
	inner bool // it is mounted below one of the store's directories
}

// sharedPaths are the paths that other names lead to, with these names.
type sharedPaths struct {
	by     map[string][]string
	sorted []string
}

func newShares(store *disk.Dir) *Shares {
	s := &Shares{store: store, leads: map[string]bool{}, names: map[string]string{}}
	s.shared.Store(&sharedPaths{})
	return s
}

// Shares returns what is known of names that lead to other parts of the store.
func (w *Walker) Shares() *Shares { return w.shares }

// lead records that a symbolic link is in a place of the layout.
func (s *Shares) lead(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.leads[path]; !ok {
		s.leads[path] = false
	}
}

// Any reports whether anything is shared.
func (s *Shares) Any() bool { return len(s.shared.Load().sorted) > 0 }

// IsShared reports whether removing a path would remove the target of another name:
// the path itself, something below it, or a directory above it.
func (s *Shares) IsShared(path string) bool {
	h := s.shared.Load()
	if len(h.sorted) == 0 {
		return false
	}
	for at := path; at != "." && at != "/"; at = pathpkg.Dir(at) {
		if _, ok := h.by[at]; ok {
			return true
		}
	}
	lo, hi := h.below(path)
	return lo < hi
}

// below returns which of the sorted paths are below a directory.
func (h *sharedPaths) below(path string) (lo, hi int) {
	lo = sort.SearchStrings(h.sorted, path+"/")
	hi = lo + sort.Search(len(h.sorted)-lo, func(i int) bool { return !strings.HasPrefix(h.sorted[lo+i], path+"/") })
	return lo, hi
}

// Others returns the paths that lead to a path that is shared, or to something below
// it, relative to the store and sorted.
func (s *Shares) Others(path string) (list []string) {
	h := s.shared.Load()
	for at := path; at != "." && at != "/"; at = pathpkg.Dir(at) {
		for _, by := range h.by[at] {
			list = append(list, by+strings.TrimPrefix(path, at))
		}
	}
	lo, hi := h.below(path)
	for _, at := range h.sorted[lo:hi] {
		list = append(list, h.by[at]...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Opaque returns a mount below repositories/ that may show another part of the
// store without saying which; "" if there is none.
func (s *Shares) Opaque() string { return s.opaque }

// OtherNames returns the other names by which a registry serves a repository,
// sorted.
func (s *Shares) OtherNames(repository string) (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for second, first := range s.names {
		switch rest, ok := strings.CutPrefix(repository, first+"/"); {
		case repository == first:
			list = append(list, second)
		case ok:
			list = append(list, second+"/"+rest)
		case first == "":
			list = append(list, second+"/"+repository)
		}
	}
	slices.Sort(list)
	return list
}

// FirstName returns the name of a repository if the given name is a second name of
// it, or "".
func (s *Shares) FirstName(repository string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, rest := repository, ""; at != "."; at, rest = pathpkg.Dir(at), pathpkg.Join(pathpkg.Base(at), rest) {
		if first, ok := s.names[at]; ok {
			return pathpkg.Join(first, rest)
		}
	}
	return ""
}

// SettleAgain is Settle at the end of a look that has begun with Settle. If a
// walk is needed to find mounts, it is made only if there is a new symbolic
// link.
func (s *Shares) SettleAgain() (more bool, err error) {
	if s.mounts.IsBlind() && !s.hasNewLeads() {
		return false, nil
	}
	return s.Settle()
}

func (s *Shares) hasNewLeads() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, followed := range s.leads {
		if !followed {
			return true
		}
	}
	return false
}

// Settle finds where the symbolic links that were met, and the mounts in the
// store, lead to. It reports whether anything is shared that was not before.
func (s *Shares) Settle() (more bool, err error) {
	shared := map[string][]string{}
	maps.Copy(shared, s.shared.Load().by)
	before := len(shared)
	if s.mounts, err = s.store.MountsIn(layout.IsForeign, append(parts(), s.targets()...)...); err != nil {
		return false, err
	}
	if err := s.findParts(); err != nil {
		return false, err
	}
	if err := s.findUnclear(); err != nil {
		return false, err
	}
	s.shareMounts(shared)
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, followed := range s.leads {
		if !followed {
			s.follow(path, shared)
			s.leads[path] = true
		}
	}
	if len(shared) == before {
		return false, nil
	}
	s.shared.Store(&sharedPaths{shared, slices.Sorted(maps.Keys(shared))})
	return true, nil
}

// findParts finds the store's directories and the mounts below them.
func (s *Shares) findParts() error {
	s.parts, s.opaque = nil, ""
	for _, name := range parts() {
		resolved, err := s.store.Resolve(name)
		if disk.Gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		mount, _ := s.mounts.At(resolved)
		whole := part{path: name, real: resolved, place: s.mounts.PlaceOf(resolved), mount: mount}
		s.parts = append(s.parts, whole)
		for _, m := range s.mounts.Within(resolved) {
			inner := part{path: name + filepath.ToSlash(strings.TrimPrefix(m.Point, resolved)), real: m.Point, place: s.mounts.PlaceOf(m.Point), mount: m, inner: true}
			s.parts = append(s.parts, inner)
			if name == layout.Repositories && m.Device != whole.place.Device && (m.IsOpaque() || mount.IsOpaque()) {
				s.opaque = inner.path
			}
		}
	}
	return nil
}

// shareMounts records what a mount in the store shows that is elsewhere in it, too, as
// shared by both of its names.
func (s *Shares) shareMounts(shared map[string][]string) {
	for i := range s.parts {
		m := &s.parts[i]
		if !m.inner {
			continue
		}
		for k := range s.parts {
			if k == i {
				continue
			}
			for _, path := range s.parts[k].shows(s.mounts, m.place) {
				share(shared, path, m.path)
				share(shared, m.path, path)
			}
		}
	}
}

func share(shared map[string][]string, path, by string) {
	if !slices.Contains(shared[path], by) {
		shared[path] = append(slices.Clip(shared[path]), by)
	}
}

// shows returns the path by which a part of the store shows a place or, if it
// shows only what is below that place, the part's own.
func (p *part) shows(mounts *disk.Mounts, place disk.Place) []string {
	if p.place.Device != place.Device {
		return nil
	}
	if disk.IsWithin(place.Path, p.place.Path) {
		rest := strings.TrimPrefix(place.Path, strings.TrimSuffix(p.place.Path, "/"))
		if on, ok := mounts.At(p.real + rest); ok && on.ID != p.mount.ID {
			return nil // another mount hides it there
		}
		return []string{p.path + filepath.ToSlash(rest)}
	}
	if disk.IsWithin(p.place.Path, place.Path) {
		return []string{p.path}
	}
	return nil
}

// follow records as shared what a symbolic link leads to, and what is mounted below
// that.
func (s *Shares) follow(path string, shared map[string][]string) {
	resolved, err := s.store.Target(path)
	if err != nil {
		return // whoever reads it will say so
	}
	places := []disk.Place{s.mounts.PlaceOf(resolved)}
	for _, m := range s.mounts.Within(resolved) {
		places = append(places, s.mounts.PlaceOf(m.Point))
	}
	for _, place := range places {
		for i := range s.parts {
			for _, to := range s.parts[i].shows(s.mounts, place) {
				if to != path {
					share(shared, to, path)
				}
			}
		}
	}
}

// place is where a directory of the store is, without regard to its names.
func (s *Shares) place(path string) (disk.Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mounts == nil {
		mounts, err := s.store.Mounts()
		if err != nil {
			return disk.Place{}, err
		}
		s.mounts = mounts
	}
	resolved, err := s.store.Resolve(path)
	return s.mounts.PlaceOf(resolved), err
}

func (s *Shares) second(name, first string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = first
}
