//go:build unix

package main

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// TestPoliciesDecideWhatTheOracleSays has random stores, policies and logs of pulls.
// REGSWEEP_POLICY_STORES says how many, of which REGSWEEP_STEPS takes some;
// REGSWEEP_POLICY_SEED is the first.
func TestPoliciesDecideWhatTheOracleSays(t *testing.T) {
	t.Parallel()
	stores, seed := drawn(t, "REGSWEEP_POLICY", 32)
	seen := map[string]int{}
	list := layouttest.Steps(stores)
	for _, n := range list {
		m := newPolicyModel(t, seed+uint64(n))
		m.check(seen)
		removeAll(t, m.dir, m.store.Root)
		if t.Failed() {
			t.Fatalf("REGSWEEP_POLICY_STORES=1 REGSWEEP_POLICY_SEED=%d\n%s\n%s\n%s", seed+uint64(n), m.text, m.policy(), strings.Join(m.lines, ""))
		}
	}
	t.Logf("%d stores: %v", len(list), seen)
	if len(list) < 64 {
		return
	}
	for _, what := range []string{"removed", "refused", "uncovered", "done", "kept by a pull", "kept by a label", "kept by a revision", "kept by a twin"} {
		if seen[what] == 0 {
			t.Errorf("no store of %d in which something is %s", len(list), what)
		}
	}
}

// policyModel is one random store, with a policy and a log.
type policyModel struct {
	*testing.T
	r     *rand.Rand
	dir   string
	text  string
	store *layouttest.Store
	*policyOracle

	// The policy: entries for tags that begin with v and for all others but x*.
	versions, others, untagged aKeep
	hasUntagged                bool
	created, twins, allowEmpty bool
	protects                   string // the digest of a manifest or a configuration
	pulls                      []aPull
	lines                      []string
}

func newPolicyModel(t *testing.T, seed uint64) *policyModel {
	m := &policyModel{T: t, r: rand.New(rand.NewPCG(seed, 17)), dir: t.TempDir()}
	m.draw()
	m.store = layouttest.New(t, m.text)
	m.policyOracle = &policyOracle{T: t, naiveStore: readNaively(t, m.store), now: time.Now(), model: m}
	m.readHistory()
	m.drawPolicy()
	m.drawLog()
	m.begin = m.covered()
	return m
}

// kept is what the documents keep: things by their names. What decided is counted.
func (m *policyModel) kept(seen map[string]int) (kept, gone []string, refused bool) {
	twins := map[string]bool{}
	tags, untagged := map[string][]*aThing{}, map[string][]*aThing{}
	for name := range m.repositories {
		tags[name], untagged[name] = m.things(name)
		for _, t := range tags[name] {
			twins[t.digest] = twins[t.digest] || t.protected
		}
	}
	for name := range m.repositories {
		var pools [2][]*aThing
		stays, left := map[string]bool{}, 0
		for _, t := range tags[name] {
			switch t.tag[0] {
			case 'v':
				pools[0] = append(pools[0], t)
			case 'x':
			default:
				pools[1] = append(pools[1], t)
			}
		}
		for _, t := range tags[name] {
			twin := m.twins && twins[t.digest]
			keep := t.protected || twin || t.timeless || t.tag[0] == 'x'
			k, pool := &m.others, pools[1]
			if t.tag[0] == 'v' {
				k, pool = &m.versions, pools[0]
			}
			if by := m.keeps(k, t, pool); !keep {
				keep = by
			} else if twin && !t.protected && !by {
				seen["kept by a twin"]++
			}
			if stays[t.tag] = keep; keep {
				kept, left = append(kept, t.name()), left+1
				m.countKeeper(seen, k, t, pool)
			} else {
				gone = append(gone, t.name())
			}
		}
		refused = refused || len(tags[name]) > 0 && left == 0 && !m.allowEmpty
		for _, t := range untagged[name] {
			if t.protected || t.timeless || !m.hasUntagged || m.keeps(&m.untagged, t, untagged[name]) {
				kept = append(kept, t.name())
			} else if m.untagged.revisions > 0 && m.isRevision(name, t.digest, stays) {
				kept = append(kept, t.name())
				seen["kept by a revision"]++
			} else {
				gone = append(gone, t.name())
			}
		}
	}
	slices.Sort(kept)
	slices.Sort(gone)
	return kept, gone, refused
}

// countKeeper counts what only a pull or a label keeps.
func (m *policyModel) countKeeper(seen map[string]int, k *aKeep, t *aThing, pool []*aThing) {
	for what, without := range map[string]aKeep{
		"kept by a pull":  {k.last, k.images, k.within, 0, 0, 0, k.label, false},
		"kept by a label": {k.last, k.images, k.within, k.pulledWithin, k.pulled, 0, false, false},
	} {
		if !m.keeps(&without, t, pool) {
			seen[what]++
		}
	}
}

// isRevision reports whether a tag that stays named a manifest before, among the
// newest that it did. A signature's tag stays as long as what is signed does.
func (m *policyModel) isRevision(name, digest string, stays map[string]bool) bool {
	for tag, history := range m.history[name] {
		set, ok := history[digest]
		if !ok || m.repositories[name].tags[tag].digest == digest {
			continue
		}
		if subject := m.repositories[name].about(tag); subject != "" && !m.signedStays(name, subject, stays) || subject == "" && !stays[tag] {
			continue
		}
		newer := 0
		for other, at := range history {
			if _, linked := m.repositories[name].revisions[other]; linked && other != m.repositories[name].tags[tag].digest && at.After(set) {
				newer++
			}
		}
		if newer < m.untagged.revisions {
			return true
		}
	}
	return false
}

