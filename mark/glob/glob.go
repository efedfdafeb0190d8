// Package glob matches names against globs, in time that grows with the length
// of the name times that of the glob and no faster, whatever the glob is.
package glob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxLength is how long a glob may be, in bytes: longer than any name of a
// repository with its host and tag.
const MaxLength = 1024

// Glob is a pattern for whole names. Within a part of a name * stands for any
// characters and ? for one; ** stands for any number of parts, and where it is
// a part by itself for none at all, with one slash: a/** matches a, and a/**/b
// matches a/b. [a-z] and [!a-z] are classes, {a,b} are alternatives, which
// cannot be nested, and \ takes from the next character its meaning.
// The zero value matches the empty name only. Methods may be called concurrently.
type Glob struct {
	text    string
	literal string // what it matches, if meta is false
	meta    bool
	ops     []op
}

// op is one state of the automaton, which the name is read with. All edges
// that read nothing lead forward.
type op struct {
	kind  opKind
	char  rune
	class *class
	to    []int // of split and jump
}

type opKind uint8

const (
	opChar  opKind = iota + 1
	opAny          // ?
	opClass        // [...]
	opStar         // *
	opParts        // **
	opSplit        // {
	opJump         // the end of an alternative
	opEnd
)

// class is a set of characters. A slash is in none.
type class struct {
	not    bool
	ranges [][2]rune
}

func (c *class) has(r rune) bool {
	in := slices.ContainsFunc(c.ranges, func(one [2]rune) bool { return one[0] <= r && r <= one[1] })
	return in != c.not && r != '/'
}

// Errors of Parse.
var (
	ErrLong   = fmt.Errorf("a glob of more than %d bytes is longer than any name", MaxLength)
	ErrBrace  = errors.New("a { without its }")
	ErrClose  = errors.New("a } without its {")
	ErrNested = errors.New("braces within braces")
	ErrClass  = errors.New("a [ without its ]")
	ErrRange  = errors.New("a class with nothing in it")
	ErrEscape = errors.New("a backslash with nothing after it")
)

// Has reports whether a text has a character that means something in a glob.
func Has(text string) bool { return strings.ContainsAny(text, `*?[{\`) }

// Parse reads a glob.
func Parse(text string) (Glob, error) {
	if len(text) > MaxLength {
		return Glob{}, ErrLong
	}
	p := parser{rest: text, brace: -1}
	if err := p.parse(); err != nil {
		return Glob{}, err
	}
	g := Glob{text: text, ops: append(p.ops, op{kind: opEnd}), meta: p.meta}
	if !g.meta {
		g.literal = p.literal.String()
		g.ops = nil
	}
	return g, nil
}

// MustParse is Parse of a glob that is known to be good.
func MustParse(text string) Glob {
	g, err := Parse(text)
	if err != nil {
		panic(fmt.Sprintf("glob %q: %v", text, err))
	}
	return g
}

// String is the glob as it was written.
func (g *Glob) String() string { return g.text }

// Literal returns the one name that the glob matches, if it has no choice.
func (g *Glob) Literal() (name string, ok bool) { return g.literal, !g.meta }

// parser turns a text into ops.
type parser struct {
	rest    string
	ops     []op
	literal strings.Builder
	meta    bool
	brace   int   // the op of the brace that is open, or -1
	ends    []int // of its alternatives
}

func (p *parser) parse() error {
	for p.rest != "" {
		if err := p.next(); err != nil {
			return err
		}
	}
	if p.brace >= 0 {
		return ErrBrace
	}
	return nil
}

// next reads what is next.
func (p *parser) next() error {
	c := p.char()
	switch {
	case c == '*':
		p.stars()
	case c == '?':
		p.add(op{kind: opAny})
	case c == '[':
		return p.class()
	case c == '{':
		return p.open()
	case c == '}':
		return p.close()
	case c == ',' && p.brace >= 0:
		p.alternative()
	case c == '\\':
		if p.rest == "" {
			return ErrEscape
		}
		p.addChar(p.char())
	default:
		p.addChar(c)
	}
	return nil
}

func (p *parser) char() rune {
	r, size := utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[size:]
	return r
}

func (p *parser) add(o op) {
	p.meta = true
	p.ops = append(p.ops, o)
}

func (p *parser) addChar(c rune) {
	p.literal.WriteRune(c)
	p.ops = append(p.ops, op{kind: opChar, char: c})
}

// stars reads the stars after the first one: two or more are **.
func (p *parser) stars() {
	kind := opStar
	for strings.HasPrefix(p.rest, "*") {
		p.rest, kind = p.rest[1:], opParts
	}
	p.add(op{kind: kind})
}

func (p *parser) open() error {
	if p.brace >= 0 {
		return ErrNested
	}
	p.brace = len(p.ops)
	p.add(op{kind: opSplit, to: []int{p.brace + 1}})
	return nil
}

func (p *parser) alternative() {
	p.ends = append(p.ends, len(p.ops))
	p.add(op{kind: opJump})
	p.ops[p.brace].to = append(p.ops[p.brace].to, len(p.ops))
}

func (p *parser) close() error {
	if p.brace < 0 {
		return ErrClose
	}
	for _, end := range p.ends {
		p.ops[end].to = []int{len(p.ops)}
	}
	p.brace, p.ends = -1, nil
	return nil
}

// class reads what is after a [.
func (p *parser) class() error {
	c := &class{}
	if p.rest != "" && (p.rest[0] == '!' || p.rest[0] == '^') {
		p.rest, c.not = p.rest[1:], true
	}
	for {
		from, end, err := p.member()
		if err != nil {
			return err
		}
		if end {
			break
		}
		to := from
		if len(p.rest) > 1 && p.rest[0] == '-' && p.rest[1] != ']' {
			p.rest = p.rest[1:]
			if to, _, err = p.member(); err != nil {
				return err
			}
		}
		if to < from {
			return ErrRange
		}
		c.ranges = append(c.ranges, [2]rune{from, to})
	}
	if len(c.ranges) == 0 {
		return ErrRange
	}
	p.add(op{kind: opClass, class: c})
	return nil
}

// member reads a character of a class, or its end.
func (p *parser) member() (c rune, end bool, err error) {
	if p.rest == "" {
		return 0, false, ErrClass
	}
	switch c = p.char(); c {
	case ']':
		return 0, true, nil
	case '\\':
		if p.rest == "" {
			return 0, false, ErrEscape
		}
		c = p.char()
	}
	return c, false, nil
}
