package pulls

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

const child = "sha256:7ee73d14ab706e7db658f8d6b8f81c4231a033d030b792324b1b3f8861f0c689"

// reach is that of a store that has one repository, in which nothing is known
// of what tags named.
func reach() *Reach {
	return &Reach{
		Has:    func(repository string) bool { return repository == "team/api" },
		Named:  func(string, string, time.Time) (d layout.Digest) { return d },
		Oldest: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		Now:    time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC),
	}
}

func stored(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readTable(t *testing.T, text []byte, by *Reach) (*Table, Added) {
	t.Helper()
	table := NewTable()
	added, err := table.Read(bytes.NewReader(text), by)
	if err != nil {
		t.Fatal(err)
	}
	if sum := added.Used + added.Ignored + added.Unreadable; sum != added.Lines {
		t.Errorf("%d lines, but %d used, ignored and unreadable", added.Lines, sum)
	}
	return table, added
}

// short is a table as text, without times.
func short(table *Table, ignore ...string) []string {
	agents, err := NewAgents(ignore)
	if err != nil {
		panic(err)
	}
	list := []string{}
	for _, p := range table.Pulls(agents) {
		name := p.Repository
		if p.Tag != "" {
			name += ":" + p.Tag
		}
		if !p.Digest.IsZero() {
			name += "@" + p.Digest.Hex()[:4]
		}
		list = append(list, fmt.Sprintf("%s %d", name, p.Count))
	}
	return list
}

func TestRealLogs(t *testing.T) {
	registry := []string{"team/api@7ee7 5", "team/api:multi 2", "team/api:v1 7"}
	proxied := []string{"team/api@7ee7 2", "team/api:multi 1", "team/api:v1 2"}
	for _, c := range []struct {
		file   string
		counts Counts
		want   []string
	}{
		{"registry-2.8.2.log", Counts{51, 51, 14, 37, 0}, registry},
		{"registry-3.1.2.log", Counts{51, 51, 14, 37, 0}, registry},
		{"nginx-combined.log", Counts{15, 13, 6, 7, 2}, []string{"team/api@7ee7 2", "team/api:multi 1", "team/api:v1 3"}},
		{"nginx-json.log", Counts{15, 13, 6, 7, 2}, []string{"team/api@7ee7 2", "team/api:multi 1", "team/api:v1 3"}},
		{"caddy.log", Counts{12, 12, 5, 7, 0}, proxied},
		{"traefik.log", Counts{4, 3, 2, 2, 0}, []string{"team/api@7ee7 1", "team/api:multi 1"}},
		// The tag and the digest that it named are in the notification itself.
		{"notifications-2.8.2.json", Counts{31, 31, 14, 17, 0}, []string{"team/api@7ee7 5", "team/api:multi@3aec 2", "team/api:v1@7ee7 7"}},
		{"notifications-3.1.2.json", Counts{31, 31, 14, 17, 0}, []string{"team/api@7ee7 5", "team/api:multi@3aec 2", "team/api:v1@7ee7 7"}},
		// What the registry says besides is no access log.
		{"application-2.8.2.log", Counts{12, 0, 0, 12, 0}, []string{}},
		{"application-3.1.2.log", Counts{12, 0, 0, 12, 0}, []string{}},
	} {
		t.Run(c.file, func(t *testing.T) {
			table, added := readTable(t, stored(t, c.file), reach())
			if diff := cmp.Diff(c.want, short(table)); diff != "" {
				t.Errorf("the table (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.counts, added.Counts); diff != "" {
				t.Errorf("the lines (-want +got):\n%s", diff)
			}
		})
	}
}

// The ways in which a line can be wrapped.
var wrappers = map[string]func(line string) string{
	"json-file": func(line string) string {
		return `{"log":` + quoteJSON(line+"\n") + `,"stream":"stdout","time":"2026-11-27T06:58:00.123456789Z"}`
	},
	"json-file in two parts": func(line string) string {
		part := func(text string) string {
			return `{"log":` + quoteJSON(text) + `,"stream":"stdout","time":"2026-11-27T06:58:00.123456789Z"}`
		}
		return part(line[:len(line)/2]) + "\n" + part(line[len(line)/2:]+"\n")
	},
	"CRI": func(line string) string { return "2026-11-27T06:58:00.123456789+01:00 stdout F " + line },
	"CRI in two parts": func(line string) string {
		return "2026-11-27T06:58:00.1Z stdout P " + line[:len(line)/3] + "\n2026-11-27T06:58:00.1Z stdout F " + line[len(line)/3:]
	},
	"syslog":          func(line string) string { return "Nov 27 06:58:00 host registry[412]: " + line },
	"syslog RFC 3164": func(line string) string { return "<30>Nov 27 06:58:00 host registry[412]: " + line },
	"syslog RFC 5424": func(line string) string {
		return `<30>1 2026-11-27T06:58:00.123456Z host registry 412 - [meta@1 sequenceId="29"] ` + line
	},
	"journald": func(line string) string {
		return `{"__REALTIME_TIMESTAMP":"1795762650076358","_HOSTNAME":"host","SYSLOG_IDENTIFIER":"registry","MESSAGE":` + quoteJSON(line) + `}`
	},
	"journald as bytes": func(line string) string {
		numbers := make([]int, len(line))
		for i := range numbers {
			numbers[i] = int(line[i])
		}
		list, _ := json.Marshal(numbers)
		return `{"MESSAGE":` + string(list) + `,"PRIORITY":"6"}`
	},
	"CRI in json-file": func(line string) string {
		return `{"log":` + quoteJSON("2026-11-27T06:58:00.1Z stdout F "+line+"\n") + `,"stream":"stdout","time":"2026-11-27T06:58:00Z"}`
	},
	"carriage returns": func(line string) string { return line + "\r" },
}

func quoteJSON(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// lined are the logs with a request on each line.
var lined = []string{"registry-2.8.2.log", "registry-3.1.2.log", "nginx-combined.log", "nginx-json.log", "caddy.log", "traefik.log"}

func TestWrappedLines(t *testing.T) {
	for _, file := range lined {
		plain := stored(t, file)
		want, _ := readTable(t, plain, reach())
		for name, wrap := range wrappers {
			t.Run(file+", "+name, func(t *testing.T) {
				var b strings.Builder
				for line := range strings.Lines(string(plain)) {
					b.WriteString(wrap(strings.TrimSuffix(line, "\n")) + "\n")
				}
				got, _ := readTable(t, []byte(b.String()), reach())
				if diff := cmp.Diff(string(want.Marshal()), string(got.Marshal())); diff != "" {
					t.Errorf("the table (-plain +wrapped):\n%s", diff)
				}
			})
		}
	}
}

func TestNotificationsOnOneLineAndCutOff(t *testing.T) {
	indented := stored(t, "notifications-3.1.2.json")
	want, _ := readTable(t, indented, reach())
	for name, text := range map[string]string{
		"on one line":             oneLine(t, indented),
		"without line feeds":      strings.ReplaceAll(string(indented), "}\n{", "}{"),
		"wrapped":                 wrapAll(string(indented), wrappers["CRI"]),
		"one that has no end":     "{\n   \"events\": [\n      {\n" + string(indented),
		"with other lines around": "listening on :8080\n" + strings.ReplaceAll(string(indented), "\n}\n", "\n}\n10.0.0.1 - - \"POST /\" 200\n"),
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := readTable(t, []byte(text), reach())
			if diff := cmp.Diff(string(want.Marshal()), string(got.Marshal())); diff != "" {
				t.Errorf("the table (-want +got):\n%s", diff)
			}
		})
	}
}

func wrapAll(text string, wrap func(string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(wrap(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return b.String()
}

func oneLine(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&b, one); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// In whatever order lines are, with others' between, gzipped or not: the table is
// the same.
func TestOrderOfLinesDoesNotMatter(t *testing.T) {
	for _, file := range lined {
		want, _ := readTable(t, stored(t, file), reach())
		random := rand.New(rand.NewPCG(1, 2))
		for range 2 {
			lines := strings.SplitAfter(string(stored(t, file)), "\n")
			lines = append(lines, "{\n", `{"log":"127.0.0.1 - - [27/No`+"\n", "2026-11-27T06:58:00Z stdout P half\n", strings.Repeat("x", longestLine+1)+"\n", "\x00\xff\n")
			random.Shuffle(len(lines), func(i, k int) { lines[i], lines[k] = lines[k], lines[i] })
			got, _ := readTable(t, zipped(strings.Join(lines, "")), reach())
			if diff := cmp.Diff(string(want.Marshal()), string(got.Marshal())); diff != "" {
				t.Errorf("%s: the table (-want +got):\n%s", file, diff)
			}
		}
	}
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

// A line that a crash has cut off takes no other line along, wherever it was cut.
func TestLinesThatWereCutOff(t *testing.T) {
	const pull = `10.0.0.1 - - [27/Nov/2026:06:55:15 +0000] "GET /v2/team/api/manifests/v2 HTTP/1.1" 200 423 "" "skopeo/1.9.3"`
	formats := map[string]string{
		"combined":  pull,
		"nginx":     `{"time":"2026-11-27T06:55:15+00:00","method":"GET","path":"/v2/team/api/manifests/v2","status":200,"agent":"a"}`,
		"json-file": wrappers["json-file"](pull),
		"CRI":       wrappers["CRI"](pull),
		"P":         "2026-11-27T06:58:00.1Z stdout P " + pull,
	}
	for name, line := range formats {
		for end := range len(line) {
			for _, between := range []string{"", "\n"} {
				whole := line
				if name == "P" {
					whole = formats["CRI"]
				}
				table, _ := readTable(t, []byte(line[:end]+between+strings.ReplaceAll(whole, "/v2 ", "/v3 ")+"\n"), reach())
				if name == "nginx" {
					whole = strings.ReplaceAll(line, "manifests/v2", "manifests/v3")
					table, _ = readTable(t, []byte(line[:end]+between+whole+"\n"), reach())
				}
				if !strings.Contains(strings.Join(short(table), " "), "team/api:v3") {
					t.Fatalf("%s, cut off after %d bytes: the next line is lost: %q", name, end, line[:end]+between)
				}
			}
		}
	}
}

func TestCutOffGzip(t *testing.T) {
	text := stored(t, "registry-2.8.2.log")
	whole := zipped(string(text))
	for _, end := range []int{len(whole) - 1, len(whole) - 9, len(whole) / 2, 12} {
		_, added := readTable(t, whole[:end], reach())
		if added.Unreadable != 1 && added.Unreadable != 2 {
			t.Errorf("cut off after %d of %d bytes: %+v", end, len(whole), added)
		}
	}
}

func TestPathsOfPulls(t *testing.T) {
	for path, want := range map[string]place{
		"/v2/team/api/manifests/v1":                           {repository: "team/api", tag: "v1"},
		"/v2/team/api/manifests/v1?ns=docker.io":              {repository: "team/api", tag: "v1"},
		"/hub/v2/team/api/manifests/v1":                       {repository: "team/api", tag: "v1"},
		"http://registry.example.com/v2/team/api/manifests/x": {repository: "team/api", tag: "x"},
		"/v2/v2/manifests/manifests/v2":                       {repository: "v2/manifests", tag: "v2"},
		"/v2/team/api/manifests/" + child:                     {repository: "team/api", digest: parse(child)},
		"/v2/team%2Fapi/manifests/sha256%3A" + child[7:]:      {repository: "team/api", digest: parse(child)},
		"/v2/team/api/blobs/" + child:                         {repository: "team/api"},
		"/v2/team/api/tags/list":                              {repository: "team/api"},
		"/v2/team/api/manifests/-no-tag":                      {repository: "team/api"},
		"/v2/":                                                {},
		"/v2/_catalog":                                        {},
		"/v2/Team/manifests/v1":                               {},
		"/v2/team/%zz/manifests/v1":                           {},
		"/":                                                   {},
		"":                                                    {},
	} {
		r := Request{Path: path}
		got, ok := r.place()
		if ok != (want.repository != "") || got != want {
			t.Errorf("%q: %+v, %t", path, got, ok)
		}
	}
}

func parse(text string) layout.Digest {
	d, err := layout.ParseDigest(text)
	if err != nil {
		panic(err)
	}
	return d
}

// at is a line of a log at a time.
func at(when, path string) string {
	moment, err := time.Parse("2006-01-02 15:04", when)
	if err != nil {
		panic(err)
	}
	return "10.0.0.1 - - [" + moment.Format("02/Jan/2006:15:04:05 -0700") + `] "GET ` + path + ` HTTP/1.1" 200 1 "" "kubelet/1.30"` + "\n"
}

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

func FuzzLog(f *testing.F) {
	for _, file := range append(lined, "notifications-2.8.2.json") {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 3000)])
	}
	for _, wrap := range wrappers {
		f.Add([]byte(wrap(at("2026-11-26 10:00", "/v2/team/api/manifests/v1"))))
	}
	// What is before a whole line, and after it, cannot hide it.
	const line = "\n" + `10.0.0.1 - - [26/Nov/2026:10:00:00 +0000] "GET /v2/team/api/manifests/fuzz HTTP/1.1" 200 1 "" "a"` + "\n"
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
			t.Skip("gzipped: what is behind that is not read")
		}
		at := len(text) / 2
		table := NewTable()
		added, err := table.Read(bytes.NewReader(append(append(bytes.Clone(text[:at]), line...), text[at:]...)), reach())
		if err != nil {
			t.Fatal(err)
		}
		if added.Used+added.Ignored+added.Unreadable != added.Lines {
			t.Errorf("the lines do not add up: %+v", added)
		}
		if !strings.Contains(strings.Join(short(table), " "), "team/api:fuzz ") {
			t.Errorf("the pull is lost")
		}
		if again, err := Unmarshal(table.Marshal()); err != nil || !bytes.Equal(again.Marshal(), table.Marshal()) {
			t.Errorf("the table cannot be read again: %v", err)
		}
	})
}
