package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
)

func (t *targets) add(f *pflag.FlagSet) {
	f.Var(&t.targetFree, "target-free", "remove only as much as is needed to have this `SPACE` free, such as 20% or 100GiB; the least recently used images are removed first")
	f.Var(&t.maxUsed, "max-used", "remove only as much as is needed for the store to use at most `SIZE` on the disk, such as 500GiB")
}

// verify checks the targets beside the other flags of prune.
func (t *targets) verify(f *pflag.FlagSet, o *pruneOptions) error {
	name := "--target-free"
	if t.targetFree.text == "" {
		name = "--max-used"
	}
	switch {
	case !t.given():
		return nil
	case t.maxUsed.text != "" && t.maxUsed.share >= 0:
		return &layout.HintError{Err: fmt.Errorf("--max-used %s is a share, and a store has no size of its own", t.maxUsed.text), Hint: "give a size such as 500GiB, or --target-free with a share of the filesystem"}
	case o.trash:
		return &layout.HintError{Err: fmt.Errorf("%s and --trash: what is moved to the trash frees nothing", name), Hint: "leave out --trash; --archive DIR first exports the images"}
	case o.untaggedOnly:
		return fmt.Errorf("%s and --untagged-only: only images with their tags can be removed in the order of their use", name)
	case !f.Changed("policy") && len(o.filters) == 0:
		return &layout.HintError{Err: fmt.Errorf("%s needs to know what may be removed", name), Hint: "give --policy FILE, or --filter 'REPO_REGEX:TAG_REGEX'"}
	}
	return nil
}

// errNoSpace refuses a filesystem whose figures cannot be true.
var errNoSpace = errors.New("the filesystem does not report how much space is free on it: nothing has been removed")

// measure reads what is free and used, and says what has to be freed.
func (f *fit) measure(ctx context.Context, j *job) error {
	space, err := sweep.SpaceOf(j.store)
	if err != nil {
		return fmt.Errorf("ask for the free space of %q: %w", j.place.Store, err)
	}
	f.FreeBefore, f.Size, f.apart = space.Free, space.Size, space.Apart
	if f.targetFree.text != "" {
		if !space.Told() {
			return &layout.HintError{Err: errNoSpace, Hint: "give --max-used SIZE instead"}
		}
		want := f.targetFree.of(space.Size)
		f.TargetFree, f.Needed = &want, max(want-space.Free, 0)
	}
	if f.maxUsed.text == "" {
		return nil
	}
	if f.targetFree.text != "" && f.apart {
		return &layout.HintError{Err: errors.New("--target-free and --max-used together, and the blobs are on a filesystem of their own: nothing has been removed"), Hint: "give one of them"}
	}
	f.apart = false // all of the store is to fit
	used, err := sweep.Used(ctx, j.store)
	if err != nil {
		return fmt.Errorf("measure the store: %w; nothing has been removed", err)
	}
	most := int64(f.maxUsed.bytes)
	f.MaxUsed, f.UsedBefore, f.Needed = &most, &used, max(f.Needed, used-most)
	return nil
}

// of is what the limit is of a whole, rounded up.
func (l *limit) of(whole int64) int64 {
	if l.share < 0 {
		return int64(l.bytes)
	}
	return int64(min(math.Ceil(l.share*float64(whole)), float64(whole)))
}

// mostCuts is how often the images to remove are chosen anew, where those that
// were chosen would free less than what was counted for them.
const mostCuts = 4

// look looks at the store. With a target it looks twice: for all images that the
// policy removes, of which it chooses, and then for what is chosen. The second
// look decides: what is not chosen is kept, and so is what has changed since.
func (j *job) look(ctx context.Context, store *mark.Store) (*mark.Look, error) {
	f := j.fit
	if f == nil || f.Needed == 0 {
		return store.LookAndTell(ctx, j.w, j.filing.observer()), nil
	}
	selected := j.rules.Selected
	selected.WithGarbage(true)
	selected.Collect()
	f.collecting = true
	all := store.LookAndTell(ctx, j.w, nil)
	candidates := selected.Candidates()
	f.collecting, f.Images = false, len(candidates)
	if j.hasNotSeenAll(ctx) {
		return all, nil // whoever asked looks at these first
	}
	plan := sweep.New(all).Closely()
	if total := plan.Total(); total.Bytes > 0 && total.DiskBytes == 0 {
		return nil, &layout.HintError{Err: errors.New("the filesystem does not report how much space files take: nothing has been removed"), Hint: "remove by a policy alone"}
	}
	need := f.Needed
	for n := 1; ; n++ {
		cut := plan.Fit(j.store, candidates, need, f.apart)
		f.choose(cut.Chosen)
		f.Garbage = cut.Garbage
		j.prune.again()
		store.Again()
		look := store.LookAndTell(ctx, j.w, j.filing.observer())
		if j.hasNotSeenAll(ctx) {
			return look, nil
		}
		if len(selected.Refusals(look)) > 0 {
			return look, nil // other images must not go in the place of those that are refused
		}
		// Of many links and directories the average counts: the plan has the last word.
		f.Frees = sweep.New(look).Closely().Space(j.store, f.apart)
		less := f.Needed - f.Frees
		if less <= 0 || len(cut.Chosen) == len(candidates) || n == mostCuts {
			f.Shortfall = max(less, 0)
			return look, nil
		}
		need += less
	}
}

// hasNotSeenAll reports whether a look was stopped or met what it cannot read.
func (j *job) hasNotSeenAll(ctx context.Context) bool {
	return ctx.Err() != nil || j.w.Findings.Unreadable() > 0
}

// choose says which images go.
func (f *fit) choose(list []mark.Candidate) {
	f.Chosen, f.chosen = len(list), map[string]map[layout.Digest]*mark.Candidate{}
	for i := range list {
		c := &list[i]
		if f.chosen[c.Repository] == nil {
			f.chosen[c.Repository] = map[layout.Digest]*mark.Candidate{}
		}
		f.chosen[c.Repository][c.Digest] = c
	}
}
