package retention

import (
	"fmt"
	"testing"
	"time"

	"github.com/regsweep/regsweep/mark/protect"
)

// BenchmarkMillionTags decides about a million tags with a policy that asks
// every kind of rule: in one repository, and in a thousand. A whole run has to
// take less than 5 s.
func BenchmarkMillionTags(b *testing.B) {
	p, err := Parse("policy", []byte(`version: 1
protect: ["prod/**", "**:release-*"]
rules:
- name: ci
  repositories: ["ci/**"]
  tags:
  - match: ["pr-*"]
    keep: {within: 7d}
  - match: ["v*", "re:[0-9]+[.].*"]
    exclude: ["*-debug"]
    keep: {semver: {major: 2, minor: 3, patch: 10, prerelease: 3}, last: 10}
  - match: ["*"]
    keep: {last: 20, hourly: 24, daily: 7, weekly: 4, monthly: 6, yearly: 2, within: 3d}
`), now)
	if err != nil {
		b.Fatal(err)
	}
	for _, repositories := range []int{1, 1000} {
		b.Run(fmt.Sprintf("repositories=%d", repositories), func(b *testing.B) {
			const tags = 1_000_000
			d, err := p.Decider(Options{Now: now, Protect: running(b, 1000)})
			if err != nil {
				b.Fatal(err)
			}
			store := manyTags(repositories, tags/repositories)
			b.ReportAllocs()
			for b.Loop() {
				removed := 0
				for _, r := range store {
					decisions, err := d.Decide(r)
					if err != nil {
						b.Fatal(err)
					}
					for i := range decisions {
						if !decisions[i].Keep {
							removed++
						}
					}
				}
				b.ReportMetric(float64(removed), "removed")
			}
		})
	}
}

// running is a list of what a cluster runs.
func running(b *testing.B, n int) *protect.List {
	p := &protect.List{}
	for i := range n {
		if err := p.Add(i+1, "registry.example.com/ci/app-0@"+digestOf(fmt.Sprint("running", i)).String()); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

func manyTags(repositories, tags int) []Repository {
	store := make([]Repository, repositories)
	for i := range store {
		store[i].Name = fmt.Sprintf("ci/app-%d", i)
		for j := range tags {
			name := fmt.Sprintf("pr-%d", j)
			switch j % 3 {
			case 1:
				name = fmt.Sprintf("v%d.%d.%d", j/30000, j/30%1000, j%30)
			case 2:
				name = fmt.Sprintf("main-%07x", uint32(j)*2654435761%(1<<28))
			}
			// Scattered, as a directory lists them.
			pushed := now.Add(-time.Duration(j*7919%tags) * time.Minute)
			store[i].Tags = append(store[i].Tags, Tag{Name: name, Digest: digestOf(fmt.Sprint(i, j/2)), Pushed: pushed})
		}
	}
	return store
}
