package protect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/glob"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/mark/retention"
)

// FuzzGlobLine holds that a line with globs, in a list and in a policy, is
// refused, names nothing and says so, or protects what it names; and that it is
// not refused if it is as the guide describes globs. What it names is told by a
// matcher that tries everything.
func FuzzGlobLine(f *testing.F) {
	for _, line := range []string{
		"a/**", "**/a:v*", "a*b/?:{v1,b}", "{a,b/c}", "[a-b]/[!a]", "a.b/*:v1", "localhost/a/**:*", "**", "docker://b.c/**/a", "a/[^b]*@sha256:" + strings.Repeat("ab", 32),
		"{a,b", "a}", "[a", "{a,{b,c}}", `a\*`, "a,b", "re:a.*", "!a/*", "*@", "a/{v1:a,b}", "a:{b,c/a}", "a.{b/c,b}/a", "**:v1 # NOTE", "a/* until=2999-12-31",
	} {
		f.Add(line, "a/b", "v1")
		f.Add(line, "c/a", "b")
	}
	f.Fuzz(func(t *testing.T, line, repository, tag string) {
		if len(line) > 90 || len(repository) > 9 || len(tag) > 5 || strings.Count(line, "*")+strings.Count(line, "?") > 6 || strings.Contains(line, "\n") {
			return
		}
		line = strings.TrimRight(line, "\r") // before the line feed
		pattern, _, _ := strings.Cut(strings.Trim(line, " \t"), " ")
		if strings.HasPrefix(pattern, "#") || !glob.Has(pattern) || !layout.IsRepository(repository) || !layout.IsTag(tag) {
			return // a note, or what FuzzLine has
		}
		list, lerr := protect.Read(strings.NewReader(line+"\n"), "list")
		policy := &retention.Policy{Protect: []string{line}}
		decider, perr := policy.Decider(retention.Options{Now: time.Now()})
		if lerr != nil && perr == nil {
			t.Fatalf("%q is refused in a list (%v), and not in a policy", line, lerr)
		}
		if lerr != nil {
			if strings.Trim(line, "abc*?") == "" {
				t.Fatalf("%q is a glob, and is refused: %v", line, lerr)
			}
			return
		}
		want := readStated(pattern)
		if list.Empty() || want == nil {
			t.Fatalf("%q is accepted, and names %v", line, want)
		}
		names := want.names(repository)
		d := want.digest
		g := list.Guard(repository)
		got := len(g.Repository()) > 0 || len(g.Tag(tag)) > 0 || !d.IsZero() && len(g.Digest(d)) > 0
		expected := names && (want.tag == nil || tries(want.tag, tag) || !d.IsZero())
		m := list.Matches()
		if got != expected || (len(m.Unmatched) == 0) != expected {
			t.Fatalf("%q protects %s:%s: %v, counted as naming nothing: %v; it should: %v", line, repository, tag, got, len(m.Unmatched) > 0, expected)
		}
		if perr != nil {
			return
		}
		protected := decider.Protects(repository, []retention.Tag{{Name: tag, Digest: d}})
		unmatched := slices.ContainsFunc(decider.Unmatched(), func(u retention.Unmatched) bool { return u.Kind == "protect" })
		if (len(protected) > 0) != expected || unmatched == expected {
			t.Fatalf("%q in a policy protects %s:%s: %v, reported as matching nothing: %v; it should: %v", line, repository, tag, len(protected) > 0, unmatched, expected)
		}
	})
}

// stated is what a pattern says, read once more.
type stated struct {
	repositories [][][]token
	tag          [][]token // nil if there is none
	digest       layout.Digest
}

// token is one thing that a glob reads: a character of a set, or stars.
type token struct {
	stars int // 1 within a part of a name, 2 for parts
	set   func(byte) bool
	slash bool
}

func (s *stated) names(repository string) bool {
	return slices.ContainsFunc(s.repositories, func(g [][]token) bool { return tries(g, repository) })
}

