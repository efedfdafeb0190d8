package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// markupNames are names that mean something to a browser, a script or a terminal.
var markupNames = []string{
	`<img src=x onerror=alert(1)>`, `</script><script>alert(1)</script>`, `"><svg onload=alert(1)>`, `{{script}}`,
	"\u202egnp.exe", "\x1b[31mred", `' onmouseover='alert(1)`, "<!--", "\u2028alert(1)",
}

func markupStore(t *testing.T) *layouttest.Store {
	s := newStore(t, "image a/b:v1 as=x\nimage a/b as=u\norphan as=o size=5k")
	link := func(text string, path ...string) {
		path = append([]string{s.Dir, layout.Repositories}, path...)
		file := filepath.Join(append(path, "link")...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range markupNames {
		link("sha256:"+strings.Repeat("0", 64), "h"+name, layout.Manifests, layout.Tags, "gone", layout.Current)
		link(s.Digest("x").String(), "h"+name, layout.Manifests, layout.Revisions, "sha256", s.Digest("x").Hex())
		if !strings.Contains(name, "/") {
			link(s.Digest("x").String(), "a", "b", layout.Manifests, layout.Tags, name, layout.Current)
		}
	}
	return s
}

// No name from the disk is markup: the page has no element and no attribute but
// its own, whatever names there are.
func TestPageHasNoNameAsMarkup(t *testing.T) {
	t.Parallel()
	s := markupStore(t)
	for _, args := range [][]string{{"gc", "-m", "-d", "-v", "--grace", "0"}, {"check"}, {"prune", "-d", "-v", "--filter", ".*:.*", "--ago", "0d", "--allow-empty", "--grace", "0"}} {
		d := pageOf(t, s, args...)
		elements, attributes := map[string]int{}, map[string]bool{}
		d.each(func(n *html.Node) {
			elements[n.Data]++
			for _, a := range n.Attr {
				attributes[a.Key] = true
			}
		})
		if elements["script"] != 1 || elements["style"] != 1 || elements["svg"] > 1 || elements["img"] > 0 {
			t.Errorf("%q: the page has the elements %v", args, elements)
		}
		for a := range attributes {
			if strings.HasPrefix(a, "on") || a == "src" || a == "style" {
				t.Errorf("%q: the page has an attribute %s", args, a)
			}
		}
		if strings.ContainsAny(d.text, "\u202e\u2028\x1b") {
			t.Errorf("%q: the page has characters that steer", args)
		}
		for _, name := range []string{markupNames[0], markupNames[1], markupNames[2]} {
			if !strings.Contains(textIn(d.root), name) {
				t.Errorf("%q: %q is not shown as it is", args, name)
			}
		}
	}
}

// The policy lets nothing be fetched, and only the page's own style and script act.
func TestPageAllowsNothingElse(t *testing.T) {
	t.Parallel()
	d := pageOf(t, newStore(t, "image a/b:v1 as=x"), "gc", "-d")
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(d.text)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'") || strings.Contains(policy[1], "unsafe") {
		t.Fatalf("the policy is %q", policy)
	}
	for tag, hash := range map[string]string{"style": "style-src", "script": "script-src"} {
		_, body, _ := strings.Cut(d.text, "<"+tag+">")
		body, _, _ = strings.Cut(body, "</"+tag+">")
		if !strings.Contains(policy[1], hash+" '"+sha256Of(body)+"'") {
			t.Errorf("the %s is not what the policy allows: %s", tag, policy[1])
		}
	}
	if left := regexp.MustCompile(`https?://[^"']*`).FindAllString(d.text, -1); len(left) > 0 {
		t.Errorf("it names %v", left)
	}
	if strings.Contains(d.text, "innerHTML") || strings.Contains(d.text, "style=") {
		t.Error("markup is made of text, or a style is not in its place")
	}
}
