package retention

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decider parses a policy and decides about a scene.
func decider(t *testing.T, policy, tags string) (*Decider, *scene) {
	t.Helper()
	p, err := Parse("p", []byte("version: 1\n"+policy), now)
	if err != nil {
		t.Fatal(err)
	}
	d, s := mustDecider(t, p, Options{Now: now}), parseScene(t, tags)
	for _, r := range s.repositories {
		if _, err := d.Decide(r); err != nil {
			t.Log(err)
		}
	}
	return d, s
}

// TestUnmatched: what of a policy selects nothing is named, with the reason.
func TestUnmatched(t *testing.T) {
	d, _ := decider(t, `
protect: ["prod/**", "app:v9"]
rules:
- name: services
  repositories: ["arohcp-*"]
  tags: [{match: ["*"], keep: {last: 1}}]
- repositories: ["app"]
  tags:
  - {match: ["v*"], keep: {last: 1}}
  - {match: ["v1*", "w*"], keep: {last: 1}}
  - {filter: ["web:.*"], keep: {last: 1}}
- name: late
  repositories: ["ap?"]
  untagged: {keep: {last: 1}}
`, "app:v1 1d\napp:v2 2d\nprod/x:1 1d\n")
	var got []string
	for _, u := range d.Unmatched() {
		got = append(got, u.String())
	}
	want := []string{
		`rule "services" (arohcp-*): no repository matches`,
		`rule "rule 2", entry 2 (v1*, w*): no tag matches that an earlier entry leaves`,
		`rule "rule 2", entry 3 (web:.*): no tag matches that an earlier entry leaves`,
		`rule "late" (ap?): an earlier rule decides about every repository that matches`,
		`protect "app:v9": nothing in the store matches`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unmatched (-want +got):\n%s", diff)
	}
	if !d.Decided() {
		t.Error("it has decided")
	}
	for _, policy := range []string{
		"rules: [{repositories: [web], tags: [{match: ['*'], keep: {last: 1}}]}]",
		"rules: [{repositories: [app], tags: [{match: ['w*'], keep: {last: 1}}]}]",
		"rules: [{repositories: [app], untagged: {keep: {last: 1}}}]",
	} {
		if d, _ := decider(t, policy, "app:v1 1d\n"); d.Decided() {
			t.Errorf("%s has decided", policy)
		}
	}
}

// TestSemverWarns: a semver rule that takes every variant or pre-release says
// so, but not where the policy speaks of pre-releases or another rule keeps one.
func TestSemverWarns(t *testing.T) {
	const tags = "app:1.27 1d\napp:1.26 2d\napp:1.27-alpine 1d\napp:1.26-alpine 2d\napp:1.26-rc.1 9d\n"
	for rule, want := range map[string][]string{
		"semver: {minor: 1}": {
			`rule "r", entry 1: semver removes every pre-release of a version, which is a pre-release to it: give these tags an entry of their own, or say prerelease: N: app:1.26-rc.1`,
			`rule "r", entry 1: semver removes every variant -alpine of a version, which is a pre-release to it: give these tags an entry of their own, or say prerelease: N: app:1.26-alpine and 1 more`,
		},
		"semver: {minor: 1, prerelease: 3}":       nil,
		"semver: {minor: 1}, within: 30d":         nil,
		"semver: {minor: 1}, within: 36h":         {`rule "r", entry 1: semver removes every pre-release of a version, which is a pre-release to it: give these tags an entry of their own, or say prerelease: N: app:1.26-rc.1`},
		"semver: {minor: 1, prerelease: 1}":       nil,
		"last: 1":                                 nil,
		"semver: {minor: 2, major: 1}, all: true": nil,
	} {
		d, _ := decider(t, "rules: [{name: r, repositories: [app], tags: [{match: ['*'], keep: {"+rule+"}}]}]", tags)
		if diff := cmp.Diff(want, d.Warnings()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
}

// TestBadLabelsAreReported names what has a label that is no age.
func TestBadLabelsAreReported(t *testing.T) {
	d, _ := decider(t, "rules: [{repositories: [app], tags: [{match: ['*'], keep: {label: {expires: e}, last: 1}}]}]",
		"app:a 1d\napp:b 2d label=e=never\napp:c 3d label=e=never\napp:d 4d label=e=2d\n")
	d2, _ := decider(t, "rules: [{name: r, repositories: [app], tags: [{match: ['*'], keep: {label: {expires: e}}}]}]", "app:a 1d\napp:b 2d label=e=9d\n")
	if diff := cmp.Diff([]string{`rule "r": only the label e keeps these, and they do not have it: add last, within or another rule, unless they should be removed: app:a`}, d2.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	want := []string{`label e: "never" is not a number with one of s, m, h, d and w, so the image is kept: app:b and 1 more`}
	if diff := cmp.Diff(want, d.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestTwins: a tag of an image that is protected anywhere is protected in every
// repository, if the policy says so.
func TestTwins(t *testing.T) {
	const rules = `
protect: ["prod/**", "**:release-*"]
rules: [{repositories: ["**"], allow-empty: true, tags: [{match: ["*"], keep: {none: true}}]}]
`
	const tags = "ci/app:abc 9d image=1\nci/app:def 9d image=2\nci/app:release-1 9d image=3\nci/web:x 9d image=3\nprod/app:v1 9d image=1\n"
	for twins, want := range map[string]string{
		"twins: true":  "ci/app:abc ci/app:release-1 ci/web:x prod/app:v1",
		"twins: false": "ci/app:release-1 prod/app:v1",
	} {
		p, err := Parse("p", []byte("version: 1\n"+twins+rules), now)
		if err != nil {
			t.Fatal(err)
		}
		d, s := mustDecider(t, p, Options{Now: now}), parseScene(t, tags)
		for _, r := range s.repositories {
			if d.WantsTwins() {
				for _, tag := range d.Protects(r.Name, r.Tags) {
					d.Twin(tag.Digest, r.Name+":"+tag.Name)
				}
			}
		}
		var kept, reasons []string
		for _, r := range s.repositories {
			decisions, err := d.Decide(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range decisions {
				if one.Keep {
					kept = append(kept, one.Repository+":"+one.Tag)
					reasons = append(reasons, one.Reasons...)
				}
			}
		}
		if got := strings.Join(kept, " "); got != want {
			t.Errorf("%s keeps %s, want %s", twins, got, want)
		}
		if twins == "twins: true" && !strings.Contains(strings.Join(reasons, "\n"), "protected by its twin prod/app:v1") {
			t.Errorf("%q name no twin", reasons)
		}
	}
}
