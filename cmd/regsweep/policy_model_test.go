//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	stores, seed := 32, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("REGSWEEP_POLICY_STORES")); err == nil {
		stores = n
	}
	if n, err := strconv.ParseUint(os.Getenv("REGSWEEP_POLICY_SEED"), 10, 64); err == nil {
		seed = n
	}
	seen := map[string]int{}
	list := layouttest.Steps(stores)
	for _, n := range list {
		m := newPolicyModel(t, seed+uint64(n))
		m.check(seen)
		for _, dir := range []string{m.dir, m.store.Root} {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
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

// draw makes the text of a store: images with labels and times of their own, whose
// tags were set to others before, indexes of them, copies and signatures.
func (m *policyModel) draw() {
	var b strings.Builder
	age := 310
	older := func() string { age -= 1 + m.r.IntN(20); return fmt.Sprintf("%dd", max(age, 2)) }
	type object struct{ name, repository string }
	var objects []object
	repositories := []string{"a", "a", "n/b"}
	for i := range 4 + m.r.IntN(10) {
		repository, name := repositories[m.r.IntN(3)], fmt.Sprint("o", i)
		tags := ""
		for range m.r.IntN(3) {
			tags += fmt.Sprintf(",%s%d", []string{"t", "t", "v", "p", "x"}[m.r.IntN(5)], m.r.IntN(5))
		}
		if tags != "" {
			tags = ":" + tags[1:]
		}
		options := fmt.Sprintf(" as=%s age=%s", name, older())
		var of object
		if len(objects) > 0 {
			of = objects[m.r.IntN(len(objects))]
		}
		switch kind := m.r.IntN(9); {
		case kind < 6 || of.name == "":
			if m.r.IntN(2) == 0 {
				key := []string{"label", "label", "annotation"}[m.r.IntN(3)]
				options += fmt.Sprintf(" %s=quay.expires-after=%s", key, []string{"20d", "30w", "9000h", "0d", "never", "3mo", "12d"}[m.r.IntN(7)])
			}
			options += fmt.Sprintf(" created=%s", []string{"none", "40d", "200d", "90d", strconv.Itoa(m.r.IntN(400)+1) + "d"}[m.r.IntN(5)])
			fmt.Fprintf(&b, "image %s%s layers=l%d,own%d%s\n", repository, tags, m.r.IntN(3), i, options)
			objects = append(objects, object{name, repository})
		case kind < 7:
			fmt.Fprintf(&b, "index %s%s of=%s%s\n", of.repository, tags, of.name, options)
			objects = append(objects, object{name, of.repository})
		case kind < 8:
			fmt.Fprintf(&b, "copy %s:t%d %s deep age=%s\n", repository, m.r.IntN(5), of.name, older())
		default:
			fmt.Fprintf(&b, "cosign %s of=%s%s\n", of.repository, of.name, options)
		}
	}
	m.text = b.String()
}

func (m *policyModel) drawKeep(tags bool) (k aKeep) {
	some := func(to *int, most int) {
		if m.r.IntN(3) == 0 {
			*to = 1 + m.r.IntN(most)
		}
	}
	some(&k.last, 3)
	some(&k.within, 200)
	some(&k.pulledWithin, 150)
	some(&k.pulled, 3)
	if tags {
		some(&k.images, 2)
	} else {
		some(&k.revisions, 2)
	}
	k.label = m.r.IntN(3) == 0
	return k
}

func (m *policyModel) drawPolicy() {
	m.versions, m.others, m.untagged = m.drawKeep(true), m.drawKeep(true), m.drawKeep(false)
	m.hasUntagged = m.r.IntN(3) > 0
	m.created, m.twins, m.allowEmpty = m.r.IntN(3) == 0, m.r.IntN(3) == 0, m.r.IntN(4) > 0
	if m.r.IntN(3) == 0 {
		for digest, manifest := range m.blobs {
			if manifest.names != nil && (m.protects == "" || digest < m.protects) {
				m.protects = digest
			}
		}
	}
}

// policy is the policy as text. What is in it is by rules that are asked for, and
// ignores the client called scan.
func (m *policyModel) policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nignore-agents: [\"scan/*\"]\ntwins: %t\nprotect: [\"**:p*\"", m.twins)
	if m.protects != "" {
		fmt.Fprintf(&b, ", %q", m.protects)
	}
	fmt.Fprintf(&b, "]\nrules:\n  - name: all\n    repositories: [\"**\"]\n    allow-empty: %t\n", m.allowEmpty)
	if m.created {
		b.WriteString("    age: created\n")
	}
	fmt.Fprintf(&b, "    tags:\n      - {match: [\"v*\"], keep: %s}\n      - {match: [\"*\"], exclude: [\"x*\"], keep: %s}\n", m.versions.text(), m.others.text())
	if m.hasUntagged {
		fmt.Fprintf(&b, "    untagged: {keep: %s}\n", m.untagged.text())
	}
	return b.String()
}

// drawLog makes a log that covers some months, and pulls in it.
func (m *policyModel) drawLog() {
	from, first := 1+m.r.IntN(300), ""
	for name := range m.repositories {
		if first == "" || name < first {
			first = name
		}
	}
	if m.r.IntN(12) == 0 {
		first = "another/registry"
	}
	gap := -1
	if m.r.IntN(4) == 0 {
		gap = m.r.IntN(from)
	}
	for n := from; n >= 0; n-- {
		if n < gap || n > gap+5 || gap < 0 {
			m.pulls = append(m.pulls, aPull{repository: first, reference: "tags/list", at: m.now.Add(-time.Duration(n)*24*time.Hour - 5*time.Minute)})
		}
	}
	pull := func(repository, reference string) {
		for range m.r.IntN(3) {
			age := time.Duration(m.r.Int64N(int64(from)*24*3600-7200)+3600) * time.Second
			m.pulls = append(m.pulls, aPull{repository: repository, reference: reference, at: m.now.Add(-age), counts: m.r.IntN(4) > 0})
		}
	}
	if first != "another/registry" {
		for _, name := range slices.Sorted(maps.Keys(m.repositories)) {
			r := m.repositories[name]
			for _, tag := range slices.Sorted(maps.Keys(r.tags)) {
				if !cosignTag.MatchString(tag) {
					pull(name, tag)
				}
			}
			for _, digest := range slices.Sorted(maps.Keys(r.revisions)) {
				pull(name, digest)
			}
		}
	}
	oldest := m.now
	for _, r := range m.repositories {
		for _, pushed := range r.revisions {
			if pushed.Before(oldest) {
				oldest = pushed
			}
		}
	}
	m.pulls = slices.DeleteFunc(m.pulls, func(p aPull) bool { return p.at.Before(oldest.Add(time.Minute)) })
	for i := range m.pulls {
		m.pulls[i].at = m.pulls[i].at.Truncate(time.Second)
	}
	m.lines = m.write()
}

// write writes the log in a random format, in a random order, with lines between
// that are no requests or not to be believed.
func (m *policyModel) write() (lines []string) {
	format, wrap := m.r.IntN(5), m.r.IntN(5)
	for _, p := range m.pulls {
		lines = append(lines, wrapLine(wrap, m.r.IntN(2) == 0, m.line(format, &p))+"\n")
	}
	for _, name := range slices.Sorted(maps.Keys(m.repositories)) {
		future, past := aPull{name, "t1", m.now.Add(50 * time.Hour), true}, aPull{name, "t1", time.Unix(0, 0), true}
		lines = append(lines, m.line(0, &future)+"\n", m.line(0, &past)+"\n", "listening on [::]:5000\n", "{\n", "10.0.0.1 - - [27/Nov/2\n")
	}
	m.r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// line is a request in a format of the guide. What does not count is a pull of a
// scanner, one that was not answered, or a push.
func (m *policyModel) line(format int, p *aPull) string {
	method, status, agent, at := []string{"GET", "HEAD"}[m.r.IntN(2)], []int{200, 304, 307}[m.r.IntN(3)], "containerd/1.7", p.at.In(time.FixedZone("", m.r.IntN(20)*1800-18000))
	switch {
	case p.counts:
	case m.r.IntN(3) == 0:
		method, status = "PUT", 201
	case m.r.IntN(2) == 0:
		status = []int{401, 404, 500}[m.r.IntN(3)]
	default:
		agent = "scan/2"
	}
	path := []string{"", "/hub", "/api/v2"}[m.r.IntN(3)] + "/v2/" + p.repository + "/manifests/" + p.reference
	if p.reference == "tags/list" {
		path = "/v2/" + p.repository + "/tags/list"
	}
	switch format {
	case 1:
		return fmt.Sprintf(`{"time":%q,"method":%q,"path":%q,"status":%d,"agent":%q}`, at.Format(time.RFC3339), method, path, status, agent)
	case 2:
		return fmt.Sprintf(`{"RequestMethod":%q,"RequestPath":%q,"DownstreamStatus":%d,"StartUTC":%q,"request_User-Agent":%q}`, method, path, status, at.UTC().Format(time.RFC3339Nano), agent)
	case 3:
		return fmt.Sprintf(`{"ts":%d.25,"request":{"method":%q,"uri":%q,"headers":{"User-Agent":[%q]}},"status":%d}`, at.Unix(), method, path, agent, status)
	case 4:
		return fmt.Sprintf(`10.0.0.1 - %q [%s] "%s %s HTTP/2.0" %d 12 "-" %q "-"`, "u", at.Format("02/Jan/2006:15:04:05 -0700"), method, path, status, agent)
	}
	return fmt.Sprintf(`10.0.0.1 - - [%s] "%s %s HTTP/1.1" %d 12 "" %q`, at.Format("02/Jan/2006:15:04:05 -0700"), method, path, status, agent)
}

// wrapLine wraps a line as what keeps logs does.
func wrapLine(how int, inParts bool, line string) string {
	quoted := func(text string) string { b, _ := json.Marshal(text); return string(b) }
	switch {
	case how == 1 && inParts:
		return "2026-11-27T06:58:00.1Z stdout P " + line[:20] + "\n2026-11-27T06:58:00.1Z stdout F " + line[20:]
	case how == 1:
		return "2026-11-27T06:58:00.1Z stderr F " + line
	case how == 2:
		return `{"log":` + quoted(line+"\n") + `,"stream":"stdout","time":"2026-11-27T06:58:00Z"}`
	case how == 3:
		return "Nov 27 06:58:00 host registry[412]: " + line
	case how == 4:
		return `{"MESSAGE":` + quoted(line) + `}`
	}
	return line
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
			switch {
			case t.tag[0] == 'x':
			case t.tag[0] == 'v':
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
	for _, d := range rep.Decisions {
		switch {
		case d.Action != "remove" || cosignTag.MatchString(d.Tag):
		case d.Tag == "":
			gone = append(gone, d.Repository+"@"+d.Digest)
		default:
			gone = append(gone, d.Repository+":"+d.Tag)
		}
	}
	slices.Sort(gone)
	return gone, rep, r.status
}
