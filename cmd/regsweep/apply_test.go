package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// appliedCase is what becomes of a plan if the store changes before it is
// carried out.
type appliedCase struct {
	text    string   // the store, in the language of layouttest
	plan    []string // the command that makes the plan
	changes string   // what is done to the store after that
	args    []string // of apply, besides the plan

	goes  []string // KIND REPOSITORY[:TAG] NAME, in any order; see itemLine
	left  []string // some of what is skipped: the same, a colon and the reason
	whole []string // references that can be pulled in the end
}

func (c appliedCase) check(t *testing.T) {
	t.Helper()
	t.Parallel()
	s := newStore(t, c.text)
	file := writePlan(t, s, c.plan...)
	s.MustApply(t, expand(s, []string{c.changes})[0])
	before := s.Snapshot(t)
	pulls := pullable(t, s)
	args := append([]string{"apply", file}, orderedNames(s, c.args)...)

	dry := run(t, s, append(args, "-d")...)
	if dry.status != 0 {
		t.Fatalf("the dry run: status %d\n%s", dry.status, dry.stderr)
	}
	same(t, "the store after a dry run", before, s.Snapshot(t))
	done := run(t, s, append(args, "-y")...)
	if done.status != 0 {
		t.Fatalf("status %d\n%s", done.status, done.stderr)
	}
	goes := expand(s, c.goes)
	same(t, "what would go", goes, itemNames(s, dry))
	same(t, "what went", goes, itemNames(s, done))
	same(t, "what the dry run and the run leave out", dry.report.Skipped, done.report.Skipped)
	left := leftLines(s, done)
	for _, l := range expand(s, c.left) {
		if !slices.Contains(left, l) {
			t.Errorf("it is not skipped: %s\nbut\n  %s", l, strings.Join(left, "\n  "))
		}
	}
	if len(c.left) == 0 && len(left) > 0 {
		t.Errorf("skipped:\n  %s", strings.Join(left, "\n  "))
	}
	if done.report.Command != "apply" || done.report.Skipped == nil {
		t.Errorf("the report is of %q and leaves out %v", done.report.Command, done.report.Skipped)
	}
	countsAgree(t, done)
	checkPulls(t, s, pulls, done)
	for _, ref := range c.whole {
		if missing := s.Missing(expand(s, []string{ref})[0]); len(missing) > 0 {
			t.Errorf("%s lacks %v", ref, missing)
		}
	}
	after := s.Snapshot(t)
	again := run(t, s, append(args, "-y")...)
	if again.status != 0 || len(again.report.Items) > 0 {
		t.Errorf("the second time: status %d, and %v went", again.status, itemNames(s, again))
	}
	same(t, "the store after the second time", after, s.Snapshot(t))
}

// writePlan has a command write its plan, and returns the file.
func writePlan(t testing.TB, s *layouttest.Store, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.txt")
	args = append(orderedNames(s, args), "--dry-run", "--plan", file)
	if r := run(t, s, args...); r.status != 0 {
		t.Fatalf("%v: status %d\n%s", args, r.status, r.stderr)
	}
	return file
}

// leftLines are what a run has skipped, with the reasons.
func leftLines(s *layouttest.Store, r result) (list []string) {
	for _, l := range r.report.Skipped {
		item := sweep.ItemLine{Kind: l.Kind, Repository: l.Repository, Name: l.Name, Digest: l.Digest}
		list = append(list, itemLine(s, &item)+": "+l.Reason)
	}
	return list
}

// two is an image and one that shares a layer with it.
const two = "image a:v1 layers=base,own as=x\nimage a:v2 layers=base as=y\nimage b:v1 as=z\n"

// ofX are what goes with the image x of two, besides its tags.
func ofX(more ...string) []string {
	return append(more, "manifest a x", "layerLink a own", "layerLink a x.config", "blob x", "blob x.config", "blob own")
}

