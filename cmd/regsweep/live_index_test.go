package main

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func TestLiveIndexes(t *testing.T) {
	t.Parallel()
	cases := []liveCase{
		{
			name: "nested to any depth keep their leaves",
			store: `image a/b as=leaf
				index a/b of=leaf as=i1
				index a/b of=i1 as=i2
				index a/b of=i2 as=i3 type=docker
				index a/b of=i3 as=i4
				index a/b:v1 of=i4 as=i5`,
			args: "-m", items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name: "without a tag go with their children",
			store: `image a/b:v1
				image a/b as=x layers=shared,x-layer
				index a/b of=x as=idx`,
			args:  "-m",
			goes:  []string{"idx", "shared", "x", "x-layer", "x.config"},
			items: []string{"layerLink a/b shared", "layerLink a/b x-layer", "layerLink a/b x.config", "manifest a/b idx", "manifest a/b x"},
			pulls: []string{"a/b:v1"},
		},
		{
			name: "leave a child to another index that is live",
			store: `image a/b as=x
				image a/b as=y
				index a/b:v1 of=x as=old age=60d
				index a/b:v1 of=x,y as=new`,
			args: "-m", goes: []string{"old"}, items: []string{"manifest a/b old", "tagHistory a/b v1 old"}, pulls: []string{"a/b:v1"},
		},
		{
			name: "leave a child to its own tag",
			store: `image a/b:amd64 as=x
				image a/b as=y
				index a/b of=x,y as=idx`,
			args: "-m",
			goes: []string{"idx", "y", "y.config", "y.layer1"}, pulls: []string{"a/b:amd64"},
		},
		{
			name: "that reach a child twice, at two levels, expand it once and for all",
			store: `image a/b as=x
				index a/b of=x as=inner
				index a/b:v1 of=x,inner as=outer
				index a/b:v2 of=inner,x as=other`,
			args: "-m", items: []string{}, pulls: []string{"a/b:v1", "a/b:v2"},
		},
		{
			name: "may be empty",
			store: `index a/b:v1 as=idx
				orphan as=o`,
			args: "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1"},
		},
		{
			name: "keep attestations as any other child",
			store: `image a/b as=x
				image a/b as=att type=artifact
				index a/b:v1 of=x attest=att`,
			args: "-m", items: []string{}, pulls: []string{"a/b:v1"},
		},
	}
	for _, mediaType := range []string{"oci", "docker", "nomediatype"} {
		for _, args := range []string{"", "-m"} {
			cases = append(cases, liveCase{
				name: "of type " + mediaType + " keep untagged children " + args,
				store: `image a/b as=x
					image a/b as=y type=docker
					index a/b:v1 of=x,y as=idx type=` + mediaType,
				args: args, items: []string{}, pulls: []string{"a/b:v1"},
			})
		}
	}
	runLive(t, cases)
}

func TestLiveChildrenThatAreAbsentAreNoProblem(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "on disk nowhere",
			store: "image - as=z\nimage a/b as=x\nindex a/b:v1 of=x sparse=z\norphan as=o",
			args:  "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b@x"},
		},
		{
			name:  "of a nested index",
			store: "image - as=z\nimage a/b as=x\nindex a/b as=inner of=x sparse=z\nindex a/b:v1 of=inner\norphan as=o",
			args:  "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b@x"},
		},
		{
			name:  "linked only in another repository: the child is that one's to keep",
			store: "image FIRST:v1 as=x\nindex SECOND:v1 sparse=x as=idx",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:v1"},
		},
		{
			name:  "deleted through the API: the blob that the index names stays, what only it reached goes",
			store: "image a/b as=x\nimage a/b as=y\nindex a/b:v1 of=x,y as=idx\ndelete-manifest a/b x",
			goes:  []string{"x.config", "x.layer1"}, items: []string{"layerLink a/b x.config", "layerLink a/b x.layer1"},
			pulls: []string{"a/b@y"},
		},
	})
}

