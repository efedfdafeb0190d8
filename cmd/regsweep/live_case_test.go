package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// liveCase is a store, what gc is asked, and all that may come of it.
type liveCase struct {
	name     string
	store    string
	args     string   // besides --root, -o and -v
	status   int      // of the dry run and the run
	goes     []string // the blobs that go, by name; no other does
	items    []string // what else goes, as itemsOf says it; nil is not compared
	problems []string // their kinds, sorted; unknown files are left out if none is named
	pulls    []string // references that can be pulled, before and after; NAME@name is one by digest
}

// runLive runs each case. Where a store's text names the repositories FIRST and
// SECOND it runs twice, so that either comes first in the walk.
func runLive(t *testing.T, cases []liveCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(c.store, "FIRST") {
				c.run(t)
				return
			}
			for _, order := range [][2]string{{"aaa/x", "zzz/x"}, {"zzz/x", "aaa/x"}} {
				t.Run(order[0], func(t *testing.T) {
					t.Parallel()
					c.in(order[0], order[1]).run(t)
				})
			}
		})
	}
}

// in is the case with the names FIRST and SECOND replaced. Which of the two
// the program comes to first must make no difference.
func (c liveCase) in(first, second string) liveCase {
	names := strings.NewReplacer("FIRST", first, "SECOND", second)
	replaced := func(list []string) (out []string) {
		for _, text := range list {
			out = append(out, names.Replace(text))
		}
		slices.Sort(out)
		return out
	}
	c.store, c.goes, c.pulls = names.Replace(c.store), replaced(c.goes), replaced(c.pulls)
	if c.items != nil {
		c.items = replaced(c.items)
	}
	return c
}

func (c liveCase) run(t *testing.T) {
	t.Helper()
	s := layouttest.New(t, c.store)
	c.on(t, s, strings.Fields(c.args)...)
}

// on runs gc on a store as a dry run, in earnest and once more.
func (c liveCase) on(t *testing.T, s *layouttest.Store, args ...string) {
	t.Helper()
	c.pullable(t, s, "before the run, so that the test is wrong")
	before, stored, whole := s.Snapshot(t), s.Stored(), linkedManifests(t, s)

	dry := mustGC(t, s, c.status, append(args, "--dry-run")...)
	c.compare(t, s, "the dry run", dry)
	if diff := cmp.Diff(before, s.Snapshot(t)); diff != "" {
		t.Fatalf("the dry run has changed the store (-before +after)\n%s", diff)
	}

	run := mustGC(t, s, c.status, args...)
	c.compare(t, s, "the run", run)
	if diff := cmp.Diff(dry.report.Removed, run.report.Removed); diff != "" {
		t.Errorf("the dry run said (-) and the run did (+)\n%s", diff)
	}
	if diff := cmp.Diff(sorted(c.goes), goneBlobs(s, stored)); diff != "" {
		t.Errorf("gone from the disk (-want +got)\n%s", diff)
	}
	c.pullable(t, s, "after the run")
	for ref, missing := range linkedManifests(t, s) {
		if diff := cmp.Diff(whole[ref], missing); diff != "" {
			t.Errorf("%s is still linked, and what it lacks has changed (-before +after)\n%s", ref, diff)
		}
	}

	again := gc(t, s, args...)
	if again.status != c.status && again.status != 0 || len(again.report.Items) != 0 {
		t.Errorf("the second run: status %d, removed %v\n%s", again.status, itemsOf(s, again), again.stderr)
	}
}

