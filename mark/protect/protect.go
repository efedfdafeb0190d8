// Package protect reads lists of what must be kept, and says what of a repository they name.
package protect

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/regsweep/regsweep/layout"
)

// List is a list of repositories, tags and digests that stay. A nil
// List protects nothing. Its methods may be called concurrently.
type List struct {
	entries []*protected
}

// protected is one line. Of its parts those that are empty match anything,
// but an entry with a tag protects tags only, and one with a digest digests.
type protected struct {
	line   int
	text   string
	names  []string // globs; several for a name that begins with a host; none for any repository
	tag    string   // glob
	digest layout.Digest
	hit    atomic.Bool
}

// Read reads one NAME, NAME:TAG, NAME@DIGEST, glob of these or bare
// digest a line. Blank lines and those that begin with # are skipped. A name
// may begin with a registry's host, as clusters report it. Errors name the line.
func Read(r io.Reader, file string) (*List, error) {
	p := &List{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" || text[0] == '#' {
			continue
		}
		e, err := parseProtected(text)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", file, n, err)
		}
		e.line, e.text = n, text
		p.entries = append(p.entries, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return p, nil
}

func parseProtected(text string) (*protected, error) {
	e := &protected{}
	if d, err := layout.ParseDigest(text); err == nil {
		e.digest = d
		return e, nil
	}
	name := text
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	name, digest, ok := strings.Cut(name, "@")
	if ok {
		d, err := layout.ParseDigest(digest)
		if err != nil {
			return nil, err
		}
		e.digest = d
	}
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		name, e.tag = name[:at], name[at+1:]
		if e.tag == "" {
			return nil, fmt.Errorf("%q names no tag after the colon", text)
		}
	}
	e.names = []string{name}
	if host, rest, ok := strings.Cut(name, "/"); ok && strings.ContainsAny(host, ".:") || host == "localhost" {
		e.names = append(e.names, rest)
	}
	for _, glob := range append(e.names, e.tag) {
		if !doublestar.ValidatePattern(glob) {
			return nil, fmt.Errorf("%q is not a glob", glob)
		}
	}
	if name == "" || strings.ContainsAny(name, " \t") {
		return nil, fmt.Errorf("%q is not NAME, NAME:TAG, NAME@DIGEST or a digest", text)
	}
	return e, nil
}

func (e *protected) inRepository(name string) bool {
	if e.names == nil {
		return true
	}
	for _, glob := range e.names {
		if doublestar.MatchUnvalidated(glob, name) {
			return true
		}
	}
	return false
}

// Within returns what is protected in one repository, which may have several
// names, or nil.
func (p *List) Within(names ...string) *List {
	if p == nil {
		return nil
	}
	here := &List{}
	for _, e := range p.entries {
		if slices.ContainsFunc(names, e.inRepository) {
			here.entries = append(here.entries, e)
		}
	}
	if len(here.entries) == 0 {
		return nil
	}
	return here
}

// All reports whether the whole repository is protected; p is within it.
func (p *List) All() bool {
	return p.any(func(e *protected) bool { return e.tag == "" && e.digest.IsZero() })
}

// HasTag reports whether a tag is protected; p is within its repository.
func (p *List) HasTag(tag string) bool {
	return p.any(func(e *protected) bool { return e.tag != "" && doublestar.MatchUnvalidated(e.tag, tag) })
}

// Digests calls fn for every digest that is protected; fn reports whether it is there.
func (p *List) Digests(fn func(layout.Digest) bool) {
	p.any(func(e *protected) bool { return !e.digest.IsZero() && fn(e.digest) })
}

// any asks about every entry, so that each that matches is known to have.
func (p *List) any(match func(*protected) bool) bool {
	found := false
	if p == nil {
		return false
	}
	for _, e := range p.entries {
		if match(e) {
			e.hit.Store(true)
			found = true
		}
	}
	return found
}

// Empty reports whether nothing is named.
func (p *List) Empty() bool { return p == nil || len(p.entries) == 0 }

// Unmatched returns the lines that have protected nothing.
func (p *List) Unmatched() (lines []string) {
	if p == nil {
		return nil
	}
	for _, e := range p.entries {
		if !e.hit.Load() {
			lines = append(lines, fmt.Sprintf("line %d: %s", e.line, e.text))
		}
	}
	return lines
}

// Anywhere calls fn for every digest that is protected in all repositories; fn
// reports whether it is there.
func (p *List) Anywhere(fn func(layout.Digest) bool) {
	p.any(func(e *protected) bool { return e.names == nil && fn(e.digest) })
}
