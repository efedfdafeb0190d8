package retention

import (
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// scalar returns a value's text; numbers and dates are what is written.
func (p *parser) scalar(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		p.fail(n, "%s has to be text: %s", what, p.text(n))
		return "", false
	}
	return n.Value, true
}

// list reads texts, or a single one, each of which check has to accept.
func (p *parser) list(into *[]string, what string, check func(string) error) func(*yaml.Node) {
	return func(n *yaml.Node) {
		items := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			items = n.Content
		}
		if len(items) == 0 {
			p.fail(n, "an empty list of %s", what)
		}
		for _, item := range items {
			item = value(item)
			text, ok := p.scalar(item, "each of "+what)
			if !ok {
				continue
			}
			if err := check(text); err != nil {
				p.fail(item, "%s: %s", err, p.text(item))
			}
			*into = append(*into, text)
		}
	}
}

// each reads the items of a sequence.
func (p *parser) each(n *yaml.Node, what string, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "%s has to be a list: %s", what, p.text(n))
		return
	}
	if len(n.Content) == 0 {
		p.fail(n, "an empty list of %s", what)
	}
	for _, item := range n.Content {
		read(value(item))
	}
}

var wholeNumber = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

func (p *parser) count(into *int, key string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || !wholeNumber.MatchString(n.Value) {
			hint := ""
			if n.Value == "0" {
				hint = "; to keep none of these, leave it out or say none: true"
			}
			p.fail(n, "%s has to be a whole number from 1 on: %s%s", key, p.text(n), hint)
			return
		}
		*into, _ = strconv.Atoi(n.Value)
	}
}

func (p *parser) ago(into *Ago, key string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := p.scalar(n, key)
		if !ok {
			return
		}
		ago, err := ParseAgo(text, p.now)
		switch {
		case err != nil:
			p.fail(n, "%s: %s: %s", key, err, p.text(n))
		case ago.IsZero():
			p.fail(n, "%s: nothing is that young: %s", key, p.text(n))
		}
		*into = ago
	}
}

// truth reads true. False is what a key says that is not there, and only
// accepted where somebody may want to say so.
func (p *parser) truth(into *bool, key string, orFalse bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch {
		case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" && n.Value == "true":
			*into = true
		case orFalse && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" && n.Value == "false":
		case orFalse:
			p.fail(n, "%s has to be true or false: %s", key, p.text(n))
		default:
			p.fail(n, "%s has to be true, or left out: %s", key, p.text(n))
		}
	}
}

// choice reads one of two words; set is called with whether it was the second.
func (p *parser) choice(key, first, second string, set func(isSecond bool)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Value != first && n.Value != second {
			p.fail(n, "%s has to be %s or %s: %s", key, first, second, p.text(n))
			return
		}
		set(n.Value == second)
	}
}

func (p *parser) zone(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := p.scalar(n, "timezone")
		if !ok {
			return
		}
		if _, err := parseZone(text); err != nil || text == "" {
			p.fail(n, "timezone has to be one such as Europe/Berlin: %s", p.text(n))
		}
		*into = text
	}
}
