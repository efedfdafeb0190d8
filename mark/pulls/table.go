package pulls

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/glob"
)

// Pull is a line of the table: what was pulled, when last, and how often.
type Pull struct {
	Repository string
	Tag        string        // empty if it was pulled by its digest
	Digest     layout.Digest // zero if it was pulled by its tag, and it is not known what that named then
	Last       time.Time
	Count      int64
}

// Table has the pulls of a store's images, by what pulled them. It must not be
// used concurrently while it grows.
type Table struct {
	spans  []Span
	rows   map[key]*row
	agents map[string]string // each is kept once
}

type key struct {
	repository, tag string
	digest          layout.Digest
	agent           string
}

type row struct {
	last  time.Time
	count int64
}

// mostRows bounds the memory that logs can take.
const mostRows = 10_000_000

// NewTable returns a table without a pull.
func NewTable() *Table { return &Table{rows: map[key]*row{}, agents: map[string]string{}} }

// Reach is what the logs tell of.
type Reach struct {
	// Has reports whether a repository is in the store: others' pulls are passed over.
	Has func(repository string) bool
	// Named is what a tag named at a time, as far as its history says; or zero.
	Named func(repository, tag string, at time.Time) layout.Digest
	// Oldest and Now are the times of the store's oldest file, and of the run.
	Oldest, Now time.Time
}

// Added is what a log has added to a table.
type Added struct {
	Counts
	// Foreign says that no line names a repository of the store: the log is of
	// another registry, covers nothing, and nothing of it is in the table.
	Foreign bool
}

// errTooMany is the error about logs that would take too much memory.
var errTooMany = errors.New("the logs have more than ten million different pulls: something is wrong in them")

// Read adds a log to the table. What it covers counts only if some line of it
// names a repository of the store.
func (t *Table) Read(in io.Reader, reach *Reach) (a Added, err error) {
	var covers cover
	a.Foreign = true
	full := false
	log := &Log{Oldest: reach.Oldest, Now: reach.Now, Tell: func(r *Request) (used bool) {
		covers.add(r.At)
		r.places(func(p *place) {
			if !reach.Has(p.repository) {
				return
			}
			a.Foreign = false
			if p.isManifest() && r.isPull() {
				used = true
				full = !t.add(r, p, reach) || full
			}
		})
		return used
	}}
	if a.Counts, err = log.Read(in); err == nil && full {
		err = errTooMany
	}
	if err == nil && !a.Foreign {
		t.spans = joined(append(t.spans, covers.spans()...))
	}
	return a, err
}

// add adds one pull. It reports whether there was room.
func (t *Table) add(r *Request, p *place, reach *Reach) bool {
	k := key{repository: p.repository, tag: p.tag, digest: p.digest, agent: strings.ToValidUTF8(cut(r.Agent), "?")}
	if r.Tag != "" && layout.IsTag(r.Tag) {
		k.tag = r.Tag
	}
	switch {
	case !r.Digest.IsZero():
		k.digest = r.Digest
	case k.digest.IsZero():
		k.digest = reach.Named(p.repository, p.tag, r.At)
	}
	return t.put(k, r.At, 1)
}

// cut shortens what pulls to a length that none in use has.
func cut(agent string) string { return agent[:min(len(agent), 512)] }

func (t *Table) put(k key, last time.Time, count int64) bool {
	if at := t.rows[k]; at != nil {
		at.count += count
		if last.After(at.last) {
			at.last = last
		}
		return true
	}
	if len(t.rows) >= mostRows {
		return false
	}
	k.repository, k.tag = strings.Clone(k.repository), strings.Clone(k.tag)
	agent, known := t.agents[k.agent]
	if !known {
		agent = strings.Clone(k.agent)
		t.agents[agent] = agent
	}
	k.agent = agent
	t.rows[k] = &row{last, count}
	return true
}

// Spans are the times that the table covers, the earliest first.
func (t *Table) Spans() []Span { return t.spans }

// Empty reports whether nothing has been read into the table.
func (t *Table) Empty() bool { return len(t.spans) == 0 && len(t.rows) == 0 }

// Pulls are the lines of the table, sorted by repository, tag and digest. What
// ignore names does not count.
func (t *Table) Pulls(ignore *Agents) []Pull {
	sums := map[key]*Pull{}
	for k, r := range t.rows {
		if ignore.Match(k.agent) {
			continue
		}
		k.agent = ""
		p := sums[k]
		if p == nil {
			p = &Pull{Repository: k.repository, Tag: k.tag, Digest: k.digest}
			sums[k] = p
		}
		p.Count += r.count
		if r.last.After(p.Last) {
			p.Last = r.last
		}
	}
	list := make([]Pull, 0, len(sums))
	for _, p := range sums {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Pull) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag), a.Digest.Compare(b.Digest))
	})
	return list
}

// Agents are globs of what pulls and does not count, such as scanners.
type Agents struct{ globs []glob.Glob }

// NewAgents reads globs, in which * is any text, slashes included.
func NewAgents(globs []string) (*Agents, error) {
	a := &Agents{}
	for _, text := range globs {
		if text == "" {
			return nil, errors.New("an empty glob matches no agent")
		}
		g, err := glob.Parse(plainSlashes(text))
		if err != nil {
			return nil, fmt.Errorf("%q is not a glob: %w", text, err)
		}
		a.globs = append(a.globs, g)
	}
	return a, nil
}

// plainSlashes makes of slashes something that means nothing in a glob: in names
// they end what * matches.
func plainSlashes(text string) string { return strings.ReplaceAll(text, "/", "\x01") }

// Match reports whether an agent does not count.
func (a *Agents) Match(agent string) bool {
	if a == nil || len(a.globs) == 0 {
		return false
	}
	plain := plainSlashes(agent)
	return slices.ContainsFunc(a.globs, func(g glob.Glob) bool { return g.Match(plain) })
}

// Merge adds the pulls of another table.
func (t *Table) Merge(o *Table) error {
	t.spans = joined(append(t.spans, o.spans...))
	for k, r := range o.rows {
		if !t.put(k, r.last, r.count) {
			return errTooMany
		}
	}
	return nil
}
