package retention

import (
	"cmp"
	"slices"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// thing is one tag or untagged manifest.
type thing struct {
	*Decision
	untagged    bool
	referrer    bool // a referrer's tag
	orphan      bool // whose subject is not linked
	undecidable string
	timeless    bool // its time cannot be used
	pushed      time.Time
	pulled      time.Time // zero if no log tells of a pull
	labels      *Labels
	history     []Revision // of a tag
	configs     []layout.Digest
}

// keep adds a reason for which a thing is kept. One is enough: what spoke against
// it no longer counts.
func (t *thing) keep(reason string) {
	if !t.Keep {
		t.Keep, t.Reasons = true, nil
	}
	if !slices.Contains(t.Reasons, reason) {
		t.Reasons = append(t.Reasons, reason)
	}
}

// drop adds a reason for which a thing that nothing keeps is removed.
func (t *thing) drop(reason string) {
	if !t.Keep {
		t.Reasons = append(t.Reasons, reason)
	}
}

// protect keeps a thing for the lines of a protection that name it.
func (t *thing) protect(lines []string) {
	for _, line := range lines {
		t.Protected = true
		t.keep("protected by " + line)
	}
}

// newestFirst orders what has a usable time, and that by name where it is the
// same. Times beside the pointers sort twice as fast as those behind them.
func newestFirst(pool []*thing) []*thing {
	type moment struct {
		at int64
		*thing
	}
	moments := make([]moment, 0, len(pool))
	for _, t := range pool {
		if !t.timeless {
			moments = append(moments, moment{t.Time.UnixNano(), t})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int {
		if a.at != b.at {
			return cmp.Compare(b.at, a.at)
		}
		if c := cmp.Compare(a.Tag, b.Tag); c != 0 {
			return c
		}
		return a.Digest.Compare(b.Digest)
	})
	timed := make([]*thing, len(moments))
	for i := range moments {
		timed[i] = moments[i].thing
	}
	return timed
}
