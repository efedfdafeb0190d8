package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// emptyPlan removes nothing.
type emptyPlan struct{}

func (emptyPlan) Empty() bool                             { return true }
func (emptyPlan) EachLine(bool, func(sweep.ItemLine))     {}
func (emptyPlan) EachGone(bool, func(*sweep.GoneLine))    {}
func (emptyPlan) BytesWithin(bool, digests.Set) (n int64) { return 0 }

// endingOf is a run with a report whose plan is empty.
func endingOf(rep *sweep.Report) *report.Ending {
	return &report.Ending{Report: rep, Run: &report.Run{Report: rep, Plan: emptyPlan{}, Space: new(report.Space)}}
}

// However much there is, the page stays one that a browser can draw, and it says
// what it lacks.
func TestPageStaysSmall(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	rep := &sweep.Report{Started: time.Now().UTC(), DryRun: true}
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	breaks := slices.Repeat([]string{"some-team/with-a-name/service:v1"}, 1000)
	const n = 20_000
	cure := "regsweep rm " + strings.Repeat("some-team/with-a-name/service@"+digest+" ", 100)
	for i := range n {
		name := fmt.Sprintf("some-team/with-a-name/service-%05d", i)
		rep.Repositories = append(rep.Repositories, sweep.RepositoryLine{Name: name, Tags: 120, Manifests: 4000, Bytes: 123456789012, UniqueBytes: 12345678901, ReclaimableBytes: 1234567890})
		rep.Items = append(rep.Items, sweep.ItemLine{Kind: "layerLink", Repository: name, Digest: digest, Bytes: 123456789})
		rep.Skipped = append(rep.Skipped, sweep.SkippedLine{Kind: "tag", Repository: name, Name: "v1", Digest: digest, Reason: "it came into use while the plan was carried out"})
		rep.Decisions = append(rep.Decisions, sweep.DecisionLine{Repository: name, Tag: "v1", Digest: digest, Action: "keep", Rule: "few", Reasons: []string{"the last one"}})
		rep.Problems = append(rep.Problems, walker.Problem{Kind: walker.BrokenManifest, Path: "repositories/" + name + "/_manifests/revisions/sha256/" + digest[7:] + "/link", Detail: "a link that holds no digest: it is empty", Breaks: breaks, Cure: cure})
	}
	e := endingOf(rep)
	text, err := e.Page()
	if err != nil || len(text) > 5_000_000 {
		t.Errorf("it has %d bytes: %v", len(text), err)
	}
	d := parsePage(t, string(text))
	for id, most := range map[string]int{"repositories": 4000 + 2, "items": 2000, "skipped": 1000, "decisions": 2000, "problems": 1000} {
		shown := len(d.rows(id))
		if shown == 0 || shown > most {
			t.Errorf("%s: %d rows are shown", id, shown)
		}
		if id == "repositories" {
			shown -= 2 // the sums
		}
		if want := fmt.Sprintf("%s of 20,000 rows are on this page; the JSON report has all of them", term.Comma(shown)); !strings.Contains(d.textOf(id), want) {
			t.Errorf("%s does not say %q", id, want)
		}
	}
	rest := d.row("repositories", "(repositories that are not on this page)")
	same(t, "the tags of the others", int64(120*(n-len(d.rows("repositories"))+2)), rest.value["tags"])
}

// A page is the same whenever it is made of the same report.
func TestPageIsTheSameAgain(t *testing.T) {
	t.Parallel()
	rep := &sweep.Report{Repositories: []sweep.RepositoryLine{{Name: "a", Bytes: 3}, {Name: "b", Bytes: 3}}}
	var texts [][]byte
	for range 2 {
		e := endingOf(rep)
		text, err := e.Page()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("the pages differ")
	}
}
