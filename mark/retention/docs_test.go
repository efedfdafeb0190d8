package retention

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

const docs = "../../docs/policy.md"

var (
	block  = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```\n")
	quotes = regexp.MustCompile(`'([^']*)'|(\S+)`)
)

// TestDocs holds that every policy in docs/policy.md parses, that the flags
// before one are turned into it, and that the decisions after one are what is
// decided. With -update it writes these.
func TestDocs(t *testing.T) {
	content, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	var policy, flags *Policy
	policies, scenes, printed := 0, 0, 0
	text := block.ReplaceAllStringFunc(string(content), func(whole string) string {
		m := block.FindStringSubmatch(whole)
		kind, body := m[1], []byte(m[2])
		switch kind {
		case "console":
			flags = policyOfCommand(t, m[2])
		case "yaml":
			policies++
			if policy, err = Parse("policy.md", body, now); err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
			if flags != nil {
				printed++
				text, _ := flags.Marshal()
				if diff := cmp.Diff(m[2], string(text)); diff != "" {
					t.Errorf("flags print another policy (-documented +printed):\n%s", diff)
				}
			}
			flags = nil
		case "text":
			scenes++
			checkScene(t, policy, &body)
		default:
			t.Errorf("a block of %q is not checked", kind)
		}
		return "```" + kind + "\n" + string(body) + "```\n"
	})
	if policies != 16 || scenes != 10 || printed != 4 {
		t.Errorf("%d policies, %d lists of tags, %d commands", policies, scenes, printed)
	}
	if *update {
		if err := os.WriteFile(docs, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// policyOfCommand is what the flags of a documented command are turned into; nil
// where it has a policy.
func policyOfCommand(t *testing.T, text string) *Policy {
	t.Helper()
	line, ok := strings.CutPrefix(strings.TrimSpace(text), "$ regsweep prune ")
	if !ok || strings.Contains(line, "\n") {
		t.Fatalf("not one call of prune: %s", text)
	}
	if strings.Contains(line, "--policy ") {
		return nil // the policy is not from the flags
	}
	var args []string
	for _, m := range quotes.FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2])
	}
	var f Flags
	set := pflag.NewFlagSet("prune", pflag.ContinueOnError)
	set.StringArrayVar(&f.Filters, "filter", nil, "")
	ago, keep := set.String("ago", "", ""), set.String("keep", "", "")
	set.BoolVar(&f.Untagged, "untagged", false, "")
	set.BoolVar(&f.UntaggedOnly, "untagged-only", false, "")
	set.Bool("print-policy", false, "")
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	if *ago != "" {
		d, err := ParseAgo(*ago, now)
		if err != nil {
			t.Fatal(err)
		}
		f.Ago = &d
	}
	if *keep != "" {
		n, err := strconv.Atoi(*keep)
		if err != nil {
			t.Fatal(err)
		}
		f.Keep = &n
	}
	p, err := FromFlags(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
