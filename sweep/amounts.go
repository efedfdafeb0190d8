package sweep

import "github.com/regsweep/regsweep/mark"

// FreedCount is what a run frees on the disk in blobs, links and directories:
// the difference of du before and after.
type FreedCount struct {
	DiskBytes int64 `json:"diskBytes"`
	Inodes    int64 `json:"inodes"`
}

// Amount counts blobs.
type Amount struct {
	Blobs     int64 `json:"blobs"`
	Bytes     int64 `json:"bytes"`
	DiskBytes int64 `json:"diskBytes"`
}

func (a *Amount) add(b mark.BlobInfo) {
	a.Blobs++
	a.Bytes += b.Size
	a.DiskBytes += b.Disk
}

// KeptAmount counts blobs without their disk space.
type KeptAmount struct {
	Blobs int64 `json:"blobs"`
	Bytes int64 `json:"bytes"`
}
