package mark

import (
	"time"

	"github.com/regsweep/regsweep/layout"
)

// SelectableTag is a tag that a Selector may remove.
type SelectableTag struct {
	Name   string
	Digest layout.Digest // of the manifest that it names
	Pushed time.Time     // its link's time
	// Created is the image's own time; zero if it has none, or if ReadCreated
	// has not been called.
	Created time.Time
	// Labels and History are empty until ReadLabels and ReadHistories are called.
	Labels      ImageLabels
	History     []TagRevision
	Undecidable string // why it cannot be selected, and must be kept; or ""
	Orphan      bool   // the subject of a referrer's tag is not linked here
	// Configs are the digests of the image's configurations, if the run protects
	// anything by a digest.
	Configs []layout.Digest
	Verdict

	at int32 // its index in selection.tags
}

// Verdict is what a Selector decides about a tag or a manifest and, after that, what
// happens to it; see Selectable.
type Verdict struct {
	Remove    bool
	Protected bool // the Selector says so, for Look.Guarded
	Note      string
	Used      time.Time // when the image was last used, for Selected.Candidates
}

// SelectableManifest is an untagged manifest that a Selector may remove.
type SelectableManifest struct {
	Digest          layout.Digest
	Pushed, Created time.Time
	Labels          ImageLabels
	Undecidable     string
	Configs         []layout.Digest // as a tag's
	Verdict

	at int32 // its index in selection.nodes
}

// ImageLabels are the labels and annotations of an image.
type ImageLabels struct {
	// Images has those of the image, or of each image of an index that is here;
	// the annotations of an index are those of its images that lack them.
	Images []map[string]string
	// Unread says that not all of them can be read.
	Unread bool
}

// TagRevision is an entry of a tag's history whose manifest is linked.
type TagRevision struct {
	Digest layout.Digest
	Set    time.Time // when the tag was last set to it
}
