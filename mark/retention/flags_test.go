package retention

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestFromFlags shows the policy that flags are; it is what --print-policy prints.
func TestFromFlags(t *testing.T) {
	month := Duration(30 * 24 * time.Hour)
	odd := Duration(2*24*time.Hour + 3*time.Hour + 6*time.Minute)
	zero := Duration(0)
	three, none := 3, 0
	for name, c := range map[string]struct {
		flags Flags
		want  string
	}{
		"older than": {Flags{Filters: []string{"app:.*"}, Ago: &month}, `version: 1
rules:
  - name: flags
    repositories: ['re:app']
    tags:
      - match: ['re:.*']
        keep: {within: 30d}
`},
		"all but the newest three": {Flags{Filters: []string{"app:.*"}, Keep: &three}, `version: 1
rules:
  - name: flags
    repositories: ['re:app']
    tags:
      - match: ['re:.*']
        keep: {last: 3}
`},
		"older than, but not the newest three; untagged manifests by age only": {
			Flags{Filters: []string{`ci/(?:a|b):pr-[0-9]+`}, Ago: &odd, Keep: &three, Untagged: true}, `version: 1
rules:
  - name: flags
    repositories: ['re:ci/(?:a|b)']
    tags:
      - match: ['re:pr-[0-9]+']
        keep: {last: 3, within: 51h6m}
    untagged: {keep: {within: 51h6m}}
`,
		},
		"filters of one repository count together": {Flags{Filters: []string{"app:a.*", "app:b.*"}, Keep: &three}, `version: 1
rules:
  - name: flags
    repositories: ['re:app']
    tags:
      - match: ['re:a.*', 're:b.*']
        keep: {last: 3}
`},
		"each repository has its own tags": {Flags{Filters: []string{"a:x", "b:y"}, Keep: &three}, `version: 1
rules:
  - name: flags
    repositories: ['re:a', 're:b']
    tags:
      - filter: ['a:x', 'b:y']
        keep: {last: 3}
`},
		"everything": {Flags{Filters: []string{".*:.*"}, Ago: &zero, Keep: &none, AllowEmpty: true}, `version: 1
rules:
  - name: flags
    repositories: ['re:.*']
    tags:
      - match: ['re:.*']
        keep: {none: true}
    allow-empty: true
`},
		"untagged manifests everywhere": {Flags{UntaggedOnly: true}, `version: 1
rules:
  - name: flags
    repositories: ['**']
    untagged: {keep: {none: true}}
`},
		"old untagged manifests of some": {Flags{UntaggedOnly: true, Filters: []string{"ci/.*:.*"}, Ago: &month}, `version: 1
rules:
  - name: flags
    repositories: ['re:ci/.*']
    untagged: {keep: {within: 30d}}
`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := FromFlags(c.flags)
			if err != nil {
				t.Fatal(err)
			}
			text, err := p.Marshal()
			if diff := cmp.Diff(c.want, string(text)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			again, err := Parse("printed", text)
			if diff := cmp.Diff(p, again); diff != "" || err != nil {
				t.Errorf("printed and parsed: %v\n%s", err, diff)
			}
		})
	}
}

func TestFromFlagsRefuses(t *testing.T) {
	month, three, below := Duration(30*24*time.Hour), 3, -1
	all := []string{".*:.*"}
	for name, c := range map[string]struct {
		flags Flags
		want  error
	}{
		"no filter":             {Flags{Ago: &month}, ErrNoFilter},
		"nothing that stays":    {Flags{Filters: all}, ErrNoLimit},
		"untagged but no limit": {Flags{Filters: all, Untagged: true}, ErrNoLimit},
		"both kinds":            {Flags{Filters: all, Ago: &month, Untagged: true, UntaggedOnly: true}, ErrUntaggedBoth},
		"keep without tags":     {Flags{UntaggedOnly: true, Keep: &three}, ErrKeepTags},
	} {
		if _, err := FromFlags(c.flags); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for filter, want := range map[string]string{
		"app":     `--filter "app": not REPO_REGEX:TAG_REGEX`,
		":x":      `--filter ":x": not REPO_REGEX:TAG_REGEX: an empty regular expression matches no name`,
		"app:":    `--filter "app:": not REPO_REGEX:TAG_REGEX: an empty regular expression matches no name`,
		"app:(":   "--filter \"app:(\": not REPO_REGEX:TAG_REGEX: not a regular expression: missing closing ): `(`",
		"a/b:c:d": `--filter "a/b:c:d": it can be split at more than one colon: no name has one, so leave the others out`,
	} {
		if _, err := FromFlags(Flags{Filters: []string{filter}, Ago: &month}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", filter, err, want)
		}
	}
	if _, err := FromFlags(Flags{Filters: all, Keep: &below}); err == nil || err.Error() != "--keep -1 is negative" {
		t.Errorf("--keep -1: %v", err)
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "20s": "20s", "10m": "10m", "90m": "1h30m", "24h": "24h", "1d": "24h", "30d": "30d", "2w": "14d", "1.5d": "36h",
		"2d3h6m": "51h6m", "1w2d23h": "239h", "1h0m5s": "1h0m5s", "10h": "10h",
	} {
		d, err := ParseDuration(text)
		if err != nil || d.String() != want {
			t.Errorf("%s is %s, want %s: %v", text, d, want, err)
		}
		if again, err := ParseDuration(d.String()); again != d || err != nil {
			t.Errorf("%s is printed as %s, which is %s: %v", text, d, again, err)
		}
	}
	for _, text := range []string{"", "d", "7", "1y", "2M", "7 d", "-1h", "1d-2h", "9999999999w", "1..5d", "1d ", "-"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}
