package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
)

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore+"image broken:v1 as=broken layers=gone\ndamage missing blob gone\nimage rotten:v1 as=rotten layers=rot\ndamage garbage blob rot\nimage half:v1 as=half\ndamage half-tag tag half:v1")
	full, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	writeFiles(t, full, map[string]string{"README": "x"})
	writeFiles(t, filepath.Dir(file), map[string]string{"file": "x"})
	for _, c := range []struct {
		name   string
		status int
		args   []string
		says   string
	}{
		{"no directory", statusUsage, []string{"team/app:v1"}, "where to"},
		{"a directory with other things", statusFailed, []string{"team/app:v1", full}, "neither empty nor"},
		{"a file", statusFailed, []string{"team/app:v1", file}, "not a directory"},
		{"a directory in the store", statusUsage, []string{"team/app:v1", filepath.Join(s.Root, layout.Store, "out/put")}, "in the store"},
		{"a tag that is not there", statusFailed, []string{"team/app:v9", filepath.Join(full, "x")}, "team/app:v9"},
		{"a repository that is not there", statusFailed, []string{"nothing/here", filepath.Join(full, "x")}, "nothing/here"},
		{"an image that lacks a layer", statusFailed, []string{"broken:v1", filepath.Join(full, "x")}, "is not in the store"},
		{"a tag without a current link", statusFailed, []string{"half:v1", filepath.Join(full, "x")}, "half:v1"},
		{"a digest alone", statusUsage, []string{s.Digest("one").String(), filepath.Join(full, "x")}, "digest alone"},
		{"tag names of two repositories", statusUsage, []string{"--tag-names", "team/app:v1", "other:v1", filepath.Join(full, "x")}, "--tag-names"},
	} {
		r := export(t, s, c.args...)
		if r.status != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: status %d: %s", c.name, r.status, r.stderr)
		}
		if _, err := os.Stat(filepath.Join(full, "x")); err == nil {
			t.Errorf("%s: something has been made", c.name)
		}
	}
	// Damage is seen while data are copied: nothing lists the image.
	dir := t.TempDir()
	r := export(t, s, "rotten:v1", "other:v1", dir)
	if r.status != statusFailed || !strings.Contains(r.stderr, s.Digest("rot").String()) || !strings.Contains(r.stderr, " --read-data") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err == nil {
		t.Error("index.json has been written")
	}
	if r := export(t, s, "other:v1", dir); r.status != statusDone {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	if slices.Contains(namesOf(s, blobsIn(t, dir)), "rot") {
		t.Error("the damaged blob is there")
	}
}

func TestExportDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore)
	dir := filepath.Join(t.TempDir(), "layout")
	r := export(t, s, "-d", "-o", "json", "team/app", dir)
	conforms(t, "export", r.stdout)
	var would, did exported
	if err := json.Unmarshal([]byte(r.stdout), &would); err != nil || r.status != statusDone || !would.DryRun {
		t.Fatalf("status %d, %v: %s", r.status, err, r.stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Fatal("the directory has been made")
	}
	r = export(t, s, "-o", "json", "team/app", dir)
	if err := json.Unmarshal([]byte(r.stdout), &did); err != nil {
		t.Fatal(err)
	}
	if would.CopiedBytes != did.CopiedBytes+did.ReflinkedBytes || len(would.Images) != len(did.Images) {
		t.Errorf("it would be %+v, and was %+v", would, did)
	}
	r = export(t, s, "-d", "-o", "json", "team/app", dir)
	if !strings.Contains(r.stdout, `"presentBytes": `+jsonNumber(would.CopiedBytes)) {
		t.Errorf("nothing is there already: %s", r.stdout)
	}
}

// A store from which nothing can be written to is as good as any.
func TestExportChangesNothingInTheStore(t *testing.T) {
	t.Parallel()
	s := newStore(t, exportStore)
	before := s.Snapshot(t)
	if r := export(t, s, "team/app", "other:v1", t.TempDir()); r.status != statusDone {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	same(t, "the store", before, s.Snapshot(t))
}
