//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// sharing is a store in which a has garbage that b, by another name, needs.
const sharing = `
	age 30d
	image a:v1 layers=la as=a1
	image a:v2 layers=lb as=a2
	image b:v1 layers=lc as=b1
	image b:v2 layers=ld as=b2
	image b:old layers=le as=b3
	tag b:latest b1
	layer a lc
	layer a dead
	copy a b1
	upload a kind=patched size=100 age=9d as=u
	orphan as=o size=1k
	orphan as=o2 size=1k
`

// aShared is a way in which parts of a store get several names.
type aShared struct {
	name string
	do   func(t testing.TB, s *layouttest.Store)
}

// byText is a way that layouttest's lines say.
func byText(name, text string) aShared {
	return aShared{name, func(t testing.TB, s *layouttest.Store) { s.MustApply(t, expand(s, []string{text})[0]) }}
}

// hardLink makes one path a second name of another one's file.
func hardLink(name, path, of string) aShared {
	return aShared{name, func(t testing.TB, s *layouttest.Store) {
		from, to := filepath.Join(s.Dir, expand(s, []string{of})[0]), filepath.Join(s.Dir, expand(s, []string{path})[0])
		if err := os.Remove(to); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(from, to); err != nil {
			t.Fatal(err)
		}
	}}
}

// sharedByLinks are all ways with symbolic links and hard links.
func sharedByLinks() []aShared {
	const a, b = "repositories/a/", "repositories/b/"
	replace := func(path, target string) string { return "remove " + path + "\nsymlink " + path + " " + target }
	return []aShared{
		byText("a layer's link", replace(b+"_layers/sha256/{lc}/link", "../../../../a/_layers/sha256/{lc}/link")),
		byText("a layer's directory", replace(b+"_layers/sha256/{lc}", "../../../a/_layers/sha256/{lc}")),
		byText("a layer's link to an uploaded one", "layer a lc alias\n"+replace(b+"_layers/sha256/{lc}/link", "../../../../a/_layers/sha256/{lc}/link")),
		byText("the layers of an algorithm", replace(b+"_layers/sha256", "../../c/_layers/sha256")+"\ncopy c b1 deep\ncopy c b2 deep\ncopy c b3 deep\nlayer c dead2"),
		byText("the layers", "copy c b1 deep\ncopy c b2 deep\ncopy c b3 deep\nlayer c dead2\n"+replace(b+"_layers", "../c/_layers")),
		byText("a manifest's link", replace(b+"_manifests/revisions/sha256/{b1}/link", "../../../../../a/_manifests/revisions/sha256/{b1}/link")),
		byText("a manifest's directory", replace(b+"_manifests/revisions/sha256/{b1}", "../../../../a/_manifests/revisions/sha256/{b1}")),
		byText("a manifest's link to the history of a tag", replace(b+"_manifests/revisions/sha256/{b2}/link", "../../../tags/v2/index/sha256/{b2}/link")),
		byText("a tag's link to a manifest's", replace(b+"_manifests/tags/v1/current/link", "../../../../../a/_manifests/revisions/sha256/{b1}/link")),
		byText("a tag's link to another tag's", replace(b+"_manifests/tags/latest/current/link", "../../v1/current/link")),
		byText("a tag's current", replace(b+"_manifests/tags/latest/current", "../v1/current")),
		byText("a tag", replace(b+"_manifests/tags/latest", "v1")),
		byText("a tag of another repository", replace(b+"_manifests/tags/v1", "../../../a/_manifests/tags/v3")+"\ntag a:v3 b1"),
		byText("the tags", "copy c:v1 b1 deep\ncopy c:v2 b2 deep\n"+replace(b+"_manifests/tags", "../../c/_manifests/tags")),
		byText("the data of a blob to another's", "remove blobs/sha256/{xx:o}/{o}/data\nmove blobs/sha256/{xx:lc}/{lc}/data blobs/sha256/{xx:o}/{o}/data\nsymlink blobs/sha256/{xx:lc}/{lc}/data ../../{xx:o}/{o}/data"),
		byText("the directory of a blob", "remove blobs/sha256/{xx:o}/{o}/data\nmove blobs/sha256/{xx:lc}/{lc}/data blobs/sha256/{xx:o}/{o}/data\nremove blobs/sha256/{xx:lc}/{lc}\nsymlink blobs/sha256/{xx:lc}/{lc} ../{xx:o}/{o}"),
		byText("the data of a manifest to an upload's", "remove repositories/a/_uploads/{id:u}/data\nmove blobs/sha256/{xx:b1}/{b1}/data repositories/a/_uploads/{id:u}/data\nsymlink blobs/sha256/{xx:b1}/{b1}/data ../../../../repositories/a/_uploads/{id:u}/data"),
		byText("a repository", "symlink repositories/again b"),
		byText("all repositories", "symlink repositories/again ."),
		hardLink("a layer's link, a hard link", b+"_layers/sha256/{lc}/link", a+"_layers/sha256/{lc}/link"),
		hardLink("a tag's link, a hard link", b+"_manifests/tags/v1/current/link", a+"_manifests/revisions/sha256/{b1}/link"),
		hardLink("the data, a hard link to an upload's", a+"_uploads/{id:u}/data", "blobs/sha256/{xx:lc}/{lc}/data"),
	}
}