// readStated reads NAME, NAME:TAG, with @DIGEST after it or not; nil is none of these.
func readStated(pattern string) *stated {
	s := &stated{}
	for _, scheme := range []string{"docker://", "docker-pullable://"} {
		if rest, ok := strings.CutPrefix(pattern, scheme); ok {
			pattern = rest
			break
		}
	}
	if name, digest, ok := strings.Cut(pattern, "@"); ok {
		d, err := layout.ParseDigest(digest)
		if err != nil {
			return nil
		}
		pattern, s.digest = name, d
	}
	if colon := strings.LastIndex(pattern, ":"); colon > strings.LastIndex(pattern, "/") {
		if s.tag = readTokens(pattern[colon+1:]); s.tag == nil {
			return nil
		}
		pattern = pattern[:colon]
	}
	s.repositories = append(s.repositories, readTokens(pattern))
	if slash := strings.Index(pattern, "/"); slash >= 0 && (strings.ContainsAny(pattern[:slash], ".:") || pattern[:slash] == "localhost") {
		s.repositories = append(s.repositories, readTokens(pattern[slash+1:]))
	}
	if slices.ContainsFunc(s.repositories, func(g [][]token) bool { return g == nil }) {
		return nil
	}
	return s
}

// readTokens reads a glob into its alternatives, all written out; nil is no glob.
func readTokens(text string) [][]token {
	all, open := [][]token{{}}, [][]token(nil)
	var done [][]token // of the braces that are open
	add := func(one token) {
		for i := range all {
			all[i] = append(slices.Clip(all[i]), one)
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*':
			stars := 1
			for i+1 < len(text) && text[i+1] == '*' {
				i, stars = i+1, 2
			}
			add(token{stars: stars})
		case c == '?':
			add(token{set: func(b byte) bool { return b != '/' }})
		case c == '[':
			n, set := readClass(text[i+1:])
			if set == nil {
				return nil
			}
			i += n
			add(token{set: set})
		case c == '{' && open == nil:
			open, done = slices.Clone(all), nil
		case c == '{', c == '}' && open == nil:
			return nil
		case c == ',' && open != nil:
			done, all = append(done, all...), slices.Clone(open)
		case c == '}':
			all, open = append(done, all...), nil
		default:
			if c == '\\' {
				if i++; i == len(text) {
					return nil
				}
				c = text[i]
			}
			add(token{set: func(b byte) bool { return b == c }, slash: c == '/'})
		}
	}
	if open != nil {
		return nil
	}
	return all
}

// readClass reads what is after a [, and returns how long it is with its ].
func readClass(text string) (n int, set func(byte) bool) {
	end := 1
	for end < len(text) && text[end] != ']' {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	if strings.HasPrefix(text, "]") || end >= len(text) {
		return 0, nil
	}
	var members [256]bool
	inner := text[:end]
	not := inner[0] == '!' || inner[0] == '^'
	if not {
		inner = inner[1:]
	}
	next := func() (c byte) {
		if inner[0] == '\\' && len(inner) > 1 {
			inner = inner[1:]
		}
		c, inner = inner[0], inner[1:]
		return c
	}
	for inner != "" {
		from := next()
		to := from
		if len(inner) > 1 && inner[0] == '-' {
			inner = inner[1:]
			to = next()
		}
		for c := int(from); c <= int(to); c++ {
			members[c] = true
		}
	}
	return end + 1, func(b byte) bool { return members[b] != not && b != '/' }
}

func tries(alternatives [][]token, name string) bool {
	return slices.ContainsFunc(alternatives, func(g []token) bool { return try(g, name, true) })
}

// try tries everything. start says that a part of the name starts here. Two stars
// that are a part of a name stand for no part as well, with one slash.
func try(g []token, name string, start bool) bool {
	if len(g) == 0 {
		return name == ""
	}
	end := name == "" || name[0] == '/'
	if len(g) > 1 && end && g[0].slash && g[1].stars == 2 && try(g[2:], name, start) {
		return true
	}
	if len(g) > 1 && start && g[0].stars == 2 && g[1].slash && try(g[2:], name, start) {
		return true
	}
	if g[0].stars > 0 {
		more := name != "" && (g[0].stars == 2 || name[0] != '/')
		return try(g[1:], name, start) || more && try(g, name[1:], name[0] == '/')
	}
	return name != "" && g[0].set(name[0]) && try(g[1:], name[1:], name[0] == '/')
}
