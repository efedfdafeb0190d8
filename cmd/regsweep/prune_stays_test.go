package main

import "testing"

func TestPruneReferrers(t *testing.T) {
	t.Parallel()
	const removeOrphans = `{repositories: ["**"], orphaned-referrers: remove}`
	for name, c := range map[string]pruneCase{
		"go with their subject": {
			text: "image a:old layers=l1 as=x age=40d\nreferrer a of=x as=r age=40d\ncosign a of=x as=sig age=1d\nimage a:new type=artifact layers=l9 as=n age=1d",
			items: []string{
				"tag a:old x", "tag a:sha256-{x}.sig sig", "manifest a x", "manifest a r", "manifest a sig",
				"layerLink a l1", "layerLink a x.config", "layerLink a r.layer", "layerLink a sig.layer", "layerLink a sig.config",
				"blob x", "blob x.config", "blob l1", "blob r", "blob r.layer", "blob sig", "blob sig.layer", "blob sig.config",
			},
			policy: within20d, shared: 1, decisions: []string{"remove a:old", "remove a:sha256-<x>.sig", "keep a:new"},
			reasons: []string{"a:sha256-<x>.sig: follows its subject sha256:<x>"},
		},
		"stay with their subject": {
			text:   "image a:new as=x age=1d\nreferrer a of=x as=r age=40d\ncosign a of=x as=sig age=40d",
			policy: `{repositories: ["**"], orphaned-referrers: remove, untagged: {keep: {none: true}}, tags: [{match: ["*"], keep: {within: 20d}}]}`,
			items:  []string{}, decisions: []string{"keep a:new", "keep a:sha256-<x>.sig"},
		},
		"a tagged one stays": {
			text: "image a:old layers=l1 as=x age=40d\nreferrer a of=x as=r age=1d\ntag a:sbom r age=1d", policy: within20d,
			items:     []string{"tag a:old x", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"},
			decisions: []string{"remove a:old", "keep a:sbom"},
		},
		"one that loses its tag stays with its subject": {
			text: "image a:new as=x age=1d\nreferrer a of=x as=r age=40d\ntag a:sbom r age=40d", policy: within20d,
			items: []string{"tag a:sbom r"}, decisions: []string{"keep a:new", "remove a:sbom"},
			reasons: []string{"a:sbom: older than 20d; its image is kept: its subject sha256:<x> is kept"},
		},
		"orphans stay": {
			text: "image - as=x\nimage a:new as=n age=1d\ncosign a of=x as=sig age=40d", policy: within20d,
			items: []string{}, decisions: []string{"keep a:new", "keep a:sha256-<x>.sig"},
		},
		"orphans go where the rule says so": {
			text: "image - as=x\nimage a:new as=n age=1d\ncosign a of=x as=sig age=40d\ncosign a of=x as=att kind=att age=5m", policy: removeOrphans,
			items: []string{
				"tag a:sha256-{x}.sig sig", "manifest a sig", "layerLink a sig.layer", "layerLink a sig.config",
				"blob sig", "blob sig.layer", "blob sig.config",
			},
			decisions: []string{"keep a:new", "remove a:sha256-<x>.sig", "keep a:sha256-<x>.att"},
		},
		"of a protected subject stay": {
			text:   "image a:old as=x age=40d\ncosign a of=x as=sig age=40d\nimage a:new as=n age=1d",
			policy: "version: 1\nprotect: [\"a@sha256:<x>\"]\nrules:\n  - " + within20d,
			items:  []string{}, decisions: []string{"keep a:old", "keep a:new", "keep a:sha256-<x>.sig"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestPruneProtected(t *testing.T) {
	t.Parallel()
	const text = "image a:old layers=l1 as=x age=40d\ntag a:twin x age=40d\nimage a:new as=n age=1d\n"
	const gone = "\nrules:\n  - " + within20d
	for name, c := range map[string]pruneCase{
		"repository": {
			text: text, policy: "version: 1\nprotect: [a]" + gone,
			items: []string{}, decisions: []string{"keep a:old", "keep a:twin", "keep a:new"}, reasons: []string{"a:old: protected by a"},
		},
		"tag keeps its image, not its twin": {
			text: text, policy: "version: 1\nprotect: [\"**:o*\"]" + gone,
			items: []string{"tag a:twin x"}, decisions: []string{"keep a:old", "remove a:twin", "keep a:new"},
			reasons: []string{"a:twin: older than 20d; shares its manifest with old"},
		},
		"digest keeps all of its tags": {
			text: text, policy: "version: 1\nprotect: [\"sha256:<x>\"]" + gone,
			items: []string{}, decisions: []string{"keep a:old", "keep a:twin", "keep a:new"}, reasons: []string{"a:twin: protected by sha256:<x>"},
		},
		"child of what goes": {
			text:   "image a layers=l1 as=x age=40d\nindex a:all of=x as=i age=40d\nimage a:new as=n age=1d",
			policy: "version: 1\nprotect: [\"a@sha256:<x>\"]" + gone, shared: 3,
			items: []string{"tag a:all i", "manifest a i", "blob i"}, decisions: []string{"remove a:all", "keep a:new"},
		},
		"untagged": {
			text:   "image a layers=l1 as=x age=40d\nimage a:new as=n age=1d",
			policy: "version: 1\nprotect: [\"a@sha256:<x>\"]\nrules: [{repositories: [a], untagged: {keep: {none: true}}}]",
			items:  []string{}, decisions: []string{"keep a@x", "keep a:new"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func TestPruneHeld(t *testing.T) {
	t.Parallel()
	const last1 = `{repositories: ["**"], tags: [{match: ["*"], keep: {last: 1}}], untagged: {keep: {none: true}}}`
	old := []string{"tag a:old x", "manifest a x", "layerLink a l1", "layerLink a x.config", "blob x", "blob x.config", "blob l1"}
	const two = "image a:old layers=l1 as=x age=40d\nimage a:good layers=l2 as=y age=30d\n"
	for name, c := range map[string]pruneCase{
		"a dangling tag takes nobody's place": {
			text: two + "image a:newest layers=l3 as=z age=2d\nremove repositories/a/_manifests/revisions/sha256/{z}/link", policy: last1, status: 3, items: old,
			garbage:   []string{"tag a:newest z", "layerLink a l3", "layerLink a z.config", "blob z", "blob z.config", "blob l3"},
			decisions: []string{"keep a:newest", "keep a:good", "remove a:old"}, reasons: []string{"a:newest: the manifest that it names is not linked"},
		},
		"nor does a half one": {
			text: two + "image a:newest layers=l3 as=z age=2d\ndamage half-tag tag a:newest", policy: last1, status: 3, items: old,
			decisions: []string{"keep a:newest", "keep a:good", "remove a:old"}, reasons: []string{"a:newest: it has no current link"},
		},
		"a broken repository is left alone, others are not": {
			text: two + "image b:old as=p age=40d\nimage b:new as=q age=1d\ndamage truncated blob q", policy: last1, status: 3, items: old,
			decisions: []string{"keep a:good", "remove a:old", "keep b:old", "keep b:new"}, reasons: []string{"b:old: its repository cannot be read in full"},
		},
		"so is one with a layer link that holds nothing": {
			text: two + "image b:old as=p age=40d\nimage b:new as=q age=1d\nlayer b stray age=40d\ndamage garbage layer b stray", policy: last1, status: 3, items: old,
			shared:    3, // found when its images were about to go
			decisions: []string{"keep a:good", "remove a:old", "keep b:old", "keep b:new"}, reasons: []string{"b:old: its repository cannot be read in full"},
		},
		"and a tag whose link holds nothing": {
			text: two + "image b:old as=p age=40d\nimage b:new as=q age=1d\ndamage garbage tag b:new", policy: last1, status: 3, items: old,
			decisions: []string{"keep a:good", "remove a:old", "keep b:old", "keep b:new", "keep b@q"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}
