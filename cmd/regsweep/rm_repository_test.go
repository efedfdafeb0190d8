package main

import "testing"

func TestRmRepository(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]removedCase{
		"not those below it": {
			text: "image a/b:v1,v2 layers=l1 as=x\nimage a/b layers=l2 as=y\nimage a/b/c:v1 layers=l1,l3 as=z\nimage a:v1 as=w",
			args: []string{"rm", "--repository", "a/b"}, shared: 1,
			items: []string{
				"tag a/b:v1 x", "tag a/b:v2 x", "manifest a/b x", "manifest a/b y", "layerLink a/b l1", "layerLink a/b l2", "layerLink a/b x.config", "layerLink a/b y.config",
				"blob x", "blob x.config", "blob y", "blob y.config", "blob l2", "repository a/b",
			},
		},
		"several, and an image": {
			text: "image a:v1 layers=l1 as=x\nimage b:v1 layers=l1 as=y\nimage c:v1 layers=l1 as=z\nimage c:keep as=k",
			args: []string{"rm", "--repository", "a", "b", "c:v1"},
			items: []string{
				"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "repository a",
				"tag b:v1 y", "manifest b y", "layerLink b l1", "layerLink b y.config", "repository b",
				"tag c:v1 z", "manifest c z", "layerLink c l1", "layerLink c z.config",
				"blob x", "blob x.config", "blob y", "blob y.config", "blob z", "blob z.config", "blob l1",
			},
		},
		"with the garbage that is in it, whose blobs are left to gc": {
			text: `
				image a:v1 layers=l1 as=x
				layer a stray
				image a layers=l2 as=y
				delete-manifest a y
				upload a kind=patched size=3k as=u age=2h
				tmp repositories/a/_manifests/revisions/sha256/{x}/link
				image b:v1 as=k
			`,
			args:    []string{"rm", "--repository", "a"},
			garbage: []string{"layerLink a stray", "blob stray", "layerLink a l2", "layerLink a y.config", "blob y", "blob y.config", "blob l2"},
			items: []string{
				"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "layerLink a stray", "layerLink a l2", "layerLink a y.config",
				"upload a u", "blob x", "blob x.config", "blob l1", "repository a",
			},
		},
		"that is fresh": {
			text: "age 5m\nimage a:v1 layers=l1 as=x\nimage b:v1 as=k",
			args: []string{"rm", "--repository", "a"},
			items: []string{
				"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1", "repository a",
			},
		},
		"with an index, tagged children and signatures": {
			text: "image a:one layers=l1 as=x\nindex a:all of=x as=i\ncosign a of=i as=sig\nreferrer a of=x as=r\nimage b:v1 type=artifact layers=l9 as=k",
			args: []string{"rm", "--repository", "a"}, shared: 1,
			items: []string{
				"tag a:one x", "tag a:all i", "tag a:sha256-{i}.sig sig", "manifest a x", "manifest a i", "manifest a sig", "manifest a r",
				"layerLink a l1", "layerLink a x.config", "layerLink a sig.layer", "layerLink a sig.config", "layerLink a r.layer", "layerLink a empty.json",
				"blob x", "blob x.config", "blob l1", "blob i", "blob sig", "blob sig.layer", "blob sig.config", "blob r", "blob r.layer", "repository a",
			},
		},
		"that has no tag": {
			text:  "image a layers=l1 as=x\nimage b:v1 as=k",
			args:  []string{"rm", "--repository", "a"},
			items: []string{"manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1", "repository a"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestRmLastImageTakesItsRepositoryAlong(t *testing.T) {
	s := removedCase{
		text: "image a/b:v1 layers=l1 as=x\nimage a/b/c:v1 as=y",
		args: []string{"rm", "a/b:v1"},
		items: []string{
			"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1", "repository a/b",
		},
	}.check(t)
	if s.HasPath("repositories/a/b/_manifests") || !s.HasPath("repositories/a/b/c/_manifests") {
		t.Error("the repository is there, or the one below it is not")
	}
}

// What cannot be understood in full is taken away by name, and nothing is swept.
func TestRmInABrokenRepository(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]removedCase{
		"a manifest that cannot be read": {
			text:  "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\ndamage truncated blob x",
			args:  []string{"rm", "a@sha256:{x}"},
			items: []string{"tag a:v1 x", "manifest a x"},
		},
		"by its tag": {
			text:  "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\ndamage missing blob x",
			args:  []string{"rm", "a:v1"},
			items: []string{"tag a:v1 x", "manifest a x"},
		},
		"a link without a digest": {
			text:  "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\ndamage zero revision a y",
			args:  []string{"rm", "a@sha256:{y}"},
			items: []string{"tag a:v2 y", "manifest a y"},
		},
		"an image beside": {
			text:   "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\ndamage truncated blob x",
			args:   []string{"rm", "a:v2"},
			status: 3, items: []string{"tag a:v2 y", "manifest a y"},
		},
		"a dangling tag": {
			text:    "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\nremove repositories/a/_manifests/revisions/sha256/{x}",
			args:    []string{"rm", "a:v1"},
			items:   []string{"tag a:v1 x"},
			garbage: []string{"tag a:v1 x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.text)
			args := orderedNames(s, c.args)
			blobs := s.BlobBytes(t)
			dry := run(t, s, append(args, "-d")...)
			done := run(t, s, append(args, "-y")...)
			if dry.status != c.status || done.status != c.status {
				t.Fatalf("status %d and %d: %s", dry.status, done.status, done.stderr)
			}
			same(t, "what is planned", expand(s, c.items), itemNames(s, dry))
			same(t, "what is removed", expand(s, c.items), itemNames(s, done))
			if s.BlobBytes(t) != blobs {
				t.Error("blobs were swept")
			}
			if missing := s.Missing("a:v2"); missing != nil && c.args[1] == "a:v1" {
				t.Errorf("a:v2 lacks %v", missing)
			}
		})
	}
}

// Once the broken manifest has gone, gc sweeps what it kept.
func TestRmCuresARepository(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\ndamage truncated blob x")
	mustGC(t, s, 3)
	if r := run(t, s, "rm", "a@"+s.Digest("x").String(), "-y"); r.status != 0 {
		t.Fatal(r.stderr)
	}
	r := mustGC(t, s, 0)
	same(t, "what gc sweeps then", []string{"l1", "x", "x.config"}, blobsOf(s, r))
}
