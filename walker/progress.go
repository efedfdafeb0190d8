package walker

import "sync/atomic"

// Progress counts what the walks of a Walker have done so far. It can be read
// meanwhile. Workers add to it once for each directory or chunk, so its cost
// cannot be measured. Repositories and Links start again with each look at the
// repositories.
type Progress struct {
	Blobs, BlobBytes atomic.Int64
	Prefixes         atomic.Int64 // directories of blobs that have been read
	PrefixesFound    atomic.Int64
	Repositories     atomic.Int64
	Links            atomic.Int64 // links and manifests
}
