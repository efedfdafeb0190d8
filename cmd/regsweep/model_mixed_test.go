package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// mixed is a store to which deletions, damages, collections and what brings back
// are done in any order. Each command is held to what it promises.
type mixed struct {
	*layouttest.Store
	t       *testing.T
	rnd     *rand.Rand
	config  string // of a registry that takes no pushes, so that nothing is waited for
	replica string
	log     []string
	did     map[string]int
}

const mixedStore = `
age 30d
image a/app:v1 layers=base,l1 as=x1
image a/app:v2 layers=base,l2 as=x2
image a/app:was layers=base,l3 as=x3
image b/app:v1 layers=base,m1 as=y1
image b/app:v1 layers=base,m2 as=y2 age=20d
index b/app:multi of=y1,y2 as=i
cosign a/app of=x1
referrer a/app of=x2 as=r
copy c/app:v1 x1
orphan
`

// mixedDamages are done by whatever harms a store.
var mixedDamages = []string{
	"damage wrong-digest blob l1", "damage missing blob l2", "damage wrong-digest blob base", "damage zero layer a/app l3", "damage wrong-digest blob y1",
	"remove repositories/a/app/_layers/sha256/{l1}", "damage half-tag tag b/app:v1", "damage zero tag a/app:v2", "remove repositories/b/app/_manifests/revisions/sha256/{y1}",
}

// mixedDeletions are done by the registry's users.
var mixedDeletions = []string{
	"delete-manifest a/app x1", "delete-manifest a/app x2", "delete-manifest b/app y1", "delete-manifest b/app i", "delete-manifest a/app x3",
	"tag a/app:was x2", "tag b/app:v1 y1", "delete-tag a/app:v2",
}

// runs runs a command on the store, and notes it.
func (m *mixed) runs(args ...string) result {
	m.t.Helper()
	r := runProgram(m.t, "", append(args, "--root", m.Root, "--config", m.config)...)
	m.log = append(m.log, fmt.Sprintf("%q: %d", args, r.status))
	m.did[args[0]]++
	return r
}

func (m *mixed) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Errorf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

func (m *mixed) pullable() map[string]bool { return canBePulled(m.Store, referencesOf(m.t, m.Store)) }

// corrupt are the findings about data that are not what their digests say.
func (m *mixed) corrupt() []string {
	return slices.DeleteFunc(checkFinds(m.t, m.Store), func(f string) bool {
		return !strings.HasPrefix(f, "corruptBlob") && !strings.HasPrefix(f, "brokenManifest")
	})
}

// deleted are the images that undelete could bring back whole, by how they went.
func (m *mixed) deleted(how ...string) map[string]bool {
	m.t.Helper()
	var v struct{ Images []lostImage }
	r := runProgram(m.t, "", "undelete", "-o", "json", "--root", m.Root, "--config", m.config)
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		m.t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	list := map[string]bool{}
	for _, i := range v.Images {
		if i.Complete && slices.Contains(how, i.How) {
			list[i.Repository+"@"+i.Digest] = true
		}
	}
	return list
}

var endsForGood = regexp.MustCompile(`(\d+) deleted images? can no longer be brought back|(\d+) deleted images? could not be brought back`)

// sweeps runs a collection: what is deleted ends only if it says so, and with
// --keep-deleted it does not.
func (m *mixed) sweeps(args ...string) {
	m.t.Helper()
	m.sweepsBut(func(ref string) bool { return strings.Contains(ref, "@") && slices.Contains(args, "-m") }, args...)
}

// sweepsBut is sweeps of a command that may remove some references.
func (m *mixed) sweepsBut(may func(ref string) bool, args ...string) {
	m.t.Helper()
	could, before := m.deleted("deleted"), m.pullable()
	r := m.runs(append(args, "--yes")...)
	after, still := m.pullable(), m.deleted("deleted")
	ended := 0
	for image := range could {
		if !still[image] && !after[image] {
			ended++
		}
	}
	said := 0
	for _, found := range endsForGood.FindAllStringSubmatch(r.stdout+r.stderr, -1) {
		n, _ := strconv.Atoi(found[1] + found[2])
		said = max(said, n)
	}
	if slices.Contains(args, "--trash") {
		ended = 0 // that is not for good
	}
	if ended > said || ended > 0 && slices.Contains(args, "--keep-deleted") {
		m.fail("%q: %d deleted images ended for good, it says %d\n%s%s", args, ended, said, r.stdout, r.stderr)
	}
	for ref := range before {
		if !after[ref] && !may(ref) {
			m.fail("%q: %s is lost", args, ref)
		}
	}
}

// loses nothing, whatever the command's status.
func (m *mixed) losesNothing(args ...string) result {
	m.t.Helper()
	before := m.pullable()
	r := m.runs(args...)
	after := m.pullable()
	for ref := range before {
		if !after[ref] {
			m.fail("%q: %s is lost\n%s%s", args, ref, r.stdout, r.stderr)
		}
	}
	return r
}

