package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func TestGCRemovesOrphansAndKeepsImages(t *testing.T) {
	s := layouttest.New(t, `
		image a/b:v1 layers=one,two as=img
		orphan as=orphan size=5k
		layer a/b unused
	`)
	dry := mustGC(t, s, 0, "--dry-run")
	if diff := cmp.Diff([]string{"orphan", "unused"}, blobsOf(s, dry)); diff != "" {
		t.Errorf("planned (-want +got)\n%s", diff)
	}
	if !s.Has("orphan") {
		t.Fatal("a dry run has removed a blob")
	}
	before := s.BlobBytes(t)
	run := mustGC(t, s, 0)
	if diff := cmp.Diff(dry.report.Removed, run.report.Removed); diff != "" {
		t.Errorf("the dry run said (-) and the run did (+)\n%s", diff)
	}
	if freed := before - s.BlobBytes(t); freed != run.report.Removed.Bytes {
		t.Errorf("%d bytes are gone, the report says %d", freed, run.report.Removed.Bytes)
	}
	if missing := s.Missing("a/b:v1"); missing != nil {
		t.Errorf("a/b:v1 lacks %v", missing)
	}
	if again := mustGC(t, s, 0); len(again.report.Items) != 0 {
		t.Errorf("a second run removed %v", again.report.Items)
	}
}
