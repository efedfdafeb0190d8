package sweep

// Fitted is the target of a prune for the space on the disk, and its result. All
// fields are bytes on the disk, except for the counts of images.
type Fitted struct {
	// TargetFree are to be free, MaxUsed at most used; absent if not asked for.
	TargetFree *int64 `json:"targetFree,omitempty"`
	MaxUsed    *int64 `json:"maxUsed,omitempty"`
	// FreeBefore of Size are free on the filesystem of the blobs. UsedBefore and
	// UsedAfter are the disk size of the store, which is counted for MaxUsed only.
	FreeBefore int64  `json:"freeBefore"`
	FreeAfter  int64  `json:"freeAfter"`
	Size       int64  `json:"size"`
	UsedBefore *int64 `json:"usedBefore,omitempty"`
	UsedAfter  *int64 `json:"usedAfter,omitempty"`
	Needed     int64  `json:"needed"`    // have to be freed; 0 if the target is met
	Frees      int64  `json:"frees"`     // by the estimate, which decides
	Garbage    int64  `json:"garbage"`   // of these by what gc would remove
	Images     int    `json:"images"`    // that the policy removes
	Chosen     int    `json:"chosen"`    // of these that are removed
	Shortfall  int64  `json:"shortfall"` // what is missing though all of them are removed
	// Largest are the largest repositories that are kept, of a target that is missed.
	Largest []KeptRepository `json:"largestKept,omitempty"`
}

// KeptRepository is a repository with the bytes of the blobs that it keeps.
type KeptRepository struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}
