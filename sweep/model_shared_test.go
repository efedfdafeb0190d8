//go:build unix

package sweep_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
)

// TestModelShared gives parts of random stores several names, by symbolic links,
// hard links and, where this is allowed, mounts, and runs gc, gc -m, rm and prune on them, with and without the
// trash: whatever could be pulled by following links, and is not named, can be
// pulled afterwards.
// To see one again: go test ./sweep -run TestModelShared -rapid.seed=N.
func TestModelShared(t *testing.T) {
	c, checks := randomStores(t, 192, 48, (*census).checkShared)
	t.Logf("in the stores: %v", c.counts)
	if t.Failed() || checks < 192 {
		return
	}
	if n := c.counts["mount"]; n < 8 && (n > 0 || os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1") {
		t.Errorf("only %d mounts in all stores: as root, with the right to mount, there are more", n)
	}
	for _, what := range []string{
		"whole", "removed", "refused", "symlink", "hard link", "equal", "moved", "link", "directory", "data",
		"gc", "gc -m", "rm", "prune", "trash", "restore", "emptied",
	} {
		if c.counts[what] < 8 {
			t.Errorf("only %d of %q in all stores", c.counts[what], what)
		}
	}
}

func (c *census) checkShared(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 3, 14).Draw(t, "ops"))
	seed, n := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 5).Draw(t, "shared")
	command := rapid.SampledFrom([]string{"gc", "gc -m", "rm", "prune"}).Draw(t, "command")
	trash := rapid.SampledFrom([]string{"", "", "empty", "restore"}).Draw(t, "trash")
	root := filepath.Join(dir, strconv.Itoa(c.add("stores", 1)))
	defer func() { _ = os.RemoveAll(root) }() // what is left of it is no part of the test
	store, text, err := build(root, text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	s := &sharer{c: c, dir: store.Dir, r: rand.New(rand.NewPCG(seed, 1)), at: store.Now.Add(-30 * 24 * time.Hour)}
	defer s.unmount()
	for range n {
		s.share(false)
	}
	if s.r.IntN(2) == 0 {
		s.share(true) // last: a mounted directory cannot be moved
	}
	run := pipeline{dir: store.Dir, rules: usual(store.Now), jobs: 4, trash: trash != ""}
	run.rules.DeleteUntagged = command == "gc -m"
	v := &verdicts{seed: uint32(seed), share: 2, said: map[string]bool{}, goes: map[string]bool{}, held: map[string]bool{}}
	var targets []mark.Target
	switch command {
	case "rm":
		if targets = drawTargets(t, pullableIn(store), false); len(targets) == 0 {
			return
		}
		run.rules.Away = mark.NewRemoval(targets)
	case "prune":
		run.rules.Away = mark.NewPruning(v.judge)
	}
	c.add(command, 1)
	may := func(ref string) bool { return mayGo(store, command, ref, targets, v) }
	if command != "prune" { // whose judge decides in the run
		may = remember(pullableIn(store), may)
	}
	wrong := c.compareShared(store, run, trash, may)
	if len(wrong) > 0 {
		what := strings.Join(append(wrong, s.done...), "\n  ")
		t.Fatalf("%s %v, trash: %q\n  %s\nin\n%s", command, withNames(store, fmt.Sprint(targets)), trash, withNames(store, what), text)
	}
}

// compareShared runs a command, and says what can not be pulled afterwards. A
// reference may go if the plan names it, and the command may.
func (c *census) compareShared(s *layouttest.Store, run pipeline, trash string, may func(ref string) bool) (wrong complaints) {
	before := pullableIn(s)
	removed := map[string]bool{}
	done := run.runUnlessRefused()
	if done == nil {
		c.add("refused", 1)
	} else {
		if done.said() {
			wrong.add("the run says %v, %v", done.err, done.failures)
		}
		if done.plan != nil {
			for _, l := range lines(done.plan, true) {
				removed[nameOf(l)] = true
				c.add("removed", 1)
			}
		}
	}
	check := func(when string) {
		after := pullableIn(s)
		for _, ref := range before {
			if there := slices.Contains(after, ref); !there && !(removed[ref] && may(ref)) && !c.lacksRemoved(s, ref, removed) {
				wrong.add("%s could be pulled and cannot %s; the plan names it: %v; it lacks %v", ref, when, removed[ref], s.Missing(ref))
			}
			c.add("whole", 1)
		}
	}
	check("after the run")
	if trash == "" || done == nil {
		return wrong
	}
	c.add("trash", 1)
	c.add(trash, 1)
	if trash == "restore" {
		if o := run.restore(); o.said() {
			wrong.add("the restore says %v, %v", o.err, o.failures)
		}
	} else {
		o := run.empty() // it refuses where a name in the store leads there
		for _, f := range o.failures {
			wrong.add("the trash keeps %s: %v", f.Path, f.Err)
		}
		if o.err == nil && len(o.failures) == 0 {
			c.add("emptied", 1)
		}
	}
	check("after that of the trash: " + trash)
	return wrong
}

