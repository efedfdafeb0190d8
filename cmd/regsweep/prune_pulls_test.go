package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/sweep"
)

// A year of a registry: an index whose child is pulled by its digest, an image
// that two tags name, one that a tag named before, and some that nobody pulls.
const pulledStore = `
age 300d
image a:used as=used
image a:unused as=unused
image a:child as=child
index a:multi of=child as=multi
image a:moved as=before
age 2d
image a:new as=new
image a:moved as=now
`

// onlyPulled keeps in every repository what was pulled in 60 days.
const onlyPulled = `
version: 1
rules:
  - name: used
    repositories: ["**"]
    tags:
      - match: ["*"]
        keep: {pulled-within: 60d}
    untagged: {keep: {pulled-within: 60d}}
`

// pruneByLogs runs prune -d with a policy and returns what is kept, and all of it.
func pruneByLogs(t *testing.T, root, policy string, args ...string) (kept []string, r result) {
	t.Helper()
	file := writeLog(t, filepath.Join(t.TempDir(), "policy.yml"), policy)
	r = runProgram(t, "", append([]string{"prune", "--root", root, "--policy", file, "-d", "-v", "-o", "json"}, args...)...)
	if r.stdout == "" {
		return nil, r
	}
	conforms(t, "report", r.stdout)
	var rep sweep.Report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatal(err)
	}
	for _, d := range rep.Decisions {
		if d.Action == "keep" {
			kept = append(kept, d.Repository+":"+d.Tag)
		}
	}
	return kept, r
}

