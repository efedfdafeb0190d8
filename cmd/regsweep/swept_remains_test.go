package main

import (
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// Every kind of upload goes past --uploads-older-than: begun, written to,
// cancelled (which leaves no startedat), and empty.
func TestSweptUploads(t *testing.T) {
	for _, dialect := range []string{"28", "31"} {
		swept{
			text: "dialect " + dialect + `
				image a/b:v1 as=x
				upload a/b kind=started age=8d as=u1
				upload a/b kind=patched size=5k age=8d as=u2
				upload a/b kind=cancelled age=8d as=u3
				upload a/b kind=empty age=8d as=u4
				upload a/b kind=started age=6d
				upload a/b kind=patched size=5k age=6d
				upload a/b kind=cancelled age=6d
				upload a/b kind=empty age=6d
			`,
			items: []string{"upload a/b u1", "upload a/b u2", "upload a/b u3", "upload a/b u4"},
			gone: []string{
				"repositories/a/b/_uploads/{id:u1}/", "repositories/a/b/_uploads/{id:u2}/",
				"repositories/a/b/_uploads/{id:u3}/", "repositories/a/b/_uploads/{id:u4}/",
			},
		}.check(t)
	}
}

// The newest file decides, not when it began, nor the directories.
func TestSweptUploadsByTheirNewestFile(t *testing.T) {
	swept{
		text: `
			image a/b:v1 as=x
			upload a/b kind=patched size=5k age=20d as=u1
			upload a/b kind=patched size=5k age=20d as=u2
			upload a/b kind=patched size=5k age=20d as=u3
		`,
		more: func(t *testing.T, s *layouttest.Store) {
			up := "repositories/a/b/_uploads/"
			s.MustApply(t, "touch "+expand(s, []string{up + "{id:u2}/data"})[0]+" age=1d")
			s.MustApply(t, "touch "+expand(s, []string{up + "{id:u3}/hashstates/sha256/0"})[0]+" age=1d")
		},
		items: []string{"upload a/b u1"},
		gone:  []string{"repositories/a/b/_uploads/{id:u1}/"},
	}.check(t)
}

func TestSweptUploadsOlderThanIsAFlag(t *testing.T) {
	swept{
		text:  "image a/b:v1 as=x\nupload a/b kind=patched size=5k age=2h as=u1\nupload a/b kind=patched size=5k age=30m",
		args:  []string{"--uploads-older-than", "90m"},
		items: []string{"upload a/b u1"},
		gone:  []string{"repositories/a/b/_uploads/{id:u1}/"},
	}.check(t)
}

// A completed push leaves _uploads empty. In a repository that stays it is no
// garbage: a registry beside is about to use it.
func TestSweptEmptyUploadsDirectory(t *testing.T) {
	t.Run("of a repository that stays", func(t *testing.T) { swept{text: "image a/b:v1 as=x"}.check(t) })
	t.Run("with nothing beside it", func(t *testing.T) {
		swept{
			text: "image a/b:v1 as=x\nmkdir repositories/c/_uploads", items: []string{"repository c"}, gone: []string{"repositories/c/"},
		}.check(t)
	})
	t.Run("with nothing beside it, young", func(t *testing.T) {
		swept{text: "image a/b:v1 as=x\nmkdir repositories/c/_uploads age=5m"}.check(t)
	})
}

// A repository that exists only by an upload stays while that does.
func TestSweptRepositoryWithOnlyAnUpload(t *testing.T) {
	t.Run("old", func(t *testing.T) {
		swept{
			text: "image a/b:v1 as=x\nupload c kind=patched size=1k age=8d as=u", items: []string{"upload c u", "repository c"},
			gone: []string{"repositories/c/"},
		}.check(t)
	})
	t.Run("young", func(t *testing.T) {
		swept{text: "image a/b:v1 as=x\nupload c kind=patched size=1k age=6d as=u"}.check(t)
	})
}

// Registry 3 leaves <name>.<uuid>.tmp when it is killed.
func TestSweptInterruptedWrites(t *testing.T) {
	t.Parallel()
	const id = ".00000000-0000-4000-8000-00000000000"
	swept{
		text: `
			image a/b:v1 as=x
			image - as=y
			tmp blobs/sha256/{xx:y}/{y}/data size=100
			tmp repositories/a/b/_manifests/revisions/sha256/{y}/link
			tmp repositories/a/b/_layers/sha256/{y}/link
			tmp blobs/sha256/{xx:y.config}/{y.config}/data size=100 age=30m
			tmp repositories/a/b/_manifests/revisions/sha256/{y.config}/link age=30m
			tmp repositories/a/b/_layers/sha256/{y.config}/link age=30m
		`,
		items: []string{
			"temporary blobs/sha256/{xx:y}/{y}/data" + id + "1.tmp",
			"temporary repositories/a/b/_manifests/revisions/sha256/{y}/link" + id + "2.tmp",
			"temporary repositories/a/b/_layers/sha256/{y}/link" + id + "3.tmp",
		},
		gone: join(blobs("y"), layers("a/b", "y"), []string{revisions + "{y}/"}),
	}.check(t)
}

// With an upload go its interrupted writes, and a new one keeps it.
func TestSweptInterruptedWritesOfUploads(t *testing.T) {
	swept{
		text: "image a/b:v1 as=x\nupload a/b kind=patched size=1k age=8d as=u\nupload a/b kind=patched size=1k age=8d as=v",
		more: func(t *testing.T, s *layouttest.Store) {
			up := expand(s, []string{"repositories/a/b/_uploads/{id:u}"})[0]
			s.MustApply(t, "tmp "+up+"/startedat age=8d\ntmp "+up+"/hashstates/sha256/512 age=8d")
			s.MustApply(t, "tmp "+expand(s, []string{"repositories/a/b/_uploads/{id:v}"})[0]+"/data age=1d")
		},
		items: []string{"upload a/b u"},
		gone:  []string{"repositories/a/b/_uploads/{id:u}/"},
	}.check(t)
}

// Whatever else ends in .tmp is unknown.
func TestSweptOnlyInterruptedWritesByTheirWholeName(t *testing.T) {
	swept{
		text: `
			image a/b:v1 as=x
			image - as=y
			raw blobs/sha256/{xx:y}/{y}/data.tmp x
			raw blobs/sha256/{xx:y}/{y}/data.00000000-0000-4000-8000-00000000000.tmp x
			raw blobs/sha256/{xx:y}/{y}/other.00000000-0000-4000-8000-000000000001.tmp x
			raw blobs/sha256/{xx:y}/{y}/data.00000000-0000-4000-8000-000000000001.tmp.bak x
		`,
		problems: []string{
			"unknownFile blobs/sha256/{xx:y}/{y}/data.tmp",
			"unknownFile blobs/sha256/{xx:y}/{y}/data.00000000-0000-4000-8000-00000000000.tmp",
			"unknownFile blobs/sha256/{xx:y}/{y}/other.00000000-0000-4000-8000-000000000001.tmp",
			"unknownFile blobs/sha256/{xx:y}/{y}/data.00000000-0000-4000-8000-000000000001.tmp.bak",
		},
	}.check(t)
}

// An interrupted write beside the data of a dead blob goes with it, or in the
// next run, which has a reason to look into the directory.
func TestSweptInterruptedWriteBesideADeadBlob(t *testing.T) {
	s := newStore(t, "image a/b:v1 as=x\norphan as=o\ntmp blobs/sha256/{xx:o}/{o}/data")
	mustGC(t, s, 0)
	mustGC(t, s, 0)
	for _, path := range s.Tree(t) {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("left after two runs: %s", path)
		}
	}
}

// Directories of blobs without data go; those of the first two digits stay.
func TestSweptBlobDirectoriesWithoutData(t *testing.T) {
	swept{
		text: "image a/b:v1 as=x\nimage - as=y\nmkdir blobs/sha256/{xx:y}/{y}\nmkdir blobs/sha256/fe\nmkdir blobs/sha512/00",
		gone: blobs("y"),
	}.check(t)
}
