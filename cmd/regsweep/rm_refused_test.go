package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/walker/disk"
)

func TestRmRefuses(t *testing.T) {
	t.Parallel()
	const two = "image team/app:v1 layers=l1 as=x\nimage team/app:v2 layers=l2 as=y\nindex team/app:all of=x as=i\nimage team/other:v1 as=z\n"
	for name, c := range map[string]struct {
		text   string
		args   []string
		stdin  string
		status int
		says   string
	}{
		"a repository alone":             {args: []string{"rm", "team/app", "-y"}, status: 2, says: "team/app:TAG or team/app@DIGEST for an image, or --repository team/app"},
		"nothing":                        {args: []string{"rm", "-y"}, status: 2, says: "NAME:TAG"},
		"a short digest":                 {args: []string{"rm", "team/app@sha256:1234567", "-y"}, status: 2, says: "8 digits"},
		"a digest that is none":          {args: []string{"rm", "team/app@latest", "-y"}, status: 2, says: "not a digest"},
		"a tag and another's digest":     {args: []string{"rm", "team/app:v2@sha256:{x}", "-y"}, status: 1, says: "team/app:v2"},
		"a path":                         {args: []string{"rm", "../app:v1", "-y"}, status: 2, says: "not begin with the name of a repository"},
		"an image for a repository":      {args: []string{"rm", "--repository", "team/app:v1", "-y"}, status: 2, says: "without tag"},
		"without a terminal":             {args: []string{"rm", "team/app:v1"}, status: 2, says: "--yes"},
		"untag without a terminal":       {args: []string{"untag", "team/app:v1"}, status: 2, says: "--yes"},
		"untag of a digest":              {args: []string{"untag", "team/app@sha256:{x}", "-y"}, status: 2, says: "no tag"},
		"untag of a repository":          {args: []string{"untag", "team/app", "-y"}, status: 2, says: "team/app:TAG"},
		"an unknown repository":          {args: []string{"rm", "team/ap:v1", "-y"}, status: 1, says: "did you mean team/app?"},
		"a repository without its path":  {args: []string{"rm", "app:v1", "-y"}, status: 1, says: "did you mean team/app?"},
		"a repository with its registry": {args: []string{"rm", "registry.example.com:5000/team/app:v1", "-y"}, status: 1, says: "team/app:all, which is kept"},
		"a host without a port":          {args: []string{"rm", "registry.example.com/team/app:v1", "-y"}, status: 1, says: "did you mean team/app?"},
		"an unknown whole repository":    {args: []string{"rm", "--repository", "taem/app", "-y"}, status: 1, says: "did you mean team/app?"},
		"an unknown tag":                 {args: []string{"rm", "team/app:v12", "-y"}, status: 1, says: "did you mean"},
		"an unknown tag beside a known":  {args: []string{"rm", "team/app:v1", "team/other:v1", "team/other:x", "-y"}, status: 1, says: "there is no tag"},
		"an unknown tag for untag":       {args: []string{"untag", "team/app:v1", "team/app:alll", "-y"}, status: 1, says: "did you mean all"},
		"an unknown digest":              {args: []string{"rm", "team/app@sha256:{z}", "-y"}, status: 1, says: "there is no manifest"},
		"a digest with a slip":           {args: []string{"rm", "team/app@sha256:{slip}", "-y"}, status: 1, says: "did you mean team/app@sha256:"},
		"a layer's digest":               {args: []string{"rm", "team/app@sha256:{l1}", "-y"}, status: 1, says: "there is no manifest"},
		"a child of an index that stays": {args: []string{"rm", "team/app:v1", "-y"}, status: 1, says: "team/app:all, which is kept"},
		"a dry run of that":              {args: []string{"rm", "team/app:v1", "-d"}, status: 1, says: "--force"},
		"a protected repository":         {args: []string{"rm", "team/app:all", "-y", "--protect", "-"}, stdin: "team/app", status: 1, says: "protected"},
		"a protected tag":                {args: []string{"rm", "team/app:v2", "-y", "--protect", "-"}, stdin: "team/app:v2", status: 1, says: "protected"},
		"a protected digest":             {args: []string{"rm", "team/app:v2", "-y", "--protect", "-"}, stdin: "sha256:{y}", status: 1, says: "protected"},
		"another protected tag of it":    {text: "tag team/app:prod y", args: []string{"rm", "team/app:v2", "-y", "--protect", "-"}, stdin: "**:prod", status: 1, says: "protected"},
		"untag of a protected tag":       {args: []string{"untag", "team/app:v2", "-y", "--protect", "-"}, stdin: "team/app:v2", status: 1, says: "protected"},
		"a protected image in a whole":   {args: []string{"rm", "--repository", "team/app", "-y", "--protect", "-"}, stdin: "team/app:v2", status: 1, says: "protected"},
		"a repository that is pushed to": {text: "upload team/app kind=patched size=1k age=5m", args: []string{"rm", "--repository", "team/app", "-y"}, status: 1, says: "--grace 0"},
		"more than the limit":            {args: []string{"rm", "team/app:v2", "-y", "--max-remove", "1%"}, status: 1, says: "--max-remove"},
		"a tag that holds no digest":     {text: "damage garbage tag team/app:v2", args: []string{"rm", "team/app:v2", "-y"}, status: 1, says: "regsweep untag --root"},
	} {
		t.Run(name, func(t *testing.T) {
			s := layouttest.New(t, two+c.text)
			before := s.Snapshot(t)
			stdin := ""
			if c.stdin != "" {
				stdin = orderedNames(s, []string{c.stdin})[0]
			}
			for i := range c.args {
				// One digit of a digest is another one.
				hex := s.Digest("x").Hex()
				c.args[i] = strings.ReplaceAll(c.args[i], "{slip}", hex[:9]+map[bool]string{true: "1", false: "0"}[hex[9] == '0']+hex[10:16])
			}
			r := runProgram(t, stdin, append(orderedNames(s, c.args), "--root", s.Root)...)
			if r.status != c.status || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
				t.Errorf("status %d, want %d, and %q in\n%s%s", r.status, c.status, c.says, r.stderr, r.stdout)
			}
			delete(before, ".")
			same(t, "the store", before, s.Snapshot(t))
		})
	}
}

