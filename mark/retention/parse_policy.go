package retention

import (
	"github.com/regsweep/regsweep/mark/protect"
	"go.yaml.in/yaml/v3"
)

func (p *parser) policy(n *yaml.Node, policy *Policy) {
	protected := &protect.List{}
	seen := p.fields(n, "a policy", []field{
		{"version", p.version},
		{"timezone", p.zone(&policy.Timezone)},
		{"pulls", p.list(&policy.Pulls, "logs", checkLog)},
		{"ignore-agents", p.list(&policy.IgnoreAgents, "agents", checkAgent)},
		{"twins", p.truth(&policy.Twins, "twins", true)},
		{"protect", p.list(&policy.Protect, "protected names", func(text string) error {
			return addProtected(protected, 1, text)
		})},
		{"rules", func(n *yaml.Node) {
			taken := map[string]bool{}
			p.each(n, "rules", func(n *yaml.Node) {
				policy.Rules = append(policy.Rules, p.rule(n, len(policy.Rules), taken))
			})
		}},
	})
	if seen != nil && !seen["version"] {
		p.fail(n, "a policy has to say version: 1")
	}
	if seen != nil && !seen["rules"] {
		p.fail(n, "a policy has to have rules")
	}
}

func (p *parser) version(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Value != "1" {
		p.fail(n, "version has to be 1, which is all that there is: %s", p.text(n))
	}
}

func (p *parser) rule(n *yaml.Node, at int, taken map[string]bool) (r Rule) {
	seen := p.fields(n, "a rule", []field{
		{"name", func(n *yaml.Node) {
			var ok bool
			if r.Name, ok = p.scalar(n, "name"); ok && r.Name == "" {
				p.fail(n, "name is empty: %s", p.text(n))
			}
		}},
		{"repositories", p.list(&r.Repositories, "repositories", checkPattern)},
		{"tags", func(n *yaml.Node) {
			p.each(n, "tags", func(n *yaml.Node) { r.Tags = append(r.Tags, p.entry(n)) })
		}},
		{"untagged", func(n *yaml.Node) { r.Untagged = p.untagged(n) }},
		{"orphaned-referrers", p.choice("orphaned-referrers", "keep", "remove", func(remove bool) {
			r.RemoveOrphanedReferrers = remove
		})},
		{"age", p.choice("age", "pushed", "created", func(created bool) {
			if created {
				r.Age = Created
			}
		})},
		{"timezone", p.zone(&r.Timezone)},
		{"allow-empty", p.truth(&r.AllowEmpty, "allow-empty", true)},
	})
	name := r.name(at)
	if taken[name] {
		p.fail(n, "another rule has the name %q", name)
	}
	taken[name] = true
	switch {
	case seen == nil:
	case !seen["repositories"]:
		p.fail(n, "rule %q has no repositories", name)
	case !seen["tags"] && !seen["untagged"] && !r.RemoveOrphanedReferrers:
		p.fail(n, "rule %q: %s", name, errNothing)
	}
	return r
}

func (p *parser) entry(n *yaml.Node) (e Entry) {
	seen := p.fields(n, "an entry of tags", []field{
		{"match", p.list(&e.Match, "match", checkPattern)},
		{"exclude", p.list(&e.Exclude, "exclude", checkPattern)},
		{"filter", p.list(&e.Filter, "filter", func(text string) error {
			_, err := parseFilter(text)
			return err
		})},
		{"keep", func(n *yaml.Node) {
			p.keep(n, &e.Keep)
			if err := e.Keep.checkTags(); err != nil {
				p.fail(n, "%s: %s", err, p.text(n))
			}
		}},
	})
	switch {
	case seen == nil:
	case !seen["match"] && !seen["filter"]:
		p.fail(n, "an entry of tags has to say match: %s", p.text(n))
	case !seen["keep"]:
		p.fail(n, "an entry of tags has to say keep: %s", p.text(n))
	}
	return e
}

func (p *parser) untagged(n *yaml.Node) *Keep {
	k := &Keep{}
	seen := p.fields(n, "untagged", []field{{"keep", func(n *yaml.Node) {
		p.keep(n, k)
		if err := k.checkUntagged(); err != nil {
			p.fail(n, "%s: %s", err, p.text(n))
		}
	}}})
	if seen != nil && !seen["keep"] {
		p.fail(n, "untagged has to say keep: %s", p.text(n))
	}
	return k
}

func (p *parser) keep(n *yaml.Node, k *Keep) {
	before := len(p.errs)
	keys := []field{
		{"within", p.ago(&k.Within, "within")},
		{"pulled-within", p.ago(&k.PulledWithin, "pulled-within")},
		{"semver", func(n *yaml.Node) { p.semver(n, &k.Semver) }},
		{"label", func(n *yaml.Node) { p.label(n, &k.Label) }},
		{"all", p.truth(&k.All, "all", false)},
		{"none", p.truth(&k.None, "none", false)},
	}
	for _, c := range k.counts() {
		keys = append(keys, field{c.key, p.count(c.n, c.key)})
	}
	p.fields(n, "keep", keys)
	if err := k.check(); err != nil && len(p.errs) == before {
		p.fail(n, "%s: %s", err, p.text(n))
	}
}

func (p *parser) semver(n *yaml.Node, s *Semver) {
	var keys []field
	for _, c := range s.counts() {
		keys = append(keys, field{c.key, p.count(c.n, c.key)})
	}
	before := len(p.errs)
	p.fields(n, "semver", keys)
	if *s == (Semver{}) && len(p.errs) == before {
		p.fail(n, "semver has to say %s: %s", names(keys), p.text(n))
	}
}

func (p *parser) label(n *yaml.Node, l *Label) {
	seen := p.fields(n, "label", []field{{"expires", func(n *yaml.Node) {
		var ok bool
		if l.Expires, ok = p.scalar(n, "expires"); ok && l.Expires == "" {
			p.fail(n, "expires has to be a label's name: %s", p.text(n))
		}
	}}})
	if seen != nil && !seen["expires"] {
		p.fail(n, "label has to say expires: %s", p.text(n))
	}
}

func checkPattern(text string) error {
	_, err := parsePattern(text)
	return err
}
