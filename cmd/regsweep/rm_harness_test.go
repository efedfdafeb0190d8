package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// removedCase is what the contract says about one rm or untag. Its check makes
// a dry run and a run.
type removedCase struct {
	text string   // the store, in the language of layouttest
	args []string // {NAME} is a digest's hexadecimal digits

	items   []string // KIND REPOSITORY[:TAG] NAME, in any order; see itemLine
	shared  int64    // blobs that stay since others need them
	status  int
	garbage []string // items that were garbage before, and are left to gc
}

func (c removedCase) check(t *testing.T) *layouttest.Store {
	t.Helper()
	s := layouttest.New(t, c.text)
	args := orderedNames(s, c.args)
	before, bytes := s.Snapshot(t), s.BlobBytes(t)
	pulls := pullable(t, s)
	garbage := itemNames(s, gc(t, s, "-d"))
	same(t, "what was garbage before", expand(s, c.garbage), garbage)
	want := expand(s, c.items)

	dry := run(t, s, append(args, "--dry-run")...)
	if dry.status != c.status {
		t.Fatalf("%v --dry-run: status %d, want %d\n%s", args, dry.status, c.status, dry.stderr)
	}
	same(t, "what the dry run plans", want, itemNames(s, dry))
	same(t, "the store after a dry run", before, s.Snapshot(t))

	done := run(t, s, append(args, "--yes")...)
	if done.status != c.status {
		t.Fatalf("%v --yes: status %d, want %d\n%s", args, done.status, c.status, done.stderr)
	}
	same(t, "what is removed", want, itemNames(s, done))
	same(t, "the numbers of the dry run and the run", dry.report.Removed, done.report.Removed)
	same(t, "what others share", dry.report.Shared, done.report.Shared)
	if got := done.report.Shared.Blobs; got != c.shared {
		t.Errorf("%d blobs are shared, want %d", got, c.shared)
	}
	if freed := bytes - s.BlobBytes(t); freed != done.report.Removed.Bytes {
		t.Errorf("%d bytes of blobs are gone, the report says %d", freed, done.report.Removed.Bytes)
	}
	countsAgree(t, done)
	checkPulls(t, s, pulls, done)

	// What was garbage before is still there, and nothing else is.
	after := itemNames(s, gc(t, s, "-d"))
	same(t, "what gc would remove then", without(expand(s, c.garbage), want), without(after, want))
	return s
}

// pullable are the references of which nothing is missing.
func pullable(t *testing.T, s *layouttest.Store) (whole []string) {
	t.Helper()
	for _, ref := range allReferences(t, s) {
		if len(s.Missing(ref)) == 0 {
			whole = append(whole, ref)
		}
	}
	return whole
}

// allReferences are NAME:TAG and NAME@DIGEST of all that is linked.
func allReferences(t *testing.T, s *layouttest.Store) (refs []string) {
	t.Helper()
	for _, path := range s.Tree(t) {
		o, err := layout.Parse(path)
		switch {
		case err != nil:
		case o.Kind == layout.TagCurrent:
			refs = append(refs, o.Repository+":"+o.Tag)
		case o.Kind == layout.RevisionLink:
			refs = append(refs, o.Repository+"@"+o.Digest.String())
		}
	}
	return refs
}

// checkPulls demands that what could be pulled still can, unless it was removed.
func checkPulls(t *testing.T, s *layouttest.Store, before []string, r result) {
	t.Helper()
	gone := map[string]bool{}
	for _, i := range r.report.Items {
		switch i.Kind {
		case "tag":
			gone[i.Repository+":"+i.Name] = true
		case "manifest":
			gone[i.Repository+"@"+i.Digest] = true
		}
	}
	for _, ref := range before {
		missing := s.Missing(ref)
		switch {
		case gone[ref] && missing == nil:
			t.Errorf("%s was removed and can still be pulled", ref)
		case !gone[ref]:
			// A child that was removed by name leaves a sparse index.
			missing = slices.DeleteFunc(missing, func(m string) bool {
				digest, ok := strings.CutPrefix(m, "manifest ")
				repository, _, _ := strings.Cut(ref, "@")
				if at := strings.LastIndexByte(ref, ':'); !strings.Contains(ref, "@") {
					repository = ref[:at]
				}
				return ok && gone[repository+"@"+digest]
			})
			if len(missing) > 0 {
				t.Errorf("%s stays and lacks %v", ref, missing)
			}
		}
	}
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(l string) bool { return slices.Contains(other, l) })
}

// orderedNames writes {NAME} as digests, and keeps the order.
func orderedNames(s *layouttest.Store, args []string) (out []string) {
	for _, a := range args {
		out = append(out, expand(s, []string{a})...)
	}
	return out
}

// run runs a command that removes with -o json -v.
func run(t testing.TB, s *layouttest.Store, args ...string) result {
	t.Helper()
	r := runProgram(t, "", append(args, "--root", s.Root, "-o", "json", "-v")...)
	if strings.HasPrefix(r.stdout, "{") {
		if err := json.Unmarshal([]byte(r.stdout), &r.report); err != nil {
			t.Fatal(err)
		}
	}
	p := &r.report
	if sum := p.Live.Bytes + p.Removed.Bytes + p.Failed.Bytes; sum != p.Store.Bytes {
		t.Errorf("live, removed and failed bytes are %d, the store has %d", sum, p.Store.Bytes)
	}
	return r
}

// itemNames are a report's items without their sizes.
func itemNames(s *layouttest.Store, r result) []string {
	list := []string{}
	for k := range r.report.Items {
		list = append(list, itemLine(s, &r.report.Items[k]))
	}
	slices.Sort(list)
	return list
}
