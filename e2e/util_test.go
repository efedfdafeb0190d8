package e2e

import (
	"maps"
	"slices"

	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/ledger"
)

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func keys[V any](m map[string]V) []string { return slices.Collect(maps.Keys(m)) }

// count is how many paths match; a registry has few enough of them to list.
func count(tree disk.Tree, pattern string) int64 { return int64(len(tree.Matching(pattern))) }

// bytesOf sums the data of blobs.
func bytesOf(tree disk.Tree, digests []string) int64 {
	var sum int64
	for _, digest := range digests {
		sum += tree[ledger.BlobPath(digest)].Bytes
	}
	return sum
}

// uploadData sums what clients sent, uploadBytes the registry's own files too.
func uploadData(tree disk.Tree) int64  { return sum(tree, "repositories/**/_uploads/*/data") }
func uploadBytes(tree disk.Tree) int64 { return sum(tree, "repositories/**/_uploads/*/**") }

func sum(tree disk.Tree, pattern string) int64 {
	var sum int64
	for _, path := range tree.Matching(pattern) {
		sum += tree[path].Bytes
	}
	return sum
}
