package retention

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wasUsed is what the documents say of when something was last pulled: its last
// pull; what was never seen to be pulled counts as pulled when the log begins or
// when it was pushed, whichever is later.
func wasUsed(tag Tag, begin time.Time) time.Time {
	if !tag.Pulled.Before(begin) && tag.Pulled.After(tag.Pushed) {
		return tag.Pulled
	}
	if tag.Pushed.After(begin) {
		return tag.Pushed
	}
	return begin
}

// TestPullsByTheDocuments holds the rules about pulls against what the documents
// say of them, for one entry that has no other rule.
func TestPullsByTheDocuments(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRepository(rt)
		r.Name, r.Untagged = "app", nil
		k := Keep{PulledWithin: Ago{Length: time.Duration(rapid.IntRange(0, 3).Draw(rt, "within")) * 1000 * time.Hour}, Pulled: rapid.IntRange(0, 5).Draw(rt, "pulled")}
		if k == (Keep{}) {
			rt.Skip()
		}
		p := &Policy{Rules: []Rule{{Repositories: []string{"**"}, AllowEmpty: true, Tags: []Entry{{Match: []string{"*"}, Keep: k}}}}}
		begin := time.Time{}
		if rapid.Bool().Draw(rt, "has logs") {
			begin = now.Add(-time.Duration(rapid.IntRange(0, 24*200).Draw(rt, "begin")) * time.Hour)
		}
		d, err := p.Decider(Options{Now: now})
		if err != nil {
			rt.Fatal(err)
		}
		d.Pulls(begin)
		decisions, err := d.Decide(r)
		if err != nil {
			rt.Fatal(err)
		}
		var judged []Tag
		for _, one := range r.Tags {
			if timely := one.Pushed.Year() >= 1981 && !one.Pushed.After(now); one.Undecidable == "" && timely && !strings.HasPrefix(one.Name, "sha256-") {
				judged = append(judged, one)
			}
		}
		for _, got := range decisions {
			at := slices.IndexFunc(judged, func(one Tag) bool { return one.Name == got.Tag })
			if at < 0 {
				continue
			}
			used := wasUsed(judged[at], begin)
			before := 0 // how many were pulled later
			for _, other := range judged {
				if wasUsed(other, begin).After(used) {
					before++
				}
			}
			within := k.PulledWithin.Length
			keep := begin.IsZero() || within > 0 && !used.Before(now.Add(-within)) || before < k.Pulled
			if within > 0 && begin.After(now.Add(-within)) {
				keep = true // the log covers less than the rule's time
			}
			if got.Keep != keep {
				rt.Fatalf("%s: pulled %s, pushed %s, logs from %s, %+v: keep %t: %q", got.Tag, judged[at].Pulled, judged[at].Pushed, begin, k, got.Keep, got.Reasons)
			}
		}
		if short := len(judged) > 0 && (begin.IsZero() || k.PulledWithin.Length > 0 && begin.After(now.Add(-k.PulledWithin.Length))); short != (len(d.Short()) > 0) && len(judged) > 0 {
			rt.Fatalf("logs from %s, %+v: %q", begin, k, d.Short())
		}
	})
}
