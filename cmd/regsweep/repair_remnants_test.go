package main

import (
	"os"
	"path/filepath"
	"strings"
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

// A repair that was killed while it exchanged a link may have taken out one that
// was pushed in that moment. The next repair cannot know, and leaves it.
func TestRepairLeavesALinkThatMayHaveBeenPushed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, current, aside string // what the two links hold
		left                 bool
	}{
		{"another image than the tag", "x1", "x2", true},
		{"the same image", "x1", "x1", false},
		{"the tag is still damaged", "", "x1", false},
		{"what was damaged", "x1", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := damaged(t, "")
			dir := filepath.Join(s.Dir, "repositories/a/app/_manifests/tags/v1/current")
			aside := filepath.Join(dir, "link.0d6a1c1e-3f0b-8a7e-9a53-0123456789ab.tmp")
			for path, image := range map[string]string{filepath.Join(dir, "link"): c.current, aside: c.aside} {
				text := "sha256:"
				if image != "" {
					text = s.Digest(image).String()
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r := runProgram(t, "", "repair", "--root", s.Root, "--yes")
			if _, err := os.Stat(aside); (err == nil) != c.left {
				t.Errorf("left: %t, want %t\n%s", err == nil, c.left, r.stderr)
			}
			if says := strings.Contains(r.stderr, s.Digest("x2").String()); says != c.left {
				t.Errorf("it names the image: %t\n%s", says, r.stderr)
			}
			if !c.left {
				return
			}
			for _, command := range adviceIn(r.stderr) {
				obey(t, command)
			}
			repairing(t, s, statusDone) // now both links hold the same
			if _, err := os.Stat(aside); err == nil {
				t.Error("it is left after what was advised")
			}
		})
	}
}

// What the link of a manifest or a layer has to hold is told by its path. A repair
// that was killed while it exchanged one leaves nothing, whichever of the two has
// the name, and whatever the damaged one holds.
func TestRepairRemovesStoppedLinksOfManifestsAndLayers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ damage, dir, aside string }{
		"before the exchange":            {"damage mismatch revision a/app x2 to=x1", "_manifests/revisions", "x2"},
		"after the exchange":             {"", "_manifests/revisions", "x1"},
		"a layer's, before the exchange": {"damage mismatch layer a/app l2 to=l1", "_layers", "l2"},
		"a layer's, after the exchange":  {"", "_layers", "l1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := damaged(t, c.damage)
			of := map[string]string{"_layers": "l2"}[c.dir]
			if of == "" {
				of = "x2"
			}
			aside := filepath.Join(s.Dir, "repositories/a/app", c.dir, "sha256", s.Digest(of).Hex(), "link.0d6a1c1e-3f0b-8a7e-9a53-0123456789ab.tmp")
			if err := os.WriteFile(aside, []byte(s.Digest(c.aside).String()), 0o644); err != nil {
				t.Fatal(err)
			}
			repairing(t, s, statusDone)
			if _, err := os.Stat(aside); err == nil {
				t.Errorf("%s is left", aside)
			}
			if list := checkFinds(t, s); len(list) > 0 {
				t.Errorf("check finds %q", list)
			}
		})
	}
}
