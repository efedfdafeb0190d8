package pulls

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

// A pull is a GET or HEAD of a manifest that was answered with 200 to 399.
func TestWhichRequestsArePulls(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"} {
		for _, status := range []int{100, 199, 200, 206, 299, 301, 304, 307, 399, 400, 401, 404, 429, 500, 503} {
			lines := map[string]string{
				"combined": fmt.Sprintf(`10.0.0.1 - - [27/Nov/2026:06:55:15 +0000] "%s /v2/team/api/manifests/v1 HTTP/1.1" %d 9 "" "a"`, method, status),
				"nginx":    fmt.Sprintf(`{"time":"2026-11-27T06:55:15+00:00","method":%q,"path":"/v2/team/api/manifests/v1","status":%d,"agent":"a"}`, method, status),
				"Traefik":  fmt.Sprintf(`{"RequestMethod":%q,"RequestPath":"/v2/team/api/manifests/v1","DownstreamStatus":%d,"StartUTC":"2026-11-27T06:55:15.1Z"}`, method, status),
				"Caddy":    fmt.Sprintf(`{"ts":1795762515.5,"request":{"method":%q,"uri":"/v2/team/api/manifests/v1"},"status":%d}`, method, status),
			}
			for name, line := range lines {
				table, added := readTable(t, []byte(line+"\n"), reach())
				want := 0
				if (method == "GET" || method == "HEAD") && status >= 200 && status < 400 {
					want = 1
				}
				if got := len(short(table)); got != want || added.Requests != 1 {
					t.Errorf("%s: %s with status %d: %d pulls of %d requests, not %d", name, method, status, got, added.Requests, want)
				}
			}
		}
	}
}

// There may be a /v2/ in what is before the registry's own: the pull counts for
// each repository of the store that the path may name.
func TestPrefixesOfPathsWithV2InThem(t *testing.T) {
	by := reach()
	for path, want := range map[string][]string{
		"/api/v2/v2/team/api/manifests/v1":    {"team/api:v1 1"},
		"/v2/team/api/v2/team/api/manifests/": nil,
		"/v2/v2/team/api/manifests/v1":        {"team/api:v1 1"},
		"/v2/x/v2/team/api/manifests/v1":      {"team/api:v1 1"},
		"/v2/x/v2/team/web/manifests/v1":      nil,
	} {
		table, added := readTable(t, []byte(at("2026-11-26 10:00", path)), by)
		if diff := cmp.Diff(want, short(table), cmp.Comparer(slices.Equal[[]string])); diff != "" || added.Lines != 1 {
			t.Errorf("%s: %d lines, (-want +got):\n%s", path, added.Lines, diff)
		}
	}
	by.Has = func(string) bool { return true }
	table, added := readTable(t, []byte(at("2026-11-26 10:00", "/v2/x/v2/team/api/manifests/v1")), by)
	if diff := cmp.Diff([]string{"team/api:v1 1", "x/v2/team/api:v1 1"}, short(table)); diff != "" || added.Used != 1 {
		t.Errorf("where both are in the store: %+v, (-want +got):\n%s", added.Counts, diff)
	}
}

// A log that is read twice tells the same of what was pulled last. Only the counts
// are doubled.
func TestALogThatIsReadTwice(t *testing.T) {
	for _, file := range lined {
		once, _ := readTable(t, stored(t, file), reach())
		twice, _ := readTable(t, stored(t, file), reach())
		again, _ := readTable(t, stored(t, file), reach())
		if err := twice.Merge(again); err != nil {
			t.Fatal(err)
		}
		want, got := once.Pulls(nil), twice.Pulls(nil)
		for i := range want {
			want[i].Count *= 2
		}
		sameDigest := cmp.Comparer(func(a, b layout.Digest) bool { return a == b })
		if diff := cmp.Diff(want, got, sameDigest); diff != "" {
			t.Errorf("%s (-once, with the counts doubled, +twice):\n%s", file, diff)
		}
		if diff := cmp.Diff(once.Spans(), twice.Spans()); diff != "" {
			t.Errorf("%s covers (-once +twice):\n%s", file, diff)
		}
	}
}

// journalctl -o json writes null in place of a long line: that is a line which
// cannot be read, and not one of another service.
func TestLinesThatJournalctlLeavesOut(t *testing.T) {
	for text, unreadable := range map[string]int64{
		`{"MESSAGE":null,"PRIORITY":"6"}`:              1,
		`{"MESSAGE":["one","two"],"PRIORITY":"6"}`:     1,
		`{"MESSAGE":{},"PRIORITY":"6"}`:                1,
		`{"MESSAGE":"","PRIORITY":"6"}`:                0,
		`{"MESSAGE":"listening","PRIORITY":"6"}`:       0,
		`{"MESSAGE":[108,105,115,116],"PRIORITY":"6"}`: 0,
	} {
		_, added := readTable(t, []byte(text+"\n"), reach())
		if added.Lines != 1 || added.Unreadable != unreadable {
			t.Errorf("%s: %+v", text, added.Counts)
		}
	}
}

// Rotated logs are often put together as they are: gzipped ones, one after the other.
func TestGzippedLogsPutTogether(t *testing.T) {
	var parts []byte
	var want []string
	for n := range 3 {
		parts = append(parts, zipped(strings.Repeat(at("2026-11-26 10:00", fmt.Sprintf("/v2/team/api/manifests/v%d", n)), n+1))...)
		want = append(want, fmt.Sprintf("team/api:v%d %d", n, n+1))
	}
	table, _ := readTable(t, parts, reach())
	if diff := cmp.Diff(want, short(table)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
