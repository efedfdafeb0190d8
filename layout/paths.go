// Package layout maps the objects of a registry's filesystem storage to their
// paths and back, and reads links. It decides nothing: what is live, recent or
// garbage is other packages' business.
//
// Paths are relative to the store's directory, docker/registry/v2, and use
// slashes. Source: distribution v3.1.2 registry/storage/paths.go.
package layout

import (
	"fmt"
	"strings"
)

// Kind says what an object of the layout is.
type Kind uint8

// The objects that have a file or directory of their own.
const (
	BlobData      Kind = iota + 1 // blobs/<alg>/<xx>/<hex>/data
	BlobAside                     // blobs/<alg>/<xx>/<hex>/data.regsweep
	RevisionLink                  // <repository>/_manifests/revisions/<alg>/<hex>/link
	SignatureLink                 // <repository>/_manifests/revisions/<alg>/<hex>/signatures/<alg>/<hex>/link
	ReferrerLink                  // <repository>/_manifests/revisions/<alg>/<hex>/_referrers/_<type>/<alg>/<hex>/link
	TagCurrent                    // <repository>/_manifests/tags/<tag>/current/link
	TagHistory                    // <repository>/_manifests/tags/<tag>/index/<alg>/<hex>/link
	LayerLink                     // <repository>/_layers/<alg>/<hex>/link
	UploadDir                     // <repository>/_uploads/<id>
)

// Object is one object of the layout, by name.
type Object struct {
	Kind       Kind
	Repository string
	Tag        string
	Digest     Digest // of the blob, revision, history entry or layer
	Signature  Digest // of a SignatureLink, beside Digest, which is the revision's
	Referrer   Digest // of a ReferrerLink, beside Digest, which is its subject
	Type       string // of a ReferrerLink: the name of a directory, see IsReferrersType
	Upload     string
}

// Path is where the object is. It panics on an unknown kind.
func (o Object) Path() string {
	switch o.Kind {
	case BlobData:
		return BlobDir(o.Digest) + "/" + Data
	case BlobAside:
		return BlobDir(o.Digest) + "/" + Aside
	case RevisionLink:
		return RevisionDir(o.Repository, o.Digest) + "/" + Link
	case SignatureLink:
		return join(RevisionDir(o.Repository, o.Digest), Signatures, hashDir(o.Signature), Link)
	case ReferrerLink:
		return join(RevisionDir(o.Repository, o.Digest), Referrers, o.Type, hashDir(o.Referrer), Link)
	case TagCurrent:
		return join(TagDir(o.Repository, o.Tag), Current, Link)
	case TagHistory:
		return join(TagDir(o.Repository, o.Tag), Index, hashDir(o.Digest), Link)
	case LayerLink:
		return LayerDir(o.Repository, o.Digest) + "/" + Link
	case UploadDir:
		return join(RepositoryDir(o.Repository), Uploads, o.Upload)
	}
	panic(fmt.Sprintf("layout: no path for kind %d", o.Kind))
}

// BlobDir is the directory of a blob's data.
func BlobDir(d Digest) string {
	h := d.Hex()
	return join(Blobs, d.Algorithm().String(), h[:2], h)
}

// RepositoryDir is the directory that holds a repository's marker directories.
func RepositoryDir(name string) string { return Repositories + "/" + name }

// RevisionDir is the directory of a manifest's link.
func RevisionDir(repository string, d Digest) string {
	return join(RepositoryDir(repository), Manifests, Revisions, hashDir(d))
}

// TagDir is the directory of a tag: its current link and its history.
func TagDir(repository, tag string) string {
	return join(RepositoryDir(repository), Manifests, Tags, tag)
}

// LayerDir is the directory of a layer's link.
func LayerDir(repository string, d Digest) string {
	return join(RepositoryDir(repository), Layers, hashDir(d))
}

func hashDir(d Digest) string { return d.Algorithm().String() + "/" + d.Hex() }

func join(parts ...string) string { return strings.Join(parts, "/") }

// Parse is the inverse of Object.Path. It accepts exactly the paths of objects
// with valid names; every other path is an error.
func Parse(path string) (Object, error) {
	o, ok := parse(strings.Split(path, "/"))
	if !ok {
		return Object{}, fmt.Errorf("not a path of the layout: %q", clip(path))
	}
	return o, nil
}

func parse(p []string) (Object, bool) {
	switch p[0] {
	case Blobs:
		return parseBlob(p[1:])
	case Repositories:
		for i := 1; i < len(p); i++ {
			if !strings.HasPrefix(p[i], "_") {
				continue
			}
			o, ok := parseInRepository(p[i:])
			o.Repository = strings.Join(p[1:i], "/")
			return o, ok && IsRepository(o.Repository)
		}
	}
	return Object{}, false
}

func parseBlob(p []string) (o Object, ok bool) {
	if len(p) != 4 {
		return o, false
	}
	switch p[3] {
	case Data:
		o.Kind = BlobData
	case Aside:
		o.Kind = BlobAside
	default:
		return o, false
	}
	o.Digest, ok = parseHash(p[0], p[2])
	return o, ok && p[1] == p[2][:2]
}

func parseInRepository(p []string) (o Object, ok bool) {
	switch {
	case p[0] == Layers && len(p) == 4 && p[3] == Link:
		o.Kind = LayerLink
		o.Digest, ok = parseHash(p[1], p[2])
	case p[0] == Uploads && len(p) == 2:
		o.Kind, o.Upload = UploadDir, p[1]
		ok = p[1] != "" && p[1] != "." && p[1] != ".."
	case p[0] == Manifests && len(p) > 2 && p[1] == Tags:
		return parseTag(p[2:])
	case p[0] == Manifests && len(p) > 2 && p[1] == Revisions:
		return parseRevision(p[2:])
	}
	return o, ok
}

func parseTag(p []string) (o Object, ok bool) {
	o.Tag = p[0]
	switch {
	case len(p) == 3 && p[1] == Current && p[2] == Link:
		o.Kind, ok = TagCurrent, true
	case len(p) == 5 && p[1] == Index && p[4] == Link:
		o.Kind = TagHistory
		o.Digest, ok = parseHash(p[2], p[3])
	}
	return o, ok && IsTag(o.Tag)
}

func parseRevision(p []string) (o Object, ok bool) {
	if len(p) < 3 {
		return o, false
	}
	if o.Digest, ok = parseHash(p[0], p[1]); !ok {
		return o, false
	}
	switch {
	case len(p) == 3 && p[2] == Link:
		o.Kind = RevisionLink
		return o, true
	case len(p) == 6 && p[2] == Signatures && p[5] == Link:
		o.Kind = SignatureLink
		o.Signature, ok = parseHash(p[3], p[4])
		return o, ok
	case len(p) == 7 && p[2] == Referrers && IsReferrersType(p[3]) && p[6] == Link:
		o.Kind, o.Type = ReferrerLink, p[3]
		o.Referrer, ok = parseHash(p[4], p[5])
		return o, ok
	}
	return o, false
}

func parseHash(alg, hex string) (Digest, bool) {
	a, ok := ParseAlgorithm(alg)
	if !ok {
		return Digest{}, false
	}
	d, err := ParseHex(a, hex)
	return d, err == nil
}