func TestApplyToAnUnchangedStore(t *testing.T) {
	for name, c := range map[string]appliedCase{
		"gc": {
			text: two + "orphan as=o\nlayer b stray\nupload b kind=patched size=3k as=u", plan: []string{"gc"},
			goes: []string{"blob o", "blob stray", "layerLink b stray", "upload b u"},
		},
		"gc -m":       {text: two + "delete-tag a:v1", plan: []string{"gc", "-m"}, goes: ofX("tagHistory a:v1 x")[1:]},
		"rm":          {text: two, plan: []string{"rm", "a:v1"}, goes: ofX("tag a:v1 x")},
		"rm of fresh": {text: "age 10m\n" + two, plan: []string{"rm", "a:v1"}, goes: ofX("tag a:v1 x")},
		"untag":       {text: two, plan: []string{"untag", "a:v1"}, goes: []string{"tag a:v1 x"}},
		"prune":       {text: two, plan: []string{"prune", "--filter", "a:v1", "--ago", "1d"}, goes: ofX("tag a:v1 x")},
		"rm of an image that is linked as a layer, too, and that longer": {
			text: "image b:keep\nimage b:v1 layers=l as=x age=5h\nold-tag b:v1 x age=3d", plan: []string{"rm", "b:v1"},
			goes: []string{"tag b:v1 x", "manifest b x", "layerLink b x", "layerLink b x.config", "layerLink b l", "blob x", "blob x.config", "blob l"},
		},
		"rm of an image that is linked as a layer only": {
			text: "image b:keep\nimage - layers=l as=x\nold-tag b:v1 x", plan: []string{"rm", "b:v1"},
			goes: []string{"tag b:v1 x", "layerLink b x", "layerLink b x.config", "layerLink b l", "blob x", "blob x.config", "blob l"},
		},
		"rm of an image with its signature and its children": {
			text: two + "cosign a of=x as=sig\nindex a:all of=x as=i", plan: []string{"rm", "a:all", "a:v1"},
			goes: ofX("tag a:v1 x", "tag a:all i", "manifest a i", "blob i", "tag a:sha256-{x}.sig sig", "manifest a sig", "blob sig", "blob sig.config", "blob sig.layer", "layerLink a sig.config", "layerLink a sig.layer"),
		},
		"untag of a tag that names nothing":        {text: two + "damage garbage tag a:v2", plan: []string{"untag", "a:v2"}, goes: []string{"tag a:v2"}},
		"untag of a tag that is empty":             {text: two + "damage empty-tag tag a:v2", plan: []string{"untag", "a:v2"}, goes: []string{"tag a:v2"}},
		"rm --repository with a tag that is empty": {text: two + "image b:v2 as=w layers=wl\ndamage empty-tag tag b:v2", plan: []string{"rm", "--repository", "b"}, goes: []string{"tag b:v1 z", "tag b:v2", "manifest b z", "manifest b w", "layerLink b z.config", "layerLink b z.layer1", "layerLink b w.config", "layerLink b wl", "blob z", "blob z.config", "blob z.layer1", "blob w", "blob w.config", "blob wl", "repository b"}},
		"untag of half a tag":                      {text: two + "damage half-tag tag b:v1", plan: []string{"untag", "b:v1"}, goes: []string{"tag b:v1 z"}},
		"nothing at all":                           {text: two, plan: []string{"gc"}},
		"rm --repository":                          {text: two + "upload b kind=started as=u", plan: []string{"rm", "--repository", "b"}, goes: []string{"tag b:v1 z", "manifest b z", "layerLink b z.config", "layerLink b z.layer1", "blob z", "blob z.config", "blob z.layer1", "upload b u", "repository b"}},
	} {
		t.Run(name, c.check)
	}
}