// BuildKit's caches are indexes of layers and a configuration.
func TestLiveChildrenMayBePlainBlobs(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "kept with their layer links",
			store: "layer a/b c1\nlayer a/b c2\nlayer a/b c3\nindex a/b:cache blobs=c1,c2",
			goes:  []string{"c3"}, items: []string{"layerLink a/b c3"}, pulls: []string{"a/b:cache"},
		},
		{
			name:  "kept with -m, and given up with their index",
			store: "layer a/b c1\nlayer a/b c2\nindex a/b:cache blobs=c1 age=60d as=old\nindex a/b:cache blobs=c2 as=new",
			args:  "-m",
			goes:  []string{"c1", "old"}, items: []string{"layerLink a/b c1", "manifest a/b old", "tagHistory a/b cache old"},
			pulls: []string{"a/b:cache"},
		},
		{
			name:  "that look like manifests are kept, and not expanded",
			store: "image c/d as=x\nindex a/b:cache blobs=x\ndelete-manifest c/d x",
			goes:  []string{"x.config", "x.layer1"},
			pulls: []string{"a/b:cache"},
		},
	})
}

// A run that read the child whole would take gigabytes of memory, or minutes.
func TestLiveChildThatIsAHugePlainBlobIsNotReadWhole(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "layer a/b c1\nindex a/b:cache blobs=c1\ndamage huge blob c1 size=3g\norphan as=o")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	mustGC(t, s, 0, "-m")
	runtime.ReadMemStats(&after)
	if s.Has("o") || !s.Has("c1") {
		t.Error("the orphan is still there, or the huge blob is gone")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
		t.Errorf("%d bytes have been allocated", n)
	}
}

// What a live manifest reaches is decided per repository.
func TestLiveIndexSparseInOneRepositoryAndWholeInAnother(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "the child is expanded where it is linked",
			store: "image FIRST as=x\nimage FIRST as=y\nindex FIRST:v1 of=x,y as=idx\ncopy SECOND:v1 idx\ncopy SECOND y",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:v1", "SECOND@y"},
		},
		{
			name:  "each has another child",
			store: "image FIRST as=x\nimage - as=y\nindex FIRST:v1 of=x sparse=y as=idx\ncopy SECOND y\ncopy SECOND:v1 idx",
			args:  "-m", items: []string{}, pulls: []string{"FIRST@x", "SECOND@y"},
		},
		{
			name:  "a child that one keeps goes from the other where it is only untagged, with its layer links there",
			store: "image FIRST as=x\nindex FIRST:v1 of=x as=idx\ncopy SECOND x\nimage SECOND:other",
			args:  "-m",
			items: []string{"layerLink SECOND x.config", "layerLink SECOND x.layer1", "manifest SECOND x"},
			pulls: []string{"FIRST:v1", "SECOND:other"},
		},
		{
			name:  "the child is an index that is sparse in one",
			store: "image FIRST as=x\nindex FIRST as=inner of=x\nindex FIRST:v1 of=inner as=outer\ncopy SECOND inner\ncopy SECOND:v1 outer",
			args:  "-m", items: []string{}, pulls: []string{"FIRST:v1"},
		},
	})
}

// One manifest in many repositories must not be taken for done after the first.
func TestLiveManifestSharedByManyRepositoriesKeepsEachOnesLinks(t *testing.T) {
	t.Parallel()
	text := "image r0/x as=x layers=l1,l2\nindex r0/x:v1 of=x as=idx\norphan as=o\n"
	c := liveCase{args: "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"r0/x:v1"}}
	for i := 1; i < 40; i++ {
		text += fmt.Sprintf("copy r%d/x:v1 idx deep\n", i)
		c.pulls = append(c.pulls, fmt.Sprintf("r%d/x:v1", i))
	}
	c.store = text
	c.run(t)
}

// A type that we know may be in the wrong place: a layer that is an index, an
// index with a subject and so on. What is named is kept.
func TestLiveManifestOfManyShapesKeepsAll(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, `
		image a/b as=child
		image a/b as=subject
		manifest a/b:v1 as=m {"schemaVersion":2,"config":{"digest":"{{cfg}}"},"layers":[{"digest":"{{l}}"}],"blobs":[{"digest":"{{b}}"}],"fsLayers":[{"blobSum":"{{f}}"}],"manifests":[{"digest":"{{child}}"}],"subject":{"digest":"{{subject}}"}}
		orphan as=o
	`)
	c := liveCase{goes: []string{"o"}, pulls: []string{"a/b:v1"}}
	c.on(t, s)
	// A referrer does not keep its subject, even if it is an index besides.
	c.goes, c.pulls = []string{"subject", "subject.config", "subject.layer1"}, []string{"a/b:v1"}
	c.on(t, s, "-m")
	if _, err := os.Stat(s.Path("child.layer1")); err != nil {
		t.Error(err)
	}
}
