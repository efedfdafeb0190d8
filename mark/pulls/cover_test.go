package pulls

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

func TestWhatLogsCover(t *testing.T) {
	const pull = "/v2/team/api/manifests/v1"
	for name, c := range map[string]struct {
		log   string
		spans int
		begin string
	}{
		"nothing":                          {"", 0, ""},
		"its only line":                    {at("2026-11-26 10:00", pull), 1, "2026-11-26 10:00"},
		"lines two days apart":             {at("2026-11-24 10:00", "/v2/") + at("2026-11-26 09:00", pull), 1, "2026-11-24 10:00"},
		"lines just three days apart":      {at("2026-11-23 10:00", "/v2/") + at("2026-11-26 10:00", pull), 1, "2026-11-23 10:00"},
		"a break of a minute more":         {at("2026-11-23 09:59", "/v2/") + at("2026-11-26 10:00", pull), 2, "2026-11-26 10:00"},
		"after the last of breaks":         {at("2026-11-26 10:00", pull) + at("2025-01-01 00:00", pull) + at("2025-07-01 00:00", pull), 3, "2026-11-26 10:00"},
		"no end within three days":         {at("2026-11-20 10:00", pull), 1, ""},
		"of another registry":              {at("2026-11-26 10:00", "/v2/else/where/manifests/v1"), 0, ""},
		"a first line of 1970":             {at("1970-01-01 00:00", pull) + at("2026-11-26 10:00", pull), 1, "2026-11-26 10:00"},
		"a line of the future":             {at("2026-11-26 10:00", pull) + at("2026-11-28 10:00", pull), 1, "2026-11-26 10:00"},
		"a push, which names a repository": {at("2026-11-26 10:00", "/v2/team/api/blobs/uploads/"), 1, "2026-11-26 10:00"},
	} {
		t.Run(name, func(t *testing.T) {
			by := reach()
			table, _ := readTable(t, []byte(c.log), by)
			if got := len(table.Spans()); got != c.spans {
				t.Errorf("%d spans, not %d", got, c.spans)
			}
			got := ""
			if from := NewUsed(table, nil, by.Now).Begin(); !from.IsZero() {
				got = from.UTC().Format("2006-01-02 15:04")
			}
			if got != c.begin {
				t.Errorf("it begins %q, not %q", got, c.begin)
			}
		})
	}
}

// A log of another registry does not make that of this one reach further.
func TestForeignLogsCoverNothing(t *testing.T) {
	table := NewTable()
	for _, text := range []string{
		at("2026-11-20 10:00", "/v2/other/manifests/v1") + at("2026-11-23 10:00", "/v2/other/manifests/v1"),
		at("2026-11-26 10:00", "/v2/team/api/manifests/v1"),
	} {
		if _, err := table.Read(strings.NewReader(text), reach()); err != nil {
			t.Fatal(err)
		}
	}
	want := []Span{{time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC), time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)}}
	if diff := cmp.Diff(want, table.Spans(), cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
}

// Logs that are read one after the other cover what one log of their lines does.
func TestLogsInSeveralFiles(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var lines []string
		when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 1 + random.IntN(30) {
			when = when.Add(time.Duration(random.IntN(100)) * time.Hour)
			lines = append(lines, at(when.Format("2006-01-02 15:04"), fmt.Sprintf("/v2/team/api/manifests/v%d", random.IntN(3))))
		}
		want, _ := readTable(t, []byte(strings.Join(lines, "")), reach())
		random.Shuffle(len(lines), func(i, k int) { lines[i], lines[k] = lines[k], lines[i] })
		several := NewTable()
		for len(lines) > 0 {
			n := 1 + random.IntN(len(lines))
			if _, err := several.Read(strings.NewReader(strings.Join(lines[:n], "")), reach()); err != nil {
				t.Fatal(err)
			}
			lines = lines[n:]
			again, err := Unmarshal(several.Marshal())
			if err != nil {
				t.Fatal(err)
			}
			several = again
		}
		if diff := cmp.Diff(string(want.Marshal()), string(several.Marshal())); diff != "" {
			t.Fatalf("(-one +several):\n%s", diff)
		}
	}
}

func TestOtherTimeZones(t *testing.T) {
	table, _ := readTable(t, []byte(`1.1.1.1 - - [27/Nov/2026:09:30:00 +0530] "GET /v2/team/api/manifests/v1 HTTP/1.1" 200 1 "" ""`+"\n"), reach())
	want := time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC)
	if got := table.Pulls(nil); len(got) != 1 || !got[0].Last.Equal(want) {
		t.Errorf("%+v", got)
	}
}

func TestAgentsThatDoNotCount(t *testing.T) {
	table, _ := readTable(t, stored(t, "registry-3.1.2.log"), reach())
	want := []string{"team/api@7ee7 1", "team/api:multi 1", "team/api:v1 1"}
	if diff := cmp.Diff(want, short(table, "crane/*", "curl/*", `Trivy/* "x"`, "{regclient,oras}/**")); diff != "" {
		t.Errorf("only skopeo is left (-want +got):\n%s", diff)
	}
}

// A pull by a tag counts for what the tag named then.
func TestWhatATagNamedThen(t *testing.T) {
	a, b := parse("sha256:"+strings.Repeat("a", 64)), parse("sha256:"+strings.Repeat("b", 64))
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	history := []Named{{b, day(20)}, {a, day(10)}}
	for n, want := range map[int]layout.Digest{5: {}, 10: a, 19: a, 20: b, 25: b} {
		if got := NamedAt(history, day(n)); got != want {
			t.Errorf("on day %d: %s, not %s", n, got, want)
		}
	}
	for name, c := range map[string]struct {
		history []Named
		want    layout.Digest
	}{
		"pushed and pulled in one second":      {[]Named{{a, day(10).Add(time.Second / 2)}}, a},
		"overwritten in the second of a pull":  {[]Named{{a, day(5)}, {b, day(10).Add(time.Second / 2)}}, layout.Digest{}},
		"set to two images within that second": {[]Named{{a, day(10).Add(time.Second / 3)}, {b, day(10).Add(time.Second / 2)}}, layout.Digest{}},
	} {
		if got := NamedAt(c.history, day(10)); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
	by := reach()
	by.Named = func(_, _ string, at time.Time) layout.Digest { return NamedAt(history, at) }
	const pull = "/v2/team/api/manifests/v1"
	table, _ := readTable(t, []byte(at("2026-11-05 00:00", pull)+at("2026-11-15 00:00", pull)+at("2026-11-25 00:00", pull)), by)
	u := NewUsed(table, nil, by.Now)
	for name, times := range map[string][2]time.Time{
		"a": {u.Digest("team/api", a), day(15)}, "b": {u.Digest("team/api", b), day(25)},
		"the tag": {u.Tag("team/api", "v1"), day(25)}, "before its history": {u.Unclear("team/api", "v1"), day(5)},
	} {
		if !times[0].Equal(times[1]) {
			t.Errorf("%s was last pulled %s, not %s", name, times[0], times[1])
		}
	}
}

func TestDamagedTables(t *testing.T) {
	table, _ := readTable(t, stored(t, "registry-2.8.2.log"), reach())
	text := table.Marshal()
	for end := range text {
		if _, err := Unmarshal(text[:end]); err == nil {
			t.Fatalf("a table that was cut off after %d bytes is read", end)
		}
	}
	if _, err := Unmarshal(bytes.Replace(text, []byte("v1"), []byte("v2"), 1)); err == nil {
		t.Error("a table that was edited is read")
	}
}