func TestPruneKeepsWhatIsPulled(t *testing.T) {
	t.Parallel()
	s := newStore(t, pulledStore)
	long := daily(100, "a")
	all := []string{"a:", "a:child", "a:moved", "a:multi", "a:new", "a:unused", "a:used"}
	for name, c := range map[string]struct {
		log    string
		status int
		kept   []string
		stderr string
	}{
		"nothing was pulled": {long, statusDone, []string{"a:moved", "a:new"}, ""},
		"by a tag":           {long + pulled(days(30), "a", "used"), statusDone, []string{"a:moved", "a:new", "a:used"}, ""},
		"by a digest":        {long + pulled(days(30), "a", s.Digest("used").String()), statusDone, []string{"a:moved", "a:new", "a:used"}, ""},
		"a child, which its index holds": {
			long + pulled(days(30), "a", s.Digest("child").String()), statusDone, []string{"a:child", "a:moved", "a:multi", "a:new"}, "",
		},
		"too long ago": {long + pulled(days(70), "a", "used"), statusDone, []string{"a:moved", "a:new"}, ""},
		// The tag named another image 30 days ago.
		"what a tag named then":    {long + pulled(days(30), "a", "moved"), statusDone, []string{"a:", "a:moved", "a:new"}, ""},
		"in a log that is short":   {daily(30, "a") + pulled(days(20), "a", "used"), statusFailed, all, "the logs begin only"},
		"in a log with a break":    {daily(100, "a")[:200] + daily(5, "a"), statusFailed, all, "the logs begin only"},
		"in a log that has an end": {pulled(days(5), "a", "used") + pulled(days(99), "a", "used"), statusFailed, all, "no log covers"},
		"of another registry":      {daily(100, "b"), statusFailed, all, "no log covers"},
		"in no log at all":         {"nothing\n", statusFailed, nil, "no line of it is a request"},
	} {
		t.Run(name, func(t *testing.T) {
			log := writeLog(t, filepath.Join(t.TempDir(), "access.log"), c.log)
			kept, r := pruneByLogs(t, s.Root, onlyPulled, "--pulls", log)
			slices.Sort(kept)
			if r.status != c.status || !strings.Contains(r.stderr, c.stderr) {
				t.Errorf("status %d: %s", r.status, r.stderr)
			}
			if diff := cmp.Diff(c.kept, kept); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}

// A tag that was set to one image, to another, and to the first again has only the
// last of these times: what was pulled by it before may have been the first image.
func TestPruneKeepsWhatATagNamedBeforeAndAgain(t *testing.T) {
	s := newStore(t, `
age 300d
image a:v1 as=again
image a:v2 as=other
tag a:latest other age=200d
tag a:latest again age=40d
image a:latest as=now age=2d
`)
	log := writeLog(t, filepath.Join(t.TempDir(), "access.log"), daily(100, "a")+pulled(days(50), "a", "latest"))
	if kept, r := pruneByLogs(t, s.Root, onlyPulled, "--pulls", log); r.status != statusDone || !slices.Contains(kept, "a:v1") {
		t.Errorf("status %d, kept %q: %s", r.status, kept, r.stderr)
	}
}

// Without logs a rule about pulls removes nothing, and says why.
func TestPruneWhereLogsAreFrom(t *testing.T) {
	s := newStore(t, pulledStore)
	dir := t.TempDir()
	log := writeLog(t, filepath.Join(dir, "access.log.1"), daily(100, "a"), pulled(days(3), "a", "used"))
	other := writeLog(t, filepath.Join(dir, "access.log.2"), pulled(days(4), "a", "unused"))
	if _, r := pruneByLogs(t, s.Root, onlyPulled); r.status != statusFailed || !strings.Contains(r.stderr, "there are none") || r.stdout != "" {
		t.Errorf("without any: status %d: %s", r.status, r.stderr)
	}
	used, both := []string{"a:moved", "a:new", "a:used"}, []string{"a:moved", "a:new", "a:unused", "a:used"}
	check := func(name string, want []string, policy string, args ...string) {
		t.Helper()
		if kept, r := pruneByLogs(t, s.Root, policy, args...); r.status != statusDone || !slices.Equal(kept, want) {
			t.Errorf("%s: status %d, kept %q: %s", name, r.status, kept, r.stderr)
		}
	}
	check("--pulls", used, onlyPulled, "--pulls", log)
	check("--pulls, and a glob that a shell has expanded", both, onlyPulled, "--pulls", log, other)
	check("the policy", both, onlyPulled+fmt.Sprintf("pulls: [%q]\n", filepath.Join(dir, "access.log.*")))
	check("--pulls in place of the policy's", used, onlyPulled+"pulls: [/nowhere]\n", "--pulls", log)
	if _, r := pruneByLogs(t, s.Root, onlyPulled+"pulls: [/nowhere/at/all/*]\n"); r.status != statusFailed || !strings.Contains(r.stderr, "/nowhere") {
		t.Errorf("a glob of nothing: status %d: %s", r.status, r.stderr)
	}
	if r := runProgram(t, "", "pulls", "read", "--root", s.Root, log); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	check("the table", used, onlyPulled)
	check("agents that do not count", []string{"a:moved", "a:new"}, onlyPulled+"ignore-agents: [\"containerd/*\"]\n")
	policy := writeLog(t, filepath.Join(dir, "policy.yml"), onlyPulled)
	r := runProgram(t, "", "why", "--root", s.Root, "--policy", policy, "a:used")
	if r.status != statusDone || !strings.Contains(r.stdout, "last pulled") {
		t.Errorf("why: status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	if r := runProgram(t, "", "prune", "--root", s.Root, "--filter", "a:.*", "--ago", "1d", "-d", "--pulls", log); r.status != statusUsage {
		t.Errorf("--pulls without a policy: status %d", r.status)
	}
}

// A plan of last week is carried out after new pulls: what was pulled since stays.
func TestApplySkipsWhatWasPulledSince(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pulls  func(digest func(string) string) []string
		remain []string
	}{
		"no pull":              {func(func(string) string) []string { return nil }, []string{"a:moved", "a:new"}},
		"by a tag":             {func(func(string) string) []string { return []string{pulled(days(-0.00001), "a", "unused")} }, []string{"a:moved", "a:new", "a:unused"}},
		"by a digest":          {func(d func(string) string) []string { return []string{pulled(days(0), "a", d("used"))} }, []string{"a:moved", "a:new", "a:used"}},
		"a child of the index": {func(d func(string) string) []string { return []string{pulled(days(0), "a", d("child"))} }, []string{"a:child", "a:moved", "a:multi", "a:new"}},
		"before the plan":      {func(func(string) string) []string { return []string{pulled(days(1), "a", "unused")} }, []string{"a:moved", "a:new"}},
	} {
		for _, table := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, table %t", name, table), func(t *testing.T) {
				s := newStore(t, pulledStore)
				dir := t.TempDir()
				log := writeLog(t, filepath.Join(dir, "access.log"), daily(100, "a"))
				policy, plan := writeLog(t, filepath.Join(dir, "policy.yml"), onlyPulled), filepath.Join(dir, "plan.txt")
				args := []string{"prune", "--root", s.Root, "--policy", policy, "-d", "--plan", plan, "--allow-empty"}
				if table {
					if r := runProgram(t, "", "pulls", "read", "--root", s.Root, log); r.status != statusDone {
						t.Fatal(r.stderr)
					}
				} else {
					args = append(args, "--pulls", log)
				}
				if r := runProgram(t, "", args...); r.status != statusDone {
					t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
				}
				later := strings.Join(c.pulls(func(name string) string { return s.Digest(name).String() }), "")
				if table {
					if later != "" {
						more := writeLog(t, filepath.Join(dir, "later.log"), later)
						if r := runProgram(t, "", "pulls", "read", "--root", s.Root, more); r.status != statusDone {
							t.Fatal(r.stderr)
						}
					}
				} else {
					writeLog(t, log, daily(100, "a"), later)
				}
				r := runProgram(t, "", "apply", "--root", s.Root, plan, "--yes", "--allow-empty")
				if r.status != statusDone {
					t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
				}
				if strings.Contains(r.stdout, "pulled since") != (len(c.remain) > 2) {
					t.Errorf("what is left out: %s", r.stdout)
				}
				got := strings.Fields(runProgram(t, "", "ls", "--tags", "a", "--root", s.Root, "-q").stdout)
				if !slices.Equal(got, c.remain) {
					t.Errorf("%q remain, not %q: %s", got, c.remain, r.stdout)
				}
				if r := runProgram(t, "", "check", "--root", s.Root); r.status != statusDone {
					t.Errorf("check: status %d: %s", r.status, r.stdout)
				}
			})
		}
	}
}