// onShared are commands, with the reference that they name.
var onShared = []struct{ line, named string }{
	{"gc", ""},
	{"gc -m --older-than 0", ""},
	{"gc -m --trash", ""},
	{"rm a:v1 --yes", "a:v1"},
	{"rm b:v1 --yes", "b:v1"},
	{"rm b:v2 --yes --trash", "b:v2"},
	{"rm --repository a --yes", "a"},
	{"untag b:v1 --yes", "b:v1"},
	{"untag b:v2 --yes", "b:v2"},
	{"prune --filter b:v.* --ago 1d --untagged --yes", "pruned"},
	{"prune --filter a:.* --ago 1d --untagged --yes --allow-empty", "pruned"},
}

// whatPulls are the references of a store that can be pulled.
func whatPulls(s *layouttest.Store) (refs []string) {
	for _, repo := range []string{"a", "b", "c", "again", "again/a", "again/b"} {
		dir := filepath.Join(s.Dir, "repositories", repo, "_manifests")
		for _, e := range namesIn(filepath.Join(dir, "tags")) {
			refs = append(refs, repo+":"+e)
		}
		for _, e := range namesIn(filepath.Join(dir, "revisions/sha256")) {
			if _, err := os.Stat(filepath.Join(dir, "revisions/sha256", e, "link")); err == nil {
				refs = append(refs, repo+"@sha256:"+e)
			}
		}
	}
	return slices.DeleteFunc(refs, func(ref string) bool { return s.Missing(ref) != nil })
}

func namesIn(dir string) (names []string) {
	list, _ := os.ReadDir(dir) // nothing is in it if it is not there
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// isNamed reports whether a command may take a reference away: one that it
// names, a tag on the image that it names, or garbage by its rules.
func isNamed(s *layouttest.Store, line, named, ref, stderr string) bool {
	repo, digest, byDigest := strings.Cut(ref, "@")
	if !byDigest {
		repo = ref[:strings.LastIndexByte(ref, ':')]
	}
	first := strings.TrimPrefix(strings.Replace(repo, "again/", "", 1), "")
	if repo == "again" {
		first = "b"
	}
	switch {
	case strings.HasPrefix(line, "gc -m") || named == "pruned" && byDigest:
		return byDigest // untagged manifests; tags stay
	case named == "":
		return false
	case named == "pruned":
		// What the filter names, by its first name.
		filter := strings.Fields(line)[2]
		return first == filter[:1] && (filter[2] == '.' || strings.HasPrefix(ref, repo+":v"))
	case named == "a":
		return first == "a"
	case strings.HasPrefix(line, "untag"):
		return first+strings.TrimPrefix(ref, repo) == named
	}
	images := map[string][]string{"a:v1": {"a1", "v1"}, "b:v1": {"b1", "v1", "latest"}, "b:v2": {"b2", "v2"}}[named]
	gone := strings.HasPrefix(named, first+":") && (digest == s.Digest(images[0]).String() || slices.Contains(images[1:], strings.TrimPrefix(ref, repo+":")))
	// What goes by a second name has been announced by it.
	return gone && (repo == first || strings.Contains(stderr, ref))
}

// checkShared runs a command on a store with shared parts: what it does not name
// can be pulled afterwards as before, and a second run does not do harm either.
func checkShared(t *testing.T, s *layouttest.Store, line, named string) {
	t.Helper()
	before := whatPulls(s)
	args := append(strings.Fields(line), "--root", s.Root)
	for range 2 {
		r := runProgram(t, "", args...)
		if r.status == 2 || r.status > 3 {
			t.Fatalf("%s: status %d\n%s%s", line, r.status, r.stdout, r.stderr)
		}
		after := whatPulls(s)
		for _, ref := range before {
			if !slices.Contains(after, ref) && !isNamed(s, line, named, ref, r.stdout+r.stderr) {
				t.Errorf("%s: %s could be pulled and cannot any more: %v\nstatus %d\n%s%s", line, ref, s.Missing(ref), r.status, r.stdout, r.stderr)
			}
		}
		before = after
	}
	if r := runProgram(t, "", "gc", "--dry-run", "--root", s.Root); r.status != 0 && r.status != 3 {
		t.Errorf("after %s: the next run says %s", line, r.stderr)
	}
}

func TestSharedPartsByLinks(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for _, way := range sharedByLinks() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range onShared {
				s := layouttest.New(t, sharing)
				way.do(t, s)
				checkShared(t, s, c.line, c.named)
			}
		})
	}
}
