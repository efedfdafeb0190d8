package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/sweep"
)

// result is what one run of the program said.
type result struct {
	status int
	stdout string
	stderr string
	report sweep.Report // of a run with -o json
}

// runProgram runs the program as main does, in this process.
func runProgram(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	// Nothing pushes to these stores, so there is nothing to wait for.
	p := &program{in: strings.NewReader(stdin), out: &out, voice: &term.Voice{W: &errs}}
	status := p.main(args)
	return result{status: status, stdout: out.String(), stderr: errs.String()}
}

// gc runs gc on a store with -o json -v and further arguments. Whatever it
// does, its numbers must add up.
func gc(t testing.TB, s *layouttest.Store, args ...string) result {
	t.Helper()
	r := runProgram(t, "", append([]string{"gc", "--root", s.Root, "-o", "json", "-v"}, args...)...)
	if r.stdout == "" {
		return r
	}
	if err := json.Unmarshal([]byte(r.stdout), &r.report); err != nil {
		t.Fatalf("the report is not JSON: %v\n%s%s", err, r.stdout, r.stderr)
	}
	p := &r.report
	for name, sum := range map[string][2]int64{
		"blobs":     {p.Live.Blobs + p.Removed.Blobs + p.Failed.Blobs, p.Store.Blobs},
		"bytes":     {p.Live.Bytes + p.Removed.Bytes + p.Failed.Bytes, p.Store.Bytes},
		"diskBytes": {p.Live.DiskBytes + p.Removed.DiskBytes + p.Failed.DiskBytes, p.Store.DiskBytes},
	} {
		if sum[0] != sum[1] {
			t.Errorf("live, removed and failed %s are %d, the store has %d", name, sum[0], sum[1])
		}
	}
	return r
}

// mustGC is gc that must end with a status.
func mustGC(t testing.TB, s *layouttest.Store, status int, args ...string) result {
	t.Helper()
	r := gc(t, s, args...)
	if r.status != status {
		t.Fatalf("gc %s: status %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.stdout, r.stderr)
	}
	return r
}

// blobsOf are the names of the blobs among a report's items, sorted.
func blobsOf(s *layouttest.Store, r result) []string {
	names := []string{}
	for _, i := range r.report.Items {
		if i.Kind == "blob" {
			names = append(names, nameOf(s, i.Digest))
		}
	}
	slices.Sort(names)
	return names
}

// nameOf is the name that a store's text gave to a digest.
func nameOf(s *layouttest.Store, digest string) string {
	for _, name := range s.Names() {
		if s.Digest(name).String() == digest {
			return name
		}
	}
	return digest
}

// kinds are the kinds of a report's problems, sorted.
func kinds(r result) []string {
	list := []string{}
	for _, p := range r.report.Problems {
		list = append(list, p.Kind)
	}
	slices.Sort(list)
	return list
}
