package glob

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	cases := []struct {
		glob     string
		yes, not string // names, by blanks
	}{
		{"team/app", "team/app", "team team/app2 team/app/x"},
		{"team/*", "team/app team/x", "team team/app/x teams/app"},
		{"team/**", "team team/app team/app/x", "teams ateam/x"},
		{"**/app", "app team/app a/b/app", "apps team/apps xapp"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb a/b/c"},
		{"**", "a a/b", ""},
		{"*", "a a-b", "a/b"},
		{"**-ci", "a-ci team/a-ci", "a-ci/x"},
		{"prod**", "prod prod/app prod2/app", "a/prod"},
		{"v[0-9]*", "v1 v12", "v x v."},
		{"v[!0-9]", "vx v.", "v1 v/ v"},
		{"v[^0-9]", "vx", "v1"},
		{"[a-]", "a -", "b"},
		{"[]]", "", "]"},
		{"v?.?", "v1.2", "v1.23 v/.2"},
		{"{a,b}/app", "a/app b/app", "c/app a,b/app"},
		{"{,x}app", "app xapp", "yapp"},
		{"{a,b/c}/{d,**}", "a/d a a/x/y b/c/z", "b/d"},
		{"a{1,2}{3,4}", "a13 a14 a23 a24", "a1 a3 a12"},
		{`a\*`, "a*", "ab"},
		{"a,b", "a,b", "a b"},
		{"{**/,}x", "x a/x a/b/x", "ax"},
		{"ü?", "üx üö", "ü"},
	}
	for _, c := range cases {
		g, err := Parse(c.glob)
		if err != nil {
			if c.glob == "[]]" {
				continue // a class with nothing in it
			}
			t.Errorf("%s: %v", c.glob, err)
			continue
		}
		for _, name := range strings.Fields(c.yes) {
			if !g.Match(name) {
				t.Errorf("%s does not match %s", c.glob, name)
			}
		}
		for _, name := range strings.Fields(c.not) {
			if g.Match(name) {
				t.Errorf("%s matches %s", c.glob, name)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]error{
		"{a,b":                       ErrBrace,
		"a}":                         ErrClose,
		"{a,{b,c}}":                  ErrNested,
		"[a":                         ErrClass,
		"[":                          ErrClass,
		"[]":                         ErrRange,
		"[!]":                        ErrRange,
		"[z-a]":                      ErrRange,
		"[a-":                        ErrClass,
		`a\`:                         ErrEscape,
		`[\`:                         ErrEscape,
		strings.Repeat("a", 1025):    ErrLong,
		"{" + strings.Repeat(",", 9): ErrBrace,
	}
	for text, want := range cases {
		if _, err := Parse(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, not %v", text, err, want)
		}
	}
}

// TestManyAlternativesAreLinear matches what takes a matcher that tries one
// alternative after the other longer than the world will last.
func TestManyAlternativesAreLinear(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("{*a,**a}", 120) + "b", strings.Repeat("*a", 500) + "b",
		strings.Repeat("**/", 300) + "b", strings.Repeat("{a,?,*,**}", 100) + "b", strings.Repeat("{,a}", 250) + "b",
	} {
		g := MustParse(text)
		if g.Match(strings.Repeat("a", 384)) || g.Match(strings.Repeat("a/", 190)+"a") {
			t.Errorf("%.20s matches what does not end in b", text)
		}
		g.Match(strings.Repeat("a", 383) + "b")
	}
}

func TestLiteral(t *testing.T) {
	t.Parallel()
	g := MustParse(`a\.b`)
	if name, ok := g.Literal(); name != "a.b" || !ok {
		t.Errorf("%q, %v", name, ok)
	}
	g = MustParse("a*")
	if _, ok := g.Literal(); ok || g.String() != "a*" {
		t.Errorf("%s has no choice", &g)
	}
	var zero Glob
	if !zero.Match("") || zero.Match("a") {
		t.Error("the zero value matches more than the empty name")
	}
}

var moreStars = regexp.MustCompile(`\*\*+`)

// FuzzMatch compares with a matcher that tries everything, and holds that what
// doublestar matches, which was used before, is matched still.
func FuzzMatch(f *testing.F) {
	f.Add("a/**", "a/b")
	f.Add("{a,b*}/[a-c]?", "bx/ad")
	f.Add("**/a{,/**}", "x/a")
	f.Fuzz(func(t *testing.T, text, name string) {
		if len(text) > 16 || len(name) > 8 || strings.Trim(name, "abc/.") != "" || strings.Trim(text, "abc/.*?{},") != "" ||
			strings.Contains("/"+name+"/", "//") || strings.Contains(text, "//") || strings.HasPrefix(text, "/") ||
			strings.Contains(text, "}*") || strings.Contains(text, "*{") {
			return
		}
		g, err := Parse(text)
		if err != nil {
			return
		}
		want := false
		for _, one := range expand(text) {
			want = want || try(moreStars.ReplaceAllString(one, "+"), name, true)
		}
		if g.Match(name) != want {
			t.Errorf("%q matches %q: %v, not %v", text, name, !want, want)
		}
		if strings.HasSuffix(text, "/") || strings.Contains(text, "/,") || strings.Contains(text, "/}") {
			return // doublestar takes a slash at the end for one that may be there
		}
		if before, err := doublestar.Match(text, name); err == nil && before && !want {
			t.Errorf("%q does not match %q any more", text, name)
		}
	})
}

// expand writes a glob's alternatives out.
func expand(text string) (list []string) {
	before, rest, ok := strings.Cut(text, "{")
	if !ok {
		return []string{text}
	}
	choice, rest, _ := strings.Cut(rest, "}")
	for _, end := range expand(rest) {
		for _, one := range strings.Split(choice, ",") {
			list = append(list, before+one+end)
		}
	}
	return list
}

// try matches a glob without alternatives, in which + stands for **, by trying
// everything. start says that a part of the name starts here.
func try(text, name string, start bool) bool {
	end := name == "" || name[0] == '/'
	if text == "" {
		return name == ""
	}
	if end && strings.HasPrefix(text, "/+") && try(text[2:], name, start) {
		return true
	}
	if start && strings.HasPrefix(text, "+/") && try(text[2:], name, start) {
		return true
	}
	some := name != "" && (text[0] == '+' || name[0] != '/')
	switch text[0] {
	case '*', '+':
		return try(text[1:], name, start) || some && try(text, name[1:], name[0] == '/')
	case '?':
		return some && try(text[1:], name[1:], false)
	}
	return name != "" && text[0] == name[0] && try(text[1:], name[1:], name[0] == '/')
}
