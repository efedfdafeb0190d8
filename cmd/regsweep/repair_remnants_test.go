package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A repair removes what one before it was writing when it was stopped: beside
// live data no sweep looks. What a registry is writing stays.
func TestRepairRemovesWhatStoppedRepairsWereWriting(t *testing.T) {
	t.Parallel()
	s := damaged(t, "damage zero layer a/app l2")
	beside := []string{
		filepath.Dir(dataOf(s, "x1")),
		filepath.Join(s.Dir, "repositories/a/app/_manifests/tags/v1/current"),
		filepath.Join(s.Dir, "repositories/a/app/_manifests/revisions/sha256", s.Digest("x1").Hex()),
		filepath.Join(s.Dir, "repositories/a/app/_layers/sha256", s.Digest("l1").Hex()),
	}
	var own, others []string
	for i, dir := range beside {
		name := map[bool]string{true: "data", false: "link"}[i == 0]
		own = append(own, filepath.Join(dir, name+".0d6a1c1e-3f0b-8a7e-9a53-0123456789ab.tmp"))
		others = append(others, filepath.Join(dir, name+".0d6a1c1e-3f0b-4a7e-9a53-0123456789ab.tmp"))
	}
	for _, path := range append(own, others...) {
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if changedBy(t, s, func() { repairing(t, s, statusDone, "-d") }) {
		t.Error("a dry run has changed something")
	}
	for range 2 { // with something to repair, and with nothing
		repairing(t, s, statusDone)
		for i := range own {
			if _, err := os.Stat(own[i]); !os.IsNotExist(err) {
				t.Errorf("%s is left: %v", own[i], err)
			}
			if _, err := os.Stat(others[i]); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(own[i], nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
