package retention

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// What docs/policy.md has instead of the rules of other programs is a part of a
// policy, in its place, and understood.
func TestRecipesForRulesOfOtherProgramsAreUnderstood(t *testing.T) {
	content, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "\n## Rules of other programs\n")
	table, _, _ = strings.Cut(table, "\n## ")
	recipes := 0
	for line := range strings.Lines(table) {
		_, here, ok := strings.Cut(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !ok || strings.HasPrefix(here, "here") {
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(here, -1) {
			text := strings.NewReplacer(": N", ": 3", ": Nd", ": 3d", `"re:..."`, `"re:a.*"`).Replace(m[1])
			policy := withRecipe(text)
			if policy == "" {
				continue // a flag or the name of a key
			}
			recipes++
			if _, err := Parse("policy.md", []byte(policy), now); err != nil {
				t.Errorf("%s: %v\n%s", m[1], err, policy)
			}
		}
	}
	if recipes < 30 {
		t.Errorf("only %d recipes", recipes)
	}
}

// withRecipe is a policy with a part in its place, or "" if it is not a part.
func withRecipe(part string) string {
	top, rule, entry, keep := "", "", "", "last: 1"
	key, value, ok := strings.Cut(part, ": ")
	if !ok || strings.HasPrefix(part, "-") || value == "" {
		return ""
	}
	match, repositories := `match: ["*"]`, `repositories: ["**"]`
	switch key {
	case "protect", "twins":
		top = part + "\n"
	case "untagged", "orphaned-referrers", "age":
		rule = "    " + part + "\n"
	case "repositories":
		repositories = part
	case "match":
		match = part
	case "exclude":
		entry = ", " + part
	default:
		keep = part
	}
	return fmt.Sprintf("version: 1\n%srules:\n  - %s\n%s    tags: [{%s%s, keep: {%s}}]\n", top, repositories, rule, match, entry, keep)
}
