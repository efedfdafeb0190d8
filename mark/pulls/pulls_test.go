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
	"json-file without line feeds, as collectors write it": func(line string) string {
		return `{"log":` + quoteJSON(line) + `,"stream":"stdout","time":"2026-11-27T06:58:00.123456789Z"}`
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
	"CRI in two parts, with a line of the other stream between": func(line string) string {
		return "2026-11-27T06:58:00.1Z stdout P " + line[:len(line)/3] + "\n2026-11-27T06:58:00.1Z stderr F a warning\n2026-11-27T06:58:00.1Z stdout F " + line[len(line)/3:]
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
		"/v2/mirror/api/v2/team/api/manifests/v1":             {repository: "mirror/api/v2/team/api", tag: "v1"},
		"/v2/Team/manifests/v1":                               {},
		"/v2/team/%zz/manifests/v1":                           {},
		"/":                                                   {},
		"":                                                    {},
	} {
		r := Request{Path: path}
		var got place
		r.places(func(p *place) {
			if got.repository == "" {
				got = *p
			}
		})
		if got != want {
			t.Errorf("%q: %+v", path, got)
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
