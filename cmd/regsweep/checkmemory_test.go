package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

type blobCounts struct{ Blobs, BlobsRead, BlobsLeft, BlobsRemembered int }

// remembered is what a check with more arguments says of the data that it has read.
func remembered(t *testing.T, s *layouttest.Store, status int, more ...string) (c blobCounts) {
	t.Helper()
	r := runProgram(t, "", append([]string{"check", "--root", s.Root, "--read-data", "-o", "json"}, more...)...)
	if r.status != status {
		t.Fatalf("check %q: status %d, want %d\n%s", more, r.status, status, r.stderr)
	}
	conforms(t, "check", r.stdout)
	if err := json.Unmarshal([]byte(r.stdout), &struct{ Checked any }{&c}); err != nil {
		t.Fatal(err)
	}
	return c
}

// A check that leaves out what was read lately still reads what is new, has
// another size, or was damaged, and all of it once the memory is lost.
func TestCheckLeavesOutWhatWasReadLately(t *testing.T) {
	t.Parallel()
	s := newStore(t, "age 40d\nimage a:v1 layers=l1,l2 as=one\nimage a:v2 layers=l3 as=two\ndamage garbage blob l3\n")
	file := filepath.Join(s.Dir, filepath.FromSlash(sweep.VerifiedPath))
	first := remembered(t, s, statusProblems)
	if _, err := os.Lstat(file); err == nil {
		t.Error("a check that was not asked to remember anything writes a file")
	}
	if first.BlobsRead != first.Blobs {
		t.Fatalf("%+v", first)
	}
	if c := remembered(t, s, statusProblems, "--max-age", "4w"); c.BlobsRead != c.Blobs || c.BlobsRemembered != 0 {
		t.Errorf("the first time: %+v", c)
	}
	// What is damaged is read each time.
	if c := remembered(t, s, statusProblems, "--max-age", "4w"); c.BlobsRead != 1 || c.BlobsRemembered != c.Blobs-1 {
		t.Errorf("the second time: %+v", c)
	}
	if c := remembered(t, s, statusProblems, "--max-age", "1ms"); c.BlobsRead != c.Blobs || c.BlobsRemembered != 0 {
		t.Errorf("what was read longer ago: %+v", c)
	}
	whole := readFile(t, file)
	for name, text := range map[string]string{"cut off": whole[:len(whole)/2], "empty": "", "changed": strings.Replace(whole, "1", "2", 1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c := remembered(t, s, statusProblems, "--max-age", "4w"); c.BlobsRead != c.Blobs {
			t.Errorf("the memory is %s: %+v", name, c)
		}
	}
	// Rot that changes the size is seen, though the blob was read.
	data := filepath.Join(s.Dir, "blobs/sha256", s.Digest("l1").Hex()[:2], s.Digest("l1").Hex(), "data")
	if err := os.Truncate(data, 1); err != nil {
		t.Fatal(err)
	}
	if c := remembered(t, s, statusProblems, "--max-age", "4w"); c.BlobsRead != 2 {
		t.Errorf("a blob has another size: %+v", c)
	}
}

// Checks that end after a time read all blobs after some nights.
func TestChecksThatEndGoOnTheNextTime(t *testing.T) {
	text := "age 40d\n"
	for i := range 40 {
		text += fmt.Sprintf("image a:v%d layers=l%d\n", i, i)
	}
	s := newStore(t, text)
	most, read := 0, 0
	for night := 0; ; night++ {
		c := remembered(t, s, statusDone, "--for", "1ms", "--max-age", "4w", "--jobs", "1")
		if c.BlobsRead+c.BlobsLeft+c.BlobsRemembered != c.Blobs {
			t.Fatalf("night %d: %+v", night, c)
		}
		if c.BlobsRemembered < most || night > 1000 {
			t.Fatalf("night %d: it has forgotten: %+v", night, c)
		}
		most, read = c.BlobsRemembered, read+c.BlobsRead
		if c.BlobsRead == 0 && c.BlobsLeft == 0 {
			break
		}
	}
	if c := remembered(t, s, statusDone, "--max-age", "4w"); read != c.Blobs {
		t.Errorf("of %d blobs %d were read", c.Blobs, read)
	}
}

// Shards that run beside each other, and checks of a store that cannot be written,
// lose no more than their memory.
func TestShardsRememberTogether(t *testing.T) {
	t.Parallel()
	s := rotten(t)
	for i := range 3 {
		remembered(t, s, statusProblems, "--max-age", "4w", "--shard", fmt.Sprintf("%d/3", i))
	}
	c := remembered(t, s, statusProblems, "--max-age", "4w")
	if c.BlobsRead > 10 || c.BlobsRemembered < 50 {
		t.Errorf("%+v", c)
	}
}

func TestCheckWithoutTimeIsRefused(t *testing.T) {
	for _, args := range [][]string{{"--for", "2h"}, {"--max-age", "4w"}, {"--read-data", "--for", "0"}, {"--read-data", "--max-age", "0"}} {
		if r := runProgram(t, "", append([]string{"check", "--root", "/x"}, args...)...); r.status != statusUsage {
			t.Errorf("%q: status %d\n%s", args, r.status, r.stderr)
		}
	}
}
