package mark

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// Selected has the roots that a run removes: images, tags or whole repositories.
// The first Look that has it in its Rules finds what it names. Later Looks use
// what was found then. They remove a tag only if it still names the same digest,
// and a manifest only if its link has not been written again. They remove nothing
// that came later.
type Selected struct {
	// Force removes a manifest even if an index that is kept names it. That index
	// is a sparse one then.
	Force bool
	// TagsOnly removes tags and nothing else.
	TagsOnly bool
	// Globbed says that some targets were found by a glob, and not named, or that
	// a plan that was written down does not tell.
	Globbed bool

	targets []Target
	in      map[string]*selectedIn
	pruning *pruning // nil if the targets say what is removed
	listed  bool     // a plan that was written down says what is removed
}

// Target is something that a user wants to remove. If none of its last three
// fields is set, it is the whole repository. A Tag can come with a Digest or a
// Prefix, but not both, and then has to name that digest.
type Target struct {
	Repository string
	Tag        string
	Digest     layout.Digest
	Prefix     string // the beginning of a digest, with or without its algorithm
}

// String returns the target as it is written on a command line.
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

// selectedIn is what is removed from one repository.
type selectedIn struct {
	targets []Target
	whole   bool

	found     bool // the repository is there
	tags      map[string]selectedTag
	manifests map[ID]selectedNode // by the paths of their links
	refusals  []error
	absent    []string // tags that are not there and need not be removed
	images    []SelectedImage
	unread    int // targets that are manifests which cannot be read
	// sparse are indexes that are kept and may lack what is removed by force, with
	// the times of their links.
	sparse map[ID]int64
}

// selectedTag is a tag as the first Look found it.
type selectedTag struct {
	target ID // what its link holds
	mtime  int64
	with   bool // it is removed with the image that it is about
}

// selectedNode is a manifest as the first Look found it.
type selectedNode struct {
	mtime int64 // of its link
	named bool  // somebody named it, or one of its tags
}

// Select selects what targets name, so that these items are no roots any more.
func Select(targets []Target) *Selected {
	r := &Selected{in: map[string]*selectedIn{}}
	r.Add(targets)
	return r
}

// Add adds targets that the selection does not have. It must not be called once a
// Look has had the selection.
func (r *Selected) Add(targets []Target) {
	for _, t := range targets {
		if slices.Contains(r.targets, t) {
			continue
		}
		r.targets = append(r.targets, t)
		a := r.in[t.Repository]
		if a == nil {
			a = newSelectedIn()
			r.in[t.Repository] = a
		}
		a.targets = append(a.targets, t)
		a.whole = a.whole || t.whole()
	}
}

func newSelectedIn() *selectedIn {
	return &selectedIn{tags: map[string]selectedTag{}, manifests: map[ID]selectedNode{}, sparse: map[ID]int64{}}
}

// within returns what is removed from one repository, or nil.
func (r *Selected) within(repository string) *selectedIn {
	if r == nil {
		return nil
	}
	return r.in[repository]
}

// isListed reports whether a plan that was written down says what is removed.
func (r *Selected) isListed() bool { return r != nil && r.listed }

// Exact reports whether everything that is removed was named exactly, and is
// removed for that reason.
func (r *Selected) Exact() bool { return r != nil && !r.prunes() && !r.Globbed }

// Cures reports whether the removal has only manifests that cannot be read, given
// by digest. Only such a removal needs no marking, since it sweeps nothing.
func (r *Selected) Cures() bool {
	if r == nil || r.TagsOnly || r.listed || r.prunes() {
		return false
	}
	for _, t := range r.targets {
		a := r.in[t.Repository]
		if t.Tag != "" || a.whole || !a.found || a.unread < len(a.targets) || len(a.refusals) > 0 {
			return false
		}
	}
	return true
}

func (a *selectedIn) refuse(hint, format string, args ...any) { a.refuseTo(nil, hint, format, args...) }

// refuseProtected refuses what a line of a list protects.
func (a *selectedIn) refuseProtected(line *protect.Line, name string) {
	command, hint := line.Lift()
	a.refuseTo(command, hint, "%s is protected", name)
}

