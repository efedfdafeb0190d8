//go:build linux

package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// hostileStore has a repository that is whole, and garbage.
const hostileStore = `
age 30d
image good/app:v1 layers=g1,g2 as=good
image bad/app:ok layers=b1 as=ok
layer bad/app stray
orphan as=orphan
`

// pushed puts a manifest of any content into a repository, under a tag.
func pushed(t *testing.T, s *layouttest.Store, repository, tag string, content []byte) layout.Digest {
	t.Helper()
	d := layout.FromBytes(layout.SHA256, content)
	for _, o := range []layout.Object{
		{Kind: layout.BlobData, Digest: d},
		{Kind: layout.RevisionLink, Repository: repository, Digest: d},
		{Kind: layout.TagCurrent, Repository: repository, Tag: tag},
		{Kind: layout.TagHistory, Repository: repository, Tag: tag, Digest: d},
	} {
		text := []byte(d.String())
		if o.Kind == layout.BlobData {
			text = content
		}
		put(t, s, o.Path(), text)
	}
	return d
}

// put writes an old file with its directories.
func put(t *testing.T, s *layouttest.Store, path string, content []byte) {
	t.Helper()
	file := filepath.Join(s.Dir, path)
	old := s.Now.AddDate(0, -1, 0)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
}

// TestHostileManifests links manifests that were made to hurt their reader.
func TestHostileManifests(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	const oci = `"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"`
	layer := func(s *layouttest.Store, name string) string {
		return fmt.Sprintf(`{"mediaType":"x","size":1,"digest":%q}`, s.Digest(name))
	}
	pad := func(text string, n int) string { return strings.Repeat(text, n/len(text)) }
	const most = 4 << 20
	table := map[string]struct {
		content func(s *layouttest.Store) string
		// broken: all that the repository links stays, and the status is 3.
		// Otherwise the manifest is one that can be read.
		broken bool
	}{
		"arrays":        {func(*layouttest.Store) string { return pad("[", most) }, true},
		"objects":       {func(*layouttest.Store) string { return pad(`{"a":`, most) }, true},
		"closed arrays": {func(*layouttest.Store) string { return pad("[", most/2) + pad("]", most/2) }, true},
		"arrays in layers": {func(*layouttest.Store) string {
			return `{` + oci + `,"layers":` + pad("[", most-200) + `}`
		}, true},
		"nested annotations": {func(s *layouttest.Store) string {
			return `{` + oci + `,"config":` + layer(s, "stray") + `,"annotations":` + pad(`{"a":`, 5*9000) + "1" + pad("}", 9000) + `}`
		}, false},
		"nested too deep": {func(s *layouttest.Store) string {
			return `{` + oci + `,"config":` + layer(s, "stray") + `,"annotations":` + pad("[", 100000) + pad("]", 100000) + `}`
		}, true},
		"nul":     {func(*layouttest.Store) string { return pad("\x00", most) }, true},
		"blank":   {func(*layouttest.Store) string { return pad(" ", most) }, true},
		"string":  {func(*layouttest.Store) string { return `"` + pad("a", most-2) + `"` }, true},
		"escapes": {func(*layouttest.Store) string { return `{"` + pad(`\u0000`, most-100) + `":1}` }, false},
		"number": {func(s *layouttest.Store) string {
			return `{"schemaVersion":` + pad("9", most-1000) + `,"x":"` + s.Digest("stray").String() + `"}`
		}, false}, // of a type that is not known
		"many layers": {func(s *layouttest.Store) string {
			l := layer(s, "stray")
			return `{` + oci + `,"layers":[` + pad(l+",", most-1000) + l + `]}`
		}, false},
		"100k layers": {func(s *layouttest.Store) string {
			l := layer(s, "stray")
			return `{` + oci + `,"layers":[` + strings.Repeat(l+",", 100000) + l + `]}`
		}, true}, // it is over 4 MiB
		"100k empty layers": {func(s *layouttest.Store) string {
			return `{` + oci + `,"layers":[` + strings.Repeat("{},", 100000) + layer(s, "stray") + `]}`
		}, false},
		"repeated keys": {func(s *layouttest.Store) string {
			return `{` + oci + strings.Repeat(`,"layers":[]`, 50000) + `,"layers":[` + layer(s, "stray") + `]` + strings.Repeat(`,"layers":null`, 50000) + `}`
		}, false},
		"odd keys": {func(s *layouttest.Store) string {
			return `{` + oci + `,"\u006caYer\u017f":[` + strings.Replace(layer(s, "stray"), "digest", "DIGE\u017fT", 1) + `]}`
		}, false},
		"path in a digest": {func(s *layouttest.Store) string {
			return `{` + oci + `,"config":` + layer(s, "stray") + `,"layers":[{"digest":"sha256:../../../../../../../../../../etc/passwd"}]}`
		}, true},
		"path in an algorithm": {func(s *layouttest.Store) string {
			return `{` + oci + `,"layers":[{"digest":"../../../x:` + s.Digest("stray").Hex() + `"},` + layer(s, "stray") + `]}`
		}, true},
		"nul in a digest": {func(s *layouttest.Store) string {
			return `{` + oci + `,"layers":[{"digest":"` + s.Digest("stray").String() + `\u0000"}]}`
		}, true},
		"itself": {func(s *layouttest.Store) string {
			return `{"schemaVersion":2,"manifests":[` + layer(s, "ok") + `,` + layer(s, "stray") + `],"subject":` + layer(s, "ok") + `}`
		}, false},
	}
	dir := memory(t)
	names := slices.Sorted(maps.Keys(table))
	binary(t)
	severalOf(6, len(names), func(i int) {
		name, c := names[i], table[names[i]]
		t.Run(name, func(t *testing.T) {
			s := build(t, filepath.Join(dir, strings.ReplaceAll(name, " ", "-")), hostileStore)
			d := pushed(t, s, "bad/app", "hostile", []byte(c.content(s)))
			r := system{measure: true}.gc(t, s, "-m")
			if want := map[bool]int{true: 3, false: 0}[c.broken]; r.status != want {
				t.Errorf("status %d, want %d\n%s", r.status, want, clip(r.stderr+r.stdout))
			}
			if r.peak > 128<<20 {
				t.Errorf("%d MiB of memory", r.peak>>20)
			}
			if r.took > 5*time.Second {
				t.Errorf("it took %s", r.took)
			}
			whole(t, s, "good/app:v1", "bad/app:ok")
			if name == "escapes" {
				return // it names nothing
			}
			if !s.Has("stray") {
				t.Error("what the manifest names, or its repository links, is lost")
			}
			if !s.HasPath(layout.Object{Kind: layout.BlobData, Digest: d}.Path()) || s.Has("orphan") {
				t.Error("the manifest is lost, or the orphan is not")
			}
		})
	})
}

