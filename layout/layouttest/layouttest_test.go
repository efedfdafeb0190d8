package layouttest

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

func TestErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"image a/b:v1\nimag a/b:v2":                   `line 2: unknown verb "imag"`,
		"\n# a comment\nimage A B":                    `line 3: image: "B" is too much`,
		"image a/b:v1 colour=red":                     `line 1: image: unknown option "colour"`,
		"image a/b:v1 size=big":                       `line 1: image: size: "big" is no size`,
		"index a/b:v1 of=nobody":                      `line 1: index: unknown name "nobody"`,
		"image a/b:v1 as=x\nimage a/b:v2 as=x":        `line 2: image: the name "x" is taken`,
		"image a/b as=x\ndelete-tag a/b:v1":           `line 2: delete-tag: there is no`,
		"image a/b as=x\ndelete-blob a/b x":           `line 2: delete-blob: there is no`,
		"image a/b as=x\ndamage eaten revision a/b x": `line 2: damage: damage "eaten" is not known`,
		"image Not_A-Repo!:v1":                        `is no repository`,
	} {
		_, err := Build(t.TempDir(), text, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func TestDigestsDoNotChange(t *testing.T) {
	text := "image a/b:v1 layers=base,own:2k as=img\nindex a/b:all of=img as=idx\norphan as=o"
	a, b := New(t, text), New(t, text)
	for _, name := range a.Names() {
		if a.Digest(name) != b.Digest(name) {
			t.Errorf("%s is %s and %s", name, a.Digest(name), b.Digest(name))
		}
	}
	// Golden reports and the names in other tests rest on these.
	for name, want := range map[string]string{
		"img": "sha256:762a1e186dd583f0b0e05229a930c43a6885d596ab20ee175a96075ce837fc0c",
		"idx": "sha256:2fe06ba64bfea703ad0a53ed4062ec761103215e73c50e7c808fe4b72c1e80d0",
	} {
		if got := a.Digest(name).String(); got != want {
			t.Errorf("%s is %s, was %s", name, got, want)
		}
	}
}

func TestAgesAreThoseOfFilesAndDirectories(t *testing.T) {
	s := New(t, "image a/b:v1 as=img age=3d\nimage a/b:v2 age=1h")
	for path, age := range map[string]time.Duration{
		layout.Object{Kind: layout.RevisionLink, Repository: "a/b", Digest: s.Digest("img")}.Path(): 3 * day,
		layout.TagDir("a/b", "v1"): 3 * day,
		layout.RepositoryDir("a/b") + "/" + layout.Manifests + "/" + layout.Tags: time.Hour,
	} {
		info, err := os.Stat(s.abs(path))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Now.Sub(info.ModTime()); got != age {
			t.Errorf("%s is %s old, want %s", path, got, age)
		}
	}
}

func TestMissingFollowsWhatRegistriesServe(t *testing.T) {
	const text = "image a/b layers=one as=x\nindex a/b:all of=x as=idx\nlayer a/b x\n"
	tests := []struct{ name, more, ref, want string }{
		{"whole", "", "a/b:all", ""},
		{"a layer's blob is gone", "damage missing blob one", "a/b:all", "blob one"},
		{"a layer's link is gone", "delete-blob a/b one", "a/b:all", "blob one"},
		{"content is another", "damage truncated blob one", "a/b:all", "blob one"},
		{"a child is gone", "delete-manifest a/b x\nremove repositories/a/b/_layers/sha256/{x}", "a/b:all", "manifest x"},
		{"a tag is gone", "delete-tag a/b:all", "a/b:all", "tag a/b:all"},
		{"something else is in its place", "damage fifo blob one", "a/b:all", "blob one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New(t, text+tt.more)
			var got []string
			for _, m := range s.Missing(tt.ref) {
				for _, name := range []string{"one", "x"} {
					m = strings.ReplaceAll(m, s.Digest(name).String(), name)
				}
				got = append(got, m)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScaleWritesManyBlobs(t *testing.T) {
	s := New(t, "scale x repositories=4 images=20 layers=2 base=3 size=16 manifest=500")
	var blobs int
	for _, path := range s.Tree(t) {
		if strings.HasPrefix(path, layout.Blobs) && strings.HasSuffix(path, "/"+layout.Data) {
			blobs++
		}
	}
	if want := 4 * (3 + 20*(1+2+1)); blobs != want {
		t.Errorf("%d blobs, want %d", blobs, want)
	}
	if missing := s.Missing("x/team0/app0:v0"); missing != nil {
		t.Errorf("an image lacks %v", missing)
	}
}
