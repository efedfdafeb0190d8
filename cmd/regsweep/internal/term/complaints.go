package term

import (
	"cmp"
	"slices"
)

// Complaint is one thing that failed, for one line.
type Complaint struct{ Name, Text string }

// mostComplaints is how many of one kind are said: of a directory that cannot
// be read there may be a million.
const mostComplaints = 20

// Complain says what failed, one thing a line, at most some of a kind. The
// kinds are what was wrong: a name is in each line, and in none of the kinds.
func (v *Voice) Complain(list []Complaint) {
	said := map[string]int{}
	for _, c := range list {
		if said[c.Text]++; said[c.Text] <= mostComplaints {
			v.Say("regsweep: %s: %s", c.Name, c.Text)
		}
	}
	kinds := []string{}
	for text, n := range said {
		if n > mostComplaints {
			kinds = append(kinds, text)
		}
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(cmp.Compare(said[b], said[a]), cmp.Compare(a, b)) })
	for _, text := range kinds {
		v.Say("regsweep: and %s more: %s", Comma(said[text]-mostComplaints), text)
	}
}
