package e2e

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/ledger"
)

// expectReport compares a dry run's report with what the ledger says.
func (j job) expectReport(name string, got report, before disk.Tree, live ledger.Live, rules ledger.Rules) {
	j.t.Helper()
	if got.Schema != "regsweep/report/v1" || got.Command != "gc" || !got.DryRun {
		j.t.Errorf("%s --dry-run is a report of %s %s, dry run %t", name, got.Schema, got.Command, got.DryRun)
	}
	if len(got.Problems) != 0 {
		j.t.Errorf("%s --dry-run finds problems in a sound store: %v", name, got.Problems)
	}
	stored := ledger.StoredBlobs(before)
	// a link that a live manifest names is not looked at, and counts by its directory
	named := int64(len(j.ledger.EmptiedButNamed(live, before)))
	want := map[string]int64{
		"blobs":      int64(len(stored)),
		"bytes":      bytesOf(before, stored),
		"manifests":  count(before, "repositories/**/_manifests/revisions/*/*/link"),
		"tags":       count(before, "repositories/**/_manifests/tags/*"),
		"layerLinks": named + count(before, "repositories/**/_layers/*/*/link"),
		"uploads":    count(before, "repositories/**/_uploads/*"),
	}
	ignore := cmpopts.IgnoreMapEntries(func(key string, _ int64) bool { return want[key] == 0 })
	if diff := cmp.Diff(want, got.Store, ignore); diff != "" {
		j.t.Errorf("%s: the store on the disk (-) and in the report (+):\n%s", name, diff)
	}
	alive := slices.DeleteFunc(slices.Clone(stored), func(digest string) bool { return !live.Blobs[digest] })
	if want := (blobs{Blobs: int64(len(alive)), Bytes: bytesOf(before, alive)}); want.Blobs != got.Live["blobs"] || want.Bytes != got.Live["bytes"] {
		j.t.Errorf("%s: live are %+v, the report says %v", name, want, got.Live)
	}
	rules.Young = nil
	old := j.ledger.Live(rules, stored)
	fresh := slices.DeleteFunc(alive, func(digest string) bool { return old.Blobs[digest] })
	if want, got := (blobs{Blobs: int64(len(fresh)), Bytes: bytesOf(before, fresh)}), got.Kept["fresh"]; want.Blobs != got.Blobs || want.Bytes != got.Bytes {
		j.t.Errorf("%s: nothing but its age keeps %+v, the report says %+v", name, want, got)
	}
	j.t.Logf("%s: store %v, live %v, kept %v, removed %v", name, got.Store, got.Live, got.Kept, got.Removed)
}

// sameNumbers demands of a dry run that it foretold the real one.
func (j job) sameNumbers(name string, dry, done report) {
	j.t.Helper()
	if done.DryRun {
		j.t.Errorf("%s says that it was a dry run", name)
	}
	ignore := cmpopts.IgnoreFields(report{}, "DryRun", "Filesystem")
	if diff := cmp.Diff(dry, done, ignore); diff != "" {
		j.t.Errorf("%s: its dry run (-) and itself (+):\n%s", name, diff)
	}
}

// expectFreed compares the report with what is gone from the disk.
func (j job) expectFreed(name string, got report, before, after disk.Tree, freed disk.Usage) {
	j.t.Helper()
	gone := func(pattern string) int64 { return count(before, pattern) - count(after, pattern) }
	const history = "/index/*/*/link"
	want := map[string]int64{
		"blobs":      int64(freed.Files),
		"bytes":      freed.Bytes,
		"diskBytes":  freed.DiskBytes,
		"manifests":  gone("repositories/**/_manifests/revisions/*/*/link"),
		"layerLinks": gone("repositories/**/_layers/*/*/link"),
		"tags":       gone("repositories/**/_manifests/tags/*"),
		"tagHistory": historyGone(before, after, history),
		"uploads":    gone("repositories/**/_uploads/*"),
	}
	ignore := cmpopts.IgnoreMapEntries(func(key string, _ int64) bool { _, ok := want[key]; return !ok })
	if diff := cmp.Diff(want, got.Removed, ignore); diff != "" {
		j.t.Errorf("%s: gone from the disk (-) and from the report (+):\n%s", name, diff)
	}
	if got.Failed["items"] != 0 {
		j.t.Errorf("%s failed to remove %d items", name, got.Failed["items"])
	}
	if freed.Bytes == 0 {
		j.t.Errorf("%s freed nothing: the test shows nothing", name)
	}
	whole, data := uploadBytes(before)-uploadBytes(after), uploadData(before)-uploadData(after)
	if reported := got.Removed["uploadBytes"]; reported != whole && reported != data {
		j.t.Errorf("%s: uploads of %d bytes (%d of them data) are gone, the report says %d", name, whole, data, reported)
	}
}