// lacksRemoved reports whether all that a reference lacks are manifests that the
// plan names: children of an index go where a command may take them.
func (c *census) lacksRemoved(s *layouttest.Store, ref string, removed map[string]bool) bool {
	lacks := s.Missing(ref)
	for _, part := range lacks {
		digest, ok := strings.CutPrefix(part, "manifest ")
		if !ok || !removed[target(ref).Repository+"@"+digest] || strings.HasSuffix(ref, "@"+digest) {
			return false
		}
	}
	return len(lacks) > 0
}

// remember asks what may go while all of it is there.
func remember(refs []string, may func(ref string) bool) func(ref string) bool {
	all := map[string]bool{}
	for _, ref := range refs {
		all[ref] = may(ref)
	}
	return func(ref string) bool { return all[ref] }
}

// mayGo reports whether a command may take a reference away: one that it names,
// a tag of an image that it names, what goes with that, or garbage by its rules.
func mayGo(s *layouttest.Store, command, ref string, targets []mark.Target, v *verdicts) bool {
	this := target(ref)
	along := strings.HasPrefix(this.Tag, "sha256-") // it goes with its subject
	switch command {
	case "gc":
		return false
	case "gc -m":
		return this.Tag == "" || along
	case "prune":
		return v.said[ref] || along || this.Tag == ""
	}
	for _, t := range targets {
		if t.Repository != this.Repository {
			continue
		}
		if along || this.Tag == "" || t.Tag == "" && t.Digest.IsZero() || digestOf(s, t) == digestOf(s, this) {
			return true
		}
	}
	return false
}

func digestOf(s *layouttest.Store, t mark.Target) string {
	if t.Tag == "" {
		return t.Digest.String()
	}
	l, _ := readLink(s.Dir + "/" + layout.Object{Kind: layout.TagCurrent, Repository: t.Repository, Tag: t.Tag}.Path())
	return l.target
}

func nameOf(l sweep.ItemLine) string {
	switch l.Kind {
	case "tag":
		return l.Repository + ":" + l.Name
	case "manifest":
		return l.Repository + "@" + l.Digest
	}
	return l.Kind
}

// runUnlessRefused runs as the command does, or returns nil if it would refuse.
func (p pipeline) runUnlessRefused() *outcome {
	if p.rules.Away == nil {
		return p.run()
	}
	refused := false
	var o *outcome
	p.refuse = func(l *mark.Look) bool {
		refused = l.Borrowed != "" || len(p.rules.Away.Refusals(l)) > 0
		return refused
	}
	if o = p.run(); refused {
		return nil
	}
	return o
}

// pullableIn are the references that can be pulled, by following links.
func pullableIn(s *layouttest.Store) (refs []string) {
	var find func(name string, depth int)
	find = func(name string, depth int) {
		dir := s.Dir + "/repositories/" + name
		for _, child := range namesOrNone(dir) {
			switch {
			case child == "_manifests":
				for _, tag := range namesOrNone(dir + "/_manifests/tags") {
					refs = append(refs, name+":"+tag)
				}
				for _, alg := range namesOrNone(dir + "/_manifests/revisions") {
					for _, hex := range namesOrNone(dir + "/_manifests/revisions/" + alg) {
						refs = append(refs, name+"@"+alg+":"+hex)
					}
				}
			case !strings.HasPrefix(child, "_") && depth < 4:
				find(path.Join(name, child), depth+1)
			}
		}
	}
	find("", 0)
	return slices.DeleteFunc(refs, func(ref string) bool {
		return strings.Contains(ref, ".regsweep") || len(s.Missing(ref)) > 0
	})
}

