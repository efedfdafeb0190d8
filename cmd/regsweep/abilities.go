package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// mostProbes is how often a filesystem may fail before it is believed.
const mostProbes = 3

// probe tries on a network filesystem what a sweep needs, before it touches
// anything. Where nothing can be tried, as on a full disk, the sweep goes on: it
// fails item by item at worst. Nothing is tried where a run was stopped, which
// has shown what works. A filesystem that writes files back later, as that of
// rclone, may be busy with those of the probe: what fails is tried again.
func (j *job) probe(ctx context.Context) error {
	if j.lock == nil || !j.lock.Remote || j.rules.Resumed {
		return nil
	}
	p, err := j.lock.Probe(ctx)
	for tries := 1; tries < mostProbes && err == nil && p != nil && ctx.Err() == nil; tries++ {
		if level, _ := judgeAbilities(p); level != levelError {
			break
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		p, err = j.lock.Probe(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || p == nil {
		return nil //nolint:nilerr // nothing could be tried
	}
	level, consequence := judgeAbilities(p)
	reason := errors.Join(p.Lacks[disk.Renames], p.Lacks[disk.Syncs])
	if level != levelError || disk.IsNoSpace(reason) {
		return nil
	}
	return &layout.HintError{
		Err:  fmt.Errorf("the filesystem of %q cannot do what a sweep needs: %w", j.place.Store, cause(reason)),
		Hint: consequence + "; nothing has been changed; to see what it can do: " + j.where.Command("doctor"),
	}
}
