package layouttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/regsweep/regsweep/layout"
)

const imageOptions = "as layers size alg age type created platform foreign embedded alias config pad subject artifact manifest-alg signatures label annotation"

// commands are the verbs of the text; see the package's comment.
func commands() map[string]command {
	return map[string]command{
		"image":    {least: 1, most: 1, options: imageOptions, run: (*Store).image},
		"index":    {least: 1, most: 1, options: "as of sparse blobs attest type subject age", run: (*Store).index},
		"manifest": {least: 1, most: 1, options: "as age", body: true, run: (*Store).literal},
		"tag":      {least: 2, most: 2, options: "age", run: (*Store).tagLine},
		"copy":     {least: 2, most: 2, options: "age deep?", run: (*Store).copyLine},
		"referrer": {least: 1, most: 1, options: "of as age size fallback? listed? only?", run: (*Store).referrer},
		"cosign":   {least: 1, most: 1, options: "of as age kind", run: (*Store).cosign},
		"orphan":   {least: 0, most: 0, options: "as size age alg", run: (*Store).orphan},
		"layer":    {least: 2, most: 2, options: "size age alg alias?", run: (*Store).layerLine},
		"upload":   {least: 1, most: 1, options: "as size age kind", run: (*Store).upload},

		"delete-manifest": {least: 2, most: 2, options: "age", run: (*Store).deleteManifest},
		"delete-tag":      {least: 1, most: 1, options: "age", run: (*Store).deleteTag},
		"delete-blob":     {least: 2, most: 2, options: "age", run: (*Store).deleteBlob},
		"old-tag":         {least: 2, most: 2, options: "age", run: (*Store).oldTag},
		"tmp":             {least: 1, most: 1, options: "age size", run: (*Store).tmp},
		"damage":          {least: 3, most: 4, options: "to size age", run: (*Store).damage},

		"raw":     {least: 1, most: 1, options: "age", body: true, run: (*Store).raw},
		"mkdir":   {least: 1, most: 1, options: "age", run: (*Store).mkdirLine},
		"symlink": {least: 2, most: 2, options: "age", run: (*Store).symlink},
		"move":    {least: 2, most: 2, options: "age", run: (*Store).move},
		"remove":  {least: 1, most: 1, options: "age", run: (*Store).removeLine},
		"touch":   {least: 1, most: 1, options: "age", run: (*Store).touch},

		"age":     {least: 1, most: 1, run: (*Store).setAge},
		"dialect": {least: 1, most: 1, run: (*Store).setDialect},
		"names":   {least: 1, most: 1, run: (*Store).setNames},
		"scale":   {least: 1, most: 1, options: "repositories images layers base manifest size age", run: (*Store).scale},
	}
}

func (s *Store) setAge(l *line) error {
	age, err := parseAge(l.words[0])
	s.age = age
	return err
}

// setDialect chooses which registry's leftovers are written: 28 or 31.
func (s *Store) setDialect(l *line) error {
	n, err := strconv.Atoi(l.words[0])
	if err != nil || n != 28 && n != 31 {
		return fmt.Errorf("%q is neither 28 nor 31", l.words[0])
	}
	s.dialect = n
	return nil
}

// setNames lets lines name repositories and tags that no registry accepts.
func (s *Store) setNames(l *line) error {
	s.anyNames = l.words[0] == "any"
	if !s.anyNames && l.words[0] != "valid" {
		return fmt.Errorf("%q is neither any nor valid", l.words[0])
	}
	return nil
}

// tagLine points tags at an image that is in the repository.
func (s *Store) tagLine(l *line) error {
	r, err := s.ref(s.path(l.words[0]))
	if err != nil {
		return err
	}
	o, err := s.object(l.words[1])
	if err != nil {
		return err
	}
	return s.tag(r, o, l.at)
}

// copyLine is a push to another repository, with its layers mounted.
func (s *Store) copyLine(l *line) error {
	r, err := s.ref(l.words[0])
	if err != nil {
		return err
	}
	o, err := s.object(l.words[1])
	if err != nil {
		return err
	}
	if err := s.uploaded(r.repository, l.at); err != nil {
		return err
	}
	return s.push(r, o, l.flag("deep"), l.at)
}

// orphan is a blob that nothing links.
func (s *Store) orphan(l *line) error {
	name, err := s.claim(l, "orphan")
	if err != nil {
		return err
	}
	return s.putBlob(s.addFiller(name, l.algorithm("alg"), l.size("size", 1024)), l.at)
}

// layerLine is a layer that a repository links and no manifest references.
func (s *Store) layerLine(l *line) error {
	r, err := s.ref(l.words[0])
	if err != nil {
		return err
	}
	o := s.layerNamed(l.words[1], l.size("size", 1024), l.algorithm("alg"))
	if l.flag("alias") && o.alias.IsZero() {
		o.alias = layout.FromBytes(layout.SHA512, o.content())
	}
	return s.pushLayer(r.repository, o, l.at)
}