// refuseTo is refuse with the command to try next. It adds a reason, unless
// that has been said: a name may be met as that of a tag and again as one of its
// manifest's.
func (a *selectedIn) refuseTo(command []string, hint, format string, args ...any) {
	refusal := &layout.HintError{Err: fmt.Errorf(format, args...), Hint: hint, Command: command}
	said := func(err error) bool { return err.Error() == refusal.Error() }
	if !slices.ContainsFunc(a.refusals, said) {
		a.refusals = append(a.refusals, refusal)
	}
}

// fitting is the part of a pruning that is limited by a target.
type fitting struct {
	garbage    bool // what is garbage without the Selector is removed, too
	collects   bool // the next Look collects candidates
	candidates []Candidate
}

// sweepsGarbage reports whether what gc would remove is removed, too.
func (r *Selected) sweepsGarbage() bool { return r.prunes() && r.pruning.fitting.garbage }

// pruning is the part of a selection whose names come from a Selector.
type pruning struct {
	selector Selector
	mu       sync.Mutex // of selection.in
	again    func()     // is called before it is made once more, or nil
	// fitting is what a target for the space on the disk asks for.
	fitting fitting
}

// NewPruning returns a selection for which a Selector decides. When it removes a tag,
// it also removes the tag's image, if no kept tag names the image and nothing else
// keeps it.
func NewPruning(selector Selector) *Selected {
	return &Selected{in: map[string]*selectedIn{}, pruning: &pruning{selector: selector}}
}

// prunes reports whether a Selector says what is removed.
func (r *Selected) prunes() bool { return r != nil && r.pruning != nil }

// enter returns what is removed from a repository that is about to be looked at, or nil.
func (r *Selected) enter(repository string, first bool) *selectedIn {
	if !r.prunes() {
		return r.within(repository)
	}
	r.pruning.mu.Lock()
	defer r.pruning.mu.Unlock()
	if a := r.in[repository]; a != nil || !first {
		return a // nothing is removed from what came after the first Look
	}
	a := newSelectedIn()
	r.in[repository] = a
	return a
}

// startAgain forgets what the first Look has found, since another one will be
// the first.
func (r *Selected) startAgain() {
	if r == nil || r.listed {
		return // a plan that was written down says what is removed
	}
	if r.prunes() {
		r.pruning.fitting.candidates = nil
		clear(r.in)
		if r.pruning.again != nil {
			r.pruning.again()
		}
		return
	}
	for name, a := range r.in {
		anew := newSelectedIn()
		anew.targets, anew.whole = a.targets, a.whole
		r.in[name] = anew
	}
}

// OnAgain sets a function that is called before the Selector is asked again about all
// repositories, so that callers who keep its decisions can forget them.
func (r *Selected) OnAgain(fn func()) { r.pruning.again = fn }

// Candidate is an image that a Selector does not keep: a digest in a repository, with
// all of its tags that would be removed.
type Candidate struct {
	Repository string
	Digest     layout.Digest
	Tags       []CandidateTag // that are removed, sorted; none of an untagged manifest
	Used       time.Time      // the latest that the Selector has said of it
	Pushed     time.Time      // the latest of its tags, or of its link if it has none
	// Reach are the digests that it names, and that what is removed with it names,
	// sorted. It is empty if the manifest is kept and only tags are removed.
	Reach []ID
}

// CandidateTag is a tag that is removed with its image.
type CandidateTag struct {
	Name   string
	Pushed time.Time
}

func (c *Candidate) use(used, pushed time.Time) {
	if used.After(c.Used) {
		c.Used = used
	}
	if pushed.After(c.Pushed) {
		c.Pushed = pushed
	}
}

// SelectedImage is a manifest of a selection, or tags without their manifest.
type SelectedImage struct {
	Repository string
	Digest     layout.Digest // of the manifest; zero if only tags are removed
	Tags       []string      // that are removed with it
	Unnamed    []string      // those of Tags that nobody named
	Role       Role
	Unread     bool // the manifest cannot be read
	// Unlinked says that a tag is all that keeps the manifest, which registry
	// 2.1.0 linked as a layer.
	Unlinked bool
	// Untagged says that the manifest is kept, has no tag any more, and is named by
	// nothing else in the repository.
	Untagged bool
}
