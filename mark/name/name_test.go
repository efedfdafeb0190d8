package name_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/name"
)

var there = []string{"app", "team/app", "team/web", "team/sub/x", "localhost/a", "example.com/b"}

func TestPatternsNameWhatTheySay(t *testing.T) {
	for text, c := range map[string]struct {
		loose, strict string // the repositories, with blanks between
		tag           string
	}{
		"app":                            {"app", "app", ""},
		"app:v1":                         {"app", "app", "v1"},
		"team/*":                         {"team/app team/web", "team/app team/web", ""},
		"team/**":                        {"team/app team/web team/sub/x", "team/app team/web team/sub/x", ""},
		"team/{app,web}:v*":              {"team/app team/web", "team/app team/web", "v*"},
		"localhost/a":                    {"localhost/a", "localhost/a", ""},
		"localhost/app":                  {"app", "", ""},
		"localhost:5000/app:v1":          {"app", "app", "v1"},
		"localhost:5000/team/*:v1":       {"team/app team/web", "team/app team/web", "v1"},
		"registry.example.com/team/app":  {"team/app", "", ""},
		"docker://example.com/team/app":  {"team/app", "team/app", ""},
		"docker-pullable://e.com/app:v1": {"app", "app", "v1"},
		"example.com/b":                  {"example.com/b", "example.com/b", ""},
		"other/app":                      {"", "", ""},
	} {
		p, err := name.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		_, loose := p.Among(there, false)
		_, strict := p.Among(there, true)
		if diff := cmp.Diff([]string{c.loose, c.strict, c.tag}, []string{strings.Join(loose, " "), strings.Join(strict, " "), p.Tag}); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

func TestPatternsThatAreWrong(t *testing.T) {
	for _, text := range []string{"", "a:", "a:b c", "A", "team/{app", "team/{a,{b,c}}", "{a,b}/{c", "a@sha256:12", "a@md5:12345678", "a b", "a:v/1", "a:[", "/a"} {
		if p, err := name.Parse(text); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
}

func TestDigestsAndTheirBeginnings(t *testing.T) {
	d := layout.FromBytes(layout.SHA512, []byte("x"))
	for _, text := range []string{d.String(), d.String()[:20], d.Hex()[:8]} {
		got, prefix, err := name.ParseDigest(text)
		if err != nil || !name.IsDigest(text) || prefix == "" && got != d || prefix != "" && !name.HasPrefix(d, prefix) {
			t.Errorf("%s: %v %q %v", text, got, prefix, err)
		}
	}
	for text, is := range map[string]bool{"sha256:12": true, "sha512:": true, "deadbee": false, "deadbeef": true, "app": false, "app:deadbeef": false} {
		if name.IsDigest(text) != is {
			t.Errorf("%q: %v", text, !is)
		}
	}
	p, err := name.Parse("a:v1@" + d.String())
	if err != nil || p.Tag != "v1" || !p.HasDigest(d) || p.String() != "a:v1@"+d.String() {
		t.Errorf("%+v %v", p, err)
	}
}
