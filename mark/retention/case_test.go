package retention

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

var update = flag.Bool("update", false, "write what is decided into the golden files and docs/policy.md")

// now is the clock of all tests that do not say otherwise: a Saturday.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// scene is a list of tags in text, one a line:
//
//	NAME:TAG AGE [image=NAME] [created=AGE] [label=NAME=VALUE] [was=IMAGE@AGE] [orphan] [held] => keep: REASON; REASON
//
// A label with a comma in its value is of an index: a value for each of its
// images, which may be empty for none. was is an entry of the tag's history.
// AGE is an age such as 3d, a date, a time, or "none". NAME@IMAGE is an untagged
// manifest. What is decided stands behind the arrow; a repository whose rule is
// refused has "=> refused" there. Blank lines and # are for the reader.
type scene struct {
	lines        []string // as they were, up to the arrow
	refs         map[string]int
	want         map[int]string
	repositories []Repository
}

func digestOf(image string) layout.Digest { return layout.FromBytes(layout.SHA256, []byte(image)) }

func parseScene(t testing.TB, text string) *scene {
	s := &scene{refs: map[string]int{}, want: map[int]string{}}
	for at, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		before, after, _ := strings.Cut(line, "=>")
		s.lines = append(s.lines, strings.TrimRight(before, " \t"))
		fields := strings.Fields(before)
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		if err := s.add(fields, at); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s.want[at] = strings.TrimSpace(after)
	}
	return s
}

func (s *scene) add(fields []string, at int) (err error) {
	name, tag, tagged := strings.Cut(fields[0], ":")
	image := tag
	if !tagged {
		name, image, _ = strings.Cut(fields[0], "@")
	}
	one := Tag{Name: tag}
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "image":
			image = value
		case "created":
			one.Created, err = parseTime(value)
		case "label":
			label, values, _ := strings.Cut(value, "=")
			for _, v := range strings.Split(values, ",") {
				one.Labels.Images = append(one.Labels.Images, map[string]string{})
				if v != "" {
					one.Labels.Images[len(one.Labels.Images)-1][label] = v
				}
			}
		case "was":
			var r Revision
			was, age, _ := strings.Cut(value, "@")
			r.Digest = digestOf(was)
			r.Set, err = parseTime(age)
			one.History = append(one.History, r)
		case "orphan":
			one.Orphan = true
		case "held":
			one.Undecidable = "it names nothing"
		default:
			one.Pushed, err = parseTime(f)
		}
		if err != nil {
			return err
		}
	}
	one.Digest = digestOf(image)
	i := slices.IndexFunc(s.repositories, func(r Repository) bool { return r.Name == name })
	if i < 0 {
		i = len(s.repositories)
		s.repositories = append(s.repositories, Repository{Name: name})
	}
	r := &s.repositories[i]
	if tagged {
		r.Tags = append(r.Tags, one)
	} else {
		r.Untagged = append(r.Untagged, Manifest{Digest: one.Digest, Pushed: one.Pushed, Created: one.Created, Undecidable: one.Undecidable, Labels: one.Labels})
	}
	s.refs[reference(name, one.Name, one.Digest)] = at
	return nil
}

func parseTime(text string) (time.Time, error) {
	if text == "none" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	future := strings.HasPrefix(text, "-")
	ago, err := ParseAge(strings.TrimPrefix(text, "-"))
	if future {
		return now.Add(ago.Length), err
	}
	return ago.From(now), err
}

func reference(repository, tag string, d layout.Digest) string {
	if tag == "" {
		return repository + "@" + d.String()
	}
	return repository + ":" + tag
}

