package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// ociLayout is what a directory has, as another program would read it: the
// entries of its index, NAME=DIGEST with "-" for none, sorted. Every blob is
// held against its name, and must be reachable.
func ociLayout(t testing.TB, dir string) (entries []string) {
	t.Helper()
	if got := strings.TrimSpace(readFile(t, filepath.Join(dir, "oci-layout"))); got != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout is %s", got)
	}
	var index struct {
		SchemaVersion int
		Manifests     []struct {
			MediaType, Digest string
			Size              int64
			Annotations       map[string]string
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(dir, "index.json"))), &index); err != nil || index.SchemaVersion != 2 {
		t.Fatalf("index.json: %v, version %d", err, index.SchemaVersion)
	}
	entries = []string{}
	for _, m := range index.Manifests {
		name := m.Annotations["org.opencontainers.image.ref.name"]
		if name == "" {
			name = "-"
		}
		entries = append(entries, name+"="+m.Digest)
		info, err := os.Stat(filepath.Join(dir, "blobs", strings.Replace(m.Digest, ":", "/", 1)))
		if err != nil || info.Size() != m.Size || m.MediaType == "" {
			t.Errorf("%s of %d bytes as %q: %v", m.Digest, m.Size, m.MediaType, err)
		}
	}
	slices.Sort(entries)
	for _, d := range blobsIn(t, dir) {
		content := readFile(t, filepath.Join(dir, "blobs", d.Algorithm().String(), d.Hex()))
		if layout.FromBytes(d.Algorithm(), []byte(content)) != d {
			t.Errorf("the data of %s have another digest", d)
		}
	}
	return entries
}

// blobsIn are the blobs of a layout. Nothing else may be there.
func blobsIn(t testing.TB, dir string) (list []layout.Digest) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if rel == "oci-layout" || rel == "index.json" {
			return nil
		}
		parts := strings.Split(rel, "/")
		if len(parts) != 3 || parts[0] != "blobs" {
			t.Errorf("there is %s", rel)
			return nil
		}
		d, err := layout.ParseDigest(parts[1] + ":" + parts[2])
		list = append(list, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// namesOf are digests by the names that a store's text gave them, sorted.
func namesOf(s *layouttest.Store, list []layout.Digest) []string {
	names := []string{}
	for _, d := range list {
		names = append(names, nameOf(s, d.String()))
	}
	slices.Sort(names)
	return names
}

const exportStore = `
image team/app:v1 layers=base,x as=one
image team/app:v2 layers=base,y as=two
image team/arm layers=base,z as=arm platform=linux/arm64
index team/app:multi of=one,two as=multi
image team/app layers=base as=bare
referrer team/app of=one as=sbom
cosign team/app of=two as=sig kind=sig
image other:v1 layers=secret as=other
orphan as=lost
`

func export(t testing.TB, s *layouttest.Store, args ...string) result {
	t.Helper()
	return runProgram(t, "", append([]string{"export", "--root", s.Root, "--jobs", "4"}, args...)...)
}

func TestExportCopiesAnImageWithWhatIsAboutIt(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore)
	dir := filepath.Join(t.TempDir(), "new", "layout")
	r := export(t, s, "-o", "json", "team/app:v1", dir)
	if r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	conforms(t, "export", r.stdout)
	same(t, "entries", joined("-="+s.Digest("sbom").String(), "team/app:v1="+s.Digest("one").String()), joined(ociLayout(t, dir)...))
	for _, name := range []string{"two", "y", "other", "secret", "sig", "lost"} {
		if slices.Contains(blobsIn(t, dir), s.Digest(name)) {
			t.Errorf("%s has been copied, too", name)
		}
	}
	var x exported
	if err := json.Unmarshal([]byte(r.stdout), &x); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, d := range blobsIn(t, dir) {
		total += int64(len(readFile(t, filepath.Join(dir, "blobs", d.Algorithm().String(), d.Hex()))))
	}
	if x.Directory != dir || len(x.Images) != 1 || x.Images[0].Name != "team/app:v1" || x.CopiedBytes+x.ReflinkedBytes != total || len(x.Referrers) != 1 {
		t.Errorf("%+v, and %d bytes are there", x, total)
	}
	if ls := runProgram(t, "", "ls", "--root", s.Root, "-o", "json", "team/app"); !strings.Contains(ls.stdout, `"bytes": `+jsonNumber(x.Images[0].Bytes)+",") {
		t.Errorf("ls knows no image of %d bytes:\n%s", x.Images[0].Bytes, ls.stdout)
	}
}

func jsonNumber(n int64) string { text, _ := json.Marshal(n); return string(text) }

func joined(list ...string) string { return strings.Join(list, "\n") }

