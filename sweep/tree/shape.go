package tree

import (
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Shape says whether the layout defines a path below some directory, as a file
// or as a directory. Nothing else is ever removed.
type Shape func(parts []string) (file, directory bool)

// TagShape is that of a tag's directory.
func TagShape(p []string) (file, directory bool) {
	switch {
	case len(p) == 1:
		return false, p[0] == layout.Current || p[0] == layout.Index
	case p[0] == layout.Current:
		return len(p) == 2 && IsLink(p[1]), false
	}
	return HashShape(p[1:])
}

// HashShape is <alg>/<hex>/link: signatures, the referrers of one type, and a tag's history.
func HashShape(p []string) (file, directory bool) {
	alg, ok := layout.ParseAlgorithm(p[0])
	if !ok || len(p) == 1 {
		return false, ok
	}
	if _, err := layout.ParseHex(alg, p[1]); err != nil || len(p) > 3 {
		return false, false
	}
	return len(p) == 3 && IsLink(p[2]), len(p) == 2
}

// ReferrersShape is _<type>/<alg>/<hex>/link.
func ReferrersShape(p []string) (file, directory bool) {
	if ok := layout.IsReferrersType(p[0]); !ok || len(p) == 1 {
		return false, ok
	}
	return HashShape(p[1:])
}

// IsLink reports whether a name is a link's, or that of an interrupted write of one.
func IsLink(name string) bool {
	return name == layout.Link || strings.HasPrefix(name, layout.Link+".") && layout.IsTemporary(name)
}

// UploadShape is that of an upload's directory.
func UploadShape(p []string) (file, directory bool) {
	return walker.UploadName(len(p)-1, p[len(p)-1])
}

// Only reports whether all that is below a directory is of a shape.
func Only(parent *disk.Locked, name string, of Shape, at ...string) (only bool, err error) {
	d, err := parent.OpenBelow(name)
	if err != nil {
		return false, err
	}
	defer d.Close()
	only = true
	err = d.List(func(e disk.Entry) error {
		path := slices.Concat(at, []string{strings.Clone(e.Name)})
		file, directory := of(path)
		switch {
		case file && e.Type == disk.File:
		case directory && e.Type == disk.Directory:
			below, err := Only(d, path[len(at)], of, path...)
			only = only && below
			return err
		default:
			only = false
		}
		return nil
	})
	return only, err
}
