//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

// TestTargetsRemoveWhatTheOracleSays has random stores, policies, logs of pulls
// and targets. REGSWEEP_FIT_STORES says how many, of which REGSWEEP_STEPS takes some;
// REGSWEEP_FIT_SEED is the first.
func TestTargetsRemoveWhatTheOracleSays(t *testing.T) {
	stores, seed := drawn(t, "REGSWEEP_FIT", 48)
	seen := map[string]int{}
	list := layouttest.Steps(stores)
	for _, n := range list {
		m := newFitModel(t, seed+uint64(n))
		m.check(seen)
		removeAll(t, m.dir, m.store.Root)
		if t.Failed() {
			t.Fatalf("REGSWEEP_FIT_STORES=1 REGSWEEP_FIT_SEED=%d\n%s\n%s", seed+uint64(n), m.text, m.policy)
		}
	}
	t.Logf("%d stores: %v", len(list), seen)
	if len(list) < 48 {
		return
	}
	for _, what := range []string{"met", "by garbage", "by images", "missed", "refused", "a large one is enough", "done"} {
		if seen[what] == 0 {
			t.Errorf("no store of %d in which the target is %s", stores, what)
		}
	}
}

// fitModel is one random store.
type fitModel struct {
	*testing.T
	r            *rand.Rand
	dir          string
	text, policy string
	store        *layouttest.Store
	naive        *naiveStore

	// What the policy says; -1 for a rule that it does not have.
	last, within, pulledWithin, untagged int
	allowEmpty                           bool
	pulls                                map[string]time.Time // by repository:tag and repository@digest
	log                                  []string
}

func newFitModel(t *testing.T, seed uint64) *fitModel {
	m := &fitModel{T: t, r: rand.New(rand.NewPCG(seed, 16)), dir: t.TempDir(), pulls: map[string]time.Time{}}
	m.draw()
	m.store = layouttest.New(t, m.text)
	m.naive = readNaively(t, m.store)
	m.drawPolicy()
	m.drawPulls()
	return m
}

// draw makes the text of a store: images of few layers that many share, indexes,
// referrers, signatures, copies, untagged images, garbage.
func (m *fitModel) draw() {
	var b strings.Builder
	ages := m.r.Perm(300)
	age := func() string {
		n := ages[0]
		ages = ages[1:]
		return strconv.Itoa(n+2) + "d"
	}
	type object struct{ name, repository string }
	var objects []object
	for i := range 3 + m.r.IntN(9) {
		repository, name := []string{"a", "n/b", "n/c"}[m.r.IntN(3)], fmt.Sprint("o", i)
		var of object
		if len(objects) > 0 {
			of = objects[m.r.IntN(len(objects))]
		}
		tags := ""
		for k := range m.r.IntN(3) {
			tags += fmt.Sprintf(",%s%d-%d", []string{"t", "p", "t", "x"}[m.r.IntN(4)], i, k)
		}
		if tags != "" {
			tags = ":" + tags[1:]
		}
		switch kind := m.r.IntN(10); {
		case kind < 5 || of.name == "":
			layers := fmt.Sprintf("l%d:%dk", m.r.IntN(5), 16)
			for range m.r.IntN(3) {
				layers += fmt.Sprintf(",m%d:%dk", m.r.IntN(8), 40)
			}
			fmt.Fprintf(&b, "image %s%s layers=%s,own%d:%dk as=%s age=%s\n", repository, tags, layers, i, 1+m.r.IntN(3)*m.r.IntN(90), name, age())
		case kind < 6:
			repository = of.repository
			fmt.Fprintf(&b, "index %s%s of=%s as=%s age=%s\n", repository, tags, of.name, name, age())
		case kind < 7:
			fmt.Fprintf(&b, "referrer %s of=%s as=%s size=9k age=%s\n", of.repository, of.name, name, age())
			continue
		case kind < 8:
			fmt.Fprintf(&b, "cosign %s of=%s as=%s age=%s\n", of.repository, of.name, name, age())
			continue
		case kind < 9:
			fmt.Fprintf(&b, "copy %s:c%d %s deep age=%s\n", repository, i, of.name, age())
			continue
		default:
			fmt.Fprintf(&b, "orphan as=%s size=%dk age=9d\n", name, 1+m.r.IntN(60))
			continue
		}
		objects = append(objects, object{name, repository})
	}
	m.text = b.String()
}

