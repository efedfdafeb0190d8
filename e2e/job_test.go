package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/ledger"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

const month = 30 * 24 * time.Hour

// TestMainJob sweeps what a real registry left after years of use, first without
// -m, then with it, then once more when what was fresh has aged.
func TestMainJob(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 1)
			p.fill()
			disk.Age(t, p.registry.Root, month, nil)
			newest := time.Now().Add(-time.Minute)
			p.fillFresh()
			p.registry.Stop()
			young := func(tree disk.Tree) func(string) bool {
				return func(path string) bool { return tree[path].ModTime.After(newest) }
			}
			tree := disk.List(t, p.registry.Root)
			verifyLedger(t, p, tree)

			job := job{pusher: p}
			job.sweep("gc", ledger.Rules{Young: young(tree)}, "gc", "--root", p.registry.Root)
			disk.Age(t, p.registry.Root, month, young(tree))
			job.sweep("gc -m", ledger.Rules{DeleteUntagged: true, Young: young(tree)}, "garbage-collect", "--delete-untagged", p.registry.Config)
			disk.Age(t, p.registry.Root, month, nil)
			job.sweep("gc -m of what was fresh", ledger.Rules{DeleteUntagged: true}, "gc", "-m", filepath.Join(p.registry.Root, "docker/registry/v2"))
		})
	}
}

// fillFresh adds what is garbage and too young to go.
func (p *pusher) fillFresh() {
	p.blob("fresh/orphan", "sha256", p.bytes(4400))
	p.deleteBlob("fresh/orphan", p.blob("fresh/orphan", "sha256", p.bytes(4401)))
	p.untagged("team/app", p.artist.image(1))
	p.index("team/multi", "fresh", p.artist.index("amd64", "arm64"))
	p.image("team/multi", "fresh", p.artist.image(1))
	p.deleteManifest("fresh/deleted", p.image("fresh/deleted", "v1", p.artist.image(1)))
	p.upload("team/app")
	p.upload("fresh/upload")
}

// job is a store that is swept, and looked at, again and again. The registry does
// not run unless something is pulled.
type job struct{ *pusher }

// sweep looks at the store, sweeps it dry, for good and once more, and shows that
// all is as the rules say.
func (j job) sweep(name string, rules ledger.Rules, args ...string) {
	j.t.Helper()
	args = append(args, "-o", "json")
	was := disk.List(j.t, j.registry.Root)
	ok(j.t, append(args, "--dry-run")...)
	j.unchanged(name+" --dry-run, which makes the index", was, true)
	before := disk.List(j.t, j.registry.Root)
	live := j.ledger.Live(rules, ledger.StoredBlobs(before))
	remain := j.ledger.Remain(live, before, rules)
	pullable := j.pullable()
	blobsBefore := j.blobs()

	dry := ok(j.t, append(args, "--dry-run")...)
	j.unchanged(name+" --dry-run", before, false)
	j.expectReport(name, dry.Report, before, live, rules)

	done := ok(j.t, args...)
	j.sameNumbers(name, dry.Report, done.Report)
	after := disk.List(j.t, j.registry.Root)
	j.expectFreed(name, done.Report, before, after, blobsBefore.Sub(j.blobs()))
	j.expectTree(name, before, after, remain)

	again := ok(j.t, args...)
	for field, n := range again.Report.Removed {
		if n != 0 {
			j.t.Errorf("a second %s removes %d %s", name, n, field)
		}
	}
	j.unchanged("a second "+name, after, true)

	j.ledger.Swept(live)
	verifyLinks(j.t, j.pusher, after)
	j.expectCollector(name, after, live, rules)
	j.expectPulls(name, pullable, live)
}

func (j job) blobs() disk.Usage {
	return disk.Measure(j.t, filepath.Join(disk.V2(j.registry.Root), "blobs"))
}

// unchanged demands that the store is as it was. Touched says that the time of its
// directory may differ: a run that may remove touches it to read the file server's
// clock, and a run that makes the index does so, too.
func (j job) unchanged(what string, want disk.Tree, touched bool) {
	j.t.Helper()
	got := disk.List(j.t, j.registry.Root)
	if touched {
		store := got["."]
		store.ModTime = want["."].ModTime
		got["."] = store
	}
	if diff := cmp.Diff(want, got); diff != "" {
		j.t.Errorf("%s changed the store:\n%s", what, diff)
	}
}

// reference is something that was pushed, and what it named then.
type reference struct{ repository, reference, digest string }

// pullable is all that can be pulled, down to the last layer, of everything that
// was ever pushed and not deleted. It takes a registry that has just started.
func (j job) pullable() []reference {
	j.t.Helper()
	j.restart()
	defer j.registry.Stop()
	var all []reference
	for _, repository := range j.ledger.Repositories() {
		for _, ref := range j.ledger.References(repository) {
			if digest, err := j.api.Pull(repository, ref); err == nil {
				all = append(all, reference{repository, ref, digest})
			}
		}
	}
	return all
}
