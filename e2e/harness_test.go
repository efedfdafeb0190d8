package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/ledger"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestLedgerIsTheDisk shows that the tests can trust their own account: before
// any sweep it names every link that a registry wrote, and no other, and every
// blob that something can reach.
func TestLedgerIsTheDisk(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 1)
			p.fill()
			p.restart()
			tree := disk.List(t, p.registry.Root)
			verifyLedger(t, p, tree)
			verifyCollector(t, p, tree, false)
			if version == registry.V3 { // 2.8 stops at a repository without tags: L7
				verifyCollector(t, p, tree, true)
			}
		})
	}
}

func verifyLedger(t *testing.T, p *pusher, tree disk.Tree) {
	t.Helper()
	verifyLinks(t, p, tree)
	stored := ledger.StoredBlobs(tree)
	live := p.ledger.Live(ledger.Rules{}, stored)
	for _, digest := range sorted(keys(live.Blobs)) {
		if _, ok := tree[ledger.BlobPath(digest)]; !ok {
			t.Errorf("blob %s is live for the ledger and not on the disk", digest)
		}
	}
	if len(stored) <= len(live.Blobs) {
		t.Errorf("%d blobs stored, %d of them live: the store has no garbage", len(stored), len(live.Blobs))
	}
}

func verifyLinks(t *testing.T, p *pusher, tree disk.Tree) {
	t.Helper()
	var links []string
	for _, pattern := range []string{
		"repositories/**/_manifests/**/link", "repositories/**/_layers/**/link",
	} {
		links = append(links, tree.Matching(pattern)...)
	}
	if diff := cmp.Diff(p.ledger.Links(), sorted(links)); diff != "" {
		t.Errorf("links: the ledger's (-) and the disk's (+):\n%s", diff)
	}
}

// verifyCollector runs the registry's own collector, dry, and compares what it
// would remove with what the ledger foretells of it. It returns the latter.
func verifyCollector(t *testing.T, p *pusher, tree disk.Tree, deleteUntagged bool) ledger.Eligible {
	t.Helper()
	foretell := p.ledger.Collector2
	if p.registry.Version == registry.V3 {
		foretell = p.ledger.Collector3
	}
	want := foretell(tree, deleteUntagged)
	var args []string
	if deleteUntagged {
		args = append(args, "-m")
	}
	got := p.registry.Collect(t, args...)
	if got.Err != nil {
		t.Errorf("registry %s garbage-collect %v: %v\n%.3000s", p.registry.Name, args, got.Err, got.Output)
	}
	if diff := cmp.Diff(want.Blobs, sorted(got.Blobs)); diff != "" {
		t.Errorf("blobs that registry %s garbage-collect %v removes: foretold (-), said (+):\n%s", p.registry.Name, args, diff)
	}
	byText := cmpopts.SortSlices(func(a, b registry.InRepo) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if diff := cmp.Diff(want.Links, got.LayerLinks, byText); diff != "" {
		t.Errorf("layer links that registry %s garbage-collect %v removes: foretold (-), said (+):\n%s", p.registry.Name, args, diff)
	}
	return want
}
