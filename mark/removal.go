package mark

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// Removal are roots that a run takes away: images, tags or whole repositories.
// The first Look that has it in its Rules finds what it names. The Looks after
// that hold it to what was found then: a tag goes only while it names the same
// digest, a manifest only while its link has not been written again, and
// nothing goes that came later.
type Removal struct {
	// Force removes a manifest even if an index that stays names it, which then
	// is a sparse one.
	Force bool
	// TagsOnly removes tags and nothing else.
	TagsOnly bool
	// Globbed says that some targets were found by a glob, and not named, or that
	// a plan that was written down does not tell.
	Globbed bool

	targets []Target
	in      map[string]*removalIn
	pruning *pruning // nil if the targets say what goes
	listed  bool     // a plan that was written down says what goes
}

// Target is what somebody wants to be removed: if none of its last three fields is
// set, it is the whole repository. A Tag with a Digest or Prefix, of which one at
// most is set, has to name that digest.
type Target struct {
	Repository string
	Tag        string
	Digest     layout.Digest
	Prefix     string // the beginning of a digest, with or without its algorithm
}

// String is the target as it is written on a command line.
func (t Target) String() string {
	switch {
	case t.Tag != "":
		return t.Repository + ":" + t.Tag
	case t.Prefix != "":
		return t.Repository + "@" + t.Prefix
	case !t.Digest.IsZero():
		return t.Repository + "@" + t.Digest.String()
	}
	return t.Repository
}

// whole reports whether all of the repository is meant.
func (t Target) whole() bool { return t.Tag == "" && t.Prefix == "" && t.Digest.IsZero() }

// matches reports whether the target names a manifest by its digest.
func (t Target) matches(d layout.Digest) bool {
	if t.Prefix == "" {
		return d == t.Digest
	}
	return strings.HasPrefix(d.String(), t.Prefix) || strings.HasPrefix(d.Hex(), t.Prefix)
}

// Role says why a manifest or a tag goes.
type Role uint8

// The roles.
const (
	Named     Role = iota + 1 // somebody named it, or one of its tags
	Child                     // of an index that goes
	Referrer                  // of a manifest that goes
	Signature                 // by a tag about a manifest that goes
)

// Going is a manifest that a Removal takes away, or tags without one.
type Going struct {
	Repository string
	Digest     layout.Digest // of the manifest; zero if only tags go
	Tags       []string      // that go with it
	Unnamed    []string      // those of Tags that nobody named
	Role       Role
	Unread     bool // the manifest cannot be read
	// Unlinked says that a tag is all that keeps the manifest, which registry
	// 2.1.0 linked as a layer.
	Unlinked bool
	// Untagged says that the manifest stays and has no tag any more, and that
	// nothing else in the repository names it.
	Untagged bool
}

// removalIn is what goes from one repository.
type removalIn struct {
	targets []Target
	whole   bool

	resolved  bool
	listed    bool // the first Look has not yet been
	tags      map[string]takenTag
	manifests map[ID]takenNode // by the paths of their links
	refusals  []error
	absent    []string // tags that are not there and need not be removed
	going     []Going
	unread    int // targets that are manifests which cannot be read
	// sparse are indexes that stay and may lack what goes by force, with the
	// times of their links.
	sparse map[ID]int64
}

// takenTag is a tag as the first Look found it.
type takenTag struct {
	target layout.Digest // zero if it names none
	mtime  int64
	with   bool // it goes with the image that it is about
}

// takenNode is a manifest as the first Look found it.
type takenNode struct {
	mtime int64 // of its link
	named bool  // somebody named it, or one of its tags
}

// NewRemoval takes what targets name from the roots.
func NewRemoval(targets []Target) *Removal {
	r := &Removal{in: map[string]*removalIn{}}
	r.Add(targets)
	return r
}

// Add adds targets that are not among those of the Removal. It must not be called
// once a Look has had it.
func (r *Removal) Add(targets []Target) {
	for _, t := range targets {
		if slices.Contains(r.targets, t) {
			continue
		}
		r.targets = append(r.targets, t)
		a := r.in[t.Repository]
		if a == nil {
			a = newRemovalIn()
			r.in[t.Repository] = a
		}
		a.targets = append(a.targets, t)
		a.whole = a.whole || t.whole()
	}
}