// historyGone counts the history entries that went while their tag stayed.
func historyGone(before, after disk.Tree, history string) int64 {
	var n int64
	for _, path := range before.Matching("repositories/**/_manifests/tags/*" + history) {
		_, stays := after[path]
		_, tagStays := after[path[:strings.LastIndex(path, "/index/")]]
		if !stays && tagStays {
			n++
		}
	}
	return n
}

// expectTree demands that exactly that is left which has to be.
func (j job) expectTree(name string, before, after disk.Tree, remain ledger.Remains) {
	j.t.Helper()
	for path, file := range after {
		was, known := before[path]
		if !known {
			j.t.Errorf("%s made %s", name, path)
		} else if !file.Dir && file != was {
			j.t.Errorf("%s changed %s: %+v, it was %+v", name, path, file, was)
		}
		if !remain.Must[path] && !remain.May[path] {
			j.t.Errorf("%s left %s", name, path)
		}
	}
	for path := range remain.Must {
		if _, stays := after[path]; !stays {
			j.t.Errorf("%s LOST %s", name, path)
		}
	}
}

// expectCollector demands that what the registry's own collector would still
// remove is live by the contract. That it removes this, and why, is foretold by
// ledger.Collector2 and ledger.Collector3; everything else is ours to find.
func (j job) expectCollector(name string, after disk.Tree, live ledger.Live, rules ledger.Rules) {
	j.t.Helper()
	eligible := verifyCollector(j.t, j.pusher, after, rules.DeleteUntagged)
	for _, digest := range eligible.Blobs {
		if !live.Blobs[digest] {
			j.t.Errorf("after %s the registry's collector still finds blob %s", name, digest)
		}
	}
	for _, link := range eligible.Links {
		if !live.Link(link.Repository, link.Digest) {
			j.t.Errorf("after %s the registry's collector still finds the layer link %v", name, link)
		}
	}
	j.t.Logf("after %s the registry's collector would still remove %d blobs and %d layer links, all live",
		name, len(eligible.Blobs), len(eligible.Links))
}

// expectPulls pulls all that could be pulled before: what is live comes whole and
// unchanged, and the rest is gone.
func (j job) expectPulls(name string, before []reference, live ledger.Live) {
	j.t.Helper()
	j.restart()
	defer j.registry.Stop()
	kept := 0
	for _, was := range before {
		digest, err := j.api.Pull(was.repository, was.reference)
		if !live.Reference(was.repository, was.reference) {
			var refused *client.StatusError
			if !errors.As(err, &refused) || refused.Answer.Status != 404 {
				j.t.Errorf("after %s, %s %s should be gone: %s, %v", name, was.repository, was.reference, digest, err)
			}
			continue
		}
		kept++
		if err != nil {
			j.t.Errorf("after %s, LOST %s %s: %v", name, was.repository, was.reference, err)
		} else if digest != was.digest {
			j.t.Errorf("after %s, %s %s is %s, it was %s", name, was.repository, was.reference, digest, was.digest)
		}
	}
	for _, repository := range j.ledger.Repositories() {
		got := must[[]string](j.t)(j.api.Tags(repository))
		if diff := cmp.Diff(j.ledger.Tags(repository), sorted(got), cmpopts.EquateEmpty()); diff != "" {
			j.t.Errorf("after %s, the tags of %s: want (-), got (+):\n%s", name, repository, diff)
		}
	}
	j.t.Logf("after %s, %d of %d references pull, the others are gone", name, kept, len(before))
}
