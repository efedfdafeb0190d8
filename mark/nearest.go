package mark

import (
	"slices"
	"strings"
)

// Nearest returns the names that are close to a mistyped name, for a message, or
// "" if there are none.
func Nearest(name string, among []string) string {
	const most = 3
	type candidate struct {
		name string
		away int
	}
	var near []candidate
	limit := max(1, min(3, len(name)/3))
	for _, n := range among {
		switch away := distance(strings.ToLower(name), strings.ToLower(n), limit); {
		case n == name: // a stopped run has set it aside
		case away <= limit:
			near = append(near, candidate{n, away})
		case strings.HasSuffix(n, "/"+name) || strings.HasSuffix(name, "/"+n):
			// A part in front was left out, or a host was given.
			near = append(near, candidate{n, limit + 1})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.away - b.away })
	var names []string
	for _, c := range near[:min(most, len(near))] {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// distance is how many characters have to be added, left out, changed or
// swapped with their neighbour to make one text of the other. It says more
// than limit as soon as it is more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			same := 1
			if a[i] == b[j] {
				same = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+same)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
