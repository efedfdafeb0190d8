package mark

import (
	"fmt"
	"maps"
	"slices"

	"github.com/regsweep/regsweep/layout"
)

// Refusals returns the reasons why a run must change nothing, in the order of the
// targets: names that the look did not find, and items that must not be selected.
func (r *Selected) Refusals(l *Look) (list []error) {
	if r.prunes() {
		for _, name := range slices.Sorted(maps.Keys(r.in)) {
			list = append(list, r.in[name].refusals...)
		}
		return list
	}
	said := map[*selectedIn]bool{}
	for _, t := range r.targets {
		a := r.in[t.Repository]
		if said[a] {
			continue
		}
		said[a] = true
		if !a.found {
			list = append(list, unknownRepository(l, t.Repository))
			continue
		}
		list = append(list, a.refusals...)
	}
	return list
}

// Images returns what is removed, in the order of the targets' repositories.
func (r *Selected) Images() (list []SelectedImage) {
	said := map[*selectedIn]bool{}
	for _, t := range r.targets {
		if a := r.in[t.Repository]; !said[a] {
			said[a] = true
			list = append(list, a.images...)
		}
	}
	return list
}

// Absent returns tags that should be removed without their images, and that do not
// exist.
func (r *Selected) Absent() (names []string) {
	said := map[*selectedIn]bool{}
	for _, t := range r.targets {
		if a := r.in[t.Repository]; !said[a] {
			said[a] = true
			names = append(names, a.absent...)
		}
	}
	return names
}

// Repositories returns the repositories that are removed as a whole.
func (r *Selected) Repositories() (names []string) {
	for _, t := range r.targets {
		if t.whole() && !slices.Contains(names, t.Repository) {
			names = append(names, t.Repository)
		}
	}
	return names
}

func unknownRepository(l *Look, name string) error {
	if first := l.w.Shares().FirstName(name); first != "" {
		return &layout.HintError{
			Err:  fmt.Errorf("%q is another name of the repository %q: nothing is removed by it", name, first),
			Hint: "name it " + first,
		}
	}
	names := make([]string, len(l.Repositories))
	for i := range names {
		names[i] = l.Repositories[i].Name
	}
	return UnknownRepository(name, names)
}

// UnknownRepository returns the error about a repository that is not among names.
func UnknownRepository(name string, names []string) error {
	err := &layout.HintError{Err: fmt.Errorf("there is no repository %q", name), Hint: "the repositories", Command: []string{"ls"}}
	if near := Nearest(name, names); near != "" {
		err.Hint, err.Command = "did you mean "+near+"?", nil
	}
	return err
}