// namesOrNone are the names in a directory; none if there is no such directory.
func namesOrNone(dir string) (list []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// sharer gives parts of a store more names.
type sharer struct {
	c    *census
	dir  string
	r    *rand.Rand
	at   time.Time // when it was done
	n    int
	done []string
	// mounted are directories that others are mounted on.
	mounted []string
}

// share puts in place of one part of the store a name that leads to an equal
// thing elsewhere: to one that is there, or to where it is moved to.
func (s *sharer) share(mount bool) {
	parts := s.parts()
	if mount {
		parts = slices.DeleteFunc(parts, func(p string) bool {
			info, err := os.Stat(s.dir + p)
			return err != nil || !info.IsDir()
		})
	}
	if len(parts) == 0 {
		return
	}
	from := parts[s.r.IntN(len(parts))]
	to := s.elsewhere(from)
	equal := s.equals(from, parts)
	if len(equal) > 0 && s.r.IntN(2) == 0 {
		to = equal[s.r.IntN(len(equal))]
		s.c.add("equal", 1)
		s.must(os.RemoveAll(s.dir + from))
	} else {
		s.c.add("moved", 1)
		s.must(os.MkdirAll(s.dir+path.Dir(to), 0o755))
		s.must(os.Rename(s.dir+from, s.dir+to))
	}
	info, err := os.Stat(s.dir + to)
	s.must(err)
	kind := "symlink"
	switch {
	case mount && info.IsDir() && s.mount(to, from):
		kind = "mount"
	case !info.IsDir() && s.r.IntN(3) == 0:
		kind = "hard link"
		s.must(os.Link(s.dir+to, s.dir+from))
	default:
		relative, err := filepath.Rel(path.Dir(from), to)
		s.must(err)
		s.must(os.Symlink(relative, s.dir+from))
		s.old(from)
	}
	for _, p := range []string{from, to} {
		for d := path.Dir(p); strings.Count(d, "/") > 1; d = path.Dir(d) {
			s.old(d)
		}
	}
	s.c.add(kind, 1)
	switch {
	case path.Base(from) == layout.Data:
		s.c.add("data", 1)
	case info.IsDir():
		s.c.add("directory", 1)
	default:
		s.c.add("link", 1)
	}
	s.done = append(s.done, fmt.Sprintf("%s is a %s to %s", from, kind, to))
}

// mount shows a directory by another name, where this is allowed.
func (s *sharer) mount(to, from string) bool {
	s.must(os.Mkdir(s.dir+from, 0o777))
	if mountBind(s.dir+to, s.dir+from) == nil {
		s.mounted = append(s.mounted, s.dir+from)
		return true
	}
	s.must(os.Remove(s.dir + from))
	return false
}

// unmount comes before the store is removed.
func (s *sharer) unmount() {
	for _, p := range slices.Backward(s.mounted) {
		s.must(unmountBind(p))
	}
}

func (s *sharer) must(err error) {
	if err != nil {
		panic(err) // no place to write: no test
	}
}

// old sets the time of a name, not of what it leads to.
func (s *sharer) old(p string) {
	at, err := unix.TimeToTimespec(s.at)
	s.must(err)
	s.must(unix.UtimesNanoAt(unix.AT_FDCWD, s.dir+p, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
}

// parts are what may be shared: links, and directories in which these are, and
// data; nothing that is behind a symbolic link.
func (s *sharer) parts() (list []string) {
	for _, p := range tree(s.dir) {
		name, isDir := strings.CutSuffix(p, "/")
		info, err := os.Lstat(s.dir + name)
		s.must(err)
		if info.Mode()&os.ModeSymlink != 0 || strings.HasPrefix(name, "/repositories/z/") {
			continue
		}
		base, above := path.Base(name), path.Base(path.Dir(name))
		hasLink := exists(s.dir+name+"/link") || exists(s.dir+name+"/current/link")
		switch {
		case !isDir && base == layout.Link, isDir && hasLink && above != "signatures":
			list = append(list, name)
		case !isDir && base == layout.Data && strings.HasPrefix(name, "/blobs/"):
			list = append(list, name)
		case isDir && strings.HasPrefix(name, "/blobs/") && exists(s.dir+name+"/data"):
			list = append(list, name)
		case isDir && s.r.IntN(4) == 0 && (base == layout.Layers || base == layout.Tags || above == layout.Layers || above == layout.Revisions):
			list = append(list, name)
		}
	}
	return list
}

// elsewhere is where a part may be moved to: the same place of a repository that
// has nothing else, or another blob or an upload. Nothing is there, so that no
// name that leads there comes to lead nowhere.
func (s *sharer) elsewhere(from string) string {
	s.n++
	if rest, ok := strings.CutPrefix(from, "/blobs/"); ok {
		alg, _, _ := strings.Cut(rest, "/")
		if path.Base(from) == layout.Data && s.r.IntN(3) == 0 {
			return fmt.Sprintf("/repositories/z/_uploads/00000000-0000-4000-8000-%012d/data", s.n)
		}
		hex := layout.FromBytes(layout.SHA256, fmt.Append(nil, from, s.n)).Hex()
		if alg != "sha256" {
			hex = strings.Repeat(hex, 2)[:len(strings.Split(rest, "/")[2])]
		}
		to := "/blobs/" + alg + "/" + hex[:2] + "/" + hex
		if path.Base(from) == layout.Data {
			to += "/data"
		}
		return to
	}
	at := strings.Index(from, "/_")
	to := "/repositories/z" + from[at:]
	if exists(s.dir + to) {
		to = fmt.Sprintf("/repositories/z/%d", s.n) + from[at:]
	}
	return to
}

// equals are the parts that hold the same link, in files or directories of a kind.
func (s *sharer) equals(from string, parts []string) (list []string) {
	key := func(p string) string {
		for _, below := range []string{"", "/link", "/current/link"} {
			if l, err := os.ReadFile(s.dir + p + below); err == nil && !strings.HasPrefix(p, "/blobs/") {
				kind := "link"
				if below != "" {
					kind = strings.Split(p[strings.Index(p, "/_"):], "/")[1] + below
				}
				return kind + string(l)
			}
		}
		return ""
	}
	this := key(from)
	for _, p := range parts {
		if p != from && this != "" && key(p) == this && !strings.HasPrefix(p, from+"/") && !strings.HasPrefix(from, p+"/") {
			list = append(list, p)
		}
	}
	return list
}
