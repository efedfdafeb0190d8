package retention

import (
	"cmp"
	"time"
)

// thing is one tag or untagged manifest.
type thing struct {
	*Decision
	pushed   time.Time
	held     string
	untagged bool
	referrer bool // a referrer's tag
	orphan   bool
	timeless bool // its time cannot be used
}

// keep adds a reason for which a thing stays. One is enough: what spoke against
// it no longer counts.
func (t *thing) keep(reason string) {
	if !t.Keep {
		t.Keep, t.Reasons = true, nil
	}
	t.Reasons = append(t.Reasons, reason)
}

// drop adds a reason for which a thing that nothing keeps goes.
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

// newestFirst orders by time, then by name. It is asked millions of times.
func newestFirst(a, b *thing) int {
	if c := b.Time.Compare(a.Time); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Tag, b.Tag); c != 0 {
		return c
	}
	return a.Digest.Compare(b.Digest)
}
