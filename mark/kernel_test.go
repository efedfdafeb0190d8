package mark

import (
	"slices"
	"strings"
	"testing"
)

// graph is edges in text: "ab ac cd" has an edge from a to b, to c, and from c to d.
func graph(text string) func(byte, func(byte)) {
	return func(n byte, push func(byte)) {
		for _, edge := range strings.Fields(text) {
			if edge[0] == n {
				push(edge[1])
			}
		}
	}
}

func TestReach(t *testing.T) {
	tests := []struct{ name, edges, roots, want string }{
		{"nothing from no roots", "ab", "", ""},
		{"a chain", "ab bc xy", "a", "abc"},
		{"a diamond", "ab ac bd cd", "a", "abcd"},
		{"a circle ends", "ab bc ca", "b", "abc"},
		{"a root twice", "ab", "aa", "ab"},
		{"two roots", "ab cd", "ac", "abcd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []byte
			Reach([]byte(tt.roots), func(n byte) bool {
				if slices.Contains(got, n) {
					return false
				}
				got = append(got, n)
				return true
			}, graph(tt.edges))
			slices.Sort(got)
			if string(got) != tt.want {
				t.Errorf("reached %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPathIsShortestAndFirst(t *testing.T) {
	tests := []struct{ name, edges, roots, target, want string }{
		{"itself", "", "a", "a", "a"},
		{"no way", "ab", "a", "x", ""},
		{"short before long", "ab bc cd ad", "a", "d", "ad"},
		{"the first root of two", "ax bx", "ab", "x", "ax"},
		{"through a circle", "ab ba bc", "a", "c", "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Path([]byte(tt.roots), tt.target[0], graph(tt.edges))
			if string(got) != tt.want {
				t.Errorf("path %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLeastReasonWins(t *testing.T) {
	rec := &record{}
	for _, why := range []Reason{Broken, Recent, Protected} {
		rec.mark(why)
	}
	if got := rec.reason(); got != Recent {
		t.Errorf("reason %d, want %d", got, Recent)
	}
	rec.unmark()
	if got := rec.reason(); got != Dead {
		t.Errorf("reason %d after unmark, want none", got)
	}
}
