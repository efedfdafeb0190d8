//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code   = regexp.MustCompile("(?s)```.*?\n```|`[^`\n]*`")
	anchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every relative link in the documents leads to a file, and to a heading in it.
func TestDocsLinks(t *testing.T) {
	n := 0
	for _, name := range documents(t) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(content), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			n++
			path, heading, _ := strings.Cut(m[1], "#")
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			text, err := os.ReadFile(target)
			if info, serr := os.Stat(target); err != nil && (serr != nil || !info.IsDir()) {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			} else if heading != "" && !hasHeading(string(text), heading) {
				t.Errorf("%s links to %s, which has no such heading", name, m[1])
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d links were found", n)
	}
}

// hasHeading reports whether a text has a heading with an anchor as web sites make them.
func hasHeading(text, want string) bool {
	for line := range strings.Lines(code.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, "```") {
			return ""
		}
		return strings.Trim(s, "`")
	})) {
		if title := strings.TrimLeft(line, "#"); title != line {
			slug := anchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			if strings.ReplaceAll(slug, " ", "-") == want {
				return true
			}
		}
	}
	return false
}
