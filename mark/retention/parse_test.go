package retention

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everything says all that a policy can.
const everything = `version: 1
timezone: Europe/Berlin
protect:
  - prod/**
  - '**:release-*'
  - team/app@sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
rules:
  - name: all of it
    repositories: [ci/**, 're:team/[a-z]+']
    tags:
      - match: [pr-*]
        exclude: ['re:pr-keep.*']
        keep: {within: 7d}
      - filter: ['ci/a:v.*', 'ci/b:w.*']
        keep: {last: 2}
      - match: ['*']
        keep: {last: 20, within: 36h, hourly: 1, daily: 7, weekly: 4, monthly: 6, yearly: 2, semver: {major: 1, minor: 2, patch: 3, prerelease: 4}}
    untagged: {keep: {within: 90d, last: 3}}
    orphaned-referrers: remove
    age: created
    timezone: UTC
    allow-empty: true
  - repositories: ['**']
    tags:
      - match: ['*']
        keep: {all: true}
`

func TestParseEverything(t *testing.T) {
	p, err := Parse("policy.yaml", []byte(everything), now)
	if err != nil {
		t.Fatal(err)
	}
	week, span, quarter := Ago{Length: 7 * 24 * time.Hour}, Ago{Length: 36 * time.Hour}, Ago{Length: 90 * 24 * time.Hour}
	want := &Policy{
		Timezone: "Europe/Berlin",
		Protect:  []string{"prod/**", "**:release-*", "team/app@sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
		Rules: []Rule{{
			Name: "all of it", Repositories: []string{"ci/**", "re:team/[a-z]+"},
			Tags: []Entry{
				{Match: []string{"pr-*"}, Exclude: []string{"re:pr-keep.*"}, Keep: Keep{Within: week}},
				{Filter: []string{"ci/a:v.*", "ci/b:w.*"}, Keep: Keep{Last: 2}},
				{Match: []string{"*"}, Keep: Keep{Last: 20, Within: span, Calendar: Calendar{Hourly: 1, Daily: 7, Weekly: 4, Monthly: 6, Yearly: 2}, Semver: Semver{1, 2, 3, 4}}},
			},
			Untagged: &Keep{Within: quarter, Last: 3}, RemoveOrphanedReferrers: true, Age: Created, Timezone: "UTC", AllowEmpty: true,
		}, {
			Repositories: []string{"**"}, Tags: []Entry{{Match: []string{"*"}, Keep: Keep{All: true}}},
		}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
	printed, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("printed", printed, now)
	if diff := cmp.Diff(want, again); diff != "" || err != nil {
		t.Errorf("printed and parsed (-want +got): %v\n%s\n%s", err, diff, printed)
	}
}

// TestParseLenient: what may be written in more than one way.
func TestParseLenient(t *testing.T) {
	for name, text := range map[string]string{
		"a single pattern":           "version: 1\nrules: [{repositories: a, tags: [{match: v*, keep: {last: 1}}]}]",
		"an anchor":                  "version: 1\nrules: [{repositories: &r [a], tags: [{match: [x], keep: &k {last: 1}}]}, {repositories: *r, tags: [{match: [x], keep: *k}]}]",
		"a number":                   "version: 1\nrules: [{repositories: [a], tags: [{match: [1.10, 2024-01-01, true], keep: {last: 1}}]}]",
		"said as default":            "version: 1\nrules: [{repositories: [a], tags: [{match: [x], keep: {last: 1}}], age: pushed, allow-empty: false, orphaned-referrers: keep}]",
		"a byte order mark and CRLF": "\ufeffversion: 1\r\nrules:\r\n- repositories: [a]\r\n  tags: [{match: [x], keep: {last: 1}}]\r\n",
	} {
		p, err := Parse("p", []byte(text), now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "a number" && err == nil && !cmp.Equal(p.Rules[0].Tags[0].Match, []string{"1.10", "2024-01-01", "true"}) {
			t.Errorf("%q is not what is written", p.Rules[0].Tags[0].Match)
		}
	}
}

// TestParseErrors names cases by what is wrong; each says where, and quotes it.
func TestParseErrors(t *testing.T) {
	rule := func(text string) string { return "version: 1\nrules:\n- repositories: [a]\n  " + text }
	keep := func(text string) string { return rule("tags: [{match: [x], keep: " + text + "}]") }
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", `line 1, column 1: the policy is empty`},
		"comments":             {"# version: 1\n", `line 1, column 1: the policy is empty`},
		"no mapping":           {"rules", `line 1, column 1: a policy has to be a mapping with version, timezone, pulls, ignore-agents, twins, protect, rules: "rules"`},
		"no YAML":              {"version: 1\n\trules: x\n", `line 2, column 2: not YAML: found a tab character that violates indentation: "rules: x"`},
		"a star":               {"version: 1\nrules:\n- repositories: [*]\n", `a name that begins with * or & has to be quoted`},
		"an unknown anchor":    {"version: *x\n", `line 1, column 1: not YAML: unknown anchor 'x' referenced: "version: *x"`},
		"two documents":        {rule("untagged: {keep: {last: 1}}") + "\n---\nversion: 1\n", `line 5, column 1: a second document: a policy is one`},
		"everybody is ignored": {"ignore-agents: [\"*\"]\n" + rule("untagged: {keep: {last: 1}}"), `it ignores all clients`},
		"no version":           {"rules: [{repositories: [a], untagged: {keep: {last: 1}}}]", `line 1, column 1: a policy has to say version: 1`},
		"another version":      {"version: 2\nrules: []", `line 1, column 10: version has to be 1, which is all that there is: "2"`},
		"a version in quotes":  {"version: \"1\"\nrules: []", `line 1, column 10: version has to be 1`},
		"no rules":             {"version: 1", `line 1, column 1: a policy has to have rules`},
		"empty rules":          {"version: 1\nrules: []", `line 2, column 8: an empty list of rules`},
		"null rules":           {"version: 1\nrules:\n", `line 2, column 1: "rules" is empty`},
		"rules a mapping":      {"version: 1\nrules: {a: b}", `line 2, column 8: rules has to be a list: "rules: {a: b}"`},
		"a rule of text":       {"version: 1\nrules: [a]", `line 2, column 9: a rule has to be a mapping with name, repositories, tags, untagged, orphaned-referrers, age, timezone, allow-empty: "a"`},
		"unknown at the top":   {"version: 1\nrule: []", `line 2, column 1: a policy has no key "rule"; it has version, timezone, pulls, ignore-agents, twins, protect, rules`},
		"unknown in a rule":    {rule("keep: {last: 3}"), `line 4, column 3: a rule has no key "keep"; it has name,`},
		"unknown in an entry":  {rule("tags: [{match: [x], kep: {last: 3}}]"), `line 4, column 23: an entry of tags has no key "kep"; it has match, exclude, filter, keep`},
		"unknown in keep":      {keep("{latest: 3}"), `line 4, column 30: keep has no key "latest"; it has within,`},
		"unknown in semver":    {keep("{semver: {mayor: 3}}"), `line 4, column 39: semver has no key "mayor"; it has major, minor, patch, prerelease`},
		"unknown in untagged":  {rule("untagged: {within: 7d}"), `line 4, column 14: untagged has no key "within"; it has keep`},
		"merged":               {"version: 1\nrules: [{<<: {}, repositories: [a], untagged: {keep: {last: 1}}}]", `line 2, column 10: a rule has no key "<<"`},
		"twice":                {keep("{last: 3, last: 1}"), `line 4, column 39: "last" is there twice in keep`},
		"a policy twice":       {"version: 1\nrules: []\nrules: []", `line 3, column 1: "rules" is there twice in a policy`},
		"no repositories":      {"version: 1\nrules:\n- tags: [{match: [x], keep: {last: 1}}]", `line 3, column 3: rule "rule 1" has no repositories`},
		"null repositories":    {"version: 1\nrules:\n- repositories:\n  untagged: {keep: {last: 1}}", `line 3, column 3: "repositories" is empty`},
		"empty repositories":   {"version: 1\nrules:\n- repositories: []\n  untagged: {keep: {last: 1}}", `line 3, column 17: an empty list of repositories`},
		"a rule of nothing":    {rule("age: created"), `line 3, column 3: rule "rule 1": it decides nothing; to keep everything, say tags: [{match: ["*"], keep: {all: true}}]`},
		"one name twice":       {"version: 1\nrules:\n- {name: a, repositories: [a], untagged: {keep: {last: 1}}}\n- {name: a, repositories: [b], untagged: {keep: {last: 1}}}", `line 4, column 3: another rule has the name "a"`},
		"an empty name":        {rule("name: ''\n  untagged: {keep: {last: 1}}"), `line 4, column 9: name is empty`},
		"empty tags":           {rule("tags: []"), `line 4, column 9: an empty list of tags`},
		"no match":             {rule("tags: [{keep: {last: 1}}]"), `line 4, column 10: an entry of tags has to say match`},
		"null match":           {rule("tags: [{match: , keep: {last: 1}}]"), `line 4, column 11: "match" is empty`},
		"null in match":        {rule("tags: [{match: [~], keep: {last: 1}}]"), `line 4, column 19: each of match has to be text: "~"`},
		"a list in match":      {rule("tags: [{match: [[x]], keep: {last: 1}}]"), `line 4, column 19: each of match has to be text`},
		"no keep":              {rule("tags: [{match: [x]}]"), `line 4, column 10: an entry of tags has to say keep`},
		"null keep":            {keep(""), `line 4, column 23: "keep" is empty`},
		"empty keep":           {keep("{}"), `line 4, column 29: it says neither what to keep nor none: true`},
		"keep of text":         {keep("all"), `line 4, column 29: keep has to be a mapping with within, pulled-within, semver, label, all, none, last,`},
		"none and more":        {keep("{none: true, last: 1}"), `line 4, column 29: none cannot be combined`},
		"all is false":         {keep("{all: false}"), `line 4, column 35: all has to be true, or left out: "false"`},
		"none is yes":          {keep("{none: yes}"), `line 4, column 36: none has to be true, or left out: "yes"`},
		"last of 0":            {keep("{last: 0}"), `line 4, column 36: last has to be a whole number from 1 on: "0"; to keep none of these, leave it out or say none: true`},
		"last below 0":         {keep("{last: -1}"), `line 4, column 36: last has to be a whole number from 1 on: "-1"`},
		"last of 1.5":          {keep("{last: 1.5}"), `"1.5"`},
		"last in quotes":       {keep(`{last: "3"}`), `line 4, column 36: last has to be a whole number from 1 on: "3"`},
		"last of a lot":        {keep("{last: 99999999999999999999}"), `"99999999999999999999"`},
		"last in octal":        {keep("{last: 010}"), `"010"`},
		"last of a list":       {keep("{last: [1]}"), `line 4, column 36: last has to be a whole number`},
		"within of 7":          {keep("{within: 7}"), `line 4, column 38: within: not an age such as 24h, 30d, 2w or 3mo, nor a date such as 2026-04-05: "7"`},
		"within of 7 days":     {keep("{within: 7 days}"), `line 4, column 38: within: not an age such as 24h, 30d, 2w or 3mo, nor a date such as 2026-04-05: "7 days"`},
		"within of a month":    {keep("{within: 2M}"), `"2M"`},
		"within below 0":       {keep("{within: -7d}"), `line 4, column 38: within: an age is not negative: "-7d"`},
		"within of 0":          {keep("{within: 0}"), `line 4, column 38: within: nothing is that young: "0"`},
		"within of too much":   {keep("{within: 9999999w}"), `"9999999w"`},
		"empty semver":         {keep("{semver: {}}"), `line 4, column 38: semver has to say major, minor, patch, prerelease`},
		"semver of 2":          {keep("{semver: 2}"), `line 4, column 38: semver has to be a mapping with major, minor, patch, prerelease: "2"`},
		"semver of untagged":   {rule("untagged: {keep: {semver: {major: 1}}}"), `line 4, column 20: untagged manifests have no versions`},
		"untagged of text":     {rule("untagged: remove"), `line 4, column 13: untagged has to be a mapping with keep: "remove"`},
		"empty untagged":       {rule("untagged: {}"), `line 4, column 13: untagged has to say keep`},
		"orphans: true":        {rule("orphaned-referrers: true"), `line 4, column 23: orphaned-referrers has to be keep or remove: "true"`},
		"age: pulled":          {rule("age: pulled\n  untagged: {keep: {last: 1}}"), `line 4, column 8: age has to be pushed or created: "pulled"`},
		"allow-empty: 1":       {rule("allow-empty: 1\n  untagged: {keep: {last: 1}}"), `line 4, column 16: allow-empty has to be true or false: "1"`},
		"timezone: Berlin":     {"version: 1\ntimezone: Berlin\nrules: []", `line 2, column 11: timezone has to be one such as Europe/Berlin: "Berlin"`},
		"timezone: Local":      {"version: 1\ntimezone: Local\nrules: []", `line 2, column 11: timezone has to be one such as Europe/Berlin: "Local"`},
		"timezone: ''":         {"version: 1\ntimezone: ''\nrules: []", `line 2, column 11: timezone has to be one such as Europe/Berlin: ""`},
		"timezone: ../x":       {"version: 1\ntimezone: ../../etc/passwd\nrules: []", `line 2, column 11: timezone has`},
		"a bad glob":           {rule(`tags: [{match: ["[a-"], keep: {last: 1}}]`), `line 4, column 19: not a glob: a [ without its ]: "[a-"`},
		"an empty glob":        {rule(`tags: [{match: [""], keep: {last: 1}}]`), `line 4, column 19: an empty glob matches no name: ""`},
		"a negated glob":       {rule(`tags: [{match: ["!v*"], keep: {last: 1}}]`), `line 4, column 19: a glob cannot be negated with !; put what should not match into exclude: "!v*"`},
		"a bad exclude":        {rule(`tags: [{match: ["*"], exclude: ["{a"], keep: {last: 1}}]`), `line 4, column 35: not a glob: a { without its }: "{a"`},
		"a bad regexp":         {rule(`tags: [{match: ["re:a(b"], keep: {last: 1}}]`), "line 4, column 19: not a regular expression: missing closing ): `a(b`: \"re:a(b\""},
		"a regexp that closes": {rule(`tags: [{match: ["re:a)(b"], keep: {last: 1}}]`), "not a regular expression: unexpected ): `a)(b`"},
		"a Perl regexp":        {rule(`tags: [{match: ["re:(?!x).*"], keep: {last: 1}}]`), "not a regular expression: invalid or unsupported Perl syntax"},
		"an empty regexp":      {rule(`tags: [{match: ["re:"], keep: {last: 1}}]`), `an empty regular expression matches no name: "re:"`},
		"a bad repository":     {"version: 1\nrules:\n- repositories: [a, '[']\n  untagged: {keep: {last: 1}}", `line 3, column 21: not a glob: a [ without its ]: "["`},
		"a bad filter":         {rule(`tags: [{filter: [a], keep: {last: 1}}]`), `line 4, column 20: not REPO_REGEX:TAG_REGEX: "a"`},
		"protect a bad glob":   {"version: 1\nprotect: ['prod/[']\nrules: []", `line 2, column 11: "prod/[" is not a glob: a [ without its ]: "prod/["`},
		"protect a bad digest": {"version: 1\nprotect: ['a@sha256:12']\nrules: []", `line 2, column 11: "sha256:12" is not a whole digest: it has 2 of 64 digits: "a@sha256:12"`},
		"protect a regexp":     {"version: 1\nprotect: ['re:prod/.*']\nrules: []", `line 2, column 11: protect has globs only: "re:prod/.*"`},
		"protect a negation":   {"version: 1\nprotect: ['!prod']\nrules: []", `line 2, column 11: what is protected cannot be negated: "!prod"`},
		"protect nothing":      {"version: 1\nprotect: []\nrules: []", `line 2, column 10: an empty list of protected names`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse("dir/policy.yaml", []byte(c.text), now)
			if err == nil || p != nil {
				t.Fatalf("parsed as %+v", p)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "dir/policy.yaml, line ") {
				t.Errorf("said   %s\nwanted %s", err, c.want)
			}
		})
	}
}

// TestParseSaysAll holds that one mistake does not hide the next.
func TestParseSaysAll(t *testing.T) {
	_, err := Parse("p", []byte("version: 1\nrules:\n- repositories: ['[']\n  tags:\n  - match: [a]\n    keep: {last: no}\n  - mach: [a]\n    keep: {within: x}\n"), now)
	want := []string{
		`p, line 3, column 18: not a glob: a [ without its ]: "["`,
		`p, line 6, column 18: last has to be a whole number from 1 on: "no"`,
		`p, line 7, column 5: an entry of tags has no key "mach"; it has match, exclude, filter, keep`,
		`p, line 8, column 20: within: not an age such as 24h, 30d, 2w or 3mo, nor a date such as 2026-04-05: "x"`,
		`p, line 7, column 5: an entry of tags has to say match: "- mach: [a]"`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

// FuzzParse holds that no text makes parsing panic, and that what it accepts is
// the same policy when it is printed, and can decide.
func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add("version: 1\nrules: [{repositories: &r [a, *r], tags: *r}]")
	f.Add("version: 1\nprotect: '**:x'\nrules: [{repositories: [a], untagged: {keep: {none: true}}}]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("p", []byte(text), now)
		if err != nil {
			return
		}
		printed, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("printed", printed, now)
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatalf("printed and parsed:\n%s", diff)
		}
		if _, err := p.Decider(Options{Now: now}); err != nil {
			t.Fatal(err)
		}
	})
}