// repairs leaves no damaged data, and nothing at all where it says so.
func (m *mixed) repairs(from ...string) {
	m.t.Helper()
	r := m.losesNothing(append([]string{"repair", "--yes"}, from...)...)
	if r.status != statusDone && r.status != statusProblems {
		m.fail("repair: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if list := m.corrupt(); len(list) > 0 {
		m.fail("after repair there is %q", list)
	}
	if list := checkFinds(m.t, m.Store); r.status == statusDone && len(list) > 0 {
		m.fail("repair says that nothing is left, and there is %q", list)
	}
}

// step does one thing.
func (m *mixed) step() {
	m.t.Helper()
	some := func(list []string) string { return list[m.rnd.IntN(len(list))] }
	switch m.rnd.IntN(15) {
	case 0, 1:
		line := some(mixedDamages)
		if m.Apply(line) == nil {
			m.log = append(m.log, line)
		}
	case 2, 3:
		line := some(mixedDeletions)
		if m.Apply(line) == nil {
			m.log = append(m.log, line)
		}
	case 4:
		m.repairs()
	case 5:
		m.repairs("--from", m.replica)
	case 6:
		m.losesNothing("undelete", "--all", "**", "--yes")
		if left := m.deleted("deleted"); len(left) > 0 {
			m.fail("after undelete --all %v are deleted", left)
		}
	case 7:
		m.sweeps("gc", "--grace", "0", "--keep-deleted", "60d")
	case 8:
		m.sweeps(slices.Concat([]string{"gc", "--grace", "0"}, [][]string{nil, {"-m"}, {"--trash"}}[m.rnd.IntN(3)])...)
	case 9:
		m.removes([]string{"rm", some([]string{"a/app:v1", "b/app:multi", "c/app:v1"}), "--yes", "--grace", "0", "--trash"})
	case 10:
		rot := m.corrupt()
		m.losesNothing("trash", "empty", "--yes")
		if now := m.corrupt(); len(now) > len(rot) {
			m.fail("trash empty brings back %q", now)
		}
	case 11:
		if runs := strings.Fields(runProgram(m.t, "", "trash", "ls", "-q", "--root", m.Root).stdout); len(runs) > 0 && !strings.Contains(runs[len(runs)-1], "repair") {
			m.losesNothing("trash", "restore", runs[len(runs)-1], "--yes")
		}
	case 12:
		m.losesNothing("undelete", "--all", "**", "--overwritten", "--yes")
		if left := m.deleted("deleted", "overwritten"); len(left) > 0 {
			m.fail("after undelete --all --overwritten %v are lost", left)
		}
	case 13:
		m.untags(some([]string{"a/app:v1", "a/app:was", "b/app:v1", "c/app:v1"}))
	case 14:
		m.prunes(some([]string{"a/app:was", "b/app:v1"}))
	}
}

// untags takes one tag away, and nothing else. Where the image is linked, tag gives
// it back.
func (m *mixed) untags(tag string) {
	m.t.Helper()
	before := m.pullable()
	repository, name, _ := strings.Cut(tag, ":")
	var named struct {
		Tags []struct{ Name, Digest string }
	}
	if r := runProgram(m.t, "", "ls", repository, "--history", "-o", "json", "--root", m.Root); r.stdout != "" {
		if err := json.Unmarshal([]byte(r.stdout), &named); err != nil {
			m.t.Fatal(err)
		}
	}
	r := m.runs("untag", tag, "--yes")
	after := m.pullable()
	for ref := range before {
		if !after[ref] && ref != tag {
			m.fail("untag %s: %s is lost\n%s%s", tag, ref, r.stdout, r.stderr)
		}
	}
	if r.status == statusDone && after[tag] {
		m.fail("untag %s: it is there still", tag)
	}
	if r.status != statusDone || !before[tag] || m.rnd.IntN(2) == 0 {
		return
	}
	for _, t := range named.Tags {
		if t.Name == name {
			m.losesNothing("tag", repository+"@"+t.Digest, name)
		}
	}
	if !m.pullable()[tag] {
		m.fail("untag %s: tag does not bring it back", tag)
	}
}

// prunes lets a policy take a tag away, into the trash, with what was deleted not
// long ago kept, or for good. No other tag is lost.
func (m *mixed) prunes(tag string) {
	m.t.Helper()
	repository, _, _ := strings.Cut(tag, ":")
	args := []string{"prune", "--filter", tag, "--ago", "1d", "--grace", "0"}
	if m.rnd.IntN(3) == 0 {
		m.removes(append(args, "--trash", "--yes"))
		return
	}
	if m.rnd.IntN(2) == 0 {
		args = append(args, "--keep-deleted", "60d")
	}
	m.sweepsBut(func(ref string) bool { return ref == tag || strings.HasPrefix(ref, repository+"@") }, args...)
}

// removes runs a command that takes away what is named. What was lost is back
// when the run is restored.
func (m *mixed) removes(args []string) {
	m.t.Helper()
	before := m.pullable()
	r := m.runs(args...)
	if r.status != statusDone {
		return // a repository that is damaged may refuse
	}
	runs := strings.Fields(runProgram(m.t, "", "trash", "ls", "-q", "--root", m.Root).stdout)
	if len(runs) == 0 || m.rnd.IntN(2) == 0 {
		return
	}
	m.losesNothing("trash", "restore", runs[len(runs)-1], "--yes")
	after := m.pullable()
	for ref := range before {
		if !after[ref] {
			m.fail("%q and trash restore: %s is lost", args, ref)
		}
	}
}

// Deletions, damages, collections, repairs and undeletes alternate. What a
// command promises to keep is kept, whatever was done before.
func TestModelOfAllThatBringsBack(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nstorage:\n  filesystem: {rootdirectory: /nonexistent}\n  maintenance: {readonly: {enabled: true}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	replica := newStore(t, mixedStore)
	did := map[string]int{}
	for _, n := range layouttest.Steps(64) {
		m := &mixed{newStore(t, mixedStore), t, rand.New(rand.NewPCG(15, uint64(n))), config, replica.Root, nil, did}
		for range 12 {
			if m.step(); t.Failed() {
				t.Fatalf("store %d", n)
			}
		}
		m.repairs("--from", replica.Root)
	}
	for _, command := range []string{"repair", "undelete", "gc", "rm", "trash", "untag", "prune", "tag"} {
		if did[command] == 0 && layouttest.AllSteps() {
			t.Errorf("%s was never run: %v", command, did)
		}
	}
}
