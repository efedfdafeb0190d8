// Package protect reads lists of what must be kept, and says what of a repository they name.
package protect

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/glob"
)

// List is a list of repositories, tags and digests that are kept. A nil
// List protects nothing. Its methods may be called concurrently, once all lines
// have been added; those that add must not.
type List struct {
	entries []*protected

	// What follows is made of the entries when somebody first asks.
	once    sync.Once
	literal map[string][]placed // by the name of a repository
	others  []placed            // globs, and what is in any repository
}

// placed is an entry with its place among the entries of a list.
type placed struct {
	at int
	*protected
}

// Line is one line of a list.
type Line struct {
	Number  int       // in its file, from 1 on
	Pattern string    // as it was written
	Until   time.Time // the last day on which it protects, in UTC; zero if there is no end
	Note    string
	Lock    bool // it is in the store's own list
}

// Lift says what to do if what the line names is to be removed; command is what to call
// regsweep with, or nil.
func (l *Line) Lift() (command []string, hint string) {
	if l.Lock {
		return []string{"protect", "rm", l.Pattern}, "to lift that, if it should be removed"
	}
	return nil, "take " + l.Pattern + " out of the --protect list if it should be removed"
}

// protected is a line with what it names. Of its parts those that are empty
// match anything, but an entry with a tag protects tags only, and one with a
// digest digests.
type protected struct {
	Line
	names  []glob.Glob // several for a name that begins with a host; none for any repository
	tagged bool
	tag    glob.Glob
	digest layout.Digest

	expired bool
	hit     atomic.Bool // something in the store is named so
	image   atomic.Bool // and it is not only a blob
}

// maxLine is how long a line may be, in bytes.
const maxLine = 64 << 10

// Read reads one PATTERN [until=YYYY-MM-DD] [# NOTE] a line. A pattern is a NAME,
// NAME:TAG, NAME@DIGEST, glob of these or bare digest. Blank lines and those that
// begin with # are skipped. A name may begin with a registry's host, as clusters
// report it. What is anything else is an error, which names the line.
func Read(r io.Reader, file string) (*List, error) {
	p := &List{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := lines.Text()
		if n == 1 {
			text = strings.TrimPrefix(text, byteOrderMark)
		}
		if err := p.Add(n, text); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", file, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s, line %d: %w", file, n+1, err)
	}
	return p, nil
}

// Add adds what one line names; see Read. It must not be called once p is in use.
func (p *List) Add(number int, text string) error {
	e, err := parseLine(text)
	if err != nil || e == nil {
		return err
	}
	e.Number = number
	p.entries = append(p.entries, e)
	return nil
}

// Join protects what any of several does; each of them still knows
// which of its own lines protected nothing.
func Join(several ...*List) *List {
	joined := &List{}
	for _, p := range several {
		if p != nil {
			joined.entries = append(joined.entries, p.entries...)
		}
	}
	return joined
}

// Lock says that the list is the store's own. It must not be called once p is in use.
func (p *List) Lock() {
	for _, e := range p.entries {
		e.Lock = true
	}
}

// Expire ends the lines whose last day is before a moment. It must not be called
// once p is in use.
func (p *List) Expire(now time.Time) {
	if p == nil {
		return
	}
	for _, e := range p.entries {
		e.expired = e.Ended(now)
	}
}

// Empty reports whether nothing is named.
func (p *List) Empty() bool { return p == nil || len(p.entries) == 0 }

// index sorts the lines that protect by the repositories that they name.
func (p *List) index() {
	p.literal = map[string][]placed{}
	for at, e := range p.entries {
		if e.expired {
			continue
		}
		if len(e.names) == 0 || slices.ContainsFunc(e.names, isChoice) {
			p.others = append(p.others, placed{at, e})
			continue
		}
		for i := range e.names {
			name, _ := e.names[i].Literal()
			p.literal[name] = append(p.literal[name], placed{at, e})
		}
	}
}

func isChoice(g glob.Glob) bool {
	_, literal := g.Literal()
	return !literal
}

func (e *protected) inRepository(name string) bool {
	return len(e.names) == 0 || slices.ContainsFunc(e.names, func(g glob.Glob) bool { return g.Match(name) })
}

// within returns the lines that protect something of one repository, which may
// have several names, in their order.
func (p *List) within(names ...string) (here []placed) {
	if p == nil {
		return nil
	}
	p.once.Do(p.index)
	for _, name := range names {
		here = append(here, p.literal[name]...)
	}
	for _, e := range p.others {
		if slices.ContainsFunc(names, e.inRepository) {
			here = append(here, e)
		}
	}
	slices.SortFunc(here, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	return slices.Compact(here)
}

// Bare returns the line that protects a digest wherever it is, or nil.
func (p *List) Bare(d layout.Digest) *Line {
	if p == nil {
		return nil
	}
	for _, e := range p.entries {
		if !e.expired && len(e.names) == 0 && e.digest == d {
			return &e.Line
		}
	}
	return nil
}

// Anywhere calls fn for every digest that is protected in all repositories; fn
// reports whether it is there.
func (p *List) Anywhere(fn func(layout.Digest) bool) {
	if p == nil {
		return
	}
	for _, e := range p.entries {
		if !e.expired && len(e.names) == 0 && fn(e.digest) {
			e.hit.Store(true)
		}
	}
}
