package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// listed is the JSON of ls, as docs/formats.md has it.
type listed struct {
	Repository   string
	Repositories []struct {
		Name                                 string
		Tags, Manifests                      int
		Bytes, UniqueBytes, ReclaimableBytes int64
		ReclaimableWithUntaggedBytes         int64
		Untagged                             int
		LastPushed                           *time.Time
	}
	NoRepository, Total struct {
		Tags, Manifests, Untagged, Repositories                      int
		Blobs, Bytes, ReclaimableBytes, ReclaimableWithUntaggedBytes int64
	}
	Manifests []struct {
		Digest, MediaType, ArtifactType, Subject string
		Tags, Platforms, Referrers, Children     []string
		Bytes, UniqueBytes                       int64
		Pushed, Created                          *time.Time
	}
}

func ls(t testing.TB, s *layouttest.Store, args ...string) (l listed) {
	t.Helper()
	r := runProgram(t, "", append([]string{"ls", "--root", s.Root, "-o", "json"}, args...)...)
	if r.status != 0 && r.status != 3 {
		t.Fatalf("ls %v: status %d: %s", args, r.status, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

const lsStore = `
	age 20d
	image a/b:v1 layers=base:3k,l1:1k as=x platform=linux/amd64 created=2024-05-01
	image a/b layers=base,l2:2k as=y platform=linux/arm64/v8 created=2024-06-01
	image a/b type=artifact layers=att:100 as=att
	age 10d
	index a/b:all,latest of=x,y attest=att as=i
	referrer a/b of=x as=r size=77
	cosign a/b of=i as=sig
	age 5d
	image c:v1 layers=base,l3 as=z type=docker created=none
	copy c:w x
	orphan as=o size=5k
	layer c stray size=9k
	image d/e layers=l9 as=w age=2m
	image d/e type=schema1 layers=l9 as=s1 age=3m
`

// repositoryBytes counts, apart from the program, what each repository's
// manifests reference, and what only they do.
func repositoryBytes(t *testing.T, s *layouttest.Store) (bytes, unique map[string]int64) {
	t.Helper()
	owners := map[string]map[string]bool{}
	sizes := map[string]int64{}
	for _, path := range s.Tree(t) {
		o, err := layout.Parse(path)
		if err != nil || o.Kind != layout.RevisionLink {
			continue
		}
		for digest, n := range reachedBytes(t, s, o.Repository, o.Digest.String(), false) {
			sizes[digest] = n
			if owners[digest] == nil {
				owners[digest] = map[string]bool{}
			}
			owners[digest][o.Repository] = true
		}
	}
	bytes, unique = map[string]int64{}, map[string]int64{}
	for digest, in := range owners {
		for name := range in {
			bytes[name] += sizes[digest]
			if len(in) == 1 {
				unique[name] += sizes[digest]
			}
		}
	}
	return bytes, unique
}

// reachedBytes are the sizes of the blobs that a manifest reaches, by digest.
func reachedBytes(t *testing.T, s *layouttest.Store, repository, digest string, referrers bool) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	var visit func(digest string, manifest bool)
	visit = func(digest string, manifest bool) {
		if _, ok := found[digest]; ok {
			return
		}
		content := blobContent(s, digest)
		if content == nil {
			return
		}
		found[digest] = int64(len(content))
		d, _ := layout.ParseDigest(digest)
		linked := s.HasPath(layout.RevisionDir(repository, d) + "/link")
		if !manifest && !linked || !linked {
			return
		}
		var doc struct {
			Config                   *struct{ Digest string }
			Layers, Blobs, Manifests []struct{ Digest string }
			FSLayers                 []struct{ BlobSum string }
		}
		if err := json.Unmarshal(content, &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Config != nil {
			visit(doc.Config.Digest, false)
		}
		for _, part := range slices.Concat(doc.Layers, doc.Blobs) {
			visit(part.Digest, false)
		}
		for _, layer := range doc.FSLayers {
			visit(layer.BlobSum, false)
		}
		for _, child := range doc.Manifests {
			visit(child.Digest, true)
		}
		if referrers {
			for _, r := range referrersOf(t, s, repository, digest) {
				visit(r, true)
			}
		}
	}
	visit(digest, true)
	return found
}

func referrersOf(t *testing.T, s *layouttest.Store, repository, subject string) (found []string) {
	t.Helper()
	for _, path := range s.Tree(t) {
		o, err := layout.Parse(path)
		if err != nil || o.Kind != layout.RevisionLink || o.Repository != repository {
			continue
		}
		var doc struct{ Subject *struct{ Digest string } }
		if json.Unmarshal(blobContent(s, o.Digest.String()), &doc) == nil && doc.Subject != nil && doc.Subject.Digest == subject {
			found = append(found, o.Digest.String())
		}
	}
	return found
}

func TestLsRepositories(t *testing.T) {
	s := newStore(t, lsStore)
	before := s.Snapshot(t)
	bytes, unique := repositoryBytes(t, s)
	reclaimable := map[string]int64{}
	for _, r := range mustGC(t, s, 0, "-d").report.Repositories {
		reclaimable[r.Name] = r.ReclaimableBytes
	}
	l := ls(t, s)
	var names []string
	for _, r := range l.Repositories {
		names = append(names, r.Name)
		if r.Bytes != bytes[r.Name] || r.UniqueBytes != unique[r.Name] || r.ReclaimableBytes != reclaimable[r.Name] {
			t.Errorf("%s: %d, %d and %d bytes, want %d, %d and %d", r.Name, r.Bytes, r.UniqueBytes, r.ReclaimableBytes, bytes[r.Name], unique[r.Name], reclaimable[r.Name])
		}
	}
	same(t, "the order", []string{"a/b", "c", "d/e"}, names)
	if r := l.Repositories[0]; r.Tags != 4 || r.Manifests != 6 || !r.LastPushed.Equal(s.Now.Add(-10*24*time.Hour)) {
		t.Errorf("%+v", r)
	}
	if l.Repositories[1].ReclaimableBytes != 9<<10 {
		t.Errorf("%+v", l.Repositories[1])
	}
	same(t, "the store", before, s.Snapshot(t))
}

func TestLsManifests(t *testing.T) {
	s := newStore(t, lsStore)
	l := ls(t, s, "a/b")
	if l.Repository != "a/b" || len(l.Manifests) != 6 {
		t.Fatalf("%+v", l)
	}
	found := map[string]int{}
	for i, m := range l.Manifests {
		found[nameOf(s, m.Digest)] = i
		want := int64(0)
		for _, n := range reachedBytes(t, s, "a/b", m.Digest, false) { // a pull does not fetch referrers
			want += n
		}
		if m.Bytes != want {
			t.Errorf("%s: %d bytes, want %d", nameOf(s, m.Digest), m.Bytes, want)
		}
	}
	i := l.Manifests[found["i"]]
	same(t, "the index's tags", []string{"all", "latest"}, i.Tags)
	same(t, "its platforms", []string{"linux/amd64", "linux/arm64/v8", "unknown/unknown"}, i.Platforms)
	same(t, "its children", []string{s.Digest("x").String(), s.Digest("y").String(), s.Digest("att").String()}, i.Children)
	if i.Created == nil || i.Created.Format(time.DateOnly) != "2024-06-01" || !i.Pushed.Equal(s.Now.Add(-10*24*time.Hour)) {
		t.Errorf("created %v, pushed %v", i.Created, i.Pushed)
	}
	x := l.Manifests[found["x"]]
	same(t, "the image's referrers", []string{s.Digest("r").String()}, x.Referrers)
	same(t, "its platform", []string{"linux/amd64"}, x.Platforms)
	same(t, "no children", []string{}, x.Children)
	if x.MediaType != "application/vnd.oci.image.manifest.v1+json" || x.Created.Format(time.DateOnly) != "2024-05-01" {
		t.Errorf("%+v", x)
	}
	r := l.Manifests[found["r"]]
	if r.Subject != s.Digest("x").String() || r.ArtifactType != "application/vnd.example.thing.v1" || r.Created != nil {
		t.Errorf("%+v", r)
	}
	for _, m := range ls(t, s, "d/e").Manifests {
		if nameOf(s, m.Digest) == "s1" {
			same(t, "the platform of schema 1", []string{"linux/amd64"}, m.Platforms)
		}
	}
}

func TestLsOrders(t *testing.T) {
	s := newStore(t, `
		image a:old layers=l1:9k as=x age=30d created=2024-03-01
		image a:mid layers=l2:1k as=y age=20d created=2024-01-01
		image a layers=l3:5k as=z age=10d created=2024-02-01
		image b:v1 layers=l1 as=w age=5d
		layer b stray size=3k
	`)
	for key, want := range map[string][]string{
		"name": {"y", "x", "z"}, "size": {"x", "z", "y"}, "unique": {"z", "y", "x"}, "pushed": {"z", "y", "x"}, "created": {"x", "z", "y"},
	} {
		var got []string
		for _, m := range ls(t, s, "a", "--sort", key).Manifests {
			got = append(got, nameOf(s, m.Digest))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("--sort %s:\n%s", key, diff)
		}
	}
	for key, want := range map[string]string{"name": "a", "size": "a", "unique": "a", "reclaimable": "b", "pushed": "b", "created": "b"} {
		if got := ls(t, s, "--sort", key).Repositories[0].Name; got != want {
			t.Errorf("--sort %s begins with %s", key, got)
		}
	}
	count := func(args ...string) int {
		l := ls(t, s, args...)
		return len(l.Manifests) + len(l.Repositories)
	}
	for args, want := range map[string]int{
		"a --untagged": 1, "a --older-than 15d": 2, "a --older-than 15d --untagged": 0, "--untagged": 1, "--older-than 7d": 1, "--older-than 40d": 0,
	} {
		if got := count(strings.Fields(args)...); got != want {
			t.Errorf("ls %s lists %d, want %d", args, got, want)
		}
	}
}

// What is damaged is listed as far as it can be read.
func TestLsOfDamage(t *testing.T) {
	t.Parallel()
	s := newStore(t, `
		image a:v1 layers=l1 as=x
		image a:v2 layers=l2 as=y
		image a:v3 layers=l3 as=z
		damage truncated blob x
		damage html blob y.config
	`)
	r := runProgram(t, "", "ls", "a", "--root", s.Root)
	if r.status != 1 || !strings.Contains(r.stdout, "unreadable") || !strings.Contains(r.stdout, "v2") || !strings.Contains(r.stderr, "regsweep check --root "+s.Root) {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	var l listed
	if err := json.Unmarshal([]byte(runProgram(t, "", "ls", "a", "--root", s.Root, "-o", "json").stdout), &l); err != nil {
		t.Fatal(err)
	}
	for _, m := range l.Manifests {
		if m.UniqueBytes != 0 {
			t.Errorf("%s: in a broken repository nothing is swept, and its unique size is %d", nameOf(s, m.Digest), m.UniqueBytes)
		}
	}
}

// blobContent is what is stored under a digest, or nil.
func blobContent(s *layouttest.Store, digest string) []byte {
	d, err := layout.ParseDigest(digest)
	if err != nil {
		return nil
	}
	content, err := os.ReadFile(s.Dir + "/" + layout.BlobDir(d) + "/data")
	if err != nil {
		return nil
	}
	return content
}
