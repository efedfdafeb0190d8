// Package ledger keeps account of what was pushed to a registry and deleted from
// it, and works out from that alone what is alive and which paths may remain. It
// is the contract's "What is live" and "What is swept" written a second time.
package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/e2e/internal/client"
)

// Ledger is the account of one registry. A digest is the text "algorithm:hex".
type Ledger struct {
	repositories map[string]*repository
	canonical    map[string]string // of a digest by another algorithm, the one that its data is stored under
}

type repository struct {
	manifests map[string]client.Manifest // every linked one
	tags      map[string]*tag
	links     map[string]bool // layer links, by the digest in their path
}

type tag struct {
	current string
	history map[string]bool // every digest that it ever named, current included
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{repositories: map[string]*repository{}, canonical: map[string]string{}}
}

func (l *Ledger) repository(name string) *repository {
	found := l.repositories[name]
	if found == nil {
		found = &repository{manifests: map[string]client.Manifest{}, tags: map[string]*tag{}, links: map[string]bool{}}
		l.repositories[name] = found
	}
	return found
}

// Observe fetches what was just pushed under a tag or digest and enters it: the
// manifest, through indexes its children, and the layer links that the registry
// must have for them. It returns the manifest's digest.
func (l *Ledger) Observe(c *client.Client, name, reference string) (string, error) {
	digest, err := l.observe(c, name, reference)
	if err != nil {
		return "", fmt.Errorf("observe %s %s: %w", name, reference, err)
	}
	if strings.Contains(reference, ":") {
		return digest, nil
	}
	repository := l.repository(name)
	if repository.tags[reference] == nil {
		repository.tags[reference] = &tag{history: map[string]bool{}}
	}
	repository.tags[reference].current = digest
	repository.tags[reference].history[digest] = true
	return digest, nil
}

func (l *Ledger) observe(c *client.Client, name, reference string) (string, error) {
	digest, err := c.Pull(name, reference)
	if err != nil {
		return "", err
	}
	answer, err := c.Manifest(name, digest)
	if err != nil {
		return "", err
	}
	manifest, err := client.ParseManifest(answer.Body)
	if err != nil {
		return "", err
	}
	repository := l.repository(name)
	repository.manifests[digest] = manifest
	for _, blob := range manifest.Blobs() {
		l.linked(repository, blob.Digest)
	}
	for _, child := range manifest.Manifests {
		if _, err := l.observe(c, name, child.Digest); err != nil {
			return "", err
		}
	}
	return digest, nil
}

func (l *Ledger) linked(to *repository, digest string) {
	to.links[digest] = true
	to.links[l.stored(digest)] = true
}

// Uploaded enters a blob that was uploaded or mounted.
func (l *Ledger) Uploaded(name, digest string) { l.linked(l.repository(name), digest) }

// Alias enters that what is pushed under one digest is stored under another.
func (l *Ledger) Alias(digest, stored string) { l.canonical[digest] = stored }

// stored is the digest that the data of digest is stored under.
func (l *Ledger) stored(digest string) string {
	if other, ok := l.canonical[digest]; ok {
		return other
	}
	return digest
}

// DeletedManifest enters a delete through the API: every tag on it goes, with all
// of its history.
func (l *Ledger) DeletedManifest(name, digest string) {
	repository := l.repository(name)
	delete(repository.manifests, digest)
	maps.DeleteFunc(repository.tags, func(_ string, t *tag) bool { return t.current == digest })
}

// DeletedTag enters that a tag was deleted; its manifest stays.
func (l *Ledger) DeletedTag(name, tag string) { delete(l.repository(name).tags, tag) }

// DeletedBlob enters that a repository's link to a blob was deleted.
func (l *Ledger) DeletedBlob(name, digest string) { delete(l.repository(name).links, digest) }

// Repositories are the names of all, sorted, those without anything left too.
func (l *Ledger) Repositories() []string { return slices.Sorted(maps.Keys(l.repositories)) }

// Tags are a repository's tags, sorted.
func (l *Ledger) Tags(name string) []string { return slices.Sorted(maps.Keys(l.repository(name).tags)) }

// References are a repository's tags and manifest digests: all that can be asked
// of it, sorted.
func (l *Ledger) References(name string) []string {
	repository := l.repository(name)
	all := slices.Collect(maps.Keys(repository.tags))
	return slices.Sorted(slices.Values(slices.AppendSeq(all, maps.Keys(repository.manifests))))
}
