package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// repairStore has three images that share a layer, an index and a copy.
const repairStore = `
age 30d
image a/app:v1 layers=base,l1 as=x1
image a/app:v2 layers=base,l2 as=x2
image a/app layers=base,l3 as=x3
index a/app:multi of=x1,x3 as=i
copy b/app:v1 x1
image c/app:t layers=c1 as=old age=20d
image c/app:t layers=c2 as=new age=10d
`

// repairing runs repair, and reads its JSON.
func repairing(t *testing.T, s *layouttest.Store, status int, args ...string) (repairedResult, result) {
	t.Helper()
	full := append([]string{"repair", "--root", s.Root, "-o", "json"}, args...)
	if !slices.Contains(args, "-d") {
		full = append(full, "--yes")
	}
	r := runProgram(t, "", full...)
	if r.status != status {
		t.Fatalf("%q: status %d, want %d\n%s%s", full, r.status, status, r.stdout, r.stderr)
	}
	var v repairedResult
	if r.stdout != "" {
		conforms(t, "repair", r.stdout)
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
			t.Fatal(err)
		}
	}
	return v, r
}

// doneText is a line for each thing that was done or left.
func doneText(s *layouttest.Store, v repairedResult) []string {
	lines := []string{}
	for _, r := range v.Repaired {
		line := r.Action + " " + r.Kind
		if r.Digest != "" {
			line += " " + nameOf(s, r.Digest)
		}
		if r.From != "" {
			line += " from"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// checkFinds are the kinds of what check --read-data finds.
func checkFinds(t *testing.T, s *layouttest.Store) []string {
	t.Helper()
	list := []string{}
	for _, p := range parseCheck(t, runProgram(t, "", "check", "--read-data", "--root", s.Root, "-o", "json")).Problems {
		list = append(list, p.Kind+" "+p.Path)
	}
	return list
}

func damaged(t *testing.T, damage string) *layouttest.Store {
	t.Helper()
	return newStore(t, repairStore+damage)
}

// Each kind of finding, and what repair does about it with and without a replica.
func TestRepairOfEachFinding(t *testing.T) {
	t.Parallel()
	replica := newStore(t, repairStore)
	for _, c := range []struct {
		name, damage string
		alone, from  []string // what is done without a replica, and with one
		needsPush    string   // without one
		left         bool     // with a replica, too
	}{
		{"corruptBlob", "damage wrong-digest blob base", []string{"left missingBlob base", "trashed corruptBlob base"}, []string{"copied corruptBlob base from"}, "a/app:multi a/app:v1 a/app:v2 a/app@x3 b/app:v1", false},
		{"wrongSize", "damage truncated blob l2", []string{"left missingBlob l2", "trashed corruptBlob l2"}, []string{"copied corruptBlob l2 from"}, "a/app:v2", false},
		{"a manifest", "damage wrong-digest blob x2", []string{"left missingManifest x2", "trashed brokenManifest x2"}, []string{"copied brokenManifest x2 from"}, "a/app:v2", false},
		{"missingBlob", "damage missing blob l2", []string{"left missingBlob l2"}, []string{"copied missingBlob l2 from"}, "a/app:v2", false},
		{"missingManifest", "damage missing blob x2", []string{"left missingManifest x2"}, []string{"copied missingManifest x2 from"}, "a/app:v2", false},
		{"missingLayerLink", "remove repositories/a/app/_layers/sha256/{l2}", []string{"linked missingLayerLink l2"}, []string{"linked missingLayerLink l2"}, "", false},
		{"brokenLink of a layer", "damage zero layer a/app l2", []string{"linked brokenLink l2"}, []string{"linked brokenLink l2"}, "", false},
		{"linkMismatch of a layer", "damage mismatch layer a/app l2 to=l1", []string{"linked linkMismatch l2"}, []string{"linked linkMismatch l2"}, "", false},
		{"brokenLink of a manifest", "damage garbage revision a/app x2", []string{"linked brokenLink x2"}, []string{"linked brokenLink x2"}, "", false},
		{"linkMismatch of a manifest", "damage mismatch revision a/app x2 to=x1", []string{"linked linkMismatch x2"}, []string{"linked linkMismatch x2"}, "", false},
		{"brokenLink of a tag", "damage zero tag c/app:t", []string{"retagged brokenLink new"}, []string{"retagged brokenLink new"}, "", false},
		{"halfTag", "damage half-tag tag c/app:t", []string{"retagged halfTag new"}, []string{"retagged halfTag new"}, "", false},
		{"halfTag without a history", "damage empty-tag tag c/app:t", []string{"left halfTag"}, []string{"left halfTag"}, "c/app:t", true},
		{"danglingTag", "remove repositories/a/app/_manifests/revisions/sha256/{x2}", []string{"linked danglingTag x2"}, []string{"linked danglingTag x2"}, "", false},
		{"danglingTag and a blob", "remove repositories/a/app/_manifests/revisions/sha256/{x2}\ndamage missing blob l2", []string{"left danglingTag x2", "left missingBlob l2"}, []string{"copied missingBlob l2 from", "linked danglingTag x2"}, "a/app:v2", false},
		{"danglingTag of a deletion", "remove repositories/a/app/_manifests/revisions/sha256/{x2}/link", []string{"left danglingTag x2"}, []string{"linked danglingTag x2"}, "", false},
		{"unlinkedChild", "tag a/app:old x3\ntag a/app:old x1\nremove repositories/a/app/_manifests/revisions/sha256/{x3}", []string{"linked unlinkedChild x3"}, []string{"linked unlinkedChild x3"}, "", false},
		{"unlinkedChild that was deleted", "delete-manifest a/app x3", []string{"left unlinkedChild x3"}, []string{"linked unlinkedChild x3"}, "", false},
		{"a layer that was deleted", "delete-blob a/app l2", []string{"left missingLayerLink l2"}, []string{"linked missingLayerLink l2"}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := damaged(t, c.damage)
			refs := referencesOf(t, replica)
			before := canBePulled(s, refs)
			status := statusDone
			if len(c.needsPush) > 0 || strings.HasPrefix(c.alone[0], "left") {
				status = statusProblems
			}
			one := damaged(t, c.damage)
			v, r := repairing(t, one, status)
			if diff := cmp.Diff(c.alone, doneText(s, v)); diff != "" {
				t.Errorf("alone: %s%s", diff, r.stderr)
			}
			names := strings.Join(v.NeedsPush, " ")
			for _, name := range s.Names() {
				names = strings.ReplaceAll(names, s.Digest(name).String(), name)
			}
			if names != c.needsPush {
				t.Errorf("to be pushed: %q", names)
			}
			for ref := range before {
				if one.Missing(ref) != nil {
					t.Errorf("alone: %s cannot be pulled any more", ref)
				}
			}
			two := damaged(t, c.damage)
			status = statusDone
			if c.left {
				status = statusProblems
			}
			v, r = repairing(t, two, status, "--from", replica.Root)
			if diff := cmp.Diff(c.from, doneText(s, v)); diff != "" {
				t.Errorf("with a replica: %s%s", diff, r.stderr)
			}
			if list := checkFinds(t, two); len(list) > 0 != c.left {
				t.Errorf("with a replica check finds %q", list)
			}
			for _, ref := range refs {
				if lacks := two.Missing(ref); lacks != nil && !c.left {
					t.Errorf("with a replica %s lacks %q", ref, lacks)
				}
			}
			undone(t, s, two, v)
		})
	}
}

// undone takes a repair back, and looks whether all that it replaced is as it was.
func undone(t *testing.T, was, s *layouttest.Store, v repairedResult) {
	t.Helper()
	if v.Trashed == "" {
		return
	}
	if r := runProgram(t, "", "trash", "restore", v.Trashed, "--root", s.Root, "--yes"); r.status != statusDone {
		t.Errorf("trash restore: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	for _, item := range v.Repaired {
		path := item.Path
		if b, err := os.ReadFile(filepath.Join(was.Dir, path)); err == nil {
			now, err := os.ReadFile(filepath.Join(s.Dir, path))
			if err != nil || string(now) != string(b) {
				t.Errorf("%s is not as it was: %v", path, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(s.Dir, ".regsweep")); err == nil {
		t.Error("the trash is not empty")
	}
}
