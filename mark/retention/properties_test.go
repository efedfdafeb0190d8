package retention

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout"
)

var drawnTags = rapid.OneOf(
	rapid.StringMatching(`v?[0-3](\.[0-3]){0,2}(-rc\.[0-3])?`),
	rapid.StringMatching(`(pr|main|release)-[0-9]{1,2}`),
	rapid.SampledFrom([]string{"latest", "nightly", "2024.01.15", "0123456", "sha256-" + strings.Repeat("0", 64) + ".sig"}),
)

var drawnPatterns = rapid.SampledFrom([]string{"*", "v*", "pr-*", "main-*", "re:v?[0-9.]+", "{latest,nightly}", "*-[0-9]", "re:.*-.*"})

// drawTime is often one of few, so that there are ties, and sometimes none.
func drawTime(t *rapid.T, label string) time.Time {
	switch rapid.IntRange(0, 19).Draw(t, label+" kind") {
	case 0:
		return time.Time{}
	case 1:
		return now.Add(time.Hour)
	case 2:
		return time.Unix(0, 0)
	}
	return now.Add(-time.Duration(rapid.IntRange(0, 24*500).Draw(t, label)) * time.Hour)
}

func drawRepository(t *rapid.T) Repository {
	r := Repository{Name: rapid.SampledFrom([]string{"app", "ci/app", "prod/app", "team/web"}).Draw(t, "repository")}
	held := func() string { return rapid.SampledFrom([]string{"", "", "", "", "", "held"}).Draw(t, "held") }
	for _, name := range rapid.SliceOfNDistinct(drawnTags, 0, 40, rapid.ID).Draw(t, "tags") {
		r.Tags = append(r.Tags, Tag{
			Name: name, Digest: digestOf(fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "image"))),
			Pushed: drawTime(t, "pushed"), Created: drawTime(t, "created"),
			Pulled: drawTime(t, "pulled"), Undecidable: held(), Orphan: rapid.Bool().Draw(t, "orphan"), Labels: drawLabels(t), History: drawHistory(t),
		})
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "untagged") {
		r.Untagged = append(r.Untagged, Manifest{
			Digest: digestOf(fmt.Sprint("untagged", i)), Pushed: drawTime(t, "pushed"), Created: drawTime(t, "created"), Undecidable: held(), Labels: drawLabels(t),
		})
	}
	return r
}

// drawLabels is often nothing, and sometimes what an index with two images has.
func drawLabels(t *rapid.T) (l Labels) {
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "images") {
		labels := map[string]string{}
		if value := rapid.SampledFrom([]string{"", "", "3d", "20w", "90m", "never", "1.5h"}).Draw(t, "expires"); value != "" {
			labels["expires"] = value
		}
		l.Images = append(l.Images, labels)
	}
	l.Unread = rapid.IntRange(0, 19).Draw(t, "unread") == 0
	return l
}

// drawHistory is of what there may be: tagged images and untagged ones.
func drawHistory(t *rapid.T) (list []Revision) {
	for range rapid.IntRange(0, 5).Draw(t, "history") {
		image := rapid.SampledFrom([]string{"untagged0", "untagged1", "untagged2", "untagged3", "3", "7"}).Draw(t, "was")
		if d := digestOf(image); !slices.ContainsFunc(list, func(r Revision) bool { return r.Digest == d }) {
			list = append(list, Revision{Digest: d, Set: drawTime(t, "set")})
		}
	}
	return list
}

func drawKeep(t *rapid.T, versions bool) Keep {
	n := func(label string) int { return max(0, rapid.IntRange(-4, 4).Draw(t, label)) }
	k := Keep{Last: n("last"), Calendar: Calendar{Hourly: n("hourly"), Daily: n("daily"), Weekly: n("weekly"), Monthly: n("monthly"), Yearly: n("yearly")}}
	if versions {
		k.Semver = Semver{Major: n("major"), Minor: n("minor"), Patch: n("patch"), Prerelease: n("prerelease")}
		k.Images, k.Pulled = n("images"), n("pulled")
	} else {
		k.Revisions = n("revisions")
	}
	if rapid.IntRange(0, 4).Draw(t, "label") == 0 {
		k.Label.Expires = "expires"
	}
	k.Within = Ago{Length: time.Duration(n("within")) * 50 * time.Hour, Months: n("within months")}
	if rapid.IntRange(0, 9).Draw(t, "within date") == 0 {
		k.Within = Ago{At: now.Add(-time.Duration(rapid.IntRange(1, 24*500).Draw(t, "date")) * time.Hour)}
	}
	k.PulledWithin = Ago{Length: time.Duration(n("pulled within")) * 50 * time.Hour}
	k.All = rapid.IntRange(0, 19).Draw(t, "all") == 0
	k.None = k == Keep{}
	return k
}

