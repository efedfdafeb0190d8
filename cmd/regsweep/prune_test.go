package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// pruneCase is what the contract says about one policy and one store. Its check
// makes a dry run, a run and a second run.
type pruneCase struct {
	text   string   // the store
	policy string   // or a line of rules; <NAME> is a digest's hexadecimal digits
	flags  []string // besides

	items   []string // that go; see itemLine
	shared  int64
	status  int
	garbage []string // that gc would have removed before
	// decisions are "keep" or "remove" and NAME:TAG or NAME@NAME: all of them.
	decisions []string
	reasons   []string // some, as "NAME:TAG: REASON"
}

// within20d keeps what is not older than 20 days.
const within20d = `{repositories: ["**"], tags: [{match: ["*"], keep: {within: 20d}}]}`

func (c pruneCase) check(t *testing.T) {
	t.Helper()
	s := layouttest.New(t, c.text)
	file := c.policyFile(t, s)
	args := append([]string{"prune", "--policy", file}, c.flags...)
	dry := run(t, s, append(args, "--dry-run")...)
	got, reasons := decisions(t, s, dry)
	slices.Sort(c.decisions)
	same(t, "decisions", c.decisions, got)
	for _, want := range c.reasons {
		if !slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(r, want) }) {
			t.Errorf("no reason %q among\n%s", want, strings.Join(reasons, "\n"))
		}
	}
	done := removedCase{text: c.text, args: args, items: c.items, shared: c.shared, status: c.status, garbage: c.garbage}.check(t)
	again := run(t, done, append(args, "--yes")...)
	if len(again.report.Items) > 0 {
		t.Errorf("a second run removes %v", again.report.Items)
	}
}

