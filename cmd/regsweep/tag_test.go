package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func TestTag(t *testing.T) {
	s := layouttest.New(t, deletedSample)
	tag := func(status int, args ...string) result {
		t.Helper()
		r := runProgram(t, "", append([]string{"tag", "--root", s.Root}, args...)...)
		if r.status != status {
			t.Fatalf("%q: status %d: %s%s", args, r.status, r.stdout, r.stderr)
		}
		return r
	}
	before := s.Tree(t)
	tag(statusDone, "a:v1", "stable", "-d")
	tag(statusDone, "a:v1", "v1")
	for says, args := range map[string][]string{
		"is there and names":              {"a:v1", "latest"},
		"there is no such tag":            {"a:klingon", "x"},
		"does not link such a manifest":   {image(s, "a", "deleted"), "x"},
		"there is no repository":          {"z:v1", "x"},
		"the tag names " + sha(s, "kept"): {"a:v1@" + sha(s, "over2"), "x"},
	} {
		if r := tag(statusFailed, args...); !strings.Contains(r.stderr, says) {
			t.Errorf("%q: %s", args, r.stderr)
		}
	}
	for says, args := range map[string][]string{
		"not a tag that a registry accepts": {"a:v1", "a:v2"},
		"is a repository":                   {"a", "x"},
		"keep for signatures":               {"a:v1", "sha256-" + strings.Repeat("a", 64)},
		"needs an image":                    {"a:v1"},
		"give --yes":                        {"a:v1", "latest", "--force"},
	} {
		if r := tag(statusUsage, args...); !strings.Contains(r.stderr, says) {
			t.Errorf("%q: %s", args, r.stderr)
		}
	}
	if diff := cmp.Diff(before, s.Tree(t)); diff != "" {
		t.Fatal(diff)
	}
	var got taggedResult
	if err := json.Unmarshal([]byte(tag(statusDone, "a:v1", "stable", "-o", "json").stdout), &got); err != nil {
		t.Fatal(err)
	}
	if want := (taggedResult{tagSchema, s.Root, false, "a", "stable", sha(s, "kept"), nil}); !cmp.Equal(want, got) || len(s.Missing("a:stable")) > 0 || !currentNames(t, s, "a", "stable", "kept") {
		t.Errorf("%+v", got)
	}
	if err := json.Unmarshal([]byte(tag(statusDone, image(s, "a", "over2"), "stable", "--force", "-y", "-o", "json").stdout), &got); err != nil {
		t.Fatal(err)
	}
	if was := sha(s, "kept"); got.Previous == nil || *got.Previous != was || !currentNames(t, s, "a", "stable", "over2") {
		t.Errorf("%+v", got)
	}
	history := runProgram(t, "", "ls", "--root", s.Root, "a:stable", "--history", "-o", "json").stdout
	if !strings.Contains(history, sha(s, "kept")) || !strings.Contains(history, sha(s, "over2")) {
		t.Error(history)
	}
	if r := runProgram(t, "", "check", "--root", s.Root, "-q"); r.status != statusDone {
		t.Errorf("check: status %d: %s%s", r.status, r.stdout, r.stderr)
	}
}

func sha(s *layouttest.Store, name string) string { return s.Digest(name).String() }

// A protected tag is never moved; an image without all of its blobs gets no tag.
func TestTagRefuses(t *testing.T) {
	for pattern, moves := range map[string]bool{"a:latest": false, "a": false, "DIGEST": false, "a:v1": true} {
		s := layouttest.New(t, deletedSample)
		if pattern == "DIGEST" {
			pattern = image(s, "a", "over2")
		}
		if r := runProgram(t, "", "protect", "add", "--root", s.Root, pattern); r.status != statusDone {
			t.Fatal(r.stderr)
		}
		r := runProgram(t, "", "tag", "--root", s.Root, "a:v1", "latest", "--force", "-y")
		if (r.status == statusDone) != moves || currentNames(t, s, "a", "latest", "kept") != moves {
			t.Errorf("%s is protected: status %d: %s", pattern, r.status, r.stderr)
		}
	}
	s := layouttest.New(t, deletedSample+"remove blobs/sha256/{xx:base}/{base}\n")
	if r := runProgram(t, "", "tag", "--root", s.Root, "a:v1", "x"); r.status != statusFailed || !strings.Contains(r.stderr, "the store lacks "+sha(s, "base")) || s.HasPath("repositories/a/_manifests/tags/x") {
		t.Error(r)
	}
}
