//go:build unix

package sweep_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
)

// TestModelBare takes all tags, all manifest links or whole parts from random
// stores, and compares with a model of the contract when a plan is refused; what
// is not refused is compared as TestModel does.
// To see one again: go test ./sweep -run TestModelBare -rapid.seed=N.
func TestModelBare(t *testing.T) {
	c := onRandomStores(t, 480, (*census).checkBare)
	if c == nil {
		return
	}
	c.atLeast(t, 5, slices.Concat(bareParts, bareCommands, []string{
		"refused: " + noBlobs, "refused: " + noManifests, "refused: " + dangling, "refused: " + noTags, "refused: " + noTagLeft,
		"goes on", "exact, and would be refused otherwise", "deleted through the API", "whole", "blob",
	})...)
	// All images go and a tag stays only where that tag dangles.
	if c.counts["refused: "+noImageLeft] == 0 {
		t.Errorf("nothing is %q", "refused: "+noImageLeft)
	}
}

var (
	bareParts    = []string{"nothing is taken", "tags", "revisions", "links of revisions", "_manifests", "_layers", "blobs"}
	bareCommands = []string{"gc", "gc -m", "rm", "rm by a glob", "prune", "untag"}
)

// The reasons of the model.
const (
	noBlobs     = "links without blobs"
	noManifests = "blobs without manifest links"
	dangling    = "every tag dangles"
	noTags      = "manifests go from a store without tags"
	noTagLeft   = "no tag would be left"
	noImageLeft = "no manifest would be left"
)

func (c *census) checkBare(t *rapid.T, dir string) {
	text := render(rapid.SliceOfN(rapid.Custom(drawOp), 1, 6).Draw(t, "ops"))
	part := rapid.SampledFrom(bareParts).Draw(t, "part")
	command := rapid.SampledFrom(bareCommands).Draw(t, "command")
	store, text := c.newStore(t, dir, text)
	if err := takePart(store.Dir, part); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	run := pipeline{dir: store.Dir, rules: usual(store.Now), jobs: 4, dry: true}
	run.rules.DeleteUntagged = command == "gc -m"
	switch v := (&verdicts{share: 4, said: map[string]bool{}, goes: map[string]bool{}, held: map[string]bool{}}); command {
	case "prune":
		run.rules.Selected = mark.NewPruning(v.judge)
	case "rm", "rm by a glob", "untag":
		targets := drawTargets(t, linkedIn(store), command == "untag")
		if len(targets) == 0 {
			return
		}
		run.rules.Selected = mark.Select(targets)
		run.rules.Selected.TagsOnly, run.rules.Selected.Globbed = command == "untag", command == "rm by a glob"
	}
	c.add(part, 1)
	c.add(command, 1)
	if wrong := c.compareGuard(store, run, command, part); len(wrong) > 0 {
		t.Fatalf("%s, after %s:\n  %s\nin\n%s", command, part, withNames(store, strings.Join(wrong, "\n  ")), text)
	}
}

