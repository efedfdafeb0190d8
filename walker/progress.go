package walker

import "sync/atomic"

// Progress counts what the walks of a Walker have done so far, for whoever
// looks on meanwhile. Workers add to it by the directory or the chunk, so that
// it costs nothing that can be measured. Repositories and Links begin anew with
// each look at the repositories.
type Progress struct {
	Blobs, BlobBytes atomic.Int64
	Prefixes         atomic.Int64 // directories of blobs that have been read
	PrefixesFound    atomic.Int64
	Repositories     atomic.Int64
	Links            atomic.Int64 // links and manifests
}