func TestApplyAfterChanges(t *testing.T) {
	rm, untag, prune := []string{"rm", "a:v1"}, []string{"untag", "a:v1"}, []string{"prune", "--filter", "a:v1", "--ago", "1d"}
	gcm := []string{"gc", "-m", "--older-than", "0", "--grace", "0"}
	const again = "it has been written again since the plan was made"
	const needed = "something that is kept needs it"
	// untagged is two after the tag of x was deleted.
	const untagged = two + "delete-tag a:v1\n"
	const linkOfX = "repositories/a/_manifests/revisions/sha256/{x}/link"
	withoutTag := ofX()
	for name, c := range map[string]appliedCase{
		"gc --grace 0: a blob and its link have been written again": {
			text: two + "layer b o", plan: []string{"gc", "--grace", "0"},
			changes: "touch blobs/sha256/{xx:o}/{o}/data age=0s\ntouch repositories/b/_layers/sha256/{o}/link age=0s",
			left:    []string{"layerLink b o: it has been written again since the plan was made"},
		},
		// The plan's own roots.
		"rm: the tag names another image": {
			text: two, plan: rm, changes: "tag a:v1 y age=0s", whole: []string{"a:v1"},
			goes: withoutTag, left: []string{"tag a:v1 x: it names sha256:{y} now"},
		},
		"prune: the tag names another image": {
			text: two, plan: prune, changes: "tag a:v1 y age=0s", whole: []string{"a:v1"},
			goes: withoutTag, left: []string{"tag a:v1 x: it names sha256:{y} now"},
		},
		"untag: the tag names another image": {
			text: two, plan: untag, changes: "tag a:v1 y age=0s", whole: []string{"a:v1"},
			left: []string{"tag a:v1 x: it names sha256:{y} now"},
		},
		"rm: the tag has been written with the same digest":    {text: two, plan: rm, changes: "tag a:v1 x age=0s", goes: ofX("tag a:v1 x")},
		"untag: the tag has been written with the same digest": {text: two, plan: untag, changes: "tag a:v1 x age=0s", goes: []string{"tag a:v1 x"}},
		"untag: the image has been pushed again": {
			text: two, plan: untag, changes: "touch " + linkOfX + " age=0s", goes: []string{"tag a:v1 x"},
			whole: []string{"a@sha256:{x}"},
		},
		"rm: the tag is gone":    {text: two, plan: rm, changes: "delete-tag a:v1", goes: withoutTag, left: []string{"tag a:v1 x: it is gone"}},
		"rm: the image is gone":  {text: two, plan: rm, changes: "delete-manifest a x", goes: without(withoutTag, []string{"manifest a x"}), left: []string{"tag a:v1 x: it is gone", "manifest a x: it is gone"}},
		"prune: the tag is gone": {text: two, plan: prune, changes: "delete-tag a:v1", goes: withoutTag, left: []string{"tag a:v1 x: it is gone"}},
		"rm: the image is pushed again, long after the plan": {
			text: two, plan: rm, changes: "touch " + linkOfX + " age=5h", whole: []string{"a:v1"},
			left: []string{"manifest a x: " + again, "tag a:v1 x: its image is kept", "blob own: " + needed},
		},
		"prune: the image is pushed again": {
			text: two, plan: prune, changes: "touch " + linkOfX + " age=0s", whole: []string{"a:v1"},
			left: []string{"manifest a x: " + again, "tag a:v1 x: its image is kept"},
		},
		"gc -m: the manifest is pushed again": {
			text: untagged, plan: gcm, changes: "touch " + linkOfX + " age=5h", whole: []string{"a@sha256:{x}"},
			left: []string{"manifest a x: " + again, "blob own: " + needed},
		},
		// What references items of the plan by now.
		"rm: a new tag on the image": {
			text: two, plan: rm, changes: "tag a:new x age=0s", whole: []string{"a:new"}, goes: []string{"tag a:v1 x"},
			left: []string{"manifest a x: a tag names it", "blob own: " + needed},
		},
		"prune: a new tag on the image": {
			text: two, plan: prune, changes: "tag a:new x age=0s", whole: []string{"a:new"}, goes: []string{"tag a:v1 x"},
			left: []string{"manifest a x: a tag names it"},
		},
		"gc -m: a tag on the manifest": {
			text: untagged, plan: gcm, changes: "tag a:new x age=5h", whole: []string{"a:new"},
			left: []string{"manifest a x: a tag names it"},
		},
		"rm: an index that names the image": {
			text: two, plan: rm, changes: "index a as=i of=x age=5h", whole: []string{"a@sha256:{i}"}, goes: []string{"tag a:v1 x"},
			left: []string{"manifest a x: the index sha256:{i} names it"},
		},
		"gc -m: an index that names the manifest": {
			text: untagged, plan: gcm, changes: "index a as=i of=x age=5h", whole: []string{"a@sha256:{i}"},
			left: []string{"manifest a x: the index sha256:{i} names it"},
		},
		"rm --force: an index that has come since": {
			text: two + "index a as=i of=x", plan: []string{"rm", "a:v1", "--force"}, changes: "index a:j as=j of=x,y age=5h", whole: []string{"a:j"},
			goes: []string{"tag a:v1 x"}, left: []string{"manifest a x: the index sha256:{j} names it"}, // the lesser digest
		},
		"rm --force: the index that was to lose it is as it was": {
			text: two + "index a as=i of=x", plan: []string{"rm", "a:v1", "--force"}, changes: "image c:v1 age=5h",
			goes: without(ofX("tag a:v1 x"), []string{"blob x"}),
		},
		"rm --force: the index that was to lose it is pushed again": {
			text: two + "index a as=i of=x", plan: []string{"rm", "a:v1", "--force"},
			changes: "touch repositories/a/_manifests/revisions/sha256/{i}/link age=5h", whole: []string{"a@sha256:{i}"},
			goes: []string{"tag a:v1 x"}, left: []string{"manifest a x: the index sha256:{i} names it"},
		},
		"rm: an image elsewhere with its layer": {
			text: two, plan: rm, changes: "image c:v1 layers=own as=w age=5h", whole: []string{"c:v1"},
			goes: without(ofX("tag a:v1 x"), []string{"blob own"}), left: []string{"blob own: " + needed},
		},
		"rm: an untagged image with its layer": {
			text: two, plan: rm, changes: "image c layers=own as=w age=5h", whole: []string{"c@sha256:{w}"},
			goes: without(ofX("tag a:v1 x"), []string{"blob own"}), left: []string{"blob own: " + needed},
		},
		"gc -m: an untagged manifest, not in the plan, with its layer": {
			text: untagged, plan: gcm, changes: "image c layers=own as=w age=5h", whole: []string{"c@sha256:{w}"},
			goes: without(withoutTag, []string{"blob own"}), left: []string{"blob own: " + needed},
		},
		"gc -m: an image that has lost its tag since": {
			text: two + "image a layers=base,own as=old\nimage a:v3 layers=own as=w\ndelete-tag a:v1\norphan as=o", plan: gcm, changes: "delete-tag a:v3",
			goes: []string{"manifest a old", "manifest a x", "blob old", "blob old.config", "blob x", "blob x.config", "blob o", "layerLink a old.config", "layerLink a x.config"}, whole: []string{"a@sha256:{w}"},
		},
		"gc: a layer link without an image": {
			text: two + "orphan as=o", plan: gcm, changes: "layer c o age=5h", left: []string{"blob o: " + needed},
		},
		"gc: a layer link that is written again": {
			text: two + "layer c stray", plan: gcm, changes: "touch repositories/c/_layers/sha256/{stray}/link age=5h",
			left: []string{"layerLink c stray: " + again, "blob stray: " + needed, "repository c: it is not empty"},
		},
		"gc: an image that names an orphan": {
			text: two + "orphan as=o\norphan as=p", plan: []string{"gc"}, changes: "image c:v1 layers=o as=w age=0s", whole: []string{"c:v1"},
			goes: []string{"blob p"}, left: []string{"blob o: " + needed},
		},
		// Ages, uploads and what is empty.
		"gc: an upload that goes on": {
			text: two + "upload b kind=patched size=1k as=u\nupload b kind=patched size=1k as=w", plan: []string{"gc"},
			changes: "touch repositories/b/_uploads/{id:u} age=0s", goes: []string{"upload b w"}, left: []string{"upload b u: it is being written to, or too recent"},
		},
		"gc: an upload that is gone": {
			text: two + "upload b kind=patched size=1k as=u", plan: []string{"gc"}, changes: "remove repositories/b/_uploads/{id:u}",
			left: []string{"upload b u: it is gone"},
		},
		"gc: an upload in a repository that was empty": {
			text: two + "upload c kind=patched size=1k as=u", plan: []string{"gc"}, changes: "upload c kind=started as=w age=0s",
			goes: []string{"upload c u"}, left: []string{"repository c: it is not empty"},
		},
		"gc: a file in a repository that was empty": {
			text: two + "upload c kind=patched size=1k as=u", plan: []string{"gc"}, changes: "raw repositories/c/_manifests/README age=30d hello",
			goes: []string{"upload c u"}, left: []string{"repository c: it is not empty"},
		},
		"rm --repository: an upload to it": {
			text: two + "upload b kind=patched size=1k as=u", plan: []string{"rm", "--repository", "b"}, changes: "upload b kind=started as=w age=0s", whole: []string{"b:v1"},
			goes: []string{"upload b u"},
			left: []string{"tag b:v1 z: something is being uploaded to its repository", "manifest b z: something is being uploaded to its repository", "blob z: " + needed},
		},
		"rm --repository: an image pushed to it": {
			text: two, plan: []string{"rm", "--repository", "b"}, changes: "image b:new layers=z.layer1 as=w age=0s", whole: []string{"b:new"},
			goes: []string{"tag b:v1 z", "manifest b z", "layerLink b z.config", "blob z", "blob z.config"},
			left: []string{"blob z.layer1: " + needed, "repository b: it is not empty"},
		},
		"rm --repository: a layer mounted to it": {
			text: two, plan: []string{"rm", "--repository", "b"}, changes: "touch repositories/b/_layers/sha256/{z.layer1}/link age=0s",
			goes: []string{"tag b:v1 z", "manifest b z", "layerLink b z.config", "blob z", "blob z.config"},
			left: []string{"layerLink b z.layer1: " + again, "repository b: it is not empty"},
		},
		// Flags of apply.
		"gc: with a longer grace": {
			text: "age 5h\n" + two + "orphan as=o\norphan as=p age=30d", plan: []string{"gc"}, args: []string{"--grace", "1d"},
			goes: []string{"blob p"}, left: []string{"blob o: it, or a link to it, is too recent"},
		},
		"gc: with a shorter grace, which does not count": {
			text: two + "orphan as=o\norphan as=p", plan: []string{"gc"}, args: []string{"--grace", "0"}, changes: "touch blobs/sha256/{xx:o} age=10m",
			goes: []string{"blob p"}, left: []string{"blob o: it, or a link to it, is too recent"},
		},
		// What the plan does not list.
		"gc: new garbage": {
			text: two + "orphan as=o", plan: []string{"gc"}, changes: "orphan as=p age=30d\nlayer b stray age=30d\nupload b kind=patched size=1k age=30d",
			goes: []string{"blob o"},
		},
		"gc -m: a tag deleted since": {
			text: untagged, plan: gcm, changes: "delete-tag b:v1\ndelete-tag a:v2", args: []string{"--allow-empty"},
			goes: withoutTag, whole: []string{"b@sha256:{z}", "a@sha256:{y}"},
		},
	} {
		t.Run(name, c.check)
	}
}

func TestApplyWithAProtectedRepository(t *testing.T) {
	for _, line := range []string{"a", "a:v1", "a@sha256:{x}", "a:*"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, two)
			file := writePlan(t, s, "rm", "a:v1")
			list := filepath.Join(t.TempDir(), "protect.txt")
			if err := os.WriteFile(list, []byte(expand(s, []string{line})[0]+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			before := s.Snapshot(t)
			r := run(t, s, "apply", file, "-y", "--protect", list)
			left := leftLines(s, r)
			if r.status != 0 || !slices.Contains(left, "tag a:v1 x: it is protected") || !slices.Contains(left, "manifest a x: it is protected") {
				t.Errorf("status %d; skipped: %v\n%s", r.status, left, r.stderr)
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}