// takePart removes a part of all repositories, or the links in it.
func takePart(dir, part string) error {
	for _, p := range pathsOf(dir) {
		var err error
		switch {
		case part == "links of revisions" && strings.Contains(p, "/_manifests/revisions/") && strings.HasSuffix(p, "/link") && !strings.Contains(p, "/signatures/"),
			part == "revisions" && strings.HasSuffix(p, "/_manifests/revisions/"),
			part == "tags" && strings.HasSuffix(p, "/_manifests/tags/"),
			part == "_manifests" && strings.HasSuffix(p, "/_manifests/"),
			part == "_layers" && strings.HasSuffix(p, "/_layers/"),
			part == "blobs" && p == "/blobs/":
			err = os.RemoveAll(dir + p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// linkedIn are the references that can be named in a store, whole or not.
func linkedIn(s *layouttest.Store) (refs []string) {
	for _, r := range repositoriesIn(s.Dir) {
		for tag := range r.tags {
			refs = append(refs, r.name+":"+tag)
		}
		for d := range r.revisions {
			refs = append(refs, r.name+"@"+d)
		}
	}
	slices.Sort(refs)
	return refs
}

// bare is what the guards ask about a repository.
type bare struct {
	name              string
	tags              map[string]string // what they name
	revisions, layers map[string]modelLink
	emptied           bool // a directory shows that a manifest was deleted
}

func repositoriesIn(dir string) (list []bare) {
	for _, p := range pathsOf(dir + "/repositories") {
		name, ok := strings.CutSuffix(p, "/_manifests/")
		if !ok {
			if name, ok = strings.CutSuffix(p, "/_layers/"); !ok || exists(dir+"/repositories"+name+"/_manifests") {
				continue
			}
		}
		at := dir + "/repositories" + name
		b := bare{name: strings.TrimPrefix(name, "/"), tags: map[string]string{}, revisions: readLinks(at + "/_manifests/revisions"), layers: readLinks(at + "/_layers")}
		for _, tag := range names(at + "/_manifests/tags") {
			if l, ok := readLink(at + "/_manifests/tags/" + tag + "/current/link"); ok {
				b.tags[tag] = l.target
			}
		}
		for _, alg := range names(at + "/_manifests/revisions") {
			b.emptied = b.emptied || len(names(at+"/_manifests/revisions/"+alg)) > countOf(b.revisions, alg)
		}
		list = append(list, b)
	}
	return list
}

func countOf(links map[string]modelLink, alg string) (n int) {
	for d := range links {
		if strings.HasPrefix(d, alg+":") {
			n++
		}
	}
	return n
}

// guardOf says by the contract's text why a plan is refused that removes so many
// tags and manifests, or "". Some reasons hold for exact names, too.
func guardOf(dir string, tags, manifests int) (why string, evenExact bool) {
	blobs := 0
	for _, p := range pathsOf(dir) {
		if strings.HasPrefix(p, "/blobs/") && strings.HasSuffix(p, "/data") {
			blobs++
		}
	}
	var all, links, linked, naming, stored, revisions, layered int
	emptied, unexplained := false, false
	for _, r := range repositoriesIn(dir) {
		revisions += len(r.revisions)
		links += len(r.layers)
		emptied = emptied || r.emptied
		unexplained = unexplained || len(r.layers) > 0 && len(r.revisions) == 0 && !r.emptied
		for _, target := range r.tags {
			all++
			_, here := r.revisions[target]
			_, layer := r.layers[target]
			alg, hex, _ := strings.Cut(target, ":")
			switch {
			case here:
				naming++
			case layer:
				naming++
				layered++
			case exists(fmt.Sprintf("%s/blobs/%s/%s/%s/data", dir, alg, hex[:2], hex)):
				stored++
			}
		}
	}
	linked = revisions + layered
	switch {
	case revisions+links > 0 && blobs == 0:
		return noBlobs, true
	case linked == 0 && blobs > 0 && (!emptied || unexplained):
		return noManifests, false
	case all > 0 && naming == 0 && stored > 0:
		return dangling, false
	case all == 0 && manifests > 0:
		return noTags, false
	case all > 0 && tags == all:
		return noTagLeft, false
	case manifests > 0 && manifests == revisions && layered == 0:
		return noImageLeft, false
	case emptied && linked == 0 && blobs > 0:
		return "", true
	}
	return "", false
}

func (c *census) compareGuard(s *layouttest.Store, run pipeline, command, part string) (wrong complaints) {
	dry := run.run()
	if dry.said() {
		wrong.add("the dry run says %v, %v", dry.err, dry.failures)
		return wrong
	}
	if run.rules.Selected != nil && len(run.rules.Selected.Refusals(dry.plan.Look())) > 0 {
		return nil // another reason
	}
	tags, manifests := 0, 0
	for _, l := range lines(dry.plan, false) {
		switch l.Kind {
		case "tag":
			tags++
		case "manifest":
			manifests++
		}
	}
	why, strict := guardOf(s.Dir, tags, manifests)
	if exact := command == "rm" || command == "untag"; exact && why != "" && !strict {
		c.add("exact, and would be refused otherwise", 1)
		why = ""
	}
	if why == "" && strict {
		c.add("deleted through the API", 1)
	}
	refusal := dry.plan.Refusal()
	if (refusal != nil) != (why != "") {
		wrong.add("the plan of %d tags and %d manifests is refused: %v; by the contract: %q", tags, manifests, refusal, why)
	}
	switch {
	case why != "":
		c.add("refused: "+why, 1)
	default:
		c.add("goes on", 1)
		if strings.HasPrefix(command, "gc") && part != "blobs" {
			wrong = append(wrong, c.compare(s, run.rules.DeleteUntagged)...)
		}
	}
	return wrong
}