func (m *fitModel) drawPolicy() {
	some := func(n int) int {
		if m.r.IntN(2) == 0 {
			return -1
		}
		return 1 + m.r.IntN(n)
	}
	m.last, m.within, m.pulledWithin, m.untagged = some(2), some(120), some(120), some(120)
	m.allowEmpty = m.r.IntN(4) > 0
	var keep []string
	for key, n := range map[string]int{"last: %d": m.last, "within: %dd": m.within, "pulled-within: %dd": m.pulledWithin} {
		if n >= 0 {
			keep = append(keep, fmt.Sprintf(key, n))
		}
	}
	if keep == nil {
		keep = []string{"none: true"}
	}
	m.policy = fmt.Sprintf(`version: 1
protect: ["**:p*"]
rules:
  - name: all
    repositories: ["**"]
    allow-empty: %v
    tags:
      - match: ["*"]
        exclude: ["x*"]
        keep: {%s}
`, m.allowEmpty, strings.Join(keep, ", "))
	if m.untagged >= 0 {
		m.policy += fmt.Sprintf("    untagged: {keep: {within: %dd}}\n", m.untagged)
	}
}

// drawPulls pulls some tags and manifests, each after its push.
func (m *fitModel) drawPulls() {
	for name := range m.naive.repositories { // a log that names none of them is another registry's
		m.log = strings.SplitAfter(daily(320, name), "\n")
	}
	if m.pulledWithin < 0 && m.r.IntN(3) == 0 {
		m.log = nil
		return
	}
	pull := func(repository, reference, key string, pushed time.Time) {
		if m.r.IntN(3) > 0 || cosignTag.MatchString(reference) {
			return
		}
		at := pushed.Add(time.Duration(m.r.Int64N(int64(time.Since(pushed)-time.Hour))) + time.Minute).Truncate(time.Second)
		m.log = append(m.log, pulled(at, repository, reference))
		m.pulls[key] = at
	}
	for name, r := range m.naive.repositories {
		for tag, to := range r.tags {
			pull(name, tag, name+":"+tag, to.pushed)
		}
		for digest, pushed := range r.revisions {
			if len(m.naive.blobs[digest].subjects) == 0 {
				pull(name, digest, name+"@"+digest, pushed)
			}
		}
	}
	m.r.Shuffle(len(m.log), func(i, j int) { m.log[i], m.log[j] = m.log[j], m.log[i] })
}

// pulled is the last pull of what a digest holds: by itself, by a tag, or of a child.
func (m *fitModel) pulled(repository, digest string) (last time.Time) {
	r := m.naive.repositories[repository]
	last = m.pulls[repository+"@"+digest]
	for tag, to := range r.tags {
		if to.digest == digest {
			last = latest(last, m.pulls[repository+":"+tag])
		}
	}
	for _, child := range m.naive.blobs[digest].children {
		if _, ok := r.revisions[child]; ok {
			last = latest(last, m.pulled(repository, child))
		}
	}
	return last
}

// candidates are the images that the policy lets go, by its documents.
func (m *fitModel) candidates() (list []naiveImage) {
	for name, r := range m.naive.repositories {
		images := map[string]*naiveImage{}
		protected := map[string]bool{}
		var pool []string
		for tag, to := range r.tags {
			switch {
			case cosignTag.MatchString(tag):
			case strings.HasPrefix(tag, "p"):
				protected[to.digest] = true
				fallthrough
			case !strings.HasPrefix(tag, "x"):
				pool = append(pool, tag)
			}
		}
		slices.SortFunc(pool, func(a, b string) int { return r.tags[b].pushed.Compare(r.tags[a].pushed) })
		for i, tag := range pool {
			to := r.tags[tag]
			used := latest(m.pulled(name, to.digest), to.pushed)
			tie := m.last > 0 && len(pool) >= m.last && to.pushed.Equal(r.tags[pool[max(m.last, 1)-1]].pushed)
			if strings.HasPrefix(tag, "p") || i < m.last || tie || m.within >= 0 && to.pushed.After(days(float64(m.within))) ||
				m.pulledWithin >= 0 && used.After(days(float64(m.pulledWithin))) {
				continue
			}
			if images[to.digest] == nil {
				images[to.digest] = &naiveImage{repository: name, digest: to.digest}
			}
			one := images[to.digest]
			one.tags, one.used, one.pushed = append(one.tags, tag), latest(one.used, used), latest(one.pushed, to.pushed)
		}
		tagged := map[string]bool{}
		for _, to := range r.tags {
			tagged[to.digest] = true
		}
		for digest, pushed := range r.revisions {
			if m.untagged >= 0 && !tagged[digest] && !m.naive.loose(r, digest) && pushed.Before(days(float64(m.untagged))) {
				images[digest] = &naiveImage{repository: name, digest: digest, used: latest(m.pulled(name, digest), pushed), pushed: pushed}
			}
		}
		for _, one := range images {
			list = append(list, *one)
		}
	}
	return list
}

