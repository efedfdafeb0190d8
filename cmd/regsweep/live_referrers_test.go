package main

import "testing"

func TestLiveReferrers(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "untagged, stay with their subject, and theirs in turn",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1\nreferrer a/b of=r1 as=r2\nreferrer a/b of=r2 as=r3\norphan as=o",
			args:  "-m", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b:v1", "a/b@r1", "a/b@r2", "a/b@r3"},
		},
		{
			name:  "go with their subject, and theirs in turn",
			store: "image a/b:v1\nimage a/b as=img\nreferrer a/b of=img as=r1\nreferrer a/b of=r1 as=r2",
			args:  "-m",
			goes:  []string{"empty.json", "img", "img.config", "img.layer1", "r1", "r1.layer", "r2", "r2.layer"}, pulls: []string{"a/b:v1"},
		},
		{
			name:  "stay without -m whatever becomes of their subject",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1\ndelete-manifest a/b img",
			goes:  []string{"img", "img.config", "img.layer1"}, pulls: []string{"a/b@r1"},
		},
		{
			name:  "whose subject was deleted go with -m",
			store: "image a/b:v1 as=img\nimage a/b:v2\nreferrer a/b of=img as=r1\ndelete-manifest a/b img",
			args:  "-m", goes: []string{"empty.json", "img", "img.config", "img.layer1", "r1", "r1.layer"}, pulls: []string{"a/b:v2"},
		},
		{
			name:  "with a tag do not keep their subject",
			store: "image a/b as=img\nreferrer a/b of=img as=r1\ntag a/b:sbom r1",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"}, pulls: []string{"a/b:sbom"},
		},
		{
			name:  "of an index's child stay with the index",
			store: "image a/b as=x\nindex a/b:v1 of=x as=idx\nreferrer a/b of=x as=rx\nreferrer a/b of=idx as=ri",
			args:  "-m", items: []string{}, pulls: []string{"a/b:v1", "a/b@rx", "a/b@ri"},
		},
		{
			name: "that are indexes stay with their children, and those's referrers",
			store: `image a/b:v1 as=img
				image a/b as=child
				index a/b of=child subject=img as=idx
				referrer a/b of=child as=r1`,
			args: "-m", items: []string{}, pulls: []string{"a/b:v1", "a/b@idx", "a/b@r1"},
		},
		{
			name:  "of every type stay",
			store: "image a/b:v1 as=img\nimage a/b as=o1 type=ociartifact subject=img\nimage a/b as=o2 type=oras subject=img\nimage a/b as=o3 type=docker subject=img\nimage a/b as=o4 type=unknown subject=img\nimage a/b as=o5 type=nomediatype subject=img\nimage a/b as=o6 type=artifact subject=img",
			args:  "-m", items: []string{}, pulls: []string{"a/b@o1", "a/b@o2", "a/b@o3", "a/b@o4", "a/b@o5", "a/b@o6"},
		},
		{
			name:  "of a young untagged subject stay with it",
			store: "image a/b:v1\nimage a/b as=img age=3h\nreferrer a/b of=img as=r1",
			args:  "-m", items: []string{}, pulls: []string{"a/b@img", "a/b@r1"},
		},
		{
			name:  "whose subject is tagged only in another repository go",
			store: "image FIRST:v1 as=img\ncopy SECOND img\nreferrer SECOND of=img as=r1\nimage SECOND:other",
			args:  "-m", goes: []string{"empty.json", "r1", "r1.layer"}, pulls: []string{"FIRST:v1", "SECOND:other"},
		},
		{
			name:  "stay in the repository where the subject is live, and go from the other",
			store: "image FIRST:v1 as=img\nreferrer FIRST of=img as=r1\ncopy SECOND r1\nimage SECOND:other",
			args:  "-m", items: []string{"layerLink SECOND empty.json", "layerLink SECOND r1.layer", "manifest SECOND r1"},
			pulls: []string{"FIRST:v1", "FIRST@r1", "SECOND:other"},
		},
		{
			name:  "of a subject that is live through a referrer's index stay",
			store: "image a/b:v1 as=img\nreferrer a/b of=img as=r1 fallback\nreferrer a/b of=img as=r2 fallback\nreferrer a/b of=r2 as=r3",
			args:  "-m", goes: []string{"img.fallback"}, pulls: []string{"a/b:v1", "a/b@r1", "a/b@r2", "a/b@r3"},
		},
	})
}

