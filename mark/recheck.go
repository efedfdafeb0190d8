package mark

import (
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// A Recheck finds at little cost what a registry has linked since a Look, and what
// that references. It asks for the times of directories and of links, and reads
// only what has changed. If it finds nothing, that proves nothing: only a Look
// says what is dead. If it cannot read something, it asks for it again the next
// time.
type Recheck struct {
	l     *Look // whose items go
	w     *walker.Walker
	since int64 // links that were written from then on are new
	// now is not after what the file server calls the present.
	now    func() time.Time
	places []*Place
	known  map[string]bool // places, by their names
	// parents are the directories that repositories may come to be in.
	parents []*parent
	entered map[string]bool // parents, by their names
}

// parent is a directory below repositories/, whose own name is "".
type parent struct {
	name string
	stamp
}

// Place is a repository that a Recheck looks at.
type Place struct {
	Name string
	// Repo is its index among the Look's repositories, or NoRepo.
	Repo uint32
	// bare are its directories without a link: a link that comes to be there
	// changes the time of no directory above.
	bare  []bareDir
	parts [2]stamp
}

// stamp is what is known of a directory from when it was last asked for.
type stamp struct {
	mtime, asked int64
	unread       bool // not all that had changed could be read
}

// sameMoment is how long after a change another one may leave the time of a
// directory as it is: no filesystem counts in larger steps.
const sameMoment = 3 * time.Second

// changed says whether a directory has to be read, since it got a name after it
// was read last, or may have.
func (s *stamp) changed(mtime, now, since int64) bool {
	was := *s
	s.mtime, s.asked, s.unread = mtime, now, false
	switch {
	case was.unread:
		return true
	case was.asked == 0:
		return mtime >= since
	}
	return mtime != was.mtime || mtime >= was.asked-int64(sameMoment)
}

// Recheck returns a Recheck for what this Look selected for removal, with the
// rules of a later Look. now must not be after the present of the file server's
// clock.
func (l *Look) Recheck(w *walker.Walker, later *Look, now func() time.Time) *Recheck {
	k := &Recheck{
		l: l, w: w.Glancing(), now: now,
		since: l.rules.Now.Add(-sameMoment).UnixNano(),
		known: map[string]bool{}, entered: map[string]bool{},
	}
	k.enter("")
	for _, name := range later.hollow {
		k.enter(name)
	}
	for i := range later.Repositories {
		r := &later.Repositories[i]
		k.add(r.Name, r.bare)
	}
	return k
}

// add begins to look at a repository, and at the directories above it.
func (k *Recheck) add(name string, bare []bareDir) {
	p := &Place{Name: name, Repo: NoRepo, bare: bare}
	at, ok := slices.BinarySearchFunc(k.l.Repositories, name, func(r Repo, name string) int { return strings.Compare(r.Name, name) })
	if ok {
		p.Repo = uint32(at)
	}
	k.places = append(k.places, p)
	k.known[name] = true
	for name != "" && k.enter(name) {
		name = parentOf(name)
	}
}

// enter begins to look for new repositories in a directory, unless it is known.
func (k *Recheck) enter(name string) (first bool) {
	if first = !k.entered[name]; first {
		k.entered[name] = true
		k.parents = append(k.parents, &parent{name: name})
	}
	return first
}

func parentOf(name string) string {
	at := strings.LastIndexByte(name, '/')
	return name[:max(at, 0)]
}

// Places returns all repositories, including those that are new since the last
// call.
func (k *Recheck) Places() []*Place {
	for i := 0; i < len(k.parents); i++ { // more come to be while it goes on
		k.born(k.parents[i])
	}
	return k.places
}

// born looks for repositories and directories that have come to be in a directory.
func (k *Recheck) born(in *parent) {
	path := layout.Repositories
	if in.name != "" {
		path = layout.RepositoryDir(in.name)
	}
	now := k.now().UnixNano()
	mtime, err := k.w.DirTime(path)
	if err != nil || !in.changed(mtime, now, k.since) {
		in.unread = in.unread || err != nil
		return
	}
	all := k.w.Below(path, func(sub string) {
		switch {
		case sub[0] == '_':
			if in.name != "" && !k.known[in.name] {
				k.add(in.name, nil)
			}
		case !layout.IsForeign(sub):
			k.enter(strings.TrimPrefix(in.name+"/"+sub, "/"))
		}
	})
	in.unread = !all
}
