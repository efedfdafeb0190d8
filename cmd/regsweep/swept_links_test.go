package main

import "testing"

// A layer link goes that no live manifest of its repository references, also
// where another repository keeps the blob.
func TestSweptLayerLinksPerRepository(t *testing.T) {
	for _, mounted := range []string{"aaa", "zzz"} {
		t.Run("mounted into "+mounted, func(t *testing.T) {
			swept{
				text:  "image mmm:v1 layers=base as=x\nimage " + mounted + ":v1 as=y\nlayer " + mounted + " base",
				items: []string{"layerLink " + mounted + " base"},
				gone:  layers(mounted, "base"),
			}.check(t)
		})
	}
}

// A mount that no manifest followed: a repository with only _layers.
func TestSweptCrossRepositoryMount(t *testing.T) {
	swept{
		text:  "image a/b:v1 layers=base as=x\nlayer c/d base",
		items: []string{"layerLink c/d base", "repository c/d"},
		gone:  []string{"repositories/c/"},
	}.check(t)
}

func TestSweptFreshMountStays(t *testing.T) {
	swept{text: "image a/b:v1 layers=base as=x\nlayer c/d base age=5m"}.check(t)
}

// 2.8's collector takes the blobs and leaves the layer links, dangling. Such a
// link is a leftover, and no problem.
func TestSweptDanglingLayerLinks(t *testing.T) {
	swept{
		text: `
			dialect 28
			image a/b:v1 layers=base as=x
			layer a/b o1
			layer a/b o2 alias
			remove blobs/sha256/{xx:o1}/{o1}
			remove blobs/sha256/{xx:o2}/{o2}
		`,
		items: []string{"layerLink a/b o1", "layerLink a/b o2", "layerLink a/b o2@sha512"},
		gone:  join(layers("a/b", "o1", "o2"), []string{"repositories/a/b/_layers/sha512/{alias:o2}/"}),
	}.check(t)
}

// Where a live manifest references the absent blob, its link stays, and it is a problem.
func TestSweptDanglingLayerLinkOfALiveImageStays(t *testing.T) {
	s := newStore(t, "image a/b:v1 layers=one as=x\nremove blobs/sha256/{xx:one}/{one}")
	r := mustGC(t, s, 3)
	same(t, "kinds of problems", []string{"missingBlob"}, kinds(r))
	if len(r.report.Items) != 0 || !s.HasPath("repositories/a/b/_layers/sha256/{one}/link") {
		t.Errorf("removed was %v", itemLines(s, r))
	}
}

// 3.x's collector takes layer links and leaves their directories; with -m it
// leaves nothing of a manifest but those.
func TestSweptLeftoversOfRegistry3Collector(t *testing.T) {
	swept{
		text: `
			image a/b:v1 layers=base as=x
			layer a/b o1
			delete-blob a/b o1
			remove blobs/sha256/{xx:o1}/{o1}
			layer a/b o2
			delete-blob a/b o2
			remove blobs/sha256/{xx:o2}/{o2}
		`,
		gone: layers("a/b", "o1", "o2"),
	}.check(t)
}

// A dead manifest's own links as layers: registry 2.1.0 linked manifests so.
func TestSweptManifestLinkedAsLayer(t *testing.T) {
	swept{
		text:  "image a/b:v1 layers=base as=x\nimage - layers=l1 as=old\nold-tag a/b:old old\ndelete-tag a/b:old",
		items: []string{"layerLink a/b old", "layerLink a/b old.config", "layerLink a/b l1", "blob old", "blob old.config", "blob l1"},
		gone:  join(layers("a/b", "old", "old.config", "l1"), blobs("old", "old.config", "l1")),
	}.check(t)
}

// Both links of an aliased layer go with its image, the blob with the last.
func TestSweptAliasLinks(t *testing.T) {
	const alias = "x.alias1"
	swept{
		text: "image a/b:keep as=k\nimage a/b layers=base alias=1 as=x",
		args: []string{"-m"},
		items: []string{
			"manifest a/b x", "layerLink a/b base", "layerLink a/b x.config", "layerLink a/b " + alias, "layerLink a/b " + alias + "@sha512",
			"blob x", "blob base", "blob x.config", "blob " + alias,
		},
		gone: join(layers("a/b", "base", "x.config", alias), blobs("x", "base", "x.config", alias), []string{
			revisions + "{x}/", "repositories/a/b/_layers/sha512/{alias:" + alias + "}/",
		}),
	}.check(t)
}

func TestSweptAliasLinksOfNoManifest(t *testing.T) {
	swept{
		text:  "image a/b:keep as=k\nlayer a/b o alias",
		items: []string{"layerLink a/b o", "layerLink a/b o@sha512", "blob o"},
		gone:  join(layers("a/b", "o"), blobs("o"), []string{"repositories/a/b/_layers/sha512/{alias:o}/"}),
	}.check(t)
}

func TestSweptAliasLinksOfALiveImageStay(t *testing.T) {
	swept{text: "image a/b:v1 layers=base alias=2 as=x\ncopy c:v1 x"}.check(t)
}

// The reference by the other digest keeps the blob and both links, in the
// repository that has it; the mount of it elsewhere goes.
func TestSweptAliasLinksPerRepository(t *testing.T) {
	const alias = "x.alias1"
	swept{
		text:  "image a/b:v1 alias=1 as=x\nimage c:v1 as=y\nlayer c " + alias,
		items: []string{"layerLink c " + alias, "layerLink c " + alias + "@sha512"},
		gone:  join(layers("c", alias), []string{"repositories/c/_layers/sha512/{alias:" + alias + "}/"}),
	}.check(t)
}

// sha384 and sha512 are stored and swept as sha256 is.
func TestSweptOtherAlgorithms(t *testing.T) {
	swept{
		text: "image a/b:v1 as=x\norphan as=o384 alg=sha384 size=2k\norphan as=o512 alg=sha512 size=3k\nlayer a/b l512 alg=sha512",
		items: []string{
			"blob o384", "blob o512", "blob l512", "layerLink a/b l512",
		},
		gone: []string{
			"blobs/sha384/{xx:o384}/{o384}/", "blobs/sha512/{xx:o512}/{o512}/", "blobs/sha512/{xx:l512}/{l512}/",
			"repositories/a/b/_layers/sha512/{l512}/",
		},
	}.check(t)
}

func TestSweptImagesOfOtherAlgorithms(t *testing.T) {
	text := "image a/b:keep alg=sha512 manifest-alg=sha512 as=k\nimage a/b layers=l1 alg=sha512 manifest-alg=sha512 as=x\nimage a/b:v1 as=y"
	swept{
		text: text, args: []string{"-m"},
		items: []string{"manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob l1", "blob x.config"},
		gone: []string{
			"blobs/sha512/{xx:x}/{x}/", "blobs/sha512/{xx:l1}/{l1}/", "blobs/sha512/{xx:x.config}/{x.config}/",
			"repositories/a/b/_layers/sha512/{l1}/", "repositories/a/b/_layers/sha512/{x.config}/",
			"repositories/a/b/_manifests/revisions/sha512/{x}/",
		},
	}.check(t)
}
