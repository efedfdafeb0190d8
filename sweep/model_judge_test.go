//go:build unix

package sweep_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"time"
)

// The model reads a store as the contract's text says, with no code of the
// program. It knows undamaged stores only, and that gc's ages are the usual ones.

// verdict is what the contract says about a store.
type verdict struct {
	blobs       map[string]bool // live ones
	refs        map[string]bool // NAME:TAG and NAME@DIGEST that stay
	stays, goes map[string]bool // all that can be removed, by key
}

func key(kind, repo, name, digest string) string {
	return strings.Join([]string{kind, repo, name, digest}, " ")
}

func (v *verdict) say(live bool, kind, repo, name, digest string) {
	if live {
		v.stays[key(kind, repo, name, digest)] = true
		return
	}
	v.goes[key(kind, repo, name, digest)] = true
}

func (m *modelOf) younger(at time.Time, than time.Duration) bool { return at.After(m.now.Add(-than)) }

func (m *modelOf) fresh(at time.Time) bool { return m.younger(at, time.Hour) }

var (
	anyDigest  = regexp.MustCompile(`sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}`)
	knownTypes = regexp.MustCompile(`^$|^application/vnd\.(oci\.image\.(manifest|index)\.v1|docker\.distribution\.manifest(\.list)?\.v2|` +
		`docker\.distribution\.manifest\.v1|oci\.artifact\.manifest\.v1|cncf\.oras\.artifact\.manifest\.v1)\+(json|prettyjws)$`)
)

// reach is what is live in one repository.
type reach struct {
	r        *modelRepository
	generous bool
	live     map[string]bool
	named    map[string]bool // without what fresh layer links name
	expanded map[string]bool
}

// name makes a digest live, and what it keeps here.
func (h *reach) name(d string) {
	if h.live[d] {
		return
	}
	h.live[d] = true
	// An alias: the layer link says which blob is meant.
	if l, ok := h.r.layers[d]; ok {
		h.name(l.target)
	}
	link, linked := h.r.revisions[d]
	if linked {
		h.name(link.target)
		h.expand(d, link.target)
	}
	// Is a child that is not linked here a live manifest, that keeps referrers?
	if linked || h.generous {
		h.keepReferrers(d)
	}
}

func (h *reach) keepReferrers(d string) {
	for _, referrer := range h.r.referrers[d] {
		h.name(referrer)
	}
}

func (h *reach) expand(d, content string) {
	if h.expanded[d] {
		return
	}
	h.expanded[d] = true
	for _, ref := range h.r.m.manifest(content).refs {
		h.name(ref)
	}
	for _, s := range h.r.signatures[d] {
		h.name(s)
	}
	h.keepReferrers(d)
}

var referrerTag = regexp.MustCompile(`^sha256-([0-9a-f]{64})(\.sig|\.att|\.sbom)?$`)

// subjectOf is the image that a tag goes with.
func (r *modelRepository) subjectOf(tag string) string {
	found := referrerTag.FindStringSubmatch(tag)
	if found == nil {
		return ""
	}
	subject := "sha256:" + found[1]
	if _, linked := r.revisions[subject]; !linked || r.tags[tag].target == subject {
		return ""
	}
	return subject
}

// judge finds what is live here: all tags are roots, until the subjects of
// some go, and they with them.
func (r *modelRepository) judge(generous bool) (h *reach, tags map[string]bool) {
	tags = map[string]bool{}
	for tag := range r.tags {
		tags[tag] = true
	}
	for {
		h = r.reach(generous, tags)
		gone := false
		for tag := range tags {
			if s := r.subjectOf(tag); s != "" && !h.live[s] && !r.m.fresh(r.tags[tag].at) {
				delete(tags, tag)
				gone = true
			}
		}
		if !gone {
			return h, tags
		}
	}
}

// lost is when a manifest lost the last of the tags whose histories name it: when
// the tag got what it named next.
func (r *modelRepository) lost(d string) (last time.Time) {
	for tag, history := range r.history {
		set, was := history[d]
		if !was || r.tags[tag].target == d {
			continue
		}
		next := r.tags[tag].at
		for _, at := range history {
			if at.After(set) && (at.Before(next) || !next.After(set)) {
				next = at
			}
		}
		if set.After(next) {
			next = set // it was not lost before it was set, whatever the current link says
		}
		if next.After(last) {
			last = next
		}
	}
	return last
}

