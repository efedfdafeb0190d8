//go:build unix

package main

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// The oracle of the targets is written from the documents. It reads the store by
// itself, removes one image after the other in the order of their use, and after
// each it finds out for the whole store what is still reached.

// naiveStore is a store as the oracle sees it.
type naiveStore struct {
	dir          string
	repositories map[string]*naiveRepository
	blobs        map[string]naiveManifest // by digest; empty of what is no manifest
	size         map[string]int64         // what du says of a path
}

type naiveRepository struct {
	tags      map[string]naiveTag
	revisions map[string]time.Time
	layers    []string
}

type naiveTag struct {
	digest string
	pushed time.Time
}

type naiveManifest struct{ names, children, subjects []string }

// naiveImage is a digest in a repository, with the tags of it that may go.
type naiveImage struct {
	repository, digest string
	tags               []string
	used, pushed       time.Time
}

func readNaively(t *testing.T, s *layouttest.Store) *naiveStore {
	t.Helper()
	n := &naiveStore{dir: s.Dir, repositories: map[string]*naiveRepository{}, blobs: map[string]naiveManifest{}, size: map[string]int64{}}
	for _, path := range names(t, s.Dir, "blobs/sha256/*/*/data") {
		digest := "sha256:" + filepath.Base(filepath.Dir(path))
		n.blobs[digest] = parseNaively(t, filepath.Join(s.Dir, path))
	}
	for _, path := range slices.Concat(names(t, s.Dir, "repositories/*/_manifests"), names(t, s.Dir, "repositories/*/*/_manifests")) {
		path = filepath.Dir(path)
		r := &naiveRepository{tags: map[string]naiveTag{}, revisions: map[string]time.Time{}}
		n.repositories[strings.TrimPrefix(path, "repositories/")] = r
		for _, link := range names(t, s.Dir, path+"/_manifests/tags/*/current/link") {
			digest, pushed := readLink(t, filepath.Join(s.Dir, link))
			r.tags[filepath.Base(filepath.Dir(filepath.Dir(link)))] = naiveTag{digest, pushed}
		}
		for _, link := range names(t, s.Dir, path+"/_manifests/revisions/sha256/*/link") {
			digest, pushed := readLink(t, filepath.Join(s.Dir, link))
			r.revisions[digest] = pushed
		}
		for _, link := range names(t, s.Dir, path+"/_layers/sha256/*/link") {
			digest, _ := readLink(t, filepath.Join(s.Dir, link))
			r.layers = append(r.layers, digest)
		}
	}
	return n
}

func names(t *testing.T, dir, pattern string) (list []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		list = append(list, strings.TrimPrefix(path, dir+"/"))
	}
	return list
}

func readLink(t *testing.T, path string) (digest string, pushed time.Time) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), info.ModTime()
}

func parseNaively(t *testing.T, path string) (m naiveManifest) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type descriptor struct{ Digest string }
	var v struct {
		Config, Subject   *descriptor
		Layers, Manifests []descriptor
	}
	if json.Unmarshal(text, &v) != nil || v.Config == nil && v.Manifests == nil {
		return m
	}
	m.names = []string{"sha256:" + filepath.Base(filepath.Dir(path))}
	if v.Config != nil {
		m.names = append(m.names, v.Config.Digest)
	}
	for _, l := range v.Layers {
		m.names = append(m.names, l.Digest)
	}
	for _, c := range v.Manifests {
		m.children = append(m.children, c.Digest)
	}
	if v.Subject != nil {
		m.subjects = append(m.subjects, v.Subject.Digest)
	}
	return m
}

var cosignTag = regexp.MustCompile(`^sha256-([0-9a-f]{64})\.(sig|att|sbom)$`)

// about is the digest of the image that a signature's tag is about, if it is
// in the repository.
func (r *naiveRepository) about(tag string) string {
	m := cosignTag.FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	if _, ok := r.revisions["sha256:"+m[1]]; ok {
		return "sha256:" + m[1]
	}
	return ""
}

// loose reports whether a manifest goes and stays with others: as the child of
// an index, or as a referrer.
func (n *naiveStore) loose(r *naiveRepository, digest string) bool {
	for other := range r.revisions {
		if other != digest && slices.Contains(n.blobs[other].children, digest) {
			return true
		}
	}
	return slices.ContainsFunc(n.blobs[digest].subjects, func(s string) bool { _, ok := r.revisions[s]; return ok })
}

