package ledger

import (
	"maps"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// Eligible is what a registry's own collector is expected to remove.
type Eligible struct {
	Blobs []string
	Links []registry.InRepo // layer links, by the digest that they contain
}

// Collector2 foretells registry 2.8.2's `garbage-collect`. It differs from the
// contract in this:
//
//   - a repository without _layers is not seen, and what it alone keeps goes (L5);
//   - a reference by sha512 keeps nothing: its data is stored by sha256 (L4);
//   - with -m an untagged manifest goes even if a tagged index names it, and so does
//     what it refers to (L6), a referrer of a tagged image among them (L8);
//   - nothing is too young.
//
// It never touches layer links.
func (l *Ledger) Collector2(tree disk.Tree, deleteUntagged bool) Eligible {
	marks := map[string]bool{}
	for name, repository := range l.repositories {
		if _, seen := tree[repositoryPath(name, "_layers")]; !seen {
			continue
		}
		for digest, manifest := range repository.manifests {
			if deleteUntagged && !repository.tagged(digest) {
				continue
			}
			marks[digest] = true
			for _, reference := range references(manifest) {
				marks[reference] = true
			}
		}
	}
	return Eligible{Blobs: unmarked(tree, marks)}
}

// Collector3 foretells registry v3.1.2's. It differs from the contract in this:
//
//   - what an index's child refers to is marked only when the child is met first in a
//     repository that links it (L2, with -m);
//   - a repository's layer links are judged before the repositories after it are (L3,
//     with -m);
//   - a reference by sha512 keeps nothing (L4);
//   - with -m a referrer that no tag or index names goes (L8);
//   - nothing is too young, and repositories without _manifests are left alone.
func (l *Ledger) Collector3(tree disk.Tree, deleteUntagged bool) Eligible {
	var eligible Eligible
	marks := map[string]bool{}
	for _, name := range l.inPathOrder() {
		if _, seen := tree[repositoryPath(name, "_manifests")]; !seen {
			continue
		}
		repository := l.repositories[name]
		for _, digest := range slices.Sorted(maps.Keys(repository.manifests)) {
			if !deleteUntagged || repository.tagged(digest) {
				marks[digest] = true
				repository.markLike3(marks, digest)
			}
		}
		for _, digest := range slices.Sorted(maps.Keys(repository.links)) {
			_, stored := tree[BlobPath(l.stored(digest))]
			if stored && !marks[l.stored(digest)] {
				eligible.Links = append(eligible.Links, registry.InRepo{Repository: name, Digest: l.stored(digest)})
			}
		}
	}
	eligible.Blobs = unmarked(tree, marks)
	return eligible
}

func (r *repository) markLike3(marks map[string]bool, digest string) {
	for _, reference := range references(r.manifests[digest]) {
		if marks[reference] {
			continue
		}
		marks[reference] = true
		if _, linked := r.manifests[reference]; linked {
			r.markLike3(marks, reference)
		}
	}
}

func (r *repository) tagged(digest string) bool {
	for _, tag := range r.tags {
		if tag.current == digest {
			return true
		}
	}
	return false
}

func references(manifest client.Manifest) []string {
	var all []string
	for _, descriptor := range append(manifest.Blobs(), manifest.Manifests...) {
		all = append(all, descriptor.Digest)
	}
	return all
}

func unmarked(tree disk.Tree, marks map[string]bool) []string {
	return slices.DeleteFunc(StoredBlobs(tree), func(digest string) bool { return marks[digest] })
}

// inPathOrder is the order in which v3 meets repositories: element by element.
func (l *Ledger) inPathOrder() []string {
	return slices.SortedFunc(maps.Keys(l.repositories), func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
}