// decide returns what is decided about each line, and holds that the
// invariants do.
func (s *scene) decide(t testing.TB, policy *Policy, o Options) map[int]string {
	t.Helper()
	got := map[int]string{}
	d, err := policy.Decider(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.repositories {
		decisions, err := d.Decide(r)
		invariants(t, policy, o, r, decisions, err)
		refused := errors.As(err, new(*EmptyError))
		for _, one := range decisions {
			got[s.refs[reference(r.Name, one.Tag, one.Digest)]] = decisionText(one, refused)
		}
	}
	return got
}

func decisionText(d Decision, refused bool) string {
	action := "remove"
	if d.Keep {
		action = "keep"
	}
	if refused {
		action = "refused"
	}
	return action + ": " + strings.Join(d.Reasons, "; ")
}

// text is the scene with what was decided.
func (s *scene) text(got map[int]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for at, line := range s.lines {
		if decision, ok := got[at]; ok {
			fields := strings.Fields(line)
			fmt.Fprintf(w, "%s\t%s\t=> %s\n", fields[0], strings.Join(fields[1:], " "), decision)
		} else {
			fmt.Fprintf(w, "%s\n", line)
		}
	}
	w.Flush()
	return b.String()
}

// invariants holds what must be true of every set of decisions.
func invariants(t testing.TB, policy *Policy, o Options, r Repository, decisions []Decision, err error) {
	t.Helper()
	seen := map[string]int{}
	tags := 0
	for _, d := range decisions {
		seen[reference(d.Repository, d.Tag, d.Digest)]++
		if len(d.Reasons) == 0 {
			t.Errorf("no reason for %+v", d)
		}
		_, referrer := layout.ReferrerTag(d.Tag)
		if d.Keep && d.Tag != "" && !referrer {
			tags++
		}
	}
	if len(decisions) != len(r.Tags)+len(r.Untagged) {
		t.Errorf("%d decisions about %d tags and %d manifests", len(decisions), len(r.Tags), len(r.Untagged))
	}
	for ref, n := range seen {
		if n != 1 {
			t.Errorf("%d decisions about %s", n, ref)
		}
	}
	again := mustDecider(t, policy, o)
	same, _ := again.Decide(shuffled(r))
	if diff := cmp.Diff(decisions, same, cmp.Comparer(sameDigest)); diff != "" {
		t.Errorf("the order matters:\n%s", diff)
	}
	if err != nil {
		return
	}
	twice, err := again.Decide(left(r, decisions))
	for _, d := range twice {
		if !d.Keep {
			t.Errorf("a second run removes %s: %q", reference(d.Repository, d.Tag, d.Digest), d.Reasons)
		}
	}
	if err != nil {
		t.Errorf("a second run is refused: %v", err)
	}
}

// logsReach is how far back the logs of pulls reach here.
const logsReach = 100 * 24 * time.Hour

func mustDecider(t testing.TB, policy *Policy, o Options) *Decider {
	t.Helper()
	d, err := policy.Decider(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Pulls(o.Now.Add(-logsReach))
	return d
}

func sameDigest(a, b layout.Digest) bool { return a == b }

func shuffled(r Repository) Repository {
	r.Tags, r.Untagged = slices.Clone(r.Tags), slices.Clone(r.Untagged)
	rng := rand.New(rand.NewPCG(1, uint64(len(r.Tags))))
	rng.Shuffle(len(r.Tags), func(i, j int) { r.Tags[i], r.Tags[j] = r.Tags[j], r.Tags[i] })
	rng.Shuffle(len(r.Untagged), func(i, j int) { r.Untagged[i], r.Untagged[j] = r.Untagged[j], r.Untagged[i] })
	return r
}

// left is what decisions leave of a repository.
func left(r Repository, decisions []Decision) Repository {
	gone := map[string]bool{}
	for _, d := range decisions {
		gone[reference(r.Name, d.Tag, d.Digest)] = !d.Keep
	}
	r.Tags = slices.DeleteFunc(slices.Clone(r.Tags), func(t Tag) bool { return gone[reference(r.Name, t.Name, t.Digest)] })
	r.Untagged = slices.DeleteFunc(slices.Clone(r.Untagged), func(m Manifest) bool { return gone[reference(r.Name, "", m.Digest)] })
	return r
}
