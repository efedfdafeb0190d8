package sweep_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker/disk"
)

// simulated is a clock of which every call to the system takes a millisecond,
// and a sync as long as sync says.
type simulated struct {
	at   time.Time
	sync time.Duration
	told func() // is called when time has passed
}

func (c *simulated) pace(settle time.Duration) sweep.Pace {
	return sweep.Pace{
		Settle: settle,
		Now:    func() time.Time { return c.at },
		Wait:   func(_ context.Context, d time.Duration) { c.pass(d) },
	}
}

func (c *simulated) pass(d time.Duration) {
	c.at = c.at.Add(d)
	if c.told != nil {
		c.told()
	}
}

func (c *simulated) call(op disk.Op) {
	if op == disk.OpSync {
		c.pass(c.sync)
	}
	c.pass(time.Millisecond)
}

// A registry may have found the data of a blob as late as when it is renamed, so
// it is from then on that it gets the time to link that. A sync that takes longer
// than this time must not eat it up.
func TestSettleCountsFromTheLastNameThatWasSetAside(t *testing.T) {
	const settle = time.Second
	for _, c := range []struct{ name, store, last string }{
		{"blobs", "age 30d\nimage a:v1 layers=1 as=live\nimage a layers=2 as=gone", "/" + layout.Data},
		{"links only", "age 30d\nimage a:v1 layers=1 as=live\nimage b layers=1 config=live.config as=gone", "/" + layout.Link},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := layouttest.New(t, c.store)
			for _, held := range []time.Duration{0, 1200 * time.Millisecond, time.Hour} {
				clock := &simulated{at: s.Now, sync: held}
				var renamed, looked time.Time
				p := pipeline{dir: newTemplate(t, c.store).copy(scratch(t) + "/store").Dir, jobs: 1, rules: usual(s.Now), pace: clock.pace(settle)}
				p.fault = func(op disk.Op, path string) error {
					switch {
					case op == disk.OpRename && strings.HasSuffix(path, c.last):
						renamed, looked = clock.at, time.Time{}
					case looked.IsZero() && !renamed.IsZero() && op == disk.OpList && path == layout.Repositories:
						looked = clock.at
					}
					clock.call(op)
					return nil
				}
				o := p.run()
				if o.said() || renamed.IsZero() || looked.IsZero() {
					t.Fatalf("%v %v; the last name was set aside at %v, and the store looked at after it at %v", o.err, o.failures, renamed, looked)
				}
				if waited := looked.Sub(renamed); waited < settle {
					t.Errorf("a sync takes %v: the store is looked at %v after the last name was set aside", held, waited)
				}
			}
		})
	}
}
