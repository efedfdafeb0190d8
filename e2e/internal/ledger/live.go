package ledger

import (
	"maps"
	"regexp"
	"strings"

	"github.com/regsweep/regsweep/e2e/internal/client"
)

// Rules are which things are roots.
type Rules struct {
	DeleteUntagged bool                   // gc -m
	Young          func(path string) bool // a path of the store that is fresh; nil: none is
}

// Live is what the rules keep.
type Live struct {
	Blobs        map[string]bool // by the digest of their data
	repositories map[string]*liveRepository
}

type liveRepository struct {
	marked map[string]bool // manifests, and other digests that manifests name
	tags   map[string]bool
	links  map[string]bool
}

// Manifest tells whether a repository's manifest is live.
func (l Live) Manifest(name, digest string) bool {
	r := l.repositories[name]
	return r != nil && r.marked[digest]
}

// Tag tells whether a tag stays.
func (l Live) Tag(name, tag string) bool {
	r := l.repositories[name]
	return r != nil && r.tags[tag]
}

// Reference tells either, by the look of the reference.
func (l Live) Reference(name, reference string) bool {
	if strings.Contains(reference, ":") {
		return l.Manifest(name, reference)
	}
	return l.Tag(name, reference)
}

// Link tells whether a repository's layer link stays, by the digest that its
// data is stored under or another one.
func (l Live) Link(name, digest string) bool {
	r := l.repositories[name]
	return r != nil && r.links[digest]
}

// named are the digests that a repository's live manifests name as layers.
func (l Live) named(name string) map[string]bool {
	if r := l.repositories[name]; r != nil {
		return r.links
	}
	return nil
}

// Live applies rules to what the ledger holds. Of the blobs that are stored those
// live too that are young.
func (l *Ledger) Live(rules Rules, stored []string) Live {
	if rules.Young == nil {
		rules.Young = func(string) bool { return false }
	}
	live := Live{Blobs: map[string]bool{}, repositories: map[string]*liveRepository{}}
	for _, digest := range stored {
		if rules.Young(BlobPath(digest)) {
			live.Blobs[digest] = true
		}
	}
	for name, repository := range l.repositories {
		m := marker{
			ledger: l, rules: rules, name: name, repository: repository, blobs: live.Blobs,
			live: &liveRepository{marked: map[string]bool{}, tags: map[string]bool{}, links: map[string]bool{}},
		}
		m.roots()
		m.youngLinks()
		live.repositories[name] = m.live
	}
	return live
}

type marker struct {
	ledger     *Ledger
	rules      Rules
	name       string
	repository *repository
	live       *liveRepository
	blobs      map[string]bool
}

// subjectTag is the referrers' tag schema, and cosign's older one.
var subjectTag = regexp.MustCompile(`^(sha256)-([0-9a-f]{64})(\.sig|\.att|\.sbom)?$`)

// subject is what a referrer tag is about, where that is linked and another
// manifest than the tagged one: such a tag goes with it.
func (m *marker) subject(name string, tag *tag) (string, bool) {
	match := subjectTag.FindStringSubmatch(name)
	if match == nil {
		return "", false
	}
	digest := match[1] + ":" + match[2]
	_, linked := m.repository.manifests[digest]
	return digest, linked && digest != tag.current
}

func (m *marker) roots() {
	waiting := map[string]*tag{}
	for name, tag := range m.repository.tags {
		_, isAbout := m.subject(name, tag)
		if m.rules.DeleteUntagged && isAbout && !m.rules.Young(tagPath(m.name, name)) {
			waiting[name] = tag
			continue
		}
		m.keepTag(name, tag)
	}
	for digest := range m.repository.manifests {
		if !m.rules.DeleteUntagged || m.rules.Young(manifestPath(m.name, digest)) {
			m.mark(digest)
		}
	}
	for settled := false; !settled; {
		settled = true
		for name, tag := range maps.Clone(waiting) {
			if subject, _ := m.subject(name, tag); m.live.marked[subject] {
				m.keepTag(name, tag)
				delete(waiting, name)
				settled = false
			}
		}
	}
}

func (m *marker) keepTag(name string, tag *tag) {
	m.live.tags[name] = true
	m.mark(tag.current)
}

func (m *marker) mark(digest string) {
	if m.live.marked[digest] {
		return
	}
	m.live.marked[digest] = true
	m.blobs[digest] = true
	manifest, linked := m.repository.manifests[digest]
	if !linked { // an index's child that is not there, or only as a blob
		return
	}
	for _, blob := range manifest.Blobs() {
		m.keepBlob(blob.Digest)
	}
	for _, child := range manifest.Manifests {
		m.mark(child.Digest)
	}
	for other, manifest := range m.repository.manifests {
		if manifest.Subject != nil && manifest.Subject.Digest == digest {
			m.mark(other)
		}
	}
}

func (m *marker) keepBlob(digest string) {
	stored := m.ledger.stored(digest)
	m.blobs[stored] = true
	m.live.links[digest] = true
	m.live.links[stored] = true
}

func (m *marker) youngLinks() {
	for digest := range m.repository.links {
		if m.rules.Young(layerPath(m.name, digest)) {
			m.keepBlob(digest)
		}
	}
}

// Swept enters that all is gone which was not live.
func (l *Ledger) Swept(live Live) {
	for name, repository := range l.repositories {
		maps.DeleteFunc(repository.manifests, func(digest string, _ client.Manifest) bool { return !live.Manifest(name, digest) })
		maps.DeleteFunc(repository.links, func(digest string, _ bool) bool { return !live.Link(name, digest) })
		maps.DeleteFunc(repository.tags, func(tag string, _ *tag) bool { return !live.Tag(name, tag) })
		for _, tag := range repository.tags {
			maps.DeleteFunc(tag.history, func(digest string, _ bool) bool {
				_, linked := repository.manifests[digest]
				return !linked
			})
		}
	}
}
