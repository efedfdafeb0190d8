package pulls

import (
	"slices"
	"time"
)

// Break is the longest time without a line of any request that does not end
// what a log covers.
const Break = 3 * 24 * time.Hour

// Span is a time that logs cover, from one of their lines to another.
type Span struct{ From, To time.Time }

// cover notes the times of lines, in any order. Of each day it keeps the first
// and the last: two lines between which there is more than a day are these.
type cover struct {
	days map[int64]Span
}

const day = 24 * 60 * 60

func (c *cover) add(at time.Time) {
	if c.days == nil {
		c.days = map[int64]Span{}
	}
	key := at.Unix() / day
	s, ok := c.days[key]
	if !ok || at.Before(s.From) {
		s.From = at
	}
	if !ok || at.After(s.To) {
		s.To = at
	}
	c.days[key] = s
}

// spans are the times that the lines cover, the earliest first.
func (c *cover) spans() []Span {
	list := make([]Span, 0, len(c.days))
	for _, s := range c.days {
		list = append(list, s)
	}
	return joined(list)
}

// joined puts spans in order, and makes one of those between which there is no break.
func joined(list []Span) []Span {
	slices.SortFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	var all []Span
	for _, s := range list {
		if n := len(all); n > 0 && s.From.Sub(all[n-1].To) <= Break {
			if s.To.After(all[n-1].To) {
				all[n-1].To = s.To
			}
			continue
		}
		all = append(all, s)
	}
	return all
}

// begin is when what spans cover until now begins: after the last break. It is
// zero if they cover nothing that reaches until now.
func begin(spans []Span, now time.Time) time.Time {
	if len(spans) == 0 {
		return time.Time{}
	}
	last := spans[len(spans)-1]
	if now.Sub(last.To) > Break {
		return time.Time{}
	}
	return last.From
}
