package retention

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
)

// Watch finds out which --filter or --exclude selects nothing in a store, and
// what its author may have meant. It may be used concurrently.
type Watch struct {
	filters []*watched
	store   atomic.Bool // there is a repository at all
}

// watched is one filter, and other ways to read it.
type watched struct {
	text         string
	exact        guess
	repositories atomic.Int64 // how many its first half matches
	guesses      []*guess
	glob         string // advice, if it looks like a glob
}

// guess is a way to read a filter. It has been found if it selects anything.
type guess struct {
	repository, tag *regexp.Regexp
	found           atomic.Bool
	advice          string
}

// NewWatch watches filters that FromFlags has accepted. With untagged only
// their first halves count.
func NewWatch(filters []string, untagged bool) *Watch {
	w := &Watch{}
	for _, text := range filters {
		f, err := parseFilter(text)
		if err != nil {
			continue // as FromFlags has said
		}
		one := &watched{text: text, exact: guess{repository: f.repositoryRE, tag: f.tagRE}}
		add := func(repository, tag, advice string, whole bool) {
			if g := newGuess(repository, tag, whole); g != nil {
				g.advice = advice
				one.guesses = append(one.guesses, g)
			}
		}
		if r, t := fromGlob(f.repository), fromGlob(f.tag); r != f.repository || t != f.tag {
			one.glob = fmt.Sprintf("it is a regular expression here, not a glob: write '%s:%s'", r, t)
			add(r, t, one.glob, true)
		}
		if host, rest, ok := strings.Cut(f.repository, "/"); ok && strings.ContainsAny(host, ".") && rest != "" {
			add(rest, f.tag, fmt.Sprintf("names have no host here: write '%s:%s'", rest, f.tag), true)
		}
		loose := "expressions are for whole names: write '" + loosened(f.repository) + ":" + loosened(f.tag) + "' for names that contain these"
		add(f.repository, f.tag, loose, false)
		if untagged {
			one.exact.tag = nil
			for _, g := range one.guesses {
				g.tag = nil
			}
		}
		w.filters = append(w.filters, one)
	}
	return w
}

func newGuess(repository, tag string, whole bool) *guess {
	compile := regexp.Compile
	if whole {
		compile = parseExpression
	}
	r, err1 := compile(repository)
	t, err2 := compile(tag)
	if err1 != nil || err2 != nil {
		return nil
	}
	return &guess{repository: r, tag: t}
}

// fromGlob reads an expression as a glob, as far as it can be one: a star that
// repeats a letter or nothing was hardly meant so.
func fromGlob(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c != '*' || i > 0 && strings.IndexByte(`.])}\`, text[i-1]) >= 0:
			b.WriteByte(c)
		case strings.HasPrefix(text[i:], "**"):
			b.WriteString(".*")
			i++
		default:
			b.WriteString(".*")
		}
	}
	return b.String()
}

// loosened is an expression for names that contain what it matches.
func loosened(text string) string {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$")
	if !strings.HasPrefix(text, ".*") {
		text = ".*" + text
	}
	if !strings.HasSuffix(text, ".*") {
		text += ".*"
	}
	return text
}

// See tells the watch of a repository.
func (w *Watch) See(r *Repository) {
	if w == nil {
		return
	}
	w.store.Store(true)
	for _, one := range w.filters {
		if one.exact.repository.MatchString(r.Name) {
			one.repositories.Add(1)
		}
		if one.exact.see(r) {
			continue
		}
		for _, g := range one.guesses {
			g.see(r)
		}
	}
}

// see reports whether the guess has been found, here or before.
func (g *guess) see(r *Repository) bool {
	if g.found.Load() {
		return true
	}
	if !g.repository.MatchString(r.Name) {
		return false
	}
	if g.tag == nil {
		g.found.Store(true)
		return true
	}
	for i := range r.Tags {
		if g.tag.MatchString(r.Tags[i].Name) {
			g.found.Store(true)
			return true
		}
	}
	return false
}

// Unmatched says of each filter that selects nothing what the reason may be.
func (w *Watch) Unmatched() (list []UnmatchedFilter) {
	if w == nil {
		return nil
	}
	for _, one := range w.filters {
		if !one.exact.found.Load() {
			list = append(list, UnmatchedFilter{one.text, w.reason(one)})
		}
	}
	return list
}

// UnmatchedFilter is a filter that selects nothing.
type UnmatchedFilter struct{ Text, Reason string }

func (w *Watch) reason(one *watched) string {
	for _, g := range one.guesses {
		if g.found.Load() {
			return g.advice
		}
	}
	n := one.repositories.Load()
	switch {
	case !w.store.Load():
		return "the store has no repository"
	case one.glob != "":
		return one.glob // nothing matches that either, but so it would be read
	case n == 1:
		return "one repository matches, and no tag of it does"
	case n > 1:
		return fmt.Sprintf("%d repositories match, and no tag of them does", n)
	}
	return "no repository matches"
}
