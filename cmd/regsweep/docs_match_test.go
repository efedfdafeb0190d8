//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is documented may leave lines out where it says so, and nowhere else.
func TestDocsMatch(t *testing.T) {
	const printed = "a 1\nb 2\nc 2026-01-02 10:00\nd 4\ne 5"
	for want, ok := range map[string]bool{
		printed:                                  true,
		"a 1\nb 2\nc 2025-12-31 23:59\nd 4\ne 5": true,
		"a 1\n...":                               true,
		"...\ne 5":                               true,
		"a 1\n...\nc 2026-01-02 10:00\n...":      true,
		"...\nb 2\n...\nd 4\n...":                true,
		"...":                                    true,
		"a 1\nb 2":                               false,
		"b 2\n...":                               false,
		"...\nd 4":                               false,
		"...\nd 4\n...\nb 2\n...":                false,
		"a 1\nb 3\nc 2026-01-02 10:00\nd 4\ne 5": false,
		"...\nc 3\n...":                          false,
	} {
		if got := matches(strings.Split(want, "\n"), strings.Split(printed, "\n")); got != ok {
			t.Errorf("%q: %v", want, got)
		}
	}
}

// An update keeps what is left out, and its pieces as long as they were.
func TestDocsRefit(t *testing.T) {
	printed := strings.Split("head new\nx\nb c new\ny\nz\ntail new", "\n")
	for want, fitted := range map[string]string{
		"old":                               strings.Join(printed, "\n"),
		"head old\n...":                     "head new\n...",
		"...\nb c old\n...":                 "...\nb c new\n...",
		"head old\n...\nb c old\n...\ntail": "head new\n...\nb c new\n...\ntail new",
		"...\nw\n...":                       "",
	} {
		got, ok := refit(strings.Split(want, "\n"), printed)
		if diff := cmp.Diff(fitted, strings.Join(got, "\n")); diff != "" || ok != (fitted != "") {
			t.Errorf("%q: %v\n%s", want, ok, diff)
		}
	}
}
