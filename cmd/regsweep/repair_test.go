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
	if _, err := os.Stat(filepath.Join(s.Dir, ".regsweep/trash")); err == nil {
		t.Error("the trash is not empty")
	}
}

// replicaOf is what a store was before it was damaged.
func replicaOf(t *testing.T) *layouttest.Store { return newStore(t, repairStore) }

// changes runs something, and reports the paths that it has changed.
func changedBy(t *testing.T, s *layouttest.Store, do func()) bool {
	t.Helper()
	before := s.Snapshot(t)
	do()
	return !cmp.Equal(before, s.Snapshot(t))
}

// Anyone who may push can have a manifest that states a false size. The blob is
// intact, and others need it.
func TestRepairLeavesIntactBlobsWhoseSizeIsSaidFalsely(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--quick"}} {
		s := newStore(t, repairStore+`
			layer a/app base
			manifest a/app:liar {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"{{x1.config}}","size":3},"layers":[{"digest":"{{base}}","size":7}]}`)
		var v repairedResult
		if changedBy(t, s, func() { v, _ = repairing(t, s, statusProblems, args...) }) {
			t.Errorf("%q: it has changed something", args)
		}
		for _, item := range v.Repaired {
			if item.Action != "left" || item.Kind != "wrongSize" || !strings.Contains(item.Reason, "intact") {
				t.Errorf("%q: %+v", args, item)
			}
		}
		if len(v.Problems) == 0 || !strings.Contains(v.Problems[0].LastResort, "rm --root") || len(v.NeedsPush) > 0 {
			t.Errorf("%q: %+v", args, v)
		}
	}
}

// What the histories do not tell is left to somebody.
func TestRepairLetsNoTagNameAnOlderImage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"the newest is deleted":          "damage half-tag tag c/app:t\nremove repositories/c/app/_manifests/revisions/sha256/{new}/link",
		"the newest is gone":             "damage half-tag tag c/app:t\nremove repositories/c/app/_manifests/revisions/sha256/{new}",
		"the newest lacks a layer":       "damage zero tag c/app:t\ndamage missing blob c2",
		"the newest entry has no link":   "damage half-tag tag c/app:t\nremove repositories/c/app/_manifests/tags/t/index/sha256/{new}/link",
		"two entries have the same time": "damage half-tag tag c/app:t\ntouch repositories/c/app/_manifests/tags/t/index/sha256/{old}/link age=1d\ntouch repositories/c/app/_manifests/tags/t/index/sha256/{new}/link age=1d",
	} {
		s := damaged(t, damage)
		v, _ := repairing(t, s, statusProblems)
		for _, item := range v.Repaired {
			if item.Action != "left" {
				t.Errorf("%s: %+v", name, item)
			}
		}
		text := runProgram(t, "", "repair", "--root", s.Root, "-d").stdout
		if !strings.Contains(text, "c/app:t named "+s.Digest("old").String()) || !strings.Contains(text, "regsweep tag --root "+s.Root+" c/app@"+s.Digest("old").String()+" t --force") {
			t.Errorf("%s: its history is not shown with the command:\n%s", name, text)
		}
	}
}

// An index may name what another repository alone has.
func TestRepairLinksNothingIntoARepositoryThatNeverHadIt(t *testing.T) {
	t.Parallel()
	s := newStore(t, `
		age 10d
		image private:v1 layers=secret as=x
		image public as=y
		index public:v1 of=y sparse=x as=i
		image public:v2 layers=l1 as=z
		damage zero layer public l1`)
	repairing(t, s, statusDone)
	if s.HasPath("repositories/public/_manifests/revisions/sha256/"+s.Digest("x").Hex()) || s.HasPath("repositories/public/_layers/sha256/"+s.Digest("secret").Hex()) {
		t.Error("it has linked what only another repository had")
	}
}

