package retention

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestFromFlags shows the policy that flags are; it is what --print-policy prints.
func TestFromFlags(t *testing.T) {
	month := Ago{Length: 30 * 24 * time.Hour}
	odd := Ago{Length: 2*24*time.Hour + 3*time.Hour + 6*time.Minute}
	zero := Ago{}
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
		"what is excluded stays, and is not counted": {Flags{Filters: []string{"app:.*"}, Excludes: []string{".*:latest", "app:v[0-9]+"}, Keep: &three}, `version: 1
rules:
  - name: flags
    repositories: ['re:app']
    tags:
      - filter: ['.*:latest', 'app:v[0-9]+']
        keep: {all: true}
      - match: ['re:.*']
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
			again, err := Parse("printed", text, now)
			if diff := cmp.Diff(p, again); diff != "" || err != nil {
				t.Errorf("printed and parsed: %v\n%s", err, diff)
			}
		})
	}
}

func TestFromFlagsRefuses(t *testing.T) {
	month, three, below := Ago{Length: 30 * 24 * time.Hour}, 3, -1
	all := []string{".*:.*"}
	for name, c := range map[string]struct {
		flags Flags
		want  error
	}{
		"no filter":             {Flags{Ago: &month}, ErrNoFilter},
		"nothing that stays":    {Flags{Filters: all}, ErrNoLimit},
		"untagged but no limit": {Flags{Filters: all, Untagged: true}, ErrNoLimit},
		"both kinds":            {Flags{Filters: all, Ago: &month, Untagged: true, UntaggedOnly: true}, ErrUntaggedBoth},
		"exclude without tags":  {Flags{UntaggedOnly: true, Excludes: all}, ErrExcludeTags},
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
	for _, flags := range []Flags{
		{Filters: []string{`app:(?!v).*`}, Keep: &three},
		{Filters: []string{`app:.*(?<!v)`}, Keep: &three},
		{Filters: all, Excludes: []string{`(?!a).*:.*`}, Keep: &three},
	} {
		if _, err := FromFlags(flags); err == nil || !strings.Contains(err.Error(), "--exclude") || !strings.Contains(err.Error(), "look-ahead") {
			t.Errorf("%v: %v", flags, err)
		}
	}
	if _, err := FromFlags(Flags{Filters: []string{"*:.*"}, Keep: &three}); err == nil || !strings.Contains(err.Error(), "write .*") {
		t.Errorf("*:.*: %v", err)
	}
	if _, err := FromFlags(Flags{Filters: all, Keep: &below}); err == nil || err.Error() != "--keep -1 is negative" {
		t.Errorf("--keep -1: %v", err)
	}
}
