package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// reason is the JSON of why, as docs/formats.md has it.
type reason struct {
	Digest     string
	Live       bool
	Paths      [][]string
	FreshUntil *time.Time
}

func why(t testing.TB, s *layouttest.Store, what string) (w reason) {
	t.Helper()
	r := runProgram(t, "", "why", "--root", s.Root, "-o", "json", what)
	if r.status != 0 && r.status != 3 {
		t.Fatalf("why %s: status %d: %s", what, r.status, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWhy(t *testing.T) {
	const index = "image a/b layers=l1 as=x\nimage a/b layers=l2 as=y\nindex a/b:v1 of=x,y as=i\n"
	for name, c := range map[string]struct {
		text, what string
		live       bool
		paths      []string // NAMEs for digests, with blanks between
	}{
		"a layer of an index's child": {text: index, what: "{l1}", live: true, paths: []string{"a/b:v1 i x l1"}},
		"a shorter way":               {text: index + "tag a/b:z x", what: "{l1}", live: true, paths: []string{"a/b:z x l1"}},
		"the first of several tags":   {text: "image a:v2,v1,v3 layers=l1 as=x", what: "{l1}", live: true, paths: []string{"a:v1 x l1"}},
		"a tagged manifest":           {text: index, what: "{i}", live: true, paths: []string{"a/b:v1 i"}},
		"a config":                    {text: index, what: "{x.config}", live: true, paths: []string{"a/b:v1 i x x.config"}},
		"several repositories":        {text: index + "copy c:v9 x\ncopy d x", what: "{l1}", live: true, paths: []string{"a/b:v1 i x l1", "c:v9 x l1", "d@{x} l1"}},
		"a tag, though an untagged one is nearer": {
			text: "image a layers=l1 as=x\nindex a:v1 of=x as=i\nimage a layers=l1 as=y", what: "{l1}", live: true, paths: []string{"a:v1 i x l1"},
		},
		"an untagged manifest":     {text: "image a layers=l1 as=x", what: "{x}", live: true, paths: []string{"a@{x}"}},
		"a referrer":               {text: "image a:v1 as=x\nreferrer a of=x as=r", what: "{r.layer}", live: true, paths: []string{"a:v1 x r r.layer"}},
		"a referrer's referrer":    {text: "image a:v1 as=x\nreferrer a of=x as=r\nreferrer a of=r as=s", what: "{s}", live: true, paths: []string{"a:v1 x r s"}},
		"a signature":              {text: "image a:v1 as=x\ncosign a of=x as=sig", what: "{sig.layer}", live: true, paths: []string{"a:sha256-{x}.sig sig sig.layer"}},
		"by what a tag names":      {text: index + "copy c:w i deep", what: "a/b:v1", live: true, paths: []string{"a/b:v1 i", "c:w i"}},
		"by repository and digest": {text: index, what: "a/b@sha256:{y}", live: true, paths: []string{"a/b:v1 i y"}},
		"an orphan":                {text: "image a:v1 as=x\norphan as=o", what: "{o}", paths: []string{}},
		"a layer link":             {text: "image a:v1 as=x\nlayer a o", what: "{o}", paths: []string{}},
		"an absent blob":           {text: "image a:v1 layers=l1 as=x\ndamage missing blob l1", what: "sha256:{l1}", live: true, paths: []string{"a:v1 x l1"}},
		"a schema 1 signature":     {text: "image a:v1 type=schema1 signatures=1 as=x", what: "{x.signature1}", live: true, paths: []string{"a:v1 x x.signature1"}},
		"a sparse child elsewhere": {
			text: index + "index b:w sparse=x as=j", what: "{l1}", live: true, paths: []string{"a/b:v1 i x l1"},
		},
		"what an index names and nobody links": {text: index + "index b:w sparse=x as=j", what: "{x}", live: true, paths: []string{"a/b:v1 i x", "b:w j x"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, c.text)
			before := s.Snapshot(t)
			got := why(t, s, orderedNames(s, []string{c.what})[0])
			paths := []string{}
			for _, p := range got.Paths {
				for i := range p {
					if strings.HasPrefix(p[i], "sha256:") {
						p[i] = nameOf(s, p[i])
					}
					for _, n := range s.Names() {
						p[i] = strings.ReplaceAll(strings.ReplaceAll(p[i], "@"+s.Digest(n).String(), "@{"+n+"}"), s.Digest(n).Hex(), "{"+n+"}")
					}
				}
				paths = append(paths, strings.Join(p, " "))
			}
			same(t, "the paths", c.paths, paths)
			if got.Live != c.live || got.FreshUntil != nil {
				t.Errorf("live is %v, fresh until %v", got.Live, got.FreshUntil)
			}
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}

// A reference by sha512 keeps the blob that the layer link names.
func TestWhyAlias(t *testing.T) {
	s := newStore(t, "image a:v1 layers=0 alias=1 as=x")
	alias, blob := s.Alias("x.alias1").String(), s.Digest("x.alias1").String()
	for what, d := range map[string]string{alias: alias, blob: blob, alias[:20]: alias, alias[7:19]: alias, blob[:15]: blob} {
		w := why(t, s, what)
		if !w.Live || len(w.Paths) != 1 || !slices.Equal(w.Paths[0], []string{"a:v1", s.Digest("x").String(), d}) {
			t.Errorf("%s: %+v", what, w)
		}
		if text := runProgram(t, "", "why", "--root", s.Root, what).stdout; strings.Contains(text, "not in the store") {
			t.Errorf("%s: a blob that is stored is called missing: %s", what, text)
		}
	}
}

// What only its age keeps says until when.
func TestWhyFresh(t *testing.T) {
	s := newStore(t, "image a:v1 as=x\norphan as=o age=20m\nlayer a old age=30d\nlayer a linked age=30d\ntouch repositories/a/_layers/sha256/{linked}/link age=10m")
	for name, age := range map[string]time.Duration{"o": 20 * time.Minute, "linked": 10 * time.Minute} {
		w := why(t, s, s.Digest(name).String())
		if !w.Live || len(w.Paths) != 0 || w.FreshUntil == nil || !w.FreshUntil.Equal(s.Now.Add(time.Hour-age)) {
			t.Errorf("%s: %+v", name, w)
		}
	}
	r := runProgram(t, "", "why", "--root", s.Root, s.Digest("o").String())
	if !strings.Contains(r.stdout, "until "+s.Now.Add(40*time.Minute).UTC().Format(time.RFC3339)) {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	r = runProgram(t, "", "why", "--root", s.Root, s.Digest("old").Hex()[:8])
	if r.status != 0 || !strings.Contains(r.stdout, "nothing keeps") || !strings.Contains(r.stdout, "next gc removes it") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

func TestWhyInABrokenRepository(t *testing.T) {
	t.Parallel()
	s := newStore(t, "image a:v1 layers=l1 as=x\nlayer a stray\ndamage truncated blob x")
	r := runProgram(t, "", "why", "--root", s.Root, s.Digest("stray").String())
	if r.status != 0 || !strings.Contains(r.stdout, `"a" cannot be read in full`) || !strings.Contains(r.stderr, "the store has 1 problem: regsweep check --root "+s.Root) {
		t.Errorf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
}

func TestWhyRefuses(t *testing.T) {
	s := newStore(t, "image a:v1 layers=l1 as=x\nimage b:v1 as=y")
	for what, c := range map[string]struct {
		status int
		says   string
	}{
		"sha256:" + strings.Repeat("0", 64):     {1, "not in the store"},
		strings.Repeat("0", 12):                 {1, "there is no"},
		"a:v2":                                  {1, "there is no tag a:v2"},
		"a@" + s.Digest("y").String():           {1, "there is no a@"},
		"app":                                   {2, "DIGEST, NAME:TAG or NAME@DIGEST"},
		"1234567":                               {2, "8 digits"},
		"sha256:1234567":                        {2, "8 digits"}, // and no tag of a repository of that name
		"sha256:12345678/x":                     {2, "not a digest"},
		"a/{b,c:v1":                             {2, "without its"},
		"b*:v9":                                 {1, "there is no image that matches"},
		"md5:" + strings.Repeat("0", 32) + "/x": {2, "md5"},
		"a/b@latest":                            {2, "not a digest"},
	} {
		r := runProgram(t, "", "why", "--root", s.Root, what)
		if r.status != c.status || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("why %s: status %d, want %d and %q\n%s%s", what, r.status, c.status, c.says, r.stderr, r.stdout)
		}
	}
}

// With --all there is a way from everything that keeps it; an untagged child of
// an index is on the way from the index, and is not one of its own.
func TestWhyAllNamesEveryKeeper(t *testing.T) {
	s := newStore(t, `
		image a layers=l1 as=x age=9d
		index a:v1,v2 of=x as=i age=9d
		image a layers=l1 as=u age=9d
		image b:w layers=l1 as=y age=9d
	`)
	count := func(args ...string) int {
		r := runProgram(t, "", append([]string{"why", "--root", s.Root, "-o", "json", s.Digest("l1").String()}, args...)...)
		var w reason
		if err := json.Unmarshal([]byte(r.stdout), &w); err != nil {
			t.Fatalf("%v: %s", err, r.stderr)
		}
		return len(w.Paths)
	}
	if few, all := count(), count("--all"); few != 2 || all != 4 {
		t.Errorf("%d ways, and %d with --all: want one for a and for b, and a:v1, a:v2, a@u and b:w", few, all)
	}
}

// An image without a tag that is not old goes with gc -m from a moment on.
func TestWhySaysWhenAnAgeEnds(t *testing.T) {
	s := newStore(t, "image a:v1 layers=l1 as=x age=9d\nimage a layers=l2 as=y age=3h")
	r := runProgram(t, "", "why", "--root", s.Root, "-o", "json", "a@"+s.Digest("y").String())
	var w struct {
		Verdict map[string]*struct {
			Action, Reason string
			At             *time.Time
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &w); err != nil {
		t.Fatal(err, r.stderr)
	}
	if gc := w.Verdict["gc"]; gc.Action != "keep" || gc.At != nil {
		t.Errorf("gc: %+v", gc)
	}
	m := w.Verdict["gcDeleteUntagged"]
	if m.Action != "keep" || !strings.HasPrefix(m.Reason, "recent: ") || m.At == nil || m.At.Sub(s.Now.Add(21*time.Hour)).Abs() > time.Second {
		t.Errorf("gc -m: %+v", m)
	}
	if w.Verdict["policy"] != nil {
		t.Error("there is a verdict of a policy that nobody gave")
	}
}

// Where gc -m would refuse the store, it removes nothing.
func TestWhyOfAStoreThatGCRefuses(t *testing.T) {
	s := newStore(t, "image a layers=l1 as=x age=9d")
	r := runProgram(t, "", "why", "--root", s.Root, "a@"+s.Digest("x").String())
	if r.status != 0 || !strings.Contains(r.stdout, "gc -m keeps it: gc refuses this store: ") {
		t.Errorf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
}
