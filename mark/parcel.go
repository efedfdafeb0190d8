package mark

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/layout"
)

// Parcel asks a Look for everything that images consist of, so that they can be
// copied: their manifests, those of their platforms, configurations and layers,
// and also the referrers and tags of signatures that refer to them.
type Parcel struct {
	asked map[string][]Asked

	mu      sync.Mutex
	images  []ParcelImage
	blobs   map[ParcelBlob]int64
	lacking []Lacking
}

// ParcelImage is a manifest that a Parcel lists by itself. Others are parts of it.
type ParcelImage struct {
	Repository string
	Tag        string // or ""
	Digest     layout.Digest
	// Bytes is what a pull of it transfers, each blob once.
	Bytes int64
	// About says that nobody asked for it: it is a referrer or signature of
	// something that somebody asked for.
	About bool
}

// Name returns NAME:TAG, or NAME@DIGEST without a tag.
func (i *ParcelImage) Name() string {
	if i.Tag != "" {
		return i.Repository + ":" + i.Tag
	}
	return i.Repository + "@" + i.Digest.String()
}

// ParcelBlob is a blob with the digest by which manifests name it. The digest may
// be of another algorithm than the one by which the blob is stored.
type ParcelBlob struct{ Name, Stored layout.Digest }

// Lacking lists what an image needs and the store does not have.
type Lacking struct {
	Image  string // by its name
	Detail string
	// Nothing says that there is no image of that name at all.
	Nothing bool
}

// NewParcel asks for images: by a tag or a digest in a repository, or for the
// whole repository if neither is given.
func NewParcel(asked []Asked) *Parcel {
	p := &Parcel{asked: map[string][]Asked{}}
	for _, a := range asked {
		p.asked[a.Repository] = append(p.asked[a.Repository], a)
	}
	p.Begin()
	return p
}

// Begin is called by a Look.
func (p *Parcel) Begin() {
	p.images, p.lacking, p.blobs = nil, nil, map[ParcelBlob]int64{}
}

// Images returns what a copy lists, sorted by name, with the images that were
// asked for first.
func (p *Parcel) Images() []ParcelImage {
	slices.SortFunc(p.images, func(a, b ParcelImage) int {
		if a.About != b.About {
			if a.About {
				return 1
			}
			return -1
		}
		return cmp.Or(strings.Compare(a.Repository, b.Repository), strings.Compare(a.Tag, b.Tag), a.Digest.Compare(b.Digest))
	})
	return p.images
}

// EachBlob calls fn for each blob of the images with its size, sorted.
func (p *Parcel) EachBlob(fn func(b ParcelBlob, size int64)) {
	list := make([]ParcelBlob, 0, len(p.blobs))
	for b := range p.blobs {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b ParcelBlob) int {
		return cmp.Or(a.Name.Compare(b.Name), a.Stored.Compare(b.Stored))
	})
	for _, b := range list {
		fn(b, p.blobs[b])
	}
}

// Lacking returns what is missing from the images that were asked for. Missing
// children of an index do not count, since an index may be sparse.
func (p *Parcel) Lacking() []Lacking {
	slices.SortFunc(p.lacking, func(a, b Lacking) int {
		return cmp.Or(strings.Compare(a.Image, b.Image), strings.Compare(a.Detail, b.Detail))
	})
	return p.lacking
}
