package retention

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Whoever stops a run need not wait until a policy has gone through millions of
// tags: it is asked now and then, in each part of the work.
func TestDecisionsCanBeStopped(t *testing.T) {
	t.Parallel()
	policy, err := Parse("policy.yml", []byte("version: 1\nprotect: ['**:*x*y*z*']\nrules:\n- name: all\n  repositories: ['**']\n  tags:\n  - match: ['*a*b*c*']\n    keep: {last: 1}\n"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := Repository{Name: "a"}
	for i := range 2000 {
		r.Tags = append(r.Tags, Tag{Name: fmt.Sprintf("v%d-%s", i, strings.Repeat("abc", 20)), Pushed: now.Add(-time.Hour)})
	}
	asks := func(stopAt int) (asked int, decisions []Decision, err error) {
		d, err := policy.Decider(Options{Now: now, Stopped: func() bool { asked++; return asked == stopAt }})
		if err != nil {
			t.Fatal(err)
		}
		decisions, err = d.Decide(r)
		return asked, decisions, err
	}
	all, decisions, err := asks(0)
	if err != nil || len(decisions) != len(r.Tags) {
		t.Fatal(err)
	}
	if least := 2 * len(r.Tags) / 256; all < least {
		t.Errorf("asked %d times in %d tags, want %d", all, len(r.Tags), least)
	}
	for at := 1; at <= all; at++ {
		asked, decisions, err := asks(at)
		if !errors.Is(err, ErrStopped) || decisions != nil || asked != at {
			t.Errorf("stopped at %d: asked %d times, %v", at, asked, err)
		}
	}
}
