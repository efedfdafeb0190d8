package retention

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// version is a tag that is one: v1.2.3, 1.2.3-rc.1, 2024.01.15, 16, but not
// 20240115. A part of one, as v1 or v1.2, floats where there are longer ones that
// it begins: it is the name under which people pull the newest of those.
type version struct {
	*semver.Version
	thing *thing
	parts int // how many numbers are written
}

// line is where a version belongs at a level: its first numbers, the others zero.
type line [3]uint64

func (v *version) line(parts int) (l line) {
	copy(l[:parts], []uint64{v.Major(), v.Minor(), v.Patch()})
	return l
}

func (l line) label(parts int) string {
	return strings.Join([]string{utoa(l[0]), utoa(l[1]), utoa(l[2])}[:parts], ".")
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

func highestFirst(a, b version) int {
	if c := b.Compare(a.Version); c != 0 {
		return c
	}
	return cmp.Compare(a.thing.Tag, b.thing.Tag)
}

func parseVersion(t *thing) (version, bool) {
	digits := strings.TrimPrefix(t.Tag, "v")
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		return version{}, false
	}
	v, err := semver.NewVersion(t.Tag)
	if err != nil {
		return version{}, false
	}
	if end := strings.IndexAny(digits, "-+"); end >= 0 {
		digits = digits[:end]
	}
	if len(t.Tag) == len(digits) && len(digits) > 4 && !strings.Contains(digits, ".") {
		// A date, the number of a build or of a commit would be the highest major of all.
		return version{}, false
	}
	return version{Version: v, thing: t, parts: 1 + strings.Count(digits, ".")}, true
}

// judgeVersions asks the levels of a semver rule. Where two versions are equal
// by precedence, as v1.0 and 1.0.0+b, both are kept.
func judgeVersions(s *Semver, pool []*thing) {
	var releases, floating, pre []version
	for _, t := range pool {
		switch v, ok := parseVersion(t); {
		case !ok:
			t.drop("semver: not a version")
		case v.Prerelease() != "":
			pre = append(pre, v)
		default:
			releases = append(releases, v)
		}
	}
	releases, floating = float(releases)
	slices.SortFunc(releases, highestFirst)
	slices.SortFunc(pre, highestFirst)

	kept := map[int]map[line]string{1: {}, 2: {}}
	for i, level := range []count{{"major", &s.Major}, {"minor", &s.Minor}, {"patch", &s.Patch}} {
		if *level.n > 0 {
			judgeLevel(*level.n, level.key, i+1, releases, kept)
		}
	}
	beyond := "semver: not the highest of the newest " + s.levels()
	for _, v := range releases {
		v.thing.drop(beyond)
	}
	for _, v := range floating {
		if name, ok := kept[v.parts][v.line(v.parts)]; ok {
			v.thing.keep("semver: stands for " + name)
		} else {
			v.thing.drop("semver: no version that it stands for is kept")
		}
	}
	judgePrereleases(s.Prerelease, pre)
}

// float takes away what others are longer than.
func float(all []version) (releases, floating []version) {
	longer := map[int]map[line]bool{1: {}, 2: {}}
	for _, v := range all {
		for parts := 1; parts < v.parts; parts++ {
			longer[parts][v.line(parts)] = true
		}
	}
	for _, v := range all {
		if longer[v.parts][v.line(min(v.parts, 3))] {
			floating = append(floating, v)
		} else {
			releases = append(releases, v)
		}
	}
	return releases, floating
}

// judgeLevel keeps the highest of each of the n highest lines. It notes what
// it keeps under all that could float on it.
func judgeLevel(n int, name string, parts int, releases []version, kept map[int]map[line]string) {
	for found, i := 0, 0; i < len(releases); {
		first, here := &releases[i], releases[i].line(parts)
		end := i
		for end < len(releases) && releases[end].line(parts) == here {
			end++
		}
		if found++; found > n {
			return
		}
		reason := fmt.Sprintf("semver %s %s: newest of %d", name, here.label(parts), end-i)
		for _, v := range releases[i:end] {
			if !v.Equal(first.Version) {
				break
			}
			v.thing.keep(reason)
			for short := 1; short <= 2; short++ {
				if at := v.line(short); kept[short][at] == "" {
					kept[short][at] = v.thing.Tag
				}
			}
		}
		i = end
	}
}

func judgePrereleases(n int, pre []version) {
	beyond := "semver: not among the newest " + plural(n, "pre-release")
	if n == 0 {
		beyond = "semver: a pre-release, and none is kept"
	}
	for i, v := range pre {
		switch {
		case i < n:
			v.thing.keep(fmt.Sprintf("semver prerelease: %s of %d", ordinal(i+1), len(pre)))
		case n > 0 && v.Equal(pre[n-1].Version):
			v.thing.keep(fmt.Sprintf("semver prerelease: equal to the %s", ordinal(n)))
		default:
			v.thing.drop(beyond)
		}
	}
}

// levels is such as "2 majors, 3 minors".
func (s *Semver) levels() string {
	var parts []string
	for _, c := range []count{{"major", &s.Major}, {"minor", &s.Minor}, {"patch", &s.Patch}} {
		if *c.n > 0 {
			parts = append(parts, plural(*c.n, c.key))
		}
	}
	if len(parts) == 0 {
		return "pre-releases"
	}
	return strings.Join(parts, ", ")
}
