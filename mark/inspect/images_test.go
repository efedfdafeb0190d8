package inspect_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// images asks for the largest images of a repository.
func images(t *testing.T, s *layouttest.Store, repository string, most int) (*inspect.RepositoryImages, int64) {
	t.Helper()
	dir, err := new(disk.FS).OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	w := walker.New(dir, walker.Options{})
	defer w.Close()
	asked := inspect.NewImages(most)
	look := mark.Read(t.Context(), w, mark.Rules{Now: s.Now, Grace: time.Hour}).LookAndTell(t.Context(), w, asked)
	for _, r := range look.Repositories {
		if r.Name == repository {
			return asked.Of(repository), r.Bytes
		}
	}
	t.Fatalf("there is no %s", repository)
	return nil, 0
}

func TestImagesDivideTheirRepository(t *testing.T) {
	s := layouttest.New(t, `
		image a/b:v1,latest layers=base:10k,one:5k as=one
		image a/b:v2 layers=base,two:7k as=two
		index a/b:all of=one
		image a/b as=loose layers=base,l:3k
		referrer a/b of=two as=ref
		copy c/d:v1 one deep`)
	for most, shown := range map[int]int{10: 3, 1: 1, 0: 0} {
		r, bytes := images(t, s, "a/b", most)
		sum := r.RestBytes + r.SharedBytes + r.UntaggedBytes
		for _, i := range r.Images {
			sum += i.UniqueBytes
		}
		if sum != bytes || len(r.Images) != shown || r.Rest != 3-shown {
			t.Errorf("of %d: the parts are %d of %d bytes, %d images are shown and %d are not", most, sum, bytes, len(r.Images), r.Rest)
		}
	}
	r, _ := images(t, s, "a/b", 10)
	tags := [][]string{}
	for _, i := range r.Images {
		tags = append(tags, i.Tags)
	}
	if diff := cmp.Diff([][]string{{"v2"}, {"all"}, {"latest", "v1"}}, tags); diff != "" {
		t.Errorf("the largest first (-want +got)\n%s", diff)
	}
	if v2 := r.Images[0]; v2.UniqueBytes < 7<<10 || v2.Bytes < 17<<10 || r.SharedBytes < 15<<10 || r.UntaggedBytes < 3<<10 {
		t.Errorf("%+v", r)
	}
}