// empties reports whether a repository would have no tag left that counts.
func (m *fitModel) empties(gone []naiveImage) bool {
	for name, r := range m.naive.repositories {
		before, after := 0, 0
		for tag, to := range r.tags {
			if cosignTag.MatchString(tag) {
				continue
			}
			before++
			if !slices.ContainsFunc(gone, func(i naiveImage) bool {
				return i.repository == name && i.digest == to.digest && slices.Contains(i.tags, tag)
			}) {
				after++
			}
		}
		if before > 0 && after == 0 {
			return !m.allowEmpty
		}
	}
	return false
}

func (m *fitModel) check(seen map[string]int) {
	candidates := m.candidates()
	used := naiveUsage(m.T, m.store.Dir)
	most := m.naive.freed(m.T, candidates)
	need := min(m.r.Int64N(most+most/4+8192), used)
	if m.r.IntN(8) == 0 {
		need = 0
	}
	var gone []naiveImage
	frees := int64(0)
	if need > 0 {
		gone = m.naive.fitNaively(m.T, candidates, need)
		frees = m.naive.freed(m.T, gone)
	}
	want := []string{}
	for _, image := range gone {
		for _, tag := range image.tags {
			want = append(want, image.repository+":"+tag)
		}
		if len(image.tags) == 0 {
			want = append(want, image.repository+"@"+image.digest)
		}
	}
	slices.Sort(want)
	refused := m.empties(gone)
	rep, status := m.prune(used-need, "-d")
	if refused {
		seen["refused"]++
		if status != statusFailed || rep.Removed.Tags+rep.Removed.Manifests+int(rep.Removed.Blobs) > 0 {
			m.Errorf("status %d, %+v, and a repository would be empty: need %d, the oracle removes %v of\n%+v\nand prune %+v", status, rep.Removed, need, want, candidates, rep.Fit)
		}
		return
	}
	got := removedNames(&rep)
	if diff := cmp.Diff(want, got); diff != "" || rep.Fit == nil {
		m.Errorf("need %d: the oracle removes (-) and prune (+):\n%s", need, diff)
		return
	}
	if rep.Fit.Frees != frees || *rep.Fit.UsedBefore != used || rep.Fit.Needed != need || rep.Fit.Shortfall != max(need-frees, 0) || status != m.status(&rep, need, frees) {
		m.Errorf("status %d: %+v, used %d; needed %d, frees %d, used %d", status, rep.Fit, *rep.Fit.UsedBefore, need, frees, used)
	}
	countFit(seen, need, frees, gone, candidates)
	if m.r.IntN(3) == 0 {
		seen["done"]++
		m.done(used, need, frees)
	}
}

// status is that of a target, and that of logs that cover too little, unless the
// target is met.
func (m *fitModel) status(rep *sweep.Report, need, frees int64) int {
	if need > frees || need > 0 && len(rep.Retention.Uncovered) > 0 {
		return statusFailed
	}
	return statusDone
}

func countFit(seen map[string]int, need, frees int64, gone, candidates []naiveImage) {
	switch {
	case need == 0:
		seen["met"]++
	case need > frees:
		seen["missed"]++
	case len(gone) == 0:
		seen["by garbage"]++
	default:
		seen["by images"]++
		if candidates[0].digest != gone[0].digest {
			seen["a large one is enough"]++
		}
	}
}

// done carries it out: what was announced is freed, and a second run removes nothing.
func (m *fitModel) done(used, need, frees int64) {
	rep, _ := m.prune(used-need, "--yes")
	after := naiveUsage(m.T, m.store.Dir)
	if used-after != frees || rep.Freed.DiskBytes != frees {
		m.Errorf("%d were to be freed, du says %d, the report %d", frees, used-after, rep.Freed.DiskBytes)
	}
	rep, _ = m.prune(used-need, "--yes")
	if again := naiveUsage(m.T, m.store.Dir); again != after || rep.Removed.Tags+rep.Removed.Manifests > 0 {
		m.Errorf("a second run has removed %+v", rep.Removed)
	}
	if r := runProgram(m, "", "check", "--root", m.store.Root); r.status != statusDone {
		m.Errorf("check: status %d\n%s", r.status, r.stdout)
	}
}

func (m *fitModel) prune(maxUsed int64, args ...string) (rep sweep.Report, status int) {
	m.Helper()
	policy := writeLog(m, filepath.Join(m.dir, "policy.yml"), m.policy)
	args = append([]string{"prune", "--root", m.store.Root, "--policy", policy, "--max-used", fmt.Sprint(max(maxUsed, 0)), "-v", "-o", "json", "--allow-empty"}, args...)
	if m.log != nil {
		args = append(args, "--pulls", writeLog(m, filepath.Join(m.dir, "access.log"), m.log...))
	}
	r := runProgram(m, "", args...)
	if r.stdout == "" {
		if r.status == statusDone {
			m.Fatalf("no report: %s", r.stderr)
		}
		return rep, r.status
	}
	conforms(m, "report", r.stdout)
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		m.Fatal(err)
	}
	return rep, r.status
}
