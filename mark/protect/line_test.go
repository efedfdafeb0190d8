package protect

import (
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
)

var (
	someDigest = layout.FromBytes(layout.SHA256, []byte("some")).String()
	longDigest = layout.FromBytes(layout.SHA512, []byte("some")).String()
)

func TestLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	hex := strings.TrimPrefix(someDigest, "sha256:")
	for text, want := range map[string]string{
		`"a/app:v1"`:                           "quote",
		"'a/app:v1'":                           "quote",
		"`a/app:v1`":                           "quote",
		"a/app:v1,":                            "comma",
		"a/app:v1,a/app:v2":                    "comma",
		"a/app:v1 a/app:v2":                    "more after",
		"a/app:v1 until=2026-12-31 x":          "more after",
		"a/app:v1 until=2026-02-30":            "not a day",
		"a/app:v1 until=":                      "not a day",
		"a/app:v1 until=0001-01-01":            "not a day",
		"a/app:v1 #note until=2026-12-31":      "", // it is in the note
		"a/app:v1\ra/app:v2":                   "carriage return",
		"a/app:v1\x00":                         "UTF-16",
		"a/app:v1\x1b[0m":                      "control character",
		"\ufeffa/app:v1":                       "in no name",
		"a/äpp:v1":                             "in no name",
		"/a/app:v1":                            "begins with a slash",
		"a/app/:v1":                            "slash with nothing",
		"a//app":                               "slash with nothing",
		"a/App:v1":                             "not a name",
		"TEAM/app":                             "", // a host may have capitals
		"a/App*":                               "capital letters",
		"A/*":                                  "capital letters",
		"a/app:":                               "not a tag",
		"a/app:-x":                             "not a tag",
		"a/app:" + strings.Repeat("x", 129):    "not a tag",
		":v1":                                  "no repository",
		"@" + someDigest:                       "no repository",
		"docker://":                            "no repository",
		"http://a/app":                         "slash with nothing",
		"oci://a/app:v1":                       "slash with nothing",
		strings.ToUpper(hex):                   "letters have to be lower case",
		"sha256:" + strings.ToUpper(hex):       "letters have to be lower case",
		"SHA256:" + hex:                        "letters have to be lower case",
		"a/app@sha256:" + strings.ToUpper(hex): "letters have to be lower case",
		"sha256:" + hex[:12]:                   "not a whole digest",
		"a/app@sha256:" + hex[:12]:             "not a whole digest",
		"a/app@sha256:" + hex[:12] + "*":       "glob cannot stand for digests",
		"sha256:" + hex + "0":                  "not a digest",
		"a/app@" + hex:                         "write its algorithm",
		hex:                                    "write its algorithm",
		"0123456789ab":                         "write its algorithm",
		"md5:" + hex[:32]:                      "", // a repository named md5 and its tag
		"a/app@md5:" + hex[:32]:                "of an algorithm",
		"a/{b,c":                               "not a glob",
		"a/{b,{c,d}}":                          "not a glob",
		"a/b}":                                 "not a name",
		"a/[b":                                 "not a glob",
		`a/app:v\d`:                            "regular expression",
		`a/app:v1\`:                            "not a glob",
		"a/{b:v1,c:v2}":                        "not a tag",
		strings.Repeat("a*", 600):              "not a glob",
	} {
		_, err := Read(strings.NewReader("# a note\n\n"+text+"\n"), "list")
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "list, line 3: ")):
			t.Errorf("%q: %v, without %q", text, err, want)
		}
	}
}

func TestLinesThatAreRead(t *testing.T) {
	t.Parallel()
	d, _ := layout.ParseDigest(someDigest)
	for text, c := range map[string]struct{ repository, tag string }{
		"a/app":                             {"a/app", ""},
		"  a/app\t":                         {"a/app", ""},
		"a/app\r":                           {"a/app", ""}, // a line that ends with both, as on Windows
		"a/app:v1":                          {"a/app", "v1"},
		"a/app:v1 # why":                    {"a/app", "v1"},
		"a/app:v1\t#why":                    {"a/app", "v1"},
		"a/app:v1 until=2026-12-31":         {"a/app", "v1"},
		"a/app:v1 until=2026-12-31 # audit": {"a/app", "v1"},
		"docker://a/app:v1":                 {"a/app", "v1"},
		"docker-pullable://r.io/a/app:v1":   {"a/app", "v1"},
		"r.example.com:5000/a/app:v1":       {"a/app", "v1"},
		"R.Example.com/a/app:v1":            {"a/app", "v1"},
		"localhost/a/app:v1":                {"a/app", "v1"},
		"*.example.com/a/app:v{1,2}":        {"a/app", "v2"},
		"r.example.com/a/app":               {"r.example.com/a/app", ""},
		"{a,b}/app:v?":                      {"b/app", "v1"},
		"a/app:v1@" + someDigest:            {"a/app", "v1"},
		"**":                                {"a/b/c", ""},
	} {
		p, err := Read(strings.NewReader("\ufeff"+text), "list")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		g := p.Guard(c.repository)
		if c.tag == "" && len(g.Repository()) != 1 || c.tag != "" && len(g.Tag(c.tag)) != 1 {
			t.Errorf("%q does not protect %s:%s", text, c.repository, c.tag)
		}
	}
	for _, text := range []string{someDigest, "docker://" + someDigest, "a/app@" + someDigest, "docker-pullable://r.io/a/app@" + someDigest} {
		p, err := Read(strings.NewReader(text+"\n"+longDigest), "list")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if g := p.Guard("a/app"); len(g.Digest(d)) != 1 {
			t.Errorf("%q does not protect its digest", text)
		}
	}
}

func TestLinesEndAfterTheirLastDay(t *testing.T) {
	t.Parallel()
	for at, ended := range map[string]bool{
		"2026-12-30T00:00:00Z": false, "2026-12-31T23:59:59Z": false, "2027-01-01T00:00:00Z": true, "2027-01-01T00:30:00+01:00": false,
	} {
		now, _ := time.Parse(time.RFC3339, at)
		p, err := Read(strings.NewReader("a until=2026-12-31 # audit\nb\n"), "list")
		if err != nil {
			t.Fatal(err)
		}
		p.Expire(now)
		g := p.Guard("a")
		m := p.Matches()
		if (len(g.Repository()) == 0) != ended || (len(m.Expired) == 1) != ended {
			t.Errorf("at %s: it protects %d, and %d lines have ended", at, len(g.Repository()), len(m.Expired))
		}
	}
}
