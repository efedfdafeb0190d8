package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// The least used image by its pulls is not the one that was pushed first.
const usedStore = `
image a:first layers=f:300k as=first age=90d
image a:second layers=s:300k as=second age=80d
image a:third layers=t:300k as=third age=70d
image a:newest layers=n:300k as=newest age=5d
`

const allButNewest = `
version: 1
rules: [{name: all, repositories: ["**"], tags: [{match: ["*"], keep: {last: 1}}]}]
`

// usedLess is --max-used for so many bytes less than a store uses.
func usedLess(t *testing.T, s *layouttest.Store, bytes int64) string {
	t.Helper()
	used := int64(0)
	if r := runProgram(t, "", "prune", "--root", s.Root, "--filter", "a:none", "--max-used", "1EiB", "-d", "-o", "json"); r.status == statusDone {
		used = *jsonReport(t, r).Fit.UsedBefore
	}
	return fmt.Sprint(used - bytes)
}

func TestTargetTakesWhatIsUsedLeast(t *testing.T) {
	log := daily(100, "a") + pulled(days(2), "a", "first") + pulled(days(20), "a", "third")
	lines := strings.SplitAfter(log, "\n")
	for name, c := range map[string]struct {
		args func(t *testing.T, s *layouttest.Store) []string
		want string
	}{
		"by pushes, without a log": {func(*testing.T, *layouttest.Store) []string { return nil }, "a:first"},
		"by pulls of a log": {func(t *testing.T, _ *layouttest.Store) []string {
			return []string{"--pulls", writeLog(t, filepath.Join(t.TempDir(), "log"), log)}
		}, "a:second"},
		"by pulls in any other order": {func(t *testing.T, _ *layouttest.Store) []string {
			mixed := slices.Clone(lines)
			rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			return []string{"--pulls", writeLog(t, filepath.Join(t.TempDir(), "log"), mixed...)}
		}, "a:second"},
		"by pulls of the table": {func(t *testing.T, s *layouttest.Store) []string {
			if r := runProgram(t, "", "pulls", "read", "--root", s.Root, writeLog(t, filepath.Join(t.TempDir(), "log"), log)); r.status != statusDone {
				t.Fatal(r.stderr)
			}
			return nil
		}, "a:second"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, usedStore)
			args := append([]string{"prune", "--root", s.Root, "--policy", writeLog(t, filepath.Join(t.TempDir(), "policy.yml"), allButNewest), "-d", "-v", "-o", "json"}, c.args(t, s)...)
			r := runProgram(t, "", append(args, "--max-used", usedLess(t, s, 4096))...)
			gone := []string{}
			for _, d := range jsonReport(t, r).Decisions {
				if d.Action == "remove" {
					gone = append(gone, d.Repository+":"+d.Tag)
				}
			}
			if diff := cmp.Diff([]string{c.want}, gone); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A log that is no log, or a table that is damaged, must not look like no pulls.
func TestTargetWithoutUsableLogsIsRefused(t *testing.T) {
	s := newStore(t, usedStore)
	r := runProgram(t, "", "prune", "--root", s.Root, "--filter", "a:.*", "--keep", "1", "--max-used", "1", "-d", "--pulls", writeLog(t, filepath.Join(t.TempDir(), "log"), "nothing\n"))
	if r.status != statusFailed || !strings.Contains(r.stderr, "no line of it is a request") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	s.MustApply(t, "raw .regsweep/pulls damaged")
	r = runProgram(t, "", "prune", "--root", s.Root, "--filter", "a:.*", "--keep", "1", "--max-used", "1", "-d")
	if r.status != statusFailed || r.stdout != "" {
		t.Errorf("status %d: %s", r.status, r.stdout)
	}
}

// A plan of last week, made for a target and by a policy without a rule about
// pulls, leaves alone what has been pulled since.
func TestPlanForATargetSkipsWhatWasPulledSince(t *testing.T) {
	s := newStore(t, usedStore)
	dir := t.TempDir()
	log, plan := writeLog(t, filepath.Join(dir, "log"), daily(100, "a")), filepath.Join(dir, "plan.txt")
	args := []string{"prune", "--root", s.Root, "--filter", "a:.*", "--keep", "1", "--max-used", usedLess(t, s, 500<<10), "--pulls", log, "-d", "--plan", plan, "-o", "json"}
	if r := runProgram(t, "", args...); jsonReport(t, r).Removed.Tags != 2 {
		t.Fatalf("status %d: %s%s", r.status, r.stderr, r.stdout)
	}
	writeLog(t, log, daily(100, "a"), pulled(days(0), "a", "first"))
	r := runProgram(t, "", "apply", plan, "--root", s.Root, "--yes", "-o", "json")
	rep := jsonReport(t, r)
	if rep.Removed.Tags != 1 || !slices.Contains(tagsLeft(t, s, "a"), "first") {
		t.Errorf("status %d, removed %+v: %s", r.status, rep.Removed, r.stderr)
	}
}

// Labels are inherited: a base image of CI that says it expires in an hour gives
// that to every image that is built on it. Nothing that another rule keeps goes.
func TestExpiryLabelOfABaseImageTakesNothingThatAnotherRuleKeeps(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 12 {
		fmt.Fprintf(&text, "image team/app%d:v%d layers=base,own%d as=i%d age=%dd label=quay.expires-after=1h\n", i%3, i, i, i, 10+i)
	}
	text.WriteString("image ci/base:latest layers=base as=cibase age=30d label=quay.expires-after=1h\n")
	s := newStore(t, text.String())
	for _, rule := range []string{"last: 2", "within: 15d", "all: true", "monthly: 3", "images: 1", "semver: {major: 2}, last: 1"} {
		policy := func(keep string) string {
			return fmt.Sprintf("version: 1\nrules: [{name: all, allow-empty: true, repositories: [\"**\"], tags: [{match: [\"*\"], keep: {%s}}]}]\n", keep)
		}
		without, r := pruneByLogs(t, s.Root, policy(rule))
		with, r2 := pruneByLogs(t, s.Root, policy(rule+", label: {expires: quay.expires-after}"))
		if r.status != statusDone || r2.status != statusDone || len(without) == 0 {
			t.Fatalf("%s: status %d and %d: %s%s", rule, r.status, r2.status, r.stderr, r2.stderr)
		}
		if diff := cmp.Diff(without, with); diff != "" {
			t.Errorf("%s: kept without the label (-) and with it (+):\n%s", rule, diff)
		}
	}
}

func jsonReport(t *testing.T, r result) (rep sweep.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("status %d, %v: %s", r.status, err, r.stderr)
	}
	return rep
}

func tagsLeft(t *testing.T, s *layouttest.Store, repository string) []string {
	t.Helper()
	return strings.Fields(strings.ReplaceAll(runProgram(t, "", "ls", "--root", s.Root, repository, "--tags", "-q").stdout, repository+":", ""))
}