func (c *pruneCase) policyFile(t *testing.T, s *layouttest.Store) string {
	t.Helper()
	text := c.policy
	if !strings.Contains(text, "rules:") {
		text = "version: 1\nrules:\n  - " + text + "\n"
	}
	for _, name := range s.Names() {
		text = strings.ReplaceAll(text, "<"+name+">", s.Digest(name).Hex())
	}
	file := filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// decisions are those of a report with -o json -v, sorted, and with their reasons.
func decisions(t *testing.T, s *layouttest.Store, r result) (list, reasons []string) {
	t.Helper()
	var rep struct {
		Decisions []struct {
			Repository, Tag, Digest, Action, Rule string
			Reasons                               []string
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
	}
	named := func(text string) string {
		for _, name := range s.Names() {
			text = strings.ReplaceAll(text, s.Digest(name).Hex(), "<"+name+">")
		}
		return text
	}
	for _, d := range rep.Decisions {
		name := d.Repository + ":" + named(d.Tag)
		if d.Tag == "" {
			name = d.Repository + "@" + nameOf(s, d.Digest)
		}
		list = append(list, d.Action+" "+name)
		if len(d.Reasons) == 0 || slices.Contains(d.Reasons, "") {
			t.Errorf("%s: no reason", name)
		}
		reasons = append(reasons, named(name+": "+strings.Join(d.Reasons, "; ")))
	}
	slices.Sort(list)
	return list, reasons
}

func TestPruneImages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]pruneCase{
		"an old one goes with its blobs": {
			text: "image a:new layers=base as=n age=1d\nimage a:old layers=base,l2 as=o age=40d", policy: within20d, shared: 1,
			items:     []string{"tag a:old o", "manifest a o", "layerLink a l2", "layerLink a o.config", "blob o", "blob o.config", "blob l2"},
			decisions: []string{"keep a:new", "remove a:old"}, reasons: []string{"a:old: older than 20d", "a:new: within 20d"},
		},
		"a tag that stays keeps the image": {
			text: "image a:old as=x age=40d\ntag a:new x age=1d", policy: within20d,
			items:     []string{"tag a:old x"},
			decisions: []string{"keep a:new", "remove a:old"}, reasons: []string{"a:old: older than 20d; shares its manifest with new"},
		},
		"another repository keeps the blobs": {
			text: "image a:old layers=l1 as=x age=40d\nimage a:new as=n age=1d\ncopy b:new x age=1d", policy: within20d, shared: 3,
			items:     []string{"tag a:old x", "manifest a x", "layerLink a l1", "layerLink a x.config"},
			decisions: []string{"keep a:new", "remove a:old", "keep b:new"},
		},
		"fresh ones go at once": {
			text:      "image a:1 layers=l1 as=x age=10m\nimage a:2 as=n age=5m",
			policy:    `{repositories: ["**"], tags: [{match: ["*"], keep: {last: 1}}]}`,
			items:     []string{"tag a:1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
			decisions: []string{"remove a:1", "keep a:2"},
		},
		"older garbage is gc's": {
			text: "image a:old layers=l1 as=x age=40d\nimage a:new as=n age=1d\norphan as=o age=9d\nlayer a stray age=9d", policy: within20d,
			garbage:   []string{"blob o", "blob stray", "layerLink a stray"},
			items:     []string{"tag a:old x", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
			decisions: []string{"keep a:new", "remove a:old"},
		},
		"no rule, no entry": {
			text:      "image a:v1 as=x age=40d\nimage b:v1 as=y age=40d\nimage b:w1 as=z age=40d",
			policy:    `{repositories: [b], tags: [{match: ["w*"], keep: {none: true}}]}`,
			items:     []string{"tag b:w1 z", "manifest b z", "layerLink b z.layer1", "layerLink b z.config", "blob z", "blob z.config", "blob z.layer1"},
			decisions: []string{"keep a:v1", "keep b:v1", "remove b:w1"}, reasons: []string{"a:v1: no rule matches", "b:v1: no entry matches"},
		},
		"a repository may be emptied where its rule says so": {
			text:   "image a:v1 layers=l1 as=x age=40d\nimage b:v1 as=y age=1d",
			policy: `{repositories: ["**"], allow-empty: true, tags: [{match: ["*"], keep: {within: 20d}}]}`,
			items: []string{
				"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "repository a", "blob x", "blob x.config", "blob l1",
			},
			decisions: []string{"remove a:v1", "keep b:v1"},
		},
		"by the image's own time": {
			text: "image a:new layers=l1 as=n created=1d age=40d\nimage a:old layers=l2 as=o created=40d age=1d\n" +
				"image a:none layers=l3 created=none age=40d\nimage a:epoch layers=l4 created=1970-01-01T00:00:00Z age=40d\n" +
				"image a layers=l5 as=c created=1d age=40d\nimage a layers=l6 as=d created=40d age=40d\nindex a:all of=c,d age=40d",
			policy:    `{repositories: ["**"], age: created, tags: [{match: ["*"], keep: {within: 20d}}]}`,
			items:     []string{"tag a:old o", "manifest a o", "layerLink a l2", "layerLink a o.config", "blob o", "blob o.config", "blob l2"},
			decisions: []string{"keep a:new", "remove a:old", "keep a:none", "keep a:epoch", "keep a:all"},
			reasons:   []string{"a:none: created time is missing", "a:epoch: created time is absurd: 1970-01-01", "a:all: within 20d"},
		},
		"by its own time, of which a part cannot be read": {
			text: "image a layers=l5 as=c created=1d age=40d\nimage a layers=l6 as=d created=40d age=40d\nindex a:all of=c,d age=40d\n" +
				"image a:new layers=l1 as=n created=1d age=40d\nimage a:only layers=l2 as=o created=40d age=40d\n" +
				"remove blobs/sha256/{xx:c.config}/{c.config}/data\nremove blobs/sha256/{xx:o.config}/{o.config}/data",
			policy: `{repositories: ["**"], age: created, tags: [{match: ["*"], keep: {within: 20d}}]}`, status: 3,
			items: []string{}, decisions: []string{"keep a:all", "keep a:new", "keep a:only"},
			reasons: []string{"a:all: created time is missing", "a:only: created time is missing"},
		},
		"that only registry 2.1.0 tagged": {
			text: "image - layers=l1 as=x age=40d\nold-tag a:old x age=40d\nimage a:new as=n age=1d", policy: within20d,
			items:     []string{"tag a:old x", "layerLink a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
			decisions: []string{"keep a:new", "remove a:old"},
		},
		"and entries of histories": {
			text: "image a:v1,old layers=base as=x age=40d\nimage a:v1 layers=base as=y age=1d", policy: within20d, shared: 1,
			items:     []string{"tag a:old x", "manifest a x", "tagHistory a:v1 x", "layerLink a x.config", "blob x", "blob x.config"},
			decisions: []string{"keep a:v1", "remove a:old"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestPruneIndex(t *testing.T) {
	t.Parallel()
	const children = "image a layers=l1 as=x age=40d\nimage a layers=l2 as=y age=40d\n"
	all := []string{
		"tag a:all i", "manifest a i", "manifest a x", "manifest a y", "layerLink a l1", "layerLink a l2", "layerLink a x.config", "layerLink a y.config",
		"blob i", "blob x", "blob y", "blob x.config", "blob y.config", "blob l1", "blob l2",
	}
	for name, c := range map[string]pruneCase{
		"that stays keeps a child that loses its tag": {
			text: "image a:old layers=l1 as=x age=40d\nindex a:all of=x as=i age=1d", policy: within20d,
			items: []string{"tag a:old x"}, decisions: []string{"keep a:all", "remove a:old"},
			reasons: []string{"a:old: older than 20d; its image is kept: the index sha256:<i> names it"},
		},
		"that goes takes its children": {
			text: children + "index a:all of=x,y as=i age=40d\nimage a:new as=n age=1d", policy: within20d,
			items: all, decisions: []string{"remove a:all", "keep a:new"},
		},
		"that goes takes a child whose tag goes": {
			text: children + "index a:all of=x,y as=i age=40d\ntag a:one x age=40d\nimage a:new as=n age=1d", policy: within20d,
			items: append([]string{"tag a:one x"}, all...), decisions: []string{"remove a:all", "remove a:one", "keep a:new"},
		},
		"that goes leaves a tagged child": {
			text: children + "index a:all of=x,y as=i age=40d\ntag a:one x age=1d", policy: within20d, shared: 3,
			items:     []string{"tag a:all i", "manifest a i", "manifest a y", "layerLink a l2", "layerLink a y.config", "blob i", "blob y", "blob y.config", "blob l2"},
			decisions: []string{"remove a:all", "keep a:one"},
		},
		"without a tag": {
			text:   children + "index a of=x,y as=i age=40d\nimage a:new as=n age=1d",
			policy: `{repositories: ["**"], untagged: {keep: {within: 20d}}}`,
			items:  all[1:], decisions: []string{"remove a@i", "keep a:new"},
		},
		"without a tag that is kept": {
			text:   children + "index a of=x,y as=i age=10d\nimage a as=z age=40d layers=l9\nimage a:new as=n age=1d",
			policy: `{repositories: ["**"], untagged: {keep: {within: 20d}}}`,
			items:  []string{"manifest a z", "layerLink a l9", "layerLink a z.config", "blob z", "blob z.config", "blob l9"}, decisions: []string{"keep a@i", "remove a@z", "keep a:new"},
		},
		"of a nested one": {
			text: "image a layers=l1 as=x age=40d\nindex a of=x as=inner age=40d\nindex a:all of=inner as=i age=40d\nimage a:new as=n age=1d", policy: within20d,
			items: []string{
				"tag a:all i", "manifest a i", "manifest a inner", "manifest a x", "layerLink a l1", "layerLink a x.config",
				"blob i", "blob inner", "blob x", "blob x.config", "blob l1",
			},
			decisions: []string{"remove a:all", "keep a:new"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}
