package glob

import (
	"strings"
	"unicode/utf8"
)

// states is a set of ops: those at which a match may be.
type states []uint64

func (s states) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s states) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s states) empty() bool {
	for _, word := range s {
		if word != 0 {
			return false
		}
	}
	return true
}

// smallGlob is how many words of states need no memory of their own.
const smallGlob = 2

// Match reports whether the glob matches a whole name.
func (g *Glob) Match(name string) bool {
	switch {
	case !g.meta:
		return name == g.literal
	case g.text == "**":
		return true
	case g.text == "*":
		return strings.IndexByte(name, '/') < 0
	}
	var memory [4][smallGlob]uint64
	words := (len(g.ops) + 63) / 64
	if words > smallGlob {
		return g.match(name, make(states, words), make(states, words), make(states, words), make(states, words))
	}
	return g.match(name, memory[0][:words], memory[1][:words], memory[2][:words], memory[3][:words])
}

// match reads the name. The sets are empty, and memory for it.
func (g *Glob) match(name string, now, next, before, after states) bool {
	now.add(0)
	start := true // of a part of the name
	for rest := name; ; {
		char, size := utf8.DecodeRuneInString(rest)
		end := rest == ""
		clear(before)
		clear(after)
		g.spread(now, before, after, start, end || char == '/')
		if end {
			return now.has(len(g.ops) - 1)
		}
		clear(next)
		g.step(now, next, char)
		if now, next = next, now; now.empty() {
			return false
		}
		rest, start = rest[size:], char == '/'
	}
}

// spread adds the states that are reached without reading a character, where a
// part of the name starts or ends here. A ** that is a part by itself may stand
// for none: where a part ends, the slash before it is left out as well, and
// where one starts, the slash after it. before holds the states at which only
// such a ** may follow, after those at which only such a slash may.
func (g *Glob) spread(now, before, after states, start, end bool) {
	for i := range g.ops {
		o := &g.ops[i]
		for _, set := range [3]states{now, before, after} {
			if (o.kind == opSplit || o.kind == opJump) && set.has(i) {
				for _, to := range o.to {
					set.add(to)
				}
			}
		}
		switch slash := o.kind == opChar && o.char == '/'; {
		case o.kind == opStar && now.has(i):
			now.add(i + 1)
		case o.kind == opParts && (now.has(i) || before.has(i)):
			if start && now.has(i) {
				after.add(i + 1)
			}
			now.add(i + 1)
		case slash:
			if after.has(i) {
				now.add(i + 1)
			}
			if end && now.has(i) {
				before.add(i + 1)
			}
		}
	}
}

// step adds the states that are reached by reading a character.
func (g *Glob) step(now, next states, char rune) {
	for i := range g.ops {
		if !now.has(i) {
			continue
		}
		switch o := &g.ops[i]; o.kind {
		case opChar:
			if o.char == char {
				next.add(i + 1)
			}
		case opAny:
			if char != '/' {
				next.add(i + 1)
			}
		case opClass:
			if o.class.has(char) {
				next.add(i + 1)
			}
		case opStar:
			if char != '/' {
				next.add(i)
			}
		case opParts:
			next.add(i)
		}
	}
}