// TestHugeBlobs has 3 GiB in places where a manifest may be.
func TestHugeBlobs(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	s := build(t, memory(t), hostileStore+`
orphan as=child
orphan as=plain
orphan as=linked
orphan as=tagged
layer bad/app plain
manifest bad/app:index {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":3221225472,"digest":"{{child}}"},{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":3221225472,"digest":"{{plain}}"}]}
delete-blob bad/app child
`)
	for _, name := range []string{"child", "plain"} {
		s.MustApply(t, "damage huge blob "+name)
	}
	r := system{measure: true}.gc(t, s, "-m")
	judge := func(r ran, status int) {
		t.Helper()
		if r.status != status {
			t.Errorf("status %d, want %d\n%s%s", r.status, status, r.stderr, r.stdout)
		}
		if r.peak == 0 || r.peak > 64<<20 {
			t.Errorf("%d MiB of memory", r.peak>>20)
		}
		for _, name := range []string{"child", "plain"} {
			if info, err := os.Stat(s.Path(name)); err != nil || info.Size() != 3<<30 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		whole(t, s, "good/app:v1", "bad/app:ok")
	}
	judge(r, 0)
	if s.Has("stray") || s.Has("orphan") || r.report.Live.Bytes < 6<<30 {
		t.Errorf("%+v", r.report)
	}
	// As manifests they are broken.
	s.MustApply(t, `
layer bad/app stray
raw repositories/bad/app/_manifests/revisions/sha256/{child}/link sha256:{child}
raw repositories/bad/app/_manifests/tags/huge/current/link sha256:{child}
`)
	r = system{measure: true}.gc(t, s, "-m")
	judge(r, 3)
	if !s.Has("stray") {
		t.Error("what a broken manifest's repository links is lost")
	}
}

// TestHostileLinks has links whose content is a path, and names that are more.
func TestHostileLinks(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	outside := filepath.Join(openTemp(t), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := memory(t)
	texts := []string{
		"sha256:../../../../../../../../etc/passwd", "../../../../data", "sha256:" + outside, outside,
		"sha256:" + strings.Repeat("g", 64), "sha256:" + strings.Repeat("A", 64), "md5:" + strings.Repeat("a", 32),
		"sha256:" + strings.Repeat("a", 64) + "\x00", "sha256:" + strings.Repeat("a", 64) + "/..", " sha256:" + strings.Repeat("a", 64),
		"sha256:" + strings.Repeat("\xff", 64), "\x1b]0;owned\x07\x1b[2J", string(bytes.Repeat([]byte{0}, 71)),
	}
	binary(t)
	several(len(texts), func(i int) {
		text := texts[i]
		s := build(t, filepath.Join(dir, fmt.Sprint(i)), hostileStore)
		place := []string{
			"repositories/bad/app/_layers/sha256/{stray}/link",
			"repositories/bad/app/_manifests/tags/evil/current/link",
		}
		put(t, s, pathOf(s, place[i%2]), []byte(text))
		r := system{}.gc(t, s, "-m")
		if r.status != 3 || !s.Has("stray") || s.Has("orphan") {
			t.Errorf("%q: status %d, stray %t, orphan %t\n%s", text, r.status, s.Has("stray"), s.Has("orphan"), r.stderr)
		}
		whole(t, s, "good/app:v1", "bad/app:ok")
	})
}