func newRemovalIn() *removalIn {
	return &removalIn{tags: map[string]takenTag{}, manifests: map[ID]takenNode{}, sparse: map[ID]int64{}}
}

// within returns what goes from one repository, or nil.
func (r *Removal) within(repository string) *removalIn {
	if r == nil {
		return nil
	}
	return r.in[repository]
}

// Refusals are the reasons for which a run has to change nothing, in the order
// of the targets: names that the look did not find, and what must not be taken away.
func (r *Removal) Refusals(l *Look) (list []error) {
	if r.prunes() {
		for _, name := range slices.Sorted(maps.Keys(r.in)) {
			list = append(list, r.in[name].refusals...)
		}
		return list
	}
	said := map[*removalIn]bool{}
	for _, t := range r.targets {
		a := r.in[t.Repository]
		if said[a] {
			continue
		}
		said[a] = true
		if !a.resolved {
			list = append(list, unknownRepository(l, t.Repository))
			continue
		}
		list = append(list, a.refusals...)
	}
	return list
}

// Going is what goes, in the order of the targets' repositories.
func (r *Removal) Going() (list []Going) {
	said := map[*removalIn]bool{}
	for _, t := range r.targets {
		if a := r.in[t.Repository]; !said[a] {
			said[a] = true
			list = append(list, a.going...)
		}
	}
	return list
}

// Absent are tags that were to be removed alone and are not there.
func (r *Removal) Absent() (names []string) {
	said := map[*removalIn]bool{}
	for _, t := range r.targets {
		if a := r.in[t.Repository]; !said[a] {
			said[a] = true
			names = append(names, a.absent...)
		}
	}
	return names
}

// Repositories are those that go as a whole.
func (r *Removal) Repositories() (names []string) {
	for _, t := range r.targets {
		if t.whole() && !slices.Contains(names, t.Repository) {
			names = append(names, t.Repository)
		}
	}
	return names
}

// Exact reports whether whatever goes was named exactly, and goes for that.
func (r *Removal) Exact() bool { return r != nil && !r.prunes() && !r.Globbed }

// Cures reports whether all that goes are manifests that cannot be read, given
// by digest: the one removal that needs no mark, since it sweeps nothing.
func (r *Removal) Cures() bool {
	if r == nil || r.TagsOnly || r.listed || r.prunes() {
		return false
	}
	for _, t := range r.targets {
		a := r.in[t.Repository]
		if t.Tag != "" || a.whole || !a.resolved || a.unread < len(a.targets) || len(a.refusals) > 0 {
			return false
		}
	}
	return true
}

func (a *removalIn) refuse(hint, format string, args ...any) { a.refuseTo(nil, hint, format, args...) }

// refuseProtected refuses what a line of a list protects.
func (a *removalIn) refuseProtected(line *protect.Line, name string) {
	command, hint := line.Lift()
	a.refuseTo(command, hint, "%s is protected", name)
}

// refuseTo is refuse with the command to try next. It adds a reason, unless
// that has been said: a name may be met as that of a tag and again as one of its
// manifest's.
func (a *removalIn) refuseTo(command []string, hint, format string, args ...any) {
	refusal := &layout.HintError{Err: fmt.Errorf(format, args...), Hint: hint, Command: command}
	said := func(err error) bool { return err.Error() == refusal.Error() }
	if !slices.ContainsFunc(a.refusals, said) {
		a.refusals = append(a.refusals, refusal)
	}
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

// UnknownRepository is the error about a repository that is not among names.
func UnknownRepository(name string, names []string) error {
	err := &layout.HintError{Err: fmt.Errorf("there is no repository %q", name), Hint: "the repositories", Command: []string{"ls"}}
	if near := Nearest(name, names); near != "" {
		err.Hint, err.Command = "did you mean "+near+"?", nil
	}
	return err
}