func TestRmByAnAbbreviatedDigest(t *testing.T) {
	s := newStore(t, "image a:v1 as=x\nimage a:v2 as=y")
	for _, prefix := range []string{"sha256:" + s.Digest("x").Hex()[:8], s.Digest("x").Hex()[:8], s.Digest("x").Hex()} {
		if r := run(t, s, "rm", "a@"+prefix, "-d"); r.status != 0 || r.report.Removed.Manifests != 1 {
			t.Errorf("%s: %s", prefix, r.stderr)
		}
	}
}

// What is kept by protection, and not named, stays when its index goes.
func TestRmLeavesProtectedChildren(t *testing.T) {
	s := newStore(t, "image a layers=l1 as=x\nimage a layers=l2 as=y\nindex a:all of=x,y as=i")
	r := runProgram(t, "a@"+s.Digest("x").String(), "rm", "a:all", "-y", "--protect", "-", "--root", s.Root)
	if r.status != 0 || s.Missing("a@"+s.Digest("x").String()) != nil || s.Has("y") || s.Has("i") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
}

// A manifest that the system cannot read is the one thing that is removed from
// a store which cannot be read in full.
func TestRmOfWhatTheSystemCannotRead(t *testing.T) {
	const text = "image a:v1 layers=l1 as=x\nimage a:v2 layers=l2 as=y\nimage b:v1 as=z\norphan as=o"
	run := func(t *testing.T, s *layouttest.Store, args ...string) int {
		t.Helper()
		bad := s.Digest("x").Hex() + "/data"
		files := &disk.FS{Fault: func(op disk.Op, path string) error {
			if op == disk.OpRead && strings.HasSuffix(path, bad) {
				return syscall.EIO
			}
			return nil
		}}
		p := &program{in: strings.NewReader(""), out: &strings.Builder{}, voice: &term.Voice{W: &strings.Builder{}}, files: files}
		return p.main(append(args, "--root", s.Root))
	}
	s := newStore(t, text)
	x := "a@" + s.Digest("x").String()
	before := s.BlobBytes(t)
	for _, args := range [][]string{{"rm", "a:v2", "-y"}, {"rm", "a:v2", x, "-y"}, {"rm", "a:v1", "-y"}, {"untag", "a:v2", "-y"}, {"gc", "-y"}} {
		if status := run(t, s, args...); status != 1 || len(s.Missing("a:v2")) > 0 || s.BlobBytes(t) != before {
			t.Errorf("%v: status %d", args, status)
		}
	}
	if status := run(t, s, "rm", x, "-y"); status != 3 {
		t.Errorf("status %d", status)
	}
	if s.HasPath("repositories/a/_manifests/revisions/sha256/{x}/link") || s.HasPath("repositories/a/_manifests/tags/v1") {
		t.Error("the manifest or its tag is still there")
	}
	if s.BlobBytes(t) != before || len(s.Missing("a:v2")) > 0 {
		t.Error("blobs were swept")
	}
}

func TestUntag(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]removedCase{
		"one of several": {
			text: "image a/b:v1,v2 layers=l1 as=x\norphan as=o", args: []string{"untag", "a/b:v1"},
			items: []string{"tag a/b:v1 x"}, garbage: []string{"blob o"},
		},
		"the last, fresh": {
			text: "image a/b:v1 layers=l1 as=x age=5m", args: []string{"untag", "a/b:v1"},
			items: []string{"tag a/b:v1 x"},
		},
		"several": {
			text: "image a:v1,v2 as=x\nimage b:v1 as=y", args: []string{"untag", "a:v1", "a:v2", "b:v1"},
			items: []string{"tag a:v1 x", "tag a:v2 x", "tag b:v1 y"},
		},
		"of a signature": {
			text: "image a:v1 as=x\ncosign a of=x as=sig", args: []string{"untag", "a:sha256-{x}.sig"},
			items: []string{"tag a:sha256-{x}.sig sig"},
		},
		"of an image with a signature": {
			text: "image a:v1 as=x\ncosign a of=x as=sig", args: []string{"untag", "a:v1"},
			items: []string{"tag a:v1 x"},
		},
		"with something else in its directory": {
			text: "image a:v1 as=x age=5m\nraw repositories/a/_manifests/tags/v1/.DS_Store x", args: []string{"untag", "a:v1"},
			items: []string{"tag a:v1 x"},
		},
		"that holds no digest": {
			text: "image a:v1,v2 as=x\ndamage garbage tag a:v1", args: []string{"untag", "a:v1"},
			items: []string{"tag a:v1"},
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

// rm of an image one of whose tags holds something else is cut, and goes as a whole.
func TestRmOfATagWithSomethingElseInIt(t *testing.T) {
	s := newStore(t, "image a:v1,v2 layers=l1 as=x age=5m\nraw repositories/a/_manifests/tags/v1/.DS_Store x\nimage a:keep as=k")
	r := run(t, s, "rm", "a:v2", "-y")
	if r.status != 0 || r.report.Removed.Tags != 2 || s.Has("l1") || s.Has("x") {
		t.Errorf("status %d, removed %+v: %s", r.status, r.report.Removed, r.stderr)
	}
	if s.HasPath("repositories/a/_manifests/tags/v1/current") {
		t.Error("the tag can still be pulled")
	}
}