// Neither a collection nor the emptied trash brings damage back, and what was
// pushed since stays when somebody takes the repair back.
func TestRepairedDamageStaysAway(t *testing.T) {
	t.Parallel()
	s := damaged(t, "damage wrong-digest blob base\ndamage zero layer a/app l2")
	data := filepath.Join(s.Dir, "blobs/sha256", s.Digest("base").Hex()[:2], s.Digest("base").Hex(), "data")
	v, r := repairing(t, s, statusProblems)
	if v.Trashed == "" || !strings.Contains(r.stderr, "restart it") {
		t.Fatalf("%+v %s", v, r.stderr)
	}
	two := copyStore(t, s)
	mustGC(t, s, statusProblems, "--grace", "0")
	if r := runProgram(t, "", "trash", "empty", "--root", s.Root, "--yes"); r.status != statusDone {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the damage is back")
	}
	good, err := os.ReadFile(filepath.Join(replicaOf(t).Dir, "blobs/sha256", s.Digest("base").Hex()[:2], s.Digest("base").Hex(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(two.Dir, strings.TrimPrefix(data, s.Dir))
	if err := os.WriteFile(data, good, 0o644); err != nil { // a push
		t.Fatal(err)
	}
	if r := runProgram(t, "", "trash", "restore", v.Trashed, "--root", two.Root, "--yes"); r.status != statusFailed {
		t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
	}
	if now, err := os.ReadFile(data); err != nil || string(now) != string(good) {
		t.Error("what was pushed since is written over")
	}
	if list := checkFinds(t, two); len(list) != 1 || !strings.HasPrefix(list[0], "brokenLink") {
		t.Errorf("the link is not as it was: %q", list)
	}
}

func TestRepairTakesBlobsFromLayoutsAndVerifiesThem(t *testing.T) {
	t.Parallel()
	s := damaged(t, "damage missing blob l2\ndamage wrong-digest blob base")
	replica, bad := replicaOf(t), damaged(t, "damage wrong-digest blob l2\ndamage wrong-digest blob base")
	images := filepath.Join(t.TempDir(), "images")
	if r := runProgram(t, "", "export", "--root", replica.Root, "a/app:v2", images); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	before := replica.Snapshot(t)
	v, _ := repairing(t, s, statusDone, "--from", bad.Root, "--from", images, "--from", replica.Dir)
	if want := []string{"copied corruptBlob base from", "copied missingBlob l2 from"}; !cmp.Equal(want, doneText(s, v)) || v.Repaired[0].From != images {
		t.Errorf("%+v", v.Repaired)
	}
	if list := checkFinds(t, s); len(list) > 0 {
		t.Errorf("there still is %q", list)
	}
	same(t, "the replica", before, replica.Snapshot(t))
	// Where all of them are damaged, the data go to the trash.
	s = damaged(t, "damage wrong-digest blob base")
	if v, _ = repairing(t, s, statusProblems, "--from", bad.Root); !slices.Contains(doneText(s, v), "trashed corruptBlob base") {
		t.Errorf("%q", doneText(s, v))
	}
	for _, from := range []string{s.Root, s.Dir, "/nowhere/at/all", t.TempDir()} {
		if r := runProgram(t, "", "repair", "--root", s.Root, "--yes", "--from", from); r.status != statusUsage {
			t.Errorf("--from %s: status %d %s", from, r.status, r.stderr)
		}
	}
}

// GitLab keeps its links in a database.
func TestRepairWritesNoLinksThatAreNotTheTruth(t *testing.T) {
	t.Parallel()
	s := damaged(t, "damage wrong-digest blob base\ndamage zero layer a/app l2\nraw /docker/registry/lockfiles/database-in-use x")
	v, _ := repairing(t, s, statusProblems, "--from", replicaOf(t).Root)
	if want := []string{"copied corruptBlob base from", "left brokenLink l2"}; !cmp.Equal(want, doneText(s, v)) {
		t.Errorf("%q", doneText(s, v))
	}
}

// Where undelete and tag are refused, repair and check do not name them.
func TestRepairNamesNoCommandThatIsRefused(t *testing.T) {
	t.Parallel()
	const deleted = "delete-manifest a/app x3\ndamage half-tag tag c/app:t\nremove repositories/c/app/_manifests/revisions/sha256/{new}\n"
	config := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nstorage:\n  filesystem: {rootdirectory: /nonexistent}\nproxy:\n  remoteurl: https://registry.example\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		damage string
		args   []string
		named  bool
	}{
		"a registry":                     {deleted, nil, true},
		"its truth is in a database":     {deleted + "raw /docker/registry/lockfiles/database-in-use x", nil, false},
		"it has its images from another": {deleted, []string{"--config", config}, false},
	} {
		s := damaged(t, c.damage)
		for _, command := range []string{"repair", "check"} {
			args := append([]string{command, "--root", s.Root}, c.args...)
			if command == "repair" {
				args = append(args, "-d")
			}
			said := ""
			for _, output := range []string{"table", "json"} {
				said += runProgram(t, "", append(args, "-o", output)...).stdout
			}
			if named := strings.Contains(said, "regsweep undelete ") || strings.Contains(said, "regsweep tag "); named != c.named {
				t.Errorf("%s, %s: %s", name, command, said)
			}
		}
	}
}

// What the registry's configuration says of its cache is said before it asks.
func TestRepairSaysThatTheRegistryMustBeRestarted(t *testing.T) {
	t.Parallel()
	for cache, want := range map[string]string{
		"  cache:\n    blobdescriptor: inmemory\n": "restart it before anything is pushed",
		"  cache:\n    blobdescriptor: redis\n":    "flush that before anything is pushed",
		"":                                         "",
	} {
		s := damaged(t, "damage wrong-digest blob base")
		config := filepath.Join(t.TempDir(), "config.yml")
		text := "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " + s.Root + "\n" + cache
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := runProgram(t, "", "repair", "--config", config, "--dry-run")
		if r.status != statusProblems || !strings.Contains(r.stderr, want) || want == "" && r.stderr != "" || !strings.Contains(r.stdout, "crane skips") {
			t.Errorf("%q: status %d\n%s%s", cache, r.status, r.stdout, r.stderr)
		}
	}
}

// A store in which every tag dangles is refused, and the refusal names what helps.
func TestRefusalWhereEveryTagDanglesNamesRepair(t *testing.T) {
	t.Parallel()
	s := newStore(t, "age 10d\n"+allDangles)
	r := runProgram(t, "", "gc", "--root", s.Root, "--yes")
	advice := adviceIn(r.stderr)
	if r.status != statusFailed || len(advice) != 1 || !strings.Contains(advice[0], "regsweep repair --root ") {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	if r := obey(t, advice[0]); r.status != statusDone || s.Missing("a/b:v1") != nil {
		t.Errorf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	mustGC(t, s, statusDone)
}
