package main

import "testing"

func TestRmImage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]removedCase{
		"and all of its own": {
			text: "image a/b:v1 layers=l1,l2 as=x\nimage a/b:v2 as=y",
			args: []string{"rm", "a/b:v1"},
			items: []string{
				"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b l2", "layerLink a/b x.config",
				"blob x", "blob x.config", "blob l1", "blob l2",
			},
		},
		"with layers that are half shared within the repository": {
			text: "image a/b:v1 layers=base,l1 as=x\nimage a/b:v2 layers=base,l2 as=y",
			args: []string{"rm", "a/b:v1"}, shared: 1,
			items: []string{"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1"},
		},
		"with layers that are half shared with another repository": {
			text: "image a/b:v1 layers=base,l1 as=x\nimage c:v1 layers=base,l2 as=y\nimage a/b:other as=z",
			args: []string{"rm", "a/b:v1"}, shared: 1,
			items: []string{
				"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b base", "layerLink a/b x.config",
				"blob x", "blob x.config", "blob l1",
			},
		},
		"with five tags": {
			text: "image a/b:v1,v2,v3,v4,v5 layers=l1 as=x\nimage a/b:keep as=k",
			args: []string{"rm", "a/b:v3"},
			items: []string{
				"tag a/b:v1 x", "tag a/b:v2 x", "tag a/b:v3 x", "tag a/b:v4 x", "tag a/b:v5 x", "manifest a/b x",
				"layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1",
			},
		},
		"that three repositories have": {
			text: "image a layers=l1 as=x\ntag a:v1 x\ncopy b:v1 x\ncopy c:v1 x\nimage a:keep as=k",
			args: []string{"rm", "a:v1"}, shared: 3,
			items: []string{"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config"},
		},
		"in three repositories at once": {
			text: "image a:v1 layers=l1 as=x\ncopy b:v1 x\ncopy c:v1 x",
			args: []string{"rm", "a:v1", "b@sha256:{x}", "c:v1"},
			items: []string{
				"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "repository a",
				"tag b:v1 x", "manifest b x", "layerLink b l1", "layerLink b x.config", "repository b",
				"tag c:v1 x", "manifest c x", "layerLink c l1", "layerLink c x.config", "repository c",
				"blob x", "blob x.config", "blob l1",
			},
		},
		"and its entries in the histories of tags that stay": {
			text: "image a/b:v1,v2 layers=base as=x age=40d\nimage a/b:v1 layers=base as=y",
			args: []string{"rm", "a/b:v2"}, shared: 1,
			items: []string{"tag a/b:v2 x", "manifest a/b x", "tagHistory a/b:v1 x", "layerLink a/b x.config", "blob x", "blob x.config"},
		},
		"and the links to its blobs that were garbage before": {
			text: "image a/b:v1 layers=l1 as=x\nimage a/b:keep as=k\nlayer c l1\nimage c:keep as=m",
			args: []string{"rm", "a/b:v1"}, garbage: []string{"layerLink c l1"},
			items: []string{
				"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "layerLink c l1",
				"blob x", "blob x.config", "blob l1",
			},
		},
		"and no older garbage": {
			text: `
				image a/b:v1 layers=l1 as=x
				image a/b:keep as=k
				orphan as=o
				layer a/b stray
				image a/b layers=gone as=deleted
				delete-manifest a/b deleted
				upload a/b kind=patched size=3k as=u
				tmp blobs/sha256/{xx:k}/{k}/data
			`,
			args: []string{"rm", "a/b:v1"},
			garbage: []string{
				"blob o", "blob stray", "layerLink a/b stray", "blob deleted", "blob deleted.config", "blob gone",
				"layerLink a/b gone", "layerLink a/b deleted.config", "upload a/b u",
			},
			items: []string{"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1"},
		},
		"that is fresh": {
			text:  "image a/b:v1 layers=l1 as=x age=5m\nimage a/b:keep as=k",
			args:  []string{"rm", "a/b:v1"},
			items: []string{"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1"},
		},
		"whose layer another push has just linked again": {
			text: "image a/b:v1 layers=l1,l2 as=x age=30m\nimage a/b:keep as=k\ntouch repositories/a/b/_layers/sha256/{l1}/link age=5m",
			args: []string{"rm", "a/b:v1"}, shared: 1,
			items: []string{"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l2", "layerLink a/b x.config", "blob x", "blob x.config", "blob l2"},
		},
		"whose layer somebody has just mounted elsewhere": {
			text: "image a/b:v1 layers=l1,l2 as=x\nimage a/b:keep as=k\nlayer c l1 age=5m",
			args: []string{"rm", "a/b:v1"}, shared: 1,
			items: []string{
				"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "layerLink a/b l2", "layerLink a/b x.config",
				"blob x", "blob x.config", "blob l2",
			},
		},
		"by the beginning of its digest": {
			text: "image a/b layers=l1 as=x alias=1\nimage a/b:keep as=k",
			args: []string{"rm", "a/b@sha256:{x}"},
			items: []string{
				"manifest a/b x", "layerLink a/b l1", "layerLink a/b x.alias1", "layerLink a/b x.alias1@sha512", "layerLink a/b x.config",
				"blob x", "blob x.config", "blob l1", "blob x.alias1",
			},
		},
		"of schema 1 with signatures": {
			text:  "image a/b:v1 type=schema1 layers=l1 signatures=1 as=x\nimage a/b:keep as=k",
			args:  []string{"rm", "a/b:v1"},
			items: []string{"tag a/b:v1 x", "manifest a/b x", "layerLink a/b l1", "blob x", "blob l1", "blob x.signature1"},
		},
		"that only registry 2.1.0 tagged": {
			text:  "image - layers=l1 as=x\nold-tag a/b:v1 x\nimage a/b:keep as=k",
			args:  []string{"rm", "a/b:v1"},
			items: []string{"tag a/b:v1 x", "layerLink a/b x", "layerLink a/b l1", "layerLink a/b x.config", "blob x", "blob x.config", "blob l1"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestRmIndex(t *testing.T) {
	t.Parallel()
	const children = "image a layers=l1 as=x\nimage a layers=l2 as=y\n"
	for name, c := range map[string]removedCase{
		"takes its children along": {
			text: children + "index a:all of=x,y as=i\nimage a:keep as=k",
			args: []string{"rm", "a:all"},
			items: []string{
				"tag a:all i", "manifest a i", "manifest a x", "manifest a y", "layerLink a l1", "layerLink a l2", "layerLink a x.config", "layerLink a y.config",
				"blob i", "blob x", "blob y", "blob x.config", "blob y.config", "blob l1", "blob l2",
			},
		},
		"leaves a tagged child": {
			text: children + "index a:all of=x,y as=i\ntag a:one x",
			args: []string{"rm", "a:all"}, shared: 3,
			items: []string{"tag a:all i", "manifest a i", "manifest a y", "layerLink a l2", "layerLink a y.config", "blob i", "blob y", "blob y.config", "blob l2"},
		},
		"leaves a child of another index": {
			text: children + "index a:all of=x,y as=i\nindex a of=x as=j",
			args: []string{"rm", "a:all"}, shared: 3,
			items: []string{"tag a:all i", "manifest a i", "manifest a y", "layerLink a l2", "layerLink a y.config", "blob i", "blob y", "blob y.config", "blob l2"},
		},
		"takes nested ones along": {
			text: children + "index a of=x as=inner\nindex a:all of=inner,y as=i\nimage a:keep as=k",
			args: []string{"rm", "a:all"},
			items: []string{
				"tag a:all i", "manifest a i", "manifest a inner", "manifest a x", "manifest a y", "layerLink a l1", "layerLink a l2", "layerLink a x.config", "layerLink a y.config",
				"blob i", "blob inner", "blob x", "blob y", "blob x.config", "blob y.config", "blob l1", "blob l2",
			},
		},
		"that is sparse": {
			text: "image a layers=l1 as=x\nimage - layers=l2 as=y\nindex a:all of=x sparse=y as=i\nimage a:keep as=k",
			args: []string{"rm", "a:all"},
			items: []string{
				"tag a:all i", "manifest a i", "manifest a x", "layerLink a l1", "layerLink a x.config",
				"blob i", "blob x", "blob x.config", "blob l1",
			},
		},
		"and a child by name": {
			text: children + "index a:all of=x,y as=i\ntag a:one x\nimage a:keep as=k",
			args: []string{"rm", "a:all", "a:one"},
			items: []string{
				"tag a:all i", "tag a:one x", "manifest a i", "manifest a x", "manifest a y", "layerLink a l1", "layerLink a l2", "layerLink a x.config", "layerLink a y.config",
				"blob i", "blob x", "blob y", "blob x.config", "blob y.config", "blob l1", "blob l2",
			},
		},
		"loses a child by force": {
			text: children + "index a:all of=x,y as=i",
			args: []string{"rm", "a@sha256:{x}", "--force"}, shared: 1,
			items: []string{"manifest a x", "layerLink a l1", "layerLink a x.config", "blob x.config", "blob l1"},
		},
		"with an attestation": {
			text: "image a layers=l1 as=x\nimage a type=artifact layers=l2 as=att\nindex a:all of=x attest=att as=i\nimage a:keep as=k",
			args: []string{"rm", "a:all"},
			items: []string{
				"tag a:all i", "manifest a i", "manifest a x", "manifest a att", "layerLink a l1", "layerLink a x.config", "layerLink a l2", "layerLink a empty.json",
				"blob i", "blob x", "blob att", "blob x.config", "blob l1", "blob l2", "blob empty.json",
			},
		},
		"whose child another repository tags": {
			text: children + "index a:all of=x,y as=i\ncopy b:one x\nimage a:keep as=k",
			args: []string{"rm", "a:all"}, shared: 3,
			items: []string{
				"tag a:all i", "manifest a i", "manifest a x", "manifest a y", "layerLink a l1", "layerLink a l2", "layerLink a x.config", "layerLink a y.config",
				"blob i", "blob y", "blob y.config", "blob l2",
			},
		},
		"whose fresh child was pushed again since": {
			text: "image a layers=l1 as=x age=30m\nindex a:all of=x as=i age=20m\nimage a:keep as=k\ncopy a x age=5m",
			args: []string{"rm", "a:all"}, shared: 3,
			items: []string{"tag a:all i", "manifest a i", "blob i"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestRmReferrers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]removedCase{
		"go with their subject, and theirs": {
			text: "image a:v1 layers=l1 as=x\nreferrer a of=x as=r1\nreferrer a of=r1 as=r2\nimage a:keep type=artifact layers=l9 as=k",
			args: []string{"rm", "a:v1"}, shared: 1,
			items: []string{
				"tag a:v1 x", "manifest a x", "manifest a r1", "manifest a r2", "layerLink a l1", "layerLink a x.config", "layerLink a r1.layer", "layerLink a r2.layer",
				"blob x", "blob x.config", "blob l1", "blob r1", "blob r1.layer", "blob r2", "blob r2.layer",
			},
		},
		"with a tag stay": {
			text:  "image a:v1 layers=l1 as=x\nreferrer a of=x as=r1\ntag a:sbom r1",
			args:  []string{"rm", "a:v1"},
			items: []string{"tag a:v1 x", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
		},
		"by the fallback tag": {
			text: "image a:v1 layers=l1 as=x\nreferrer a of=x as=r1 fallback\nimage a:keep type=artifact layers=l9 as=k",
			args: []string{"rm", "a:v1"}, shared: 1,
			items: []string{
				"tag a:v1 x", "tag a:sha256-{x} x.fallback", "manifest a x", "manifest a r1", "manifest a x.fallback",
				"layerLink a l1", "layerLink a x.config", "layerLink a r1.layer",
				"blob x", "blob x.config", "blob l1", "blob r1", "blob r1.layer", "blob x.fallback",
			},
		},
		"by cosign's tags, fresh ones too": {
			text: "image a:v1 layers=l1 as=x\ncosign a of=x as=sig age=5m\ncosign a of=x as=att kind=att\nimage a:keep as=k",
			args: []string{"rm", "a:v1"},
			items: []string{
				"tag a:v1 x", "tag a:sha256-{x}.sig sig", "tag a:sha256-{x}.att att", "manifest a x", "manifest a sig", "manifest a att",
				"layerLink a l1", "layerLink a x.config", "layerLink a sig.layer", "layerLink a sig.config", "layerLink a att.layer", "layerLink a att.config",
				"blob x", "blob x.config", "blob l1", "blob sig", "blob sig.layer", "blob sig.config", "blob att", "blob att.layer", "blob att.config",
			},
		},
		"whose manifest has another tag": {
			text:  "image a:v1 layers=l1 as=x\ncosign a of=x as=sig\ntag a:mine sig",
			args:  []string{"rm", "a:v1"},
			items: []string{"tag a:v1 x", "tag a:sha256-{x}.sig sig", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
		},
		"alone": {
			text:  "image a:v1 layers=l1 as=x\ncosign a of=x as=sig",
			args:  []string{"rm", "a:sha256-{x}.sig"},
			items: []string{"tag a:sha256-{x}.sig sig", "manifest a sig", "layerLink a sig.layer", "layerLink a sig.config", "blob sig", "blob sig.layer", "blob sig.config"},
		},
		"without a tag, alone": {
			text: "image a:v1 layers=l1 as=x\nreferrer a of=x as=r\nimage a:keep type=artifact layers=l9 as=k",
			args: []string{"rm", "a@{r}"}, shared: 1,
			items: []string{"manifest a r", "layerLink a r.layer", "blob r", "blob r.layer"},
		},
		"of a child that goes along": {
			text: "image a layers=l1 as=x\nindex a:all of=x as=i\ncosign a of=x as=sig\nimage a:keep as=k",
			args: []string{"rm", "a:all"},
			items: []string{
				"tag a:all i", "tag a:sha256-{x}.sig sig", "manifest a i", "manifest a x", "manifest a sig",
				"layerLink a l1", "layerLink a x.config", "layerLink a sig.layer", "layerLink a sig.config",
				"blob i", "blob x", "blob x.config", "blob l1", "blob sig", "blob sig.layer", "blob sig.config",
			},
		},
		"of a child that stays": {
			text: "image a layers=l1 as=x\nindex a:all of=x as=i\ntag a:one x\ncosign a of=x as=sig",
			args: []string{"rm", "a:all"}, shared: 3,
			items: []string{"tag a:all i", "manifest a i", "blob i"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}
