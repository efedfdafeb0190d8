//go:build unix

package sweep_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type modelLink struct {
	target string
	at     time.Time
}

type modelRepository struct {
	m          *modelOf
	name       string
	revisions  map[string]modelLink
	signatures map[string][]string // by revision
	layers     map[string]modelLink
	tags       map[string]modelLink
	history    map[string]map[string]time.Time // by tag
	uploads    map[string]time.Time            // the newest file of each, if any
	referrers  map[string][]string             // by subject
}

type modelOf struct {
	dir          string
	now          time.Time
	untagged     bool
	blobs        map[string]time.Time
	repositories map[string]*modelRepository
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		panic(err)
	}
	return info.ModTime()
}

func names(dir string) (list []string) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		panic(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func readModel(dir string, now time.Time, untagged bool) *modelOf {
	m := &modelOf{
		dir: dir, now: now, untagged: untagged,
		blobs: map[string]time.Time{}, repositories: map[string]*modelRepository{},
	}
	for _, alg := range names(dir + "/blobs") {
		for _, two := range names(dir + "/blobs/" + alg) {
			for _, hex := range names(dir + "/blobs/" + alg + "/" + two) {
				m.blobs[alg+":"+hex] = modified(dir + "/blobs/" + alg + "/" + two + "/" + hex + "/data")
			}
		}
	}
	m.find("")
	return m
}

func (m *modelOf) find(name string) {
	dir := m.dir + "/repositories/" + name
	isRepository := false
	for _, child := range names(dir) {
		switch child {
		case "_manifests", "_layers", "_uploads":
			isRepository = true
		default:
			m.find(strings.TrimPrefix(name+"/"+child, "/"))
		}
	}
	if isRepository {
		m.repositories[name] = m.read(name, dir)
	}
}

func (m *modelOf) read(name, dir string) *modelRepository {
	r := &modelRepository{
		m: m, name: name,
		revisions:  readLinks(dir + "/_manifests/revisions"),
		layers:     readLinks(dir + "/_layers"),
		signatures: map[string][]string{}, tags: map[string]modelLink{}, history: map[string]map[string]time.Time{},
		uploads: map[string]time.Time{}, referrers: map[string][]string{},
	}
	// Registry 2.1.0 linked manifests as layers, and put their signatures there, too.
	for _, links := range []map[string]modelLink{r.revisions, r.layers} {
		for d := range links {
			alg, hex, _ := strings.Cut(d, ":")
			if r.signatures[d] != nil {
				continue
			}
			for _, s := range readLinks(dir + "/_manifests/revisions/" + alg + "/" + hex + "/signatures") {
				r.signatures[d] = append(r.signatures[d], s.target)
			}
		}
	}
	for d, l := range r.revisions {
		if subject := m.manifest(l.target).subject; subject != "" {
			r.referrers[subject] = append(r.referrers[subject], d)
		}
	}
	for _, tag := range names(dir + "/_manifests/tags") {
		l, ok := readLink(dir + "/_manifests/tags/" + tag + "/current/link")
		if !ok {
			panic("half a tag: " + tag)
		}
		r.tags[tag] = l
		r.history[tag] = map[string]time.Time{}
		for d, h := range readLinks(dir + "/_manifests/tags/" + tag + "/index") {
			r.history[tag][d] = h.at
		}
	}
	for _, id := range names(dir + "/_uploads") {
		r.uploads[id] = newestFile(dir + "/_uploads/" + id)
	}
	return r
}

func newestFile(dir string) time.Time {
	newest := time.Time{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			panic(err)
		}
		if at := modified(path); !d.IsDir() && at.After(newest) {
			newest = at
		}
		return nil
	})
	if newest.IsZero() {
		return modified(dir) // nothing in it has an age
	}
	return newest
}

// readLinks reads DIR/ALG/HEX/link.
func readLinks(dir string) map[string]modelLink {
	links := map[string]modelLink{}
	for _, alg := range names(dir) {
		for _, hex := range names(dir + "/" + alg) {
			if l, ok := readLink(dir + "/" + alg + "/" + hex + "/link"); ok {
				links[alg+":"+hex] = l
			}
		}
	}
	return links
}

func readLink(path string) (modelLink, bool) {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return modelLink{}, false
	}
	if err != nil {
		panic(err)
	}
	return modelLink{strings.TrimSpace(string(b)), modified(path)}, true
}

type modelManifest struct {
	refs    []string
	subject string
}

type modelDescriptor struct{ Digest string }

func (m *modelOf) content(d string) ([]byte, error) {
	alg, hex, _ := strings.Cut(d, ":")
	return os.ReadFile(m.dir + "/blobs/" + alg + "/" + hex[:2] + "/" + hex + "/data")
}

// manifest reads what a linked manifest names.
func (m *modelOf) manifest(d string) (found modelManifest) {
	content, err := m.content(d)
	if err != nil {
		panic(err)
	}
	var doc struct {
		MediaType                string
		Config, Subject          modelDescriptor
		Layers, Blobs, Manifests []modelDescriptor
		FSLayers                 []struct{ BlobSum string }
	}
	if err := json.Unmarshal(content, &doc); err != nil {
		panic(err)
	}
	found.subject = doc.Subject.Digest
	if !knownTypes.MatchString(doc.MediaType) {
		found.refs = anyDigest.FindAllString(string(content), -1)
		return found
	}
	for _, list := range [][]modelDescriptor{{doc.Config}, doc.Layers, doc.Blobs, doc.Manifests} {
		for _, part := range list {
			if part.Digest != "" {
				found.refs = append(found.refs, part.Digest)
			}
		}
	}
	for _, l := range doc.FSLayers {
		found.refs = append(found.refs, l.BlobSum)
	}
	return found
}
