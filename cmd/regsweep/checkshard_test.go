package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// mergedCheck is what --shard and --merge add to the JSON of check.
type mergedCheck struct {
	Shard         *struct{ Index, Count int }
	Started       *time.Time
	MissingShards []int
	Checked       struct {
		Blobs, BlobsRead, BytesRead, BlobsLeft, Manifests int64
	}
	Problems []json.RawMessage
}

func parseMerged(t *testing.T, text string) (m mergedCheck) {
	t.Helper()
	conforms(t, "check", text)
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// rotten has many blobs, damaged links, and data that have rotted.
func rotten(t *testing.T) *layouttest.Store {
	text := "age 40d\n"
	for i := range 30 {
		text += fmt.Sprintf("image a/app%d:v1 layers=l%d as=i%d\norphan as=o%d\n", i%5, i, i, i)
		if i%4 == 0 {
			text += fmt.Sprintf("damage garbage blob l%d\n", i)
		}
	}
	return newStore(t, text+"damage garbage tag a/app1:v1\ndamage missing blob l3\n")
}

// shards runs a check of each of several shards, and returns their files.
func shards(t *testing.T, s *layouttest.Store, count int) (files []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range count {
		r := runProgram(t, "", "check", "--root", s.Root, "--read-data", "--shard", fmt.Sprintf("%d/%d", i, count), "-o", "json")
		m := parseMerged(t, r.stdout)
		if m.Shard == nil || m.Shard.Index != i || m.Shard.Count != count || m.Checked.BlobsLeft != 0 {
			t.Fatalf("shard %d: %+v", i, m)
		}
		for _, p := range m.Problems {
			if i > 0 && !strings.Contains(string(p), `"corruptBlob"`) {
				t.Errorf("shard %d reports what the first one does: %s", i, p)
			}
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		if err := os.WriteFile(file, []byte(r.stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestShardsTogetherAreTheWholeCheck(t *testing.T) {
	t.Parallel()
	s := rotten(t)
	alone := runProgram(t, "", "check", "--root", s.Root, "--read-data", "-o", "json")
	whole := parseMerged(t, alone.stdout)
	if whole.Shard != nil || whole.MissingShards != nil || len(whole.Problems) < 8 {
		t.Fatalf("status %d: %+v", alone.status, whole)
	}
	for _, count := range []int{1, 2, 10} {
		files := shards(t, s, count)
		slices.Reverse(files) // their order says nothing
		r := runProgram(t, "", append([]string{"check", "--merge", "-o", "json"}, files...)...)
		m := parseMerged(t, r.stdout)
		if r.status != alone.status || len(m.MissingShards) != 0 || m.MissingShards == nil {
			t.Errorf("%d shards: status %d, missing %v\n%s", count, r.status, m.MissingShards, r.stderr)
		}
		if m.Checked != whole.Checked {
			t.Errorf("%d shards: %+v, alone %+v", count, m.Checked, whole.Checked)
		}
		same(t, fmt.Sprintf("what %d shards find", count), rawTexts(whole.Problems), rawTexts(m.Problems))
	}
}

func rawTexts(list []json.RawMessage) (all []string) {
	for _, text := range list {
		all = append(all, string(text))
	}
	return all
}

// Reports of different days are one report, which says how old it is.
func TestMergeSaysHowOldItIs(t *testing.T) {
	files := shards(t, newStore(t, "image a:v1"), 2)
	fresh, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	started := parseMerged(t, string(fresh)).Started
	if started == nil || time.Since(*started) > time.Hour {
		t.Fatalf("a shard began at %v", started)
	}
	with := func(line string) string {
		file := filepath.Join(t.TempDir(), "1.json")
		text := strings.Replace(string(fresh), fmt.Sprintf("  \"started\": %q,\n", started.Format(time.RFC3339)), line, 1)
		if text == string(fresh) {
			t.Fatalf("it does not say when it began:\n%s", fresh)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	old := with("  \"started\": \"2020-01-02T12:00:00Z\",\n")
	m := parseMerged(t, runProgram(t, "", "check", "--merge", "-o", "json", files[0], old).stdout)
	if m.Started == nil || m.Started.Format(time.RFC3339) != "2020-01-02T12:00:00Z" {
		t.Errorf("the first of the shards began at %v", m.Started)
	}
	if table := runProgram(t, "", "check", "--merge", files[0], old); !strings.Contains(table.stdout, "is from 2020-01-0") {
		t.Errorf("the table does not say how old it is:\n%s", table.stdout)
	}
	undated := with("")
	if m := parseMerged(t, runProgram(t, "", "check", "--merge", "-o", "json", files[0], undated).stdout); m.Started != nil {
		t.Errorf("one shard does not say when it began, but all began at %v", m.Started)
	}
	if table := runProgram(t, "", "check", "--merge", files[0], undated); !strings.Contains(table.stdout, "is not known") {
		t.Errorf("the table does not say that its age is not known:\n%s", table.stdout)
	}
}

// A shard that is missing, was killed, or was stopped is named, with the command
// that runs it again.
func TestMergeNamesTheShardsThatAreMissing(t *testing.T) {
	t.Parallel()
	s := rotten(t)
	files := shards(t, s, 4)
	text, err := os.ReadFile(files[2])
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.json")
	stopped := filepath.Join(t.TempDir(), "stopped.json")
	for file, text := range map[string]string{cut: string(text[:len(text)/2]), stopped: strings.Replace(string(text), `"blobsLeft": 0`, `"blobsLeft": 3`, 1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, third := range map[string][]string{"is not there": nil, "was killed": {cut}, "was stopped": {stopped}} {
		t.Run(name, func(t *testing.T) {
			r := runProgram(t, "", slices.Concat([]string{"check", "--merge", "-o", "json"}, files[:2], files[3:], third)...)
			m := parseMerged(t, r.stdout)
			if r.status != statusFailed || !slices.Equal(m.MissingShards, []int{2}) {
				t.Errorf("status %d, missing %v", r.status, m.MissingShards)
			}
			if !strings.Contains(r.stderr, "--read-data --shard 2/4 -o json >shard-2.json") {
				t.Errorf("it does not say how to run it again:\n%s", r.stderr)
			}
			if table := runProgram(t, "", slices.Concat([]string{"check", "--merge"}, files[:2], files[3:])...); strings.Contains(table.stdout, "no problems") || !strings.Contains(table.stdout, "not whole: 1 shard missing") {
				t.Errorf("what is missing counts as checked:\n%s", table.stdout)
			}
			if third != nil && !strings.Contains(r.stderr, third[0]) {
				t.Errorf("it does not name the file:\n%s", r.stderr)
			}
			again := runProgram(t, "", slices.Concat([]string{"check", "--merge"}, third, files)...)
			if again.status != statusProblems || !strings.Contains(again.stdout, "corruptBlob") {
				t.Errorf("with the third one again: status %d\n%s%s", again.status, again.stdout, again.stderr)
			}
		})
	}
}

func TestMergeRefusesWhatIsNotOfOneCheck(t *testing.T) {
	one, other := shards(t, newStore(t, "image a:v1"), 2), shards(t, newStore(t, "image a:v1"), 2)
	three := shards(t, newStore(t, "image a:v1"), 3)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"check", "--merge", one[0], other[1]}, statusFailed, "not of one check"},
		{[]string{"check", "--merge", one[0], three[1]}, statusFailed, "not of one check"},
		{[]string{"check", "--merge", one[0], filepath.Join(t.TempDir(), "none")}, statusFailed, "no such file"},
		{[]string{"check", "--merge"}, statusUsage, "needs the reports"},
		{[]string{"check", "--merge", "--root", "/x", one[0]}, statusUsage, "leave out --root"},
		{[]string{"check", "--root", "/x", "--shard", "0/2"}, statusUsage, "needs --read-data"},
		{[]string{"check", "--root", "/x", "--read-data", "--shard", "2/2"}, statusUsage, "0/10 to 9/10"},
		{[]string{"check", "--root", "/x", "--read-data", "--shard", "1"}, statusUsage, "0/10 to 9/10"},
		{[]string{"check", "--root", "/x", "--read-data", "--shard", "/2"}, statusUsage, jobIndex},
	} {
		if r := runProgram(t, "", c.args...); r.status != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q: status %d, want %d and %q\n%s", c.args, r.status, c.status, c.says, r.stderr)
		}
	}
}

// In a pod of an Indexed Job the cluster says which shard it is. Without the
// flag that says nothing.
func TestShardOfAnIndexedJob(t *testing.T) {
	s := rotten(t)
	t.Setenv(jobIndex, "1")
	if m := parseMerged(t, runProgram(t, "", "check", "--root", s.Root, "--read-data", "--shard", "/3", "-o", "json").stdout); m.Shard == nil || m.Shard.Index != 1 || m.Shard.Count != 3 {
		t.Errorf("%+v", m.Shard)
	}
	if m := parseMerged(t, runProgram(t, "", "check", "--root", s.Root, "--read-data", "-o", "json").stdout); m.Shard != nil {
		t.Errorf("without the flag: %+v", m.Shard)
	}
}