// signedStays reports whether something keeps what is signed. What no rule decides
// about counts as kept.
func (m *policyModel) signedStays(name, digest string, stays map[string]bool) bool {
	tagged := false
	for tag, to := range m.repositories[name].tags {
		tagged = tagged || to.digest == digest
		if to.digest == digest && stays[tag] {
			return true
		}
	}
	if tagged {
		return false
	}
	_, untagged := m.things(name)
	for _, t := range untagged {
		if t.digest == digest {
			return t.protected || t.timeless || m.keeps(&m.untagged, t, untagged) || m.isRevision(name, digest, stays)
		}
	}
	return true
}

func (m *policyModel) check(seen map[string]int) {
	kept, gone, refused := m.kept(seen)
	got, rep, status := m.prune("-d")
	if diff := cmp.Diff(gone, got, cmp.Comparer(slices.Equal[[]string])); diff != "" {
		m.Errorf("status %d: the oracle removes (-) and prune (+), the log begins %s:\n%s\nkept: %q", status, m.begin, diff, kept)
		return
	}
	uncovered := m.uncovered()
	if want := refused || uncovered; want != (status == statusFailed) || status != statusDone && status != statusFailed {
		m.Errorf("status %d; refused: %t, uncovered: %t", status, refused, uncovered)
	}
	if uncovered != (len(rep.Retention.Uncovered) > 0) {
		m.Errorf("uncovered: %t, %q", uncovered, rep.Retention.Uncovered)
	}
	for what, is := range map[string]bool{"removed": len(gone) > 0, "refused": refused, "uncovered": uncovered} {
		if is {
			seen[what]++
		}
	}
	// The order, the format and the number of logs do not matter.
	m.lines = m.write()
	if again, _, _ := m.prune("-d"); !slices.Equal(again, gone) {
		m.Errorf("with the log in another form it removes %q, not %q", again, gone)
	}
	m.more(gone)
	if m.r.IntN(3) == 0 && !refused {
		seen["done"]++
		m.done(gone)
	}
}

// uncovered reports whether a rule about pulls that decides about something needs
// more than the log covers.
func (m *policyModel) uncovered() bool {
	short := func(k *aKeep, things int) bool {
		return things > 0 && k.pulledWithin+k.pulled > 0 && (m.begin.IsZero() || k.pulledWithin > 0 && m.begin.After(m.now.Add(-time.Duration(k.pulledWithin)*24*time.Hour)))
	}
	for name := range m.repositories {
		tags, untagged := m.things(name)
		var versions, others int
		for _, t := range tags {
			switch t.tag[0] {
			case 'x':
			case 'v':
				versions++
			default:
				others++
			}
		}
		if short(&m.versions, versions) || short(&m.others, others) || m.hasUntagged && short(&m.untagged, len(untagged)) {
			return true
		}
	}
	return false
}

// more adds a keep rule, or protects something: nothing more is removed, and what
// is protected stays.
func (m *policyModel) more(gone []string) {
	subset := func(what string, got []string) {
		for _, name := range got {
			if !slices.Contains(gone, name) {
				m.Errorf("with %s it removes %s, too", what, name)
			}
		}
	}
	before := m.others
	m.others.last, m.others.within = m.others.last+m.r.IntN(2), m.others.within+m.r.IntN(60)
	m.others.label = m.others.label || m.r.IntN(2) == 0
	got, _, _ := m.prune("-d")
	subset("more rules", got)
	m.others = before
	if len(gone) == 0 {
		return
	}
	saved := gone[m.r.IntN(len(gone))]
	got, _, _ = m.prune("-d", "--protect", writeLog(m, filepath.Join(m.dir, "protect"), saved+"\n"))
	if slices.Contains(got, saved) {
		m.Errorf("%s is protected, and removed", saved)
	}
	subset("something protected", got)
}

// done carries it out; a second run removes nothing more.
func (m *policyModel) done(gone []string) {
	if got, _, status := m.prune("--yes"); status == statusProblems || !slices.Equal(got, gone) {
		m.Errorf("status %d: %q have been removed, not %q", status, got, gone)
	}
	if got, rep, _ := m.prune("--yes"); len(got) > 0 || rep.Removed.Tags+rep.Removed.Manifests+int(rep.Removed.Blobs) > 0 {
		m.Errorf("a second run removes %q: %+v", got, rep.Removed)
	}
	if r := runProgram(m, "", "check", "--root", m.store.Root); r.status != statusDone {
		m.Errorf("check: status %d\n%s", r.status, r.stdout)
	}
}

// prune runs the policy by the log, and returns what it removes.
func (m *policyModel) prune(args ...string) (gone []string, rep sweep.Report, status int) {
	m.Helper()
	policy := writeLog(m, filepath.Join(m.dir, "policy.yml"), m.policy())
	args = append([]string{"prune", "--root", m.store.Root, "--policy", policy, "-v", "-o", "json", "--allow-empty", "--pulls", writeLog(m, filepath.Join(m.dir, "access.log"), m.lines...)}, args...)
	r := runProgram(m, "", args...)
	if r.stdout == "" {
		m.Fatalf("status %d, no report: %s", r.status, r.stderr)
	}
	conforms(m, "report", r.stdout)
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		m.Fatal(err)
	}
	return removedNames(&rep), rep, r.status
}

// removedNames are the tags and untagged manifests that a report says are removed, sorted,
// without the tags of signatures.
func removedNames(rep *sweep.Report) []string {
	names := []string{}
	for _, d := range rep.Decisions {
		switch {
		case d.Action != "remove" || cosignTag.MatchString(d.Tag):
		case d.Tag == "":
			names = append(names, d.Repository+"@"+d.Digest)
		default:
			names = append(names, d.Repository+":"+d.Tag)
		}
	}
	slices.Sort(names)
	return names
}
