package ledger

import (
	"path"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/e2e/internal/disk"
)

// Paths of the layout, relative to docker/registry/v2.

// BlobPath is where a blob's data is.
func BlobPath(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return path.Join("blobs", algorithm, hex[:2], hex, "data")
}

func repositoryPath(name string, more ...string) string {
	return path.Join(append([]string{"repositories", name}, more...)...)
}

func manifestPath(name, digest string) string {
	return repositoryPath(name, "_manifests/revisions", slashed(digest), "link")
}

func layerPath(name, digest string) string {
	return repositoryPath(name, "_layers", slashed(digest), "link")
}

func tagPath(name, tag string) string {
	return repositoryPath(name, "_manifests/tags", tag, "current/link")
}

func historyPath(name, tag, digest string) string {
	return repositoryPath(name, "_manifests/tags", tag, "index", slashed(digest), "link")
}

func slashed(digest string) string { return strings.Replace(digest, ":", "/", 1) }

// blobDigest is BlobPath backwards, of paths that it made.
func blobDigest(name string) string {
	parts := strings.Split(name, "/")
	return parts[1] + ":" + parts[3]
}

// StoredBlobs are the digests that the tree has data for, sorted.
func StoredBlobs(tree disk.Tree) []string {
	var all []string
	for _, name := range tree.Matching("blobs/*/*/*/data") {
		all = append(all, blobDigest(name))
	}
	slices.Sort(all)
	return all
}

// Links are the paths of every link that the ledger holds, sorted: what a store
// without uploads has besides blobs.
func (l *Ledger) Links() []string {
	var all []string
	for name, repository := range l.repositories {
		for digest := range repository.manifests {
			all = append(all, manifestPath(name, digest))
		}
		for digest := range repository.links {
			all = append(all, layerPath(name, digest))
		}
		for tag, entry := range repository.tags {
			all = append(all, tagPath(name, tag))
			for digest := range entry.history {
				all = append(all, historyPath(name, tag, digest))
			}
		}
	}
	slices.Sort(all)
	return all
}

// Remains are the paths that a sweep leaves.
type Remains struct {
	Must map[string]bool
	May  map[string]bool // directories of the layout, in repositories that live on
}

// Remain works out what a sweep by rules leaves of the tree that was before. Of
// uploads those stay that have a fresh file.
func (l *Ledger) Remain(live Live, before disk.Tree, rules Rules) Remains {
	r := Remains{Must: map[string]bool{}, May: map[string]bool{}}
	r.keep("blobs")
	r.keep("repositories")
	for _, prefix := range before.Matching("blobs/*/??") {
		r.keep(prefix)
	}
	for digest := range live.Blobs {
		if _, ok := before[BlobPath(digest)]; ok {
			r.keep(BlobPath(digest))
		}
	}
	for name, repository := range l.repositories {
		l.remainLinks(&r, live, name, repository)
	}
	for _, upload := range before.Matching("repositories/**/_uploads/*") {
		r.upload(before, upload, rules)
	}
	r.skeletons(before)
	l.emptied(&r, live, before, rules)
	return r
}

func (l *Ledger) remainLinks(r *Remains, live Live, name string, repository *repository) {
	for digest := range repository.manifests {
		if live.Manifest(name, digest) {
			r.keep(manifestPath(name, digest))
		}
	}
	for digest := range repository.links {
		if live.Link(name, digest) {
			r.keep(layerPath(name, digest))
		}
	}
	for tag, entry := range repository.tags {
		if !live.Tag(name, tag) {
			continue
		}
		r.keep(tagPath(name, tag))
		for digest := range entry.history {
			if _, linked := repository.manifests[digest]; linked && live.Manifest(name, digest) {
				r.keep(historyPath(name, tag, digest))
			}
		}
	}
}

// emptied enters the directories of links that the API deleted which a sweep may
// not have looked at: of layers that a live manifest names, and of what was deleted
// a moment ago.
func (l *Ledger) emptied(r *Remains, live Live, before disk.Tree, rules Rules) {
	for _, dir := range l.EmptiedButNamed(live, before) {
		r.May[dir] = true
	}
	for _, pattern := range []string{"repositories/**/_manifests/revisions/*/*", "repositories/**/_layers/*/*"} {
		for _, dir := range before.Matching(pattern) {
			_, full := before[dir+"/link"]
			if !full && rules.Young != nil && rules.Young(dir) {
				r.May[dir] = true
			}
		}
	}
}

// EmptiedButNamed are the directories of layer links that the API deleted while a
// live manifest of the repository names the layer.
func (l *Ledger) EmptiedButNamed(live Live, before disk.Tree) []string {
	var all []string
	for name, repository := range l.repositories {
		for digest := range live.named(name) {
			dir := path.Dir(layerPath(name, digest))
			if _, ok := before[dir]; ok && !repository.links[digest] {
				all = append(all, dir)
			}
		}
	}
	return all
}

// keep enters a path and all that is above it.
func (r *Remains) keep(name string) {
	for ; !r.Must[name]; name = path.Dir(name) {
		r.Must[name] = true
	}
}

func (r *Remains) upload(before disk.Tree, upload string, rules Rules) {
	var files []string
	young := false
	for name, file := range before {
		if strings.HasPrefix(name, upload+"/") {
			files = append(files, name)
			young = young || !file.Dir && rules.Young != nil && rules.Young(name)
		}
	}
	if !young {
		return
	}
	r.keep(upload)
	for _, name := range files {
		r.keep(name)
	}
}

// skeletons enters the directories that the contract neither keeps nor removes:
// the layout's own, in repositories of which something stays.
func (r *Remains) skeletons(before disk.Tree) {
	for name, file := range before {
		if file.Dir && !r.Must[name] && r.isSkeleton(name) {
			r.May[name] = true
		}
	}
}

func (r *Remains) isSkeleton(name string) bool {
	repository, inside, ok := strings.Cut(name, "/_")
	if !ok || !r.lives(repository) || !isLayout("_"+inside) {
		return false
	}
	parent := path.Dir(name)
	return r.Must[parent] || r.isSkeleton(parent)
}

// lives tells whether something of the repository itself stays, and not only of
// one that is nested below it.
func (r *Remains) lives(repository string) bool {
	return r.Must[repository+"/_manifests"] || r.Must[repository+"/_layers"] || r.Must[repository+"/_uploads"]
}

func isLayout(inside string) bool {
	for _, pattern := range []string{
		"_manifests", "_manifests/revisions", "_manifests/revisions/*", "_manifests/tags",
		"_manifests/tags/*/index", "_manifests/tags/*/index/*", "_layers", "_layers/*", "_uploads",
	} {
		if ok, err := path.Match(pattern, inside); err == nil && ok {
			return true
		}
	}
	return false
}