func TestExportOfARepositoryOrAnIndexTakesAllOfIt(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore)
	sig := "sha256-" + s.Digest("two").Hex() + ".sig"
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"team/app:multi"}, []string{"-=sbom", "team/app:" + sig + "=sig", "team/app:multi=multi"}},
		{[]string{"team/app"}, []string{"-=bare", "-=sbom", "team/app:" + sig + "=sig", "team/app:multi=multi", "team/app:v1=one", "team/app:v2=two"}},
		{[]string{"team/app:v?"}, []string{"-=sbom", "team/app:" + sig + "=sig", "team/app:v1=one", "team/app:v2=two"}},
		{[]string{"t*/a*"}, []string{"-=arm", "-=bare", "-=sbom", "team/app:" + sig + "=sig", "team/app:multi=multi", "team/app:v1=one", "team/app:v2=two"}},
		{[]string{"team/app@" + s.Digest("bare").String()}, []string{"-=bare"}},
		{[]string{"team/app@" + s.Digest("bare").Hex()[:12], "localhost:5000/other:v1"}, []string{"-=bare", "other:v1=other"}},
		{[]string{"--tag-names", "other:v1"}, []string{"v1=other"}},
		{[]string{"--hard-link", "other:v1"}, []string{"other:v1=other"}},
	} {
		dir := filepath.Join(t.TempDir(), "layout")
		if r := export(t, s, append(c.args, dir)...); r.status != statusDone {
			t.Fatalf("%q: status %d: %s", c.args, r.status, r.stderr)
		}
		got := ociLayout(t, dir)
		for i := range got {
			name, digest, _ := strings.Cut(got[i], "=")
			got[i] = name + "=" + nameOf(s, digest)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		same(t, joined(c.args...), joined(c.want...), joined(got...))
	}
}

// What a registry would not serve from this repository is no part of its index.
func TestExportOfASparseIndexLeavesOutWhatIsNotHere(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 as=here layers=l\nimage secret:v1 as=hidden layers=mine\nindex a:all of=here sparse=hidden as=index")
	dir := t.TempDir()
	if r := export(t, s, "a:all", dir); r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	for _, d := range blobsIn(t, dir) {
		if d == s.Digest("hidden") || d == s.Digest("mine") {
			t.Errorf("%s of another repository has been copied", nameOf(s, d.String()))
		}
	}
}

func TestExportOfAnAliasIsByTheNameThatTheManifestHas(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 as=x layers=2 alias=1")
	dir := t.TempDir()
	if r := export(t, s, "a:v1", dir); r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	ociLayout(t, dir)
	if !slices.ContainsFunc(blobsIn(t, dir), func(d layout.Digest) bool { return d.Algorithm() == layout.SHA512 }) {
		t.Error("no blob has the name of the alias")
	}
}

func TestExportAddsToALayoutAndLosesNothingOfIt(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore)
	dir := t.TempDir()
	does := func(args ...string) result {
		t.Helper()
		r := export(t, s, append(args, "-o", "json", dir)...)
		if r.status != statusDone {
			t.Fatalf("%q: status %d: %s", args, r.status, r.stderr)
		}
		return r
	}
	does("team/app@" + s.Digest("one").String())
	does("other:v1")
	// The image gets a name, and the name then another image.
	does("team/app:v1")
	again := does("team/app:v1")
	if !strings.Contains(again.stdout, `"copiedBytes": 0,`) || !strings.Contains(again.stdout, `"reflinkedBytes": 0,`) {
		t.Errorf("all was there, and was copied again: %s", again.stdout)
	}
	same(t, "entries", joined("-="+s.Digest("sbom").String(), "other:v1="+s.Digest("other").String(), "team/app:v1="+s.Digest("one").String()), joined(ociLayout(t, dir)...))
	s.MustApply(t, "tag team/app:v1 two")
	does("team/app:v1")
	entries := ociLayout(t, dir)
	for _, want := range []string{"-=" + s.Digest("one").String(), "team/app:v1=" + s.Digest("two").String()} {
		if !slices.Contains(entries, want) {
			t.Errorf("%s is not in %q", want, entries)
		}
	}
	// What was damaged there is copied again.
	bad := filepath.Join(dir, "blobs/sha256", s.Digest("base").Hex())
	if err := os.WriteFile(bad, []byte("rot"), 0o644); err != nil {
		t.Fatal(err)
	}
	does("team/app:v1")
	ociLayout(t, dir)
}

func TestExportKeepsWhatItDoesNotKnowOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore)
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0","more":1}`,
		"index.json": `{"schemaVersion":2,"annotations":{"k":"v"},"manifests":[{"mediaType":"a/b","digest":"sha256:` + strings.Repeat("0", 64) + `","size":3,"platform":{"os":"plan9"},"annotations":{"x":"y","org.opencontainers.image.ref.name":"other:v1"}}]}`,
	})
	if r := export(t, s, "other:v1", dir); r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	text := readFile(t, filepath.Join(dir, "index.json"))
	for _, want := range []string{`"k": "v"`, `"x": "y"`, `"plan9"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is lost:\n%s", want, text)
		}
	}
	if n := strings.Count(text, `"other:v1"`); n != 1 {
		t.Errorf("%d images have one name:\n%s", n, text)
	}
}

func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
