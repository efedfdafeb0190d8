package protect

import (
	"regexp"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
)

// What a line without a glob may be, stated once more: a NAME, NAME:TAG,
// NAME@DIGEST or a digest, an end and a note.
var (
	statedLine    = regexp.MustCompile(`^[ \t]*([^ \t#][^ \t]*)(?:[ \t]+until=\d{4}-\d\d-\d\d)?(?:[ \t]+#[^\x00-\x08\x0a-\x1f\x7f]*)?[ \t]*$`)
	statedDigest  = `(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})`
	statedPart    = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	statedPattern = regexp.MustCompile(`^(?:docker://|docker-pullable://)?(?:(` + statedDigest + `)|((?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?` + statedPart + `(?:/` + statedPart + `)*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(` + statedDigest + `))?)$`)
)

// FuzzLine holds that a line is refused, names nothing and says so, or protects
// what it names. Nothing else is taken for a name.
func FuzzLine(f *testing.F) {
	hex := strings.Repeat("ab", 32)
	for _, line := range []string{
		"a/b", "a/b:v1 until=2999-12-31 # NOTE", "sha256:" + hex, "docker://r.io:5000/a/b@sha256:" + hex, `"a/b:v1"`, "'a/b'", "\xff\xfea\x00/\x00b\x00",
		"sha256:" + strings.ToUpper(hex), "a/b@sha256:abcdef012345", hex, hex[:12], "a/b,c/d", "a/b\rc/d", "a\x00b", "/a/b", "# NOTE", "a/b#x", "a/b:v*", "{a,b}/c", "",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n") || len(line) > 900 {
			return
		}
		p := &List{}
		if err := p.Add(1, line); err != nil {
			return
		}
		if blank := strings.Trim(line, " \t"); p.Empty() != (blank == "" || blank[0] == '#') {
			t.Fatalf("%q is read as nothing", line)
		}
		if p.Empty() {
			return
		}
		m := statedLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%q is no line, and is read as %q", line, p.Lines()[0].Pattern)
		}
		if strings.ContainsAny(m[1], `*?[]{}!^,\`) {
			return // FuzzRead and those of globs have these
		}
		s := statedPattern.FindStringSubmatch(m[1])
		if s == nil {
			t.Fatalf("%q is no pattern, and is accepted", line)
		}
		if matches := p.Matches(); len(matches.Unmatched) != 1 {
			t.Fatalf("%q: nothing is there, and it is not counted", line)
		}
		d, _ := layout.ParseDigest(s[1] + s[4])
		name := s[2]
		if s[1] != "" {
			name = "any/thing"
		}
		g := p.Guard(name)
		protects := len(g.Tag(s[3])) > 0 || len(g.Digest(d)) > 0 || len(g.Repository()) > 0
		if matches := p.Matches(); !protects || len(matches.Unmatched) != 0 {
			t.Fatalf("%q does not protect %s:%s@%s", line, name, s[3], s[1]+s[4])
		}
	})
}