// upload leaves what an upload leaves that did not come to its end.
func (s *Store) upload(l *line) error {
	r, err := s.ref(l.words[0])
	if err != nil {
		return err
	}
	s.serial++
	version := map[int]string{28: "4", 31: "7"}[s.dialect]
	id := fmt.Sprintf("00000000-0000-%s000-8000-%012d", version, s.serial)
	name, err := s.claim(l, "upload")
	if err != nil {
		return err
	}
	dir := layout.Object{Kind: layout.UploadDir, Repository: r.repository, Upload: id}.Path()
	s.objects[name] = &object{name: name, path: dir}
	size := l.size("size", 0)
	files := map[string][]byte{}
	switch kind := l.text("kind", "patched"); kind {
	case "started":
		files["startedat"], files["data"], files["hashstates/sha256/0"] = []byte(l.at.UTC().Format(time.RFC3339)), nil, make([]byte, 108)
	case "patched":
		files["startedat"], files["data"] = []byte(l.at.UTC().Format(time.RFC3339)), filler(s.seed, name, size)
		files["hashstates/sha256/0"], files[fmt.Sprintf("hashstates/sha256/%d", size)] = make([]byte, 108), make([]byte, 108)
	case "cancelled":
		files["hashstates/sha256/0"] = make([]byte, 108)
	case "empty":
		return s.mkdirs(s.abs(dir), l.at)
	default:
		return fmt.Errorf("kind=%q is not known", kind)
	}
	for file, content := range files {
		if err := s.write(dir+"/"+file, content, l.at); err != nil {
			return err
		}
	}
	return nil
}

// deleteManifest is DELETE of a manifest by digest: its link goes, and every
// tag whose current link names it, as a whole.
func (s *Store) deleteManifest(l *line) error {
	o, err := s.object(l.words[1])
	if err != nil {
		return err
	}
	repository := l.words[0]
	if err := s.removeThere(revision(repository, o).Path(), l.at); err != nil {
		return err
	}
	tags := layout.RepositoryDir(repository) + "/" + layout.Manifests + "/" + layout.Tags
	entries, err := os.ReadDir(s.abs(tags))
	if err != nil {
		return nil //nolint:nilerr // a repository that was only ever pushed to by digest
	}
	for _, e := range entries {
		current := layout.Object{Kind: layout.TagCurrent, Repository: repository, Tag: e.Name()}.Path()
		if b, err := os.ReadFile(s.abs(current)); err == nil && string(b) == o.digest.String() {
			if err := s.remove(tags+"/"+e.Name(), l.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteTag is DELETE of a manifest by tag, in registry 3.
func (s *Store) deleteTag(l *line) error {
	r, err := s.ref(l.words[0])
	if err != nil {
		return err
	}
	for _, tag := range r.tags {
		if err := s.removeThere(layout.TagDir(r.repository, tag), l.at); err != nil {
			return err
		}
	}
	return nil
}

// deleteBlob is DELETE of a blob: only the layer link goes, its directory stays.
func (s *Store) deleteBlob(l *line) error {
	o, err := s.object(l.words[1])
	if err != nil {
		return err
	}
	return s.removeThere(layout.LayerDir(l.words[0], o.digest)+"/"+layout.Link, l.at)
}

// oldTag makes a tag as registry 2.1.0 did: its manifest is linked as a layer.
func (s *Store) oldTag(l *line) error {
	r, err := s.ref(l.words[0])
	if err != nil {
		return err
	}
	o, err := s.object(l.words[1])
	if err != nil {
		return err
	}
	for _, part := range append([]*object{o}, o.parts...) {
		if err := s.pushLayer(r.repository, part, l.at); err != nil {
			return err
		}
	}
	return s.tag(r, o, l.at)
}

// tmp is an interrupted write of registry 3 beside or in place of a file.
func (s *Store) tmp(l *line) error {
	s.serial++
	path := fmt.Sprintf("%s.00000000-0000-4000-8000-%012d.tmp", s.path(l.words[0]), s.serial)
	return s.write(path, make([]byte, l.size("size", 10)), l.at)
}

// path writes {NAME} in a path as the hexadecimal digits of what has the name.
func (s *Store) path(text string) string {
	for {
		from := strings.IndexByte(text, '{')
		to := strings.IndexByte(text, '}')
		if from < 0 || to < from {
			return text
		}
		name := text[from+1 : to]
		hex := s.mustObject(strings.TrimPrefix(name, "xx:")).digest.Hex()
		if strings.HasPrefix(name, "xx:") {
			hex = hex[:2]
		}
		text = text[:from] + hex + text[to+1:]
	}
}

func (s *Store) raw(l *line) error { return s.write(s.path(l.words[0]), []byte(l.body), l.at) }

func (s *Store) mkdirLine(l *line) error { return s.mkdirs(s.abs(s.path(l.words[0])), l.at) }

func (s *Store) symlink(l *line) error {
	at := s.abs(s.path(l.words[0]))
	if err := s.mkdirs(filepath.Dir(at), l.at); err != nil {
		return err
	}
	s.note(filepath.Dir(at), l.at)
	return os.Symlink(l.words[1], at)
}

// move renames a path; a target with a leading slash is below the root directory.
func (s *Store) move(l *line) error {
	from, to := s.abs(s.path(l.words[0])), s.abs(s.path(l.words[1]))
	if err := s.mkdirs(filepath.Dir(to), l.at); err != nil {
		return err
	}
	s.note(filepath.Dir(from), l.at)
	s.note(filepath.Dir(to), l.at)
	return os.Rename(from, to)
}

func (s *Store) removeLine(l *line) error { return s.removeThere(s.path(l.words[0]), l.at) }

// touch sets the time of a file, or of a directory and all below it.
func (s *Store) touch(l *line) error {
	return filepath.WalkDir(s.abs(s.path(l.words[0])), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink != 0 {
			return err
		}
		if d.IsDir() {
			s.newest[path] = l.at
			s.dirty[path] = true
		}
		return os.Chtimes(path, l.at, l.at)
	})
}

func isNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