// live are the manifests of a repository that stay when images have gone.
func (n *naiveStore) live(name string, gone []naiveImage) map[string]bool {
	r := n.repositories[name]
	live := map[string]bool{}
	goes := func(digest, tag string) bool {
		return slices.ContainsFunc(gone, func(i naiveImage) bool {
			return i.repository == name && i.digest == digest && (tag == "" && len(i.tags) == 0 || slices.Contains(i.tags, tag))
		})
	}
	tagged := map[string]bool{}
	for tag, to := range r.tags {
		tagged[to.digest] = true
		if r.about(tag) == "" && !goes(to.digest, tag) {
			live[to.digest] = true
		}
	}
	for digest := range r.revisions {
		if !tagged[digest] && !n.loose(r, digest) && !goes(digest, "") {
			live[digest] = true
		}
	}
	for more := true; more; {
		more = false
		add := func(digest string) {
			if _, ok := r.revisions[digest]; ok && !live[digest] {
				live[digest], more = true, true
			}
		}
		for digest := range r.revisions {
			if live[digest] {
				for _, child := range n.blobs[digest].children {
					add(child)
				}
			}
			if slices.ContainsFunc(n.blobs[digest].subjects, func(s string) bool { return live[s] }) {
				add(digest)
			}
		}
		for tag, to := range r.tags {
			if subject := r.about(tag); subject != "" && live[subject] {
				add(to.digest)
			}
		}
	}
	return live
}

// freed is what du says less when images have gone, and what gc removes.
func (n *naiveStore) freed(t *testing.T, gone []naiveImage) (sum int64) {
	t.Helper()
	needed := map[string]bool{}
	above := map[string]bool{} // directories above repositories, and whether they stay
	for name, r := range n.repositories {
		live := n.live(name, gone)
		here := map[string]bool{}
		for digest := range live {
			for _, id := range n.blobs[digest].names {
				here[id], needed[id] = true, true
			}
		}
		path := "repositories/" + name
		kept, history := len(live) > 0, int64(0)
		for tag, to := range r.tags {
			kept = kept || live[to.digest]
			subject := r.about(tag)
			if subject != "" && !live[subject] || slices.ContainsFunc(gone, func(i naiveImage) bool { return i.repository == name && slices.Contains(i.tags, tag) }) {
				sum += n.du(t, path+"/_manifests/tags/"+tag)
				continue
			}
			for _, entry := range names(t, n.dir, path+"/_manifests/tags/"+tag+"/index/sha256/*") {
				if !live["sha256:"+filepath.Base(entry)] { // the tag stays, and its history loses this
					history += n.du(t, entry)
				}
			}
		}
		dir := filepath.Dir(path)
		if above[dir] = above[dir] || kept; !kept {
			for tag := range r.tags { // counted with the repository
				sum -= n.du(t, path+"/_manifests/tags/"+tag)
			}
			sum += n.du(t, path)
			continue
		}
		sum += history
		for digest := range r.revisions {
			if !live[digest] {
				sum += n.du(t, path+"/_manifests/revisions/"+strings.Replace(digest, ":", "/", 1))
			}
		}
		for _, digest := range r.layers {
			if !here[digest] {
				sum += n.du(t, path+"/_layers/"+strings.Replace(digest, ":", "/", 1))
			}
		}
	}
	for dir, stays := range above {
		if !stays && dir != "repositories" {
			sum += n.du(t, dir)
			for _, sub := range names(t, n.dir, dir+"/*") {
				sum -= n.du(t, sub)
			}
		}
	}
	for digest := range n.blobs {
		if !needed[digest] {
			sum += n.du(t, "blobs/sha256/"+digest[7:9]+"/"+digest[7:])
		}
	}
	return sum
}

// du is the disk size of a path and of all below it.
func (n *naiveStore) du(t *testing.T, path string) int64 {
	t.Helper()
	if sum, ok := n.size[path]; ok {
		return sum
	}
	n.size[path] = naiveUsage(t, filepath.Join(n.dir, path))
	return n.size[path]
}

func naiveUsage(t *testing.T, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == ".regsweep" {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		sum += info.Sys().(*syscall.Stat_t).Blocks * 512
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// fitNaively are the images that have to go so that so many bytes are freed.
func (n *naiveStore) fitNaively(t *testing.T, candidates []naiveImage, need int64) (gone []naiveImage) {
	t.Helper()
	slices.SortFunc(candidates, func(a, b naiveImage) int {
		return cmp.Or(a.used.Compare(b.used), a.pushed.Compare(b.pushed), cmp.Compare(a.repository, b.repository), cmp.Compare(a.digest, b.digest))
	})
	for len(gone) < len(candidates) && n.freed(t, gone) < need {
		gone = append(gone, candidates[len(gone)])
	}
	if n.freed(t, gone) < need {
		return gone
	}
	for at := len(gone) - 1; at >= 0; at-- {
		if without := slices.Delete(slices.Clone(gone), at, at+1); n.freed(t, without) >= need {
			gone = without
		}
	}
	return gone
}
