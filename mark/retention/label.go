package retention

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Labels are the labels and annotations of an image.
type Labels struct {
	// Images has those of the image, or of each image of an index.
	Images []map[string]string
	// Unread says that not all of them can be read.
	Unread bool
}

// Labels returns the names of the labels that count in a repository. Others
// need not be known.
func (d *Decider) Labels(repository string) (names []string) {
	r := d.rule(repository)
	if r == nil {
		return nil
	}
	for i := range r.entries {
		if name := r.entries[i].keep.Label.Expires; name != "" {
			names = append(names, name)
		}
	}
	if r.Untagged != nil && r.Untagged.Label.Expires != "" {
		names = append(names, r.Untagged.Label.Expires)
	}
	return names
}

// Histories reports whether the histories of a repository's tags count.
func (d *Decider) Histories(repository string) bool {
	r := d.rule(repository)
	return r != nil && r.Untagged != nil && r.Untagged.Revisions > 0
}

// expiry is what a label says of a thing.
type expiry struct {
	value string
	after time.Duration
	has   bool // every image has the label
	bad   bool // a value is not an age
}

// expiry reads a label. Of an index's images the longest counts, and if one of
// them lacks the label, the index has none. A value that is not an age keeps the
// index, whatever its other images say.
func (l *Labels) expiry(name string) (e expiry) {
	e.has = len(l.Images) > 0
	for _, labels := range l.Images {
		value, ok := labels[name]
		if !ok {
			e.has = false
			continue
		}
		after, ok := parseExpiry(value)
		if !ok {
			return expiry{value: value, has: true, bad: true}
		}
		if e.value == "" || after > e.after {
			e.value, e.after = value, after
		}
	}
	if !e.has {
		return expiry{}
	}
	return e
}

var expiryValue = regexp.MustCompile(`^([0-9]{1,9})([smhdw])$`)

// parseExpiry reads a number with one of s, m, h, d and w; m is minutes.
// Source: Quay util/timedeltastring.py convert_to_timedelta.
func parseExpiry(value string) (time.Duration, bool) {
	m := expiryValue.FindStringSubmatch(value)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	if err != nil || n > int64(1<<63-1)/int64(unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// judgeLabel keeps what has the label until it has been there for as long as
// that says. It counts from the push, whichever time the rule judges by.
func (c *repositoryCase) judgeLabel(k *Keep, pool []*thing) {
	name := k.Label.Expires
	alone := *k == Keep{Label: k.Label}
	for _, t := range pool {
		e := t.labels.expiry(name)
		text := fmt.Sprintf("label %s=%s", name, e.value)
		ends := t.pushed.Add(e.after)
		switch unusable := c.unusable(t.pushed); {
		case t.labels.Unread:
			t.keep("label " + name + ": what the image says cannot be read")
		case e.bad:
			t.keep(fmt.Sprintf("label %s: %q is not a number with one of s, m, h, d and w", name, e.value))
			c.found.badLabel(name, e.value, t)
		case !e.has:
			t.drop("no label " + name)
			if alone && !t.Keep {
				c.found.warn(fmt.Sprintf("rule %q: only the label %s keeps these, and they do not have it: add last, within or another rule, unless they should be removed", c.rule.name, name), t.reference(), 1)
			}
		case unusable != "":
			t.keep(text + ": the pushed time " + unusable)
		case c.now.After(ends):
			t.drop(text + ": expired " + ends.UTC().Format("2006-01-02 15:04"))
		default:
			t.keep(text + ": until " + ends.UTC().Format("2006-01-02 15:04"))
		}
	}
}