func (c liveCase) compare(t *testing.T, s *layouttest.Store, who string, r result) {
	t.Helper()
	if diff := cmp.Diff(sorted(c.goes), blobsOf(s, r)); diff != "" {
		t.Errorf("blobs of %s (-want +got)\n%s", who, diff)
	}
	if diff := cmp.Diff(sorted(c.items), itemsOf(s, r)); c.items != nil && diff != "" {
		t.Errorf("other items of %s (-want +got)\n%s", who, diff)
	}
	got := kinds(r)
	if !slices.Contains(c.problems, "unknownFile") {
		got = slices.DeleteFunc(got, func(kind string) bool { return kind == "unknownFile" })
	}
	if diff := cmp.Diff(sorted(c.problems), got); diff != "" {
		t.Errorf("problems of %s (-want +got)\n%s%v", who, diff, r.report.Problems)
	}
}

func (c liveCase) pullable(t *testing.T, s *layouttest.Store, when string) {
	t.Helper()
	for _, ref := range c.pulls {
		if missing := s.Missing(byDigest(s, ref)); missing != nil {
			t.Errorf("%s lacks %v %s", ref, missing, when)
		}
	}
}

// byDigest writes the digest for the name in NAME@name.
func byDigest(s *layouttest.Store, ref string) string {
	if repository, name, ok := strings.Cut(ref, "@"); ok && !strings.Contains(name, ":") {
		return repository + "@" + s.Digest(name).String()
	}
	return ref
}

func sorted(list []string) []string {
	list = append([]string{}, list...) // empty, not nil, as the lists of reports are
	slices.Sort(list)
	return list
}

// itemsOf are a report's items that are no blobs, as "kind repository name",
// sorted. The name is a tag's, or what the store's text calls the digest; of a
// tag's history it is both.
func itemsOf(s *layouttest.Store, r result) []string {
	list := []string{}
	for _, i := range r.report.Items {
		if i.Kind != "blob" {
			list = append(list, describeItem(s, i))
		}
	}
	slices.Sort(list)
	return list
}

func describeItem(s *layouttest.Store, i sweep.ItemLine) string {
	text := []string{i.Kind, i.Repository}
	if i.Name != "" {
		text = append(text, withNames(s, i.Name))
	}
	if i.Digest != "" && i.Kind != "tag" {
		text = append(text, nameOf(s, i.Digest))
	}
	return strings.Join(text, " ")
}

// withNames writes {name} for the digits of what has the name, so that tags
// such as sha256-{img}.sig can be told.
func withNames(s *layouttest.Store, text string) string {
	for _, name := range s.Names() {
		if d := s.Digest(name); !d.IsZero() {
			text = strings.ReplaceAll(text, d.Hex(), "{"+name+"}")
		}
	}
	return text
}

// goneBlobs are the blobs that were stored and are not any more, each by the
// first of its names, sorted.
func goneBlobs(s *layouttest.Store, stored []string) []string {
	gone := map[string]bool{}
	for _, name := range stored {
		if d := s.Digest(name); !d.IsZero() && !s.Has(name) {
			gone[nameOf(s, d.String())] = true
		}
	}
	return append([]string{}, slices.Sorted(maps.Keys(gone))...)
}

// linkedManifests says for every manifest link what a pull of it lacks. No
// sweep may change that for a link that it leaves.
func linkedManifests(t *testing.T, s *layouttest.Store) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, file := range s.Tree(t) {
		repository, rest, found := strings.Cut(strings.TrimPrefix(file, "repositories/"), "/_manifests/revisions/")
		parts := strings.Split(rest, "/")
		if !found || len(parts) != 3 || parts[2] != "link" || !served(repository) {
			continue
		}
		if info, err := os.Stat(filepath.Join(s.Dir, file)); err != nil || !info.Mode().IsRegular() {
			continue // a FIFO would block the reader
		}
		ref := repository + "@" + parts[0] + ":" + parts[1]
		all[ref] = s.Missing(ref)
	}
	return all
}

// served reports whether registries and regsweep enter a repository's directory.
func served(repository string) bool {
	for part := range strings.SplitSeq(repository, "/") {
		if strings.ContainsAny(part[:1], ".@#$~+_") || part == "lost+found" {
			return false
		}
	}
	return true
}
