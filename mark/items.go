package mark

import (
	"strings"

	"github.com/regsweep/regsweep/layout"
)

// Item is a thing that nothing keeps. It has no pointers and is small, since there
// may be millions. Only its Look knows what its numbers mean.
type Item struct {
	ID    ID     // the digest that its path names; of a Tag that of its manifest
	Repo  uint32 // index in Look.Repositories; NoRepo for a blob and its directory
	Extra uint32 // index in Look.Names (Tag, TagHistory, Upload, Temporary, Namespace), height (Manifest), ID of the link's content (LayerLink)
	Kind  Kind
	Aside bool // a run that was stopped has set it aside
	Own   bool // of a LayerLink: a selection has what it belongs to
}

// NoRepo is the Repo of an Item that is in no repository.
const NoRepo = ^uint32(0)

// Name is a name from the disk, and the size of the file with that name.
type Name struct {
	Text  string
	Bytes int64
}

// Repo is what a Look found of one repository.
type Repo struct {
	Name            string
	Tags, Manifests int
	Bytes           int64 // of the distinct blobs that its manifests reference, themselves included
	UniqueBytes     int64 // of those that no other repository references
	Nested          bool
	owner           uint32
	others          int       // second names that were known
	bare            []bareDir // directories without the link that they are for
}

// named reports whether Extra is an index of Names.
func (i *Item) named() bool {
	return i.Kind == Tag || i.Kind == TagHistory || i.Kind == Upload || i.Kind == Temporary || i.Kind == Namespace
}

// bareDir is a directory of a manifest's link, or of a layer's, which is not there.
type bareDir uint32

const bareLayer bareDir = 1 << 31 // no ID is as large

func (b bareDir) id() ID { return ID(b &^ bareLayer) }

// pathOf is where something of a kind is; digest is asked for only if it has one.
func pathOf(kind Kind, repo, name string, digest func() layout.Digest) string {
	switch kind {
	case Tag:
		return layout.TagDir(repo, name)
	case Manifest:
		return layout.RevisionDir(repo, digest()) + "/" + layout.Link
	case TagHistory:
		return layout.Object{Kind: layout.TagHistory, Repository: repo, Tag: name, Digest: digest()}.Path()
	case LayerLink:
		return layout.LayerDir(repo, digest()) + "/" + layout.Link
	case Upload:
		return layout.Object{Kind: layout.UploadDir, Repository: repo, Upload: name}.Path()
	case Temporary:
		return name
	case Blob:
		return layout.BlobDir(digest()) + "/" + layout.Data
	case RevisionDir:
		return layout.RevisionDir(repo, digest())
	case LayerDir:
		return layout.LayerDir(repo, digest())
	case BlobDir:
		return layout.BlobDir(digest())
	case Namespace:
		repo = name
	}
	return layout.RepositoryDir(repo)
}

// sharedPath is what of an item another name may lead to: of what is in a
// directory of its own that directory.
func sharedPath(kind Kind, repository, name string, digest func() layout.Digest) string {
	path := pathOf(kind, repository, name, digest)
	switch kind {
	case Manifest, LayerLink, TagHistory:
		return strings.TrimSuffix(path, "/"+layout.Link)
	case Blob:
		return strings.TrimSuffix(path, "/"+layout.Data)
	}
	return path
}

// lostImage is an image that a repository had and does not link any more, and
// whose manifest is stored: it could be brought back.
type lostImage struct {
	owner uint32 // of its repository
	id    ID
	needs []ID // the other blobs that it needs; nil in a run that removes all garbage
}

// Role says why a manifest or a tag is removed.
type Role uint8

// The roles.
const (
	Named     Role = iota + 1 // somebody named it, or one of its tags
	Child                     // of an index that is removed
	Referrer                  // of a manifest that is removed
	Signature                 // by a tag about a manifest that is removed
)
