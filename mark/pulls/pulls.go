// Package pulls reads from the access logs of registries, and of the proxies
// before them, which images were pulled and when: registries that keep their
// images on a disk do not write that down themselves.
//
// Logs are read line by line, in any order, in memory that does not grow with
// their length. What is wrong in them can only make an image look used: lines
// that cannot be read count as no line, and where a log does not reach, every
// image counts as pulled.
package pulls

import (
	"net/url"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Request is a request that a log has a line about.
type Request struct {
	At     time.Time
	Method string
	Path   string // as it was requested, maybe with a host before it and a query behind it
	Status int
	Agent  string
	// Tag and Digest are what was pulled, where the line says so itself.
	Tag    string
	Digest layout.Digest
}

// place is what a request's path is about.
type place struct {
	repository string
	tag        string        // of a manifest that was asked for by one
	digest     layout.Digest // of a manifest that was asked for by it
}

// isManifest reports whether the path names one.
func (p *place) isManifest() bool { return p.tag != "" || !p.digest.IsZero() }

// The methods of a pull. The program has no net/http, whose names they are.
const (
	get  = "GET"
	head = "HEAD"
)

// isPull reports whether a request of a manifest has been answered with it.
// Clients that have the image ask by HEAD only.
func (r *Request) isPull() bool {
	return (r.Method == get || r.Method == head) && r.Status >= 200 && r.Status < 400
}

// repositoryParts follow a repository's name in the paths of a registry.
var repositoryParts = []string{"/manifests/", "/blobs/", "/tags/", "/referrers/"}

// places calls fn for each place that the path may name. There may be more before
// /v2/, and that may have a /v2/ in it: which one is the registry's own is not
// known, so the path names a place for each.
func (r *Request) places(fn func(*place)) {
	path, _, _ := strings.Cut(r.Path, "?")
	if at := strings.Index(path, "://"); at >= 0 && !strings.Contains(path[:at], "/") {
		if slash := strings.IndexByte(path[at+3:], '/'); slash >= 0 {
			path = path[at+3+slash:]
		}
	}
	if strings.IndexByte(path, '%') >= 0 {
		plain, err := url.PathUnescape(path)
		if err != nil {
			return
		}
		path = plain
	}
	for {
		at := strings.Index(path, "/v2/")
		if at < 0 {
			return
		}
		path = path[at+len("/v2"):]
		if p, ok := placeBelow(path); ok {
			fn(&p)
		}
	}
}

// placeBelow reads what follows /v2 in a path.
func placeBelow(path string) (p place, ok bool) {
	for _, part := range repositoryParts {
		end := strings.LastIndex(path, part)
		if end < 1 || !layout.IsRepository(path[1:end]) {
			continue
		}
		p.repository = path[1:end]
		if part == "/manifests/" {
			p.manifest(path[end+len(part):])
		}
		return p, true
	}
	return p, false
}

// manifest reads what a manifest was asked for by: a tag or a digest.
func (p *place) manifest(reference string) {
	if d, err := layout.ParseDigest(reference); err == nil {
		p.digest = d
	} else if layout.IsTag(reference) {
		p.tag = reference
	}
}