func (r *modelRepository) reach(generous bool, tags map[string]bool) *reach {
	h := &reach{r: r, generous: generous, live: map[string]bool{}, expanded: map[string]bool{}}
	for tag := range tags {
		l := r.tags[tag]
		_, linked := r.revisions[l.target]
		_, old := r.layers[l.target] // as registry 2.1.0 tagged
		if linked || old || r.m.fresh(l.at) {
			h.name(l.target)
		}
		if old && !linked {
			h.expand(l.target, l.target)
		}
	}
	for d, l := range r.revisions {
		// A manifest whose blob is fresh is live, wherever it is linked.
		if !r.m.untagged || r.m.younger(l.at, 24*time.Hour) || r.m.younger(r.lost(d), 24*time.Hour) || r.m.fresh(r.m.blobs[l.target]) {
			h.name(d)
		}
	}
	h.named = maps.Clone(h.live)
	for d := range r.layers {
		if r.freshLayer(d) {
			h.name(d)
		}
	}
	return h
}

func (r *modelRepository) freshLayer(d string) bool {
	at := r.layers[d].at
	for _, u := range r.uploads {
		if r.m.fresh(u) && r.m.younger(at, 168*time.Hour) {
			return true
		}
	}
	return r.m.fresh(at)
}

func (r *modelRepository) hasRevisionDir(d string) bool {
	alg, hex, _ := strings.Cut(d, ":")
	_, err := os.Stat(r.m.dir + "/repositories/" + r.name + "/_manifests/revisions/" + alg + "/" + hex)
	return err == nil
}

// judge says of everything whether it stays. What a generous judge keeps and
// another does not may be understood either way.
func (m *modelOf) judge(generous bool) *verdict {
	v := &verdict{blobs: map[string]bool{}, refs: map[string]bool{}, stays: map[string]bool{}, goes: map[string]bool{}}
	for _, r := range m.repositories {
		h, tags := r.judge(generous)
		live := h.live
		for d := range live {
			v.blobs[d] = true
		}
		r.judgeTags(v, live, tags, generous)
		for d := range r.revisions {
			v.say(live[d], "manifest", r.name, "", d)
			if live[d] {
				v.refs[r.name+"@"+d] = true
			}
		}
		for d, l := range r.layers {
			// An old link by another name to what only a fresh layer link keeps
			// may go: no manifest references the blob.
			v.say(live[d] || h.named[l.target] || generous && live[l.target], "layerLink", r.name, "", d)
		}
		for id, at := range r.uploads {
			v.say(m.younger(at, 168*time.Hour), "upload", r.name, id, "")
		}
	}
	for d := range v.blobs {
		if _, stored := m.blobs[d]; !stored {
			delete(v.blobs, d)
		}
	}
	for d, at := range m.blobs {
		if m.fresh(at) {
			v.blobs[d] = true
		}
		v.say(v.blobs[d], "blob", "", "", d)
	}
	return v
}

func (r *modelRepository) judgeTags(v *verdict, live, tags map[string]bool, generous bool) {
	for tag, l := range r.tags {
		_, linked := r.revisions[l.target]
		_, old := r.layers[l.target]
		stays := tags[tag] && (linked || old || r.m.fresh(l.at))
		v.say(stays, "tag", r.name, tag, l.target)
		if stays {
			v.refs[r.name+":"+tag] = true
		}
		for d, at := range r.history[tag] {
			_, linked := r.revisions[d]
			_, old := r.layers[d]
			switch {
			case !stays: // it goes with the tag
				v.stays[key("tagHistory", r.name, tag, d)] = true
			default:
				// Of what only registry 2.1.0 linked, or is fresh, the contract does not tell.
				// Where not even a manifest's directory is left, a run need not have looked:
				// "lists a tag's history only where a manifest link goes or is missing".
				unsaid := old || r.m.fresh(at) || r.m.fresh(l.at) || !r.hasRevisionDir(d)
				v.say(linked && live[d] || generous && unsaid, "tagHistory", r.name, tag, d)
			}
		}
	}
}