func drawPolicy(t *rapid.T) *Policy {
	p := &Policy{Timezone: rapid.SampledFrom([]string{"", "Asia/Tokyo"}).Draw(t, "zone"), Twins: rapid.Bool().Draw(t, "twins")}
	p.Protect = rapid.SliceOfN(rapid.SampledFrom([]string{"prod/**", "**:release-*", "app:v1", digestOf("3").String()}), 0, 2).Draw(t, "protect")
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		r := Rule{
			Name:         fmt.Sprint("rule-", i),
			Repositories: rapid.SliceOfN(rapid.SampledFrom([]string{"app", "**", "ci/*", "re:[a-z]+", "*/app"}), 1, 2).Draw(t, "repositories"),
			Age:          Age(rapid.IntRange(0, 1).Draw(t, "age")), AllowEmpty: rapid.Bool().Draw(t, "allow empty"),
			RemoveOrphanedReferrers: rapid.Bool().Draw(t, "orphans"),
		}
		for range rapid.IntRange(1, 3).Draw(t, "entries") {
			r.Tags = append(r.Tags, Entry{
				Match:   rapid.SliceOfN(drawnPatterns, 1, 2).Draw(t, "match"),
				Exclude: rapid.SliceOfN(drawnPatterns, 0, 1).Draw(t, "exclude"),
				Keep:    drawKeep(t, true),
			})
		}
		if rapid.Bool().Draw(t, "has untagged") {
			k := drawKeep(t, false)
			r.Untagged = &k
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// TestInvariants holds for any policy and tags: each has one decision and a
// reason, the order of input does not matter, a second run removes nothing more,
// what is printed is the same policy, and what must stay does.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, r := drawPolicy(rt), drawRepository(rt)
		o := Options{Now: now, Grace: time.Hour}
		d, err := p.Decider(o)
		if err != nil {
			rt.Fatal(err)
		}
		d.Pulls(now.Add(-logsReach))
		decisions, err := d.Decide(r)
		check := &recorder{TB: t}
		invariants(check, p, o, r, decisions, err)
		mustStay(check, p, r, decisions, err)
		sameWhenPrinted(check, p)
		if check.said != "" {
			rt.Fatal(check.said)
		}
	})
}

// mustStay holds what is promised of things that no rule may take, and that a
// repository loses its last tag only where its rule says so.
func mustStay(t testing.TB, p *Policy, r Repository, decisions []Decision, err error) {
	tags := map[string]Tag{}
	for _, one := range r.Tags {
		tags[one.Name] = one
	}
	protection, _ := p.Protection()
	guard := protection.Guard(r.Name)
	stay, rule := 0, ""
	for _, d := range decisions {
		one := tags[d.Tag]
		_, referrer := layout.ReferrerTag(d.Tag)
		counts := d.Tag != "" && one.Undecidable == "" && !referrer
		switch {
		case d.Keep && counts:
			stay++
		case d.Keep:
		case one.Undecidable != "", d.Time.IsZero(), d.Time.After(now), d.Time.Year() < 1981, d.Rule == "",
			guard.Repository() != nil, guard.Digest(d.Digest) != nil, d.Tag != "" && guard.Tag(d.Tag) != nil:
			t.Errorf("%+v must stay", d)
		case referrer && !one.Orphan:
			t.Errorf("%+v is no orphan", d)
		case counts:
			rule = d.Rule
		}
	}
	at := slices.IndexFunc(p.Rules, func(r Rule) bool { return r.Name == rule })
	refuse := stay == 0 && at >= 0 && !p.Rules[at].AllowEmpty
	if empty := new(EmptyError); refuse != errors.As(err, &empty) || refuse && (empty.Repository != r.Name || empty.Rule != rule) {
		t.Errorf("rule %q leaves %d tags: %v", rule, stay, err)
	}
}

func sameWhenPrinted(t testing.TB, p *Policy) {
	text, err := p.Marshal()
	if err != nil {
		t.Errorf("%v", err)
	}
	again, err := Parse("printed", text, now)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	if diff := cmp.Diff(p, again, cmp.Comparer(slices.Equal[[]string])); diff != "" {
		t.Errorf("printed and parsed (-was +is):\n%s\n%s", diff, text)
	}
}

// TestMoreRulesKeepMore adds keep rules, or raises their numbers, and holds
// that nothing more goes.
func TestMoreRulesKeepMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, r := drawPolicy(rt), drawRepository(rt)
		for i := range p.Rules {
			p.Rules[i].AllowEmpty = true
		}
		before := gone(rt, p, r)
		for i := range p.Rules {
			for j := range p.Rules[i].Tags {
				more(&p.Rules[i].Tags[j].Keep, drawKeep(rt, true))
			}
			if p.Rules[i].Untagged != nil {
				more(p.Rules[i].Untagged, drawKeep(rt, false))
			}
		}
		for ref := range gone(rt, p, r) {
			if !before[ref] {
				rt.Fatalf("more rules remove %s", ref)
			}
		}
	})
}

// more adds to every rule of k.
func more(k *Keep, by Keep) {
	for i, c := range append(k.counts(), k.Semver.counts()...) {
		*c.n += *append(by.counts(), by.Semver.counts()...)[i].n
	}
	k.Within = longer(k.Within, by.Within)
	k.PulledWithin = longer(k.PulledWithin, by.PulledWithin)
	k.Label.Expires = max(k.Label.Expires, by.Label.Expires)
	k.All = k.All || by.All
	k.None = false
	k.None = *k == Keep{}
}

func gone(t *rapid.T, p *Policy, r Repository) map[string]bool {
	d, err := p.Decider(Options{Now: now, Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	d.Pulls(now.Add(-logsReach))
	decisions, err := d.Decide(r)
	if err != nil {
		t.Fatal(err)
	}
	refs := map[string]bool{}
	for _, one := range decisions {
		if !one.Keep {
			refs[reference(one.Repository, one.Tag, one.Digest)] = true
		}
	}
	return refs
}

// recorder collects what helpers report, for rapid, which has its own kind of T.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) + "\n" }

func (r *recorder) Fatal(args ...any) { r.said += fmt.Sprint(args...); panic(r.said) }
func (r *recorder) Helper()           {}

// longer is the one of two that reaches further back.
func longer(a, b Ago) Ago {
	if b.From(now).Before(a.From(now)) {
		return b
	}
	return a
}
