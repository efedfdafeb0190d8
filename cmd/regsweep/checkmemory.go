package main

import (
	"context"
	"errors"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/verified"
	"github.com/regsweep/regsweep/sweep"
)

// checkMemory is what a check remembers of those before it. It does nothing for a check
// that reads all at once.
type checkMemory struct {
	r     *reading
	known *verified.Table // nil if nothing is remembered
	since time.Time       // what was read later is left out; zero leaves out nothing
}

func (r *reading) remember(o *checkOptions) *checkMemory {
	m := &checkMemory{r: r}
	if o.lasts > 0 || o.maxAge > 0 {
		m.known = sweep.ReadVerified(r.dir)
	}
	if o.maxAge > 0 {
		m.since = r.rules.Now.Add(-time.Duration(o.maxAge))
	}
	return m
}

// prepare chooses what is read, and in which order.
func (m *checkMemory) prepare(ids []mark.ID, count *mark.DataRead, c *report.Checked) []mark.ID {
	if m.known == nil {
		return ids
	}
	again, left := m.r.store.Recheck(ids, m.known, m.since)
	c.BlobsRemembered = int64(left)
	count.InOrder = true
	count.Whole = func(d layout.Digest, size int64) { m.known.Set(d, size, time.Now()) }
	return again
}

// errTime ends the reading of data, and not the check.
var errTime = errors.New("the time is over")

// limit ends the reading after a time; 0 is never. The caller calls done.
func (m *checkMemory) limit(ctx context.Context, lasts time.Duration) (reading context.Context, done func()) {
	if lasts == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, lasts, errTime)
}

// keep remembers what was read. Other checks may have read more meanwhile, such as
// those of other shards.
func (m *checkMemory) keep(found []mark.Damage) {
	if m.known == nil {
		return
	}
	for _, d := range found {
		m.known.Forget(m.r.store.Table.Digest(d.ID))
	}
	all := sweep.ReadVerified(m.r.dir)
	all.Add(m.known)
	for _, d := range found {
		all.Forget(m.r.store.Table.Digest(d.ID))
	}
	all.Keep(m.r.store.HasBlob)
	if err := sweep.WriteVerified(m.r.dir, all); err != nil {
		m.r.voice.Warn("what was read is not remembered: %s", err)
	}
}
