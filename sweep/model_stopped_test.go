//go:build unix

package sweep_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// lostMarks are what may become of the mark of a stopped run before the next one.
var lostMarks = []string{"mark is there", "mark is lost", "no mark could be made", "no file could be made", "the store takes no mark"}

// TestModelStopped kills runs on random stores while names are set aside, touches
// the store, and lets another run finish the work: what is live is whole, and no
// name stays set aside, whatever became of the mark.
// To see one again: go test ./sweep -run TestModelStopped -rapid.seed=N.
func TestModelStopped(t *testing.T) {
	c := onRandomStores(t, 240, (*census).checkStopped)
	c.atLeast(t, 5, slices.Concat(lostMarks, []string{
		"gc", "gc -m", "rm", "pushed again", "whole", "met without a mark",
		"aside: " + layout.AsideLink, "aside: " + layout.Aside, "aside: tag",
	})...)
}

func (c *census) checkStopped(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 3, 12).Draw(t, "ops"))
	seed := rapid.Uint64().Draw(t, "seed")
	command := rapid.SampledFrom([]string{"gc", "gc -m", "rm"}).Draw(t, "command")
	becomes := rapid.SampledFrom(lostMarks).Draw(t, "mark")
	store, text := c.newStore(t, dir, text)
	k := &killing{c: c, s: store, r: rand.New(rand.NewPCG(seed, 3)), becomes: becomes}
	k.first = pipeline{dir: store.Dir, rules: usual(store.Now), jobs: 1}
	k.first.rules.DeleteUntagged = command == "gc -m"
	if command == "rm" {
		if k.targets = drawTargets(t, pullableIn(store), false); len(k.targets) == 0 {
			return
		}
		k.first.rules.Selected = mark.Select(k.targets)
	}
	c.add(command, 1)
	if wrong := k.compare(); len(wrong) > 0 {
		t.Fatalf("%s, %s, killed at call %d:\n  %s\nin\n%s", command, becomes, k.at, withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// killing is a run that is killed, and what follows.
type killing struct {
	c       *census
	s       *layouttest.Store
	r       *rand.Rand
	becomes string
	first   pipeline
	targets []mark.Target // of rm
	at      int
}

// refuses makes the calls fail that would leave a mark.
func (k *killing) refuses(op disk.Op, path string) error {
	mark := op == disk.OpWrite && strings.HasSuffix(path, layout.Unfinished)
	switch {
	case k.becomes == "no mark could be made" && (mark || op == disk.OpLink), k.becomes == "no file could be made" && mark:
		return syscall.ENOSPC
	case k.becomes == "the store takes no mark" && (mark && path == layout.Unfinished || op == disk.OpLink):
		return syscall.EACCES
	}
	return nil
}

// kill runs the command and kills it at a call after the first name has been set
// aside; it reports whether there was one.
func (k *killing) kill() bool {
	renamed, left := false, 1+k.r.IntN(40)
	k.first.fault = func(op disk.Op, path string) error {
		k.at++
		if left <= 0 {
			return errCrash
		}
		if err := k.refuses(op, path); err != nil {
			return err
		}
		renamed = renamed || op == disk.OpRename
		if renamed {
			left--
		}
		return nil
	}
	o := k.first.runUnlessRefused()
	if o == nil {
		return false
	}
	if !renamed && o.err != nil && k.becomes == "no mark could be made" && strings.Contains(o.err.Error(), "leave a mark") {
		k.c.add("refused without a mark", 1)
	}
	return renamed
}

// change does what happens until the next run: somebody leaves a file, the store
// is touched, the mark may be lost, and something that was set aside is pushed again.
func (k *killing) change() error {
	if k.becomes == "mark is lost" {
		if err := os.Remove(k.s.Dir + "/" + layout.Unfinished); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	marked := strings.Contains(strings.Join(pathsOf(k.s.Dir), "\n"), "/"+layout.Unfinished)
	for _, p := range pathsOf(k.s.Dir) {
		base := filepath.Base(p)
		switch {
		case base == layout.AsideLink, base == layout.Aside:
			k.c.add("aside: "+base, 1)
		case strings.HasPrefix(base, layout.GonePrefix):
			k.c.add("aside: tag", 1)
		}
		if base != layout.AsideLink || !marked || k.r.IntN(4) > 0 {
			continue // without a mark nothing tells if all of it is live again
		}
		// The registry writes the link again, and the blob if it does not see it.
		content, err := os.ReadFile(k.s.Dir + p)
		if err == nil {
			err = os.WriteFile(k.s.Dir+strings.TrimSuffix(p, layout.AsideLink)+layout.Link, content, 0o644)
		}
		d, perr := layout.ParseDigest(strings.TrimSpace(string(content)))
		if err != nil || perr != nil {
			return fmt.Errorf("%w %w", err, perr)
		}
		data := k.s.Dir + "/" + layout.BlobDir(d) + "/"
		if aside, err := os.ReadFile(data + layout.Aside); err == nil {
			if err := os.WriteFile(data+layout.Data, aside, 0o644); err != nil {
				return err
			}
		}
		k.c.add("pushed again", 1)
	}
	if err := os.WriteFile(k.s.Dir+"/.DS_Store", nil, 0o644); err != nil {
		return err
	}
	return os.Chtimes(k.s.Dir, k.s.Now, k.s.Now.Add(-time.Duration(k.r.IntN(1000))*time.Hour))
}

func (k *killing) compare() (wrong complaints) {
	before := pullableIn(k.s)
	keeps := readModel(k.s.Dir, k.s.Now, k.first.rules.DeleteUntagged).judge(false)
	if !k.kill() {
		return nil
	}
	k.c.add(k.becomes, 1)
	if err := k.change(); err != nil {
		wrong.add("%v", err)
		return wrong
	}
	unmarked := !exists(k.s.Dir + "/" + layout.Unfinished)
	next := pipeline{dir: k.s.Dir, rules: usual(k.s.Now), jobs: 2}
	next.rules.DeleteUntagged = k.first.rules.DeleteUntagged
	for range 2 {
		if o := next.run(); o.said() {
			wrong.add("the next run says %v, %v", o.err, o.failures)
			return wrong
		}
	}
	if unmarked {
		k.c.add("met without a mark", 1)
	}
	for _, p := range pathsOf(k.s.Dir) {
		// What is beside its own name does no harm, and is met only if a mark tells.
		beside := strings.HasSuffix(p, ".regsweep") && exists(k.s.Dir+strings.TrimSuffix(p, ".regsweep"))
		if strings.Contains(p, ".regsweep") && !(unmarked && beside) {
			wrong.add("it is still set aside: %s", p)
		}
	}
	after := pullableIn(k.s)
	for _, ref := range before {
		if keeps.refs[ref] && k.first.rules.Selected == nil || k.neverNamed(ref) {
			k.c.add("whole", 1)
			if !slices.Contains(after, ref) {
				wrong.add("%s was to stay, and lacks %v", ref, k.s.Missing(ref))
			}
		}
	}
	return wrong
}

// neverNamed reports whether a reference is in no repository that rm names, and a
// tag, which the next run must not take either.
func (k *killing) neverNamed(ref string) bool {
	if k.first.rules.Selected == nil {
		return false
	}
	this := target(ref)
	return this.Tag != "" && !strings.HasPrefix(this.Tag, "sha256-") && !slices.ContainsFunc(k.targets, func(t mark.Target) bool { return t.Repository == this.Repository })
}