func TestLiveReferrerTags(t *testing.T) {
	t.Parallel()
	runLive(t, []liveCase{
		{
			name:  "go with -m in the run in which their subject goes",
			store: "image a/b:v1\nimage a/b as=img\nreferrer a/b of=img as=r1 fallback",
			args:  "-m",
			goes:  []string{"empty.json", "img", "img.config", "img.fallback", "img.layer1", "r1", "r1.layer"},
			items: []string{
				"layerLink a/b empty.json", "layerLink a/b img.config", "layerLink a/b img.layer1", "layerLink a/b r1.layer",
				"manifest a/b img", "manifest a/b img.fallback", "manifest a/b r1", "tag a/b sha256-{img}",
			},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "of cosign go too",
			store: "image a/b:v1\nimage a/b as=img\ncosign a/b of=img\ncosign a/b of=img kind=att\ncosign a/b of=img kind=sbom",
			args:  "-m",
			goes: []string{
				"img", "img.att", "img.att.config", "img.att.layer", "img.config", "img.layer1",
				"img.sbom", "img.sbom.config", "img.sbom.layer", "img.sig", "img.sig.config", "img.sig.layer",
			},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "go in turn: the signature of a signature that goes",
			store: "image a/b:v1\nimage a/b as=img\ncosign a/b of=img as=s1\ncosign a/b of=s1 as=s2\ncosign a/b of=s2 kind=att as=s3",
			args:  "-m",
			goes:  []string{"img", "img.config", "img.layer1", "s1", "s1.config", "s1.layer", "s2", "s2.config", "s2.layer", "s3", "s3.config", "s3.layer"},
			pulls: []string{"a/b:v1"},
		},
		{
			name:  "stay without -m",
			store: "image a/b as=img\ncosign a/b of=img\nreferrer a/b of=img as=r1 fallback",
			items: []string{}, pulls: []string{"a/b@img", "a/b@img.sig", "a/b@r1"},
		},
		{
			name:  "stay while their subject is tagged",
			store: "image a/b:v1 as=img\ncosign a/b of=img\nreferrer a/b of=img as=r1 fallback",
			args:  "-m", items: []string{}, pulls: []string{"a/b:v1", "a/b@img.sig", "a/b@img.fallback"},
		},
		{
			name:  "stay while an index keeps their subject",
			store: "image a/b as=img\nindex a/b:v1 of=img\ncosign a/b of=img",
			args:  "-m", items: []string{}, pulls: []string{"a/b:v1", "a/b@img.sig"},
		},
		{
			name:  "stay while their subject is young",
			store: "image a/b:v1\nimage a/b as=img age=3h\ncosign a/b of=img",
			args:  "-m", items: []string{}, pulls: []string{"a/b@img", "a/b@img.sig"},
		},
		{
			name:  "are roots like any other where their subject is not linked",
			store: "image a/b:v1 as=img\nimage - as=never\ncosign a/b of=img\ncosign a/b of=never kind=att\nreferrer a/b of=img as=r1 fallback\ndelete-manifest a/b img",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"}, pulls: []string{"a/b@img.sig", "a/b@never.att", "a/b@r1"},
		},
		{
			name:  "are roots where their subject is linked only in another repository, even if it goes from there",
			store: "image FIRST:v1\nimage FIRST as=img\ncosign SECOND of=img",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"}, pulls: []string{"FIRST:v1", "SECOND@img.sig"},
		},
		{
			name:  "stay in one repository and go from the other, as their subject does",
			store: "image FIRST:v1 as=img\ncosign FIRST of=img as=s\ncopy SECOND img\ncopy SECOND s\ntag SECOND:sha256-{img}.sig s\nimage SECOND:other",
			args:  "-m",
			items: []string{
				"layerLink SECOND img.config", "layerLink SECOND img.layer1", "layerLink SECOND s.config", "layerLink SECOND s.layer",
				"manifest SECOND img", "manifest SECOND s", "tag SECOND sha256-{img}.sig",
			},
			pulls: []string{"FIRST:v1", "FIRST@s", "SECOND:other"},
		},
		{
			name:  "go although another tag keeps the signature",
			store: "image a/b:v1\nimage a/b as=img\ncosign a/b of=img as=s\ntag a/b:keep s",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"},
			items: []string{"layerLink a/b img.config", "layerLink a/b img.layer1", "manifest a/b img", "tag a/b sha256-{img}.sig"},
			pulls: []string{"a/b:v1", "a/b:keep"},
		},
		{
			name:  "with another ending are tags as any other",
			store: "image a/b:v1\nimage a/b as=img\nimage a/b as=other\ntag a/b:sha256-{img}.foo other\ntag a/b:sha256-{img}-sig other",
			args:  "-m", goes: []string{"img", "img.config", "img.layer1"}, pulls: []string{"a/b:v1", "a/b@other"},
		},
		{
			name:  "that name their own subject keep it",
			store: "image a/b as=img\ntag a/b:sha256-{img} img\nimage a/b as=img2\ntag a/b:sha256-{img2}.sig img2",
			args:  "-m", items: []string{}, pulls: []string{"a/b@img", "a/b@img2"},
		},
	})
}
