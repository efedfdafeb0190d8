package locate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

type parameters map[string]*yaml.Node

func (p *parameters) override(path []string, node *yaml.Node) error {
	if *p == nil {
		*p = parameters{}
	}
	key := strings.ToLower(path[0])
	if len(path) == 1 {
		(*p)[key] = node
		return nil
	}
	for k, v := range *p {
		// What YAML made of a nested mapping has no keys that the registry's
		// parser would take for strings: it warns, and changes nothing below.
		if strings.ToUpper(k) == path[0] && !isNull(v) {
			return nil
		}
	}
	for _, name := range slices.Backward(path[1:]) {
		name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ToLower(name)}
		node = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{name, node}}
	}
	(*p)[key] = node
	return nil
}

// choices reads a section that chooses by a name: a mapping of names to
// parameters, or just the name.
func choices(node *yaml.Node) (map[string]parameters, error) {
	if node = follow(node); node != nil && node.Kind == yaml.ScalarNode && !isNull(node) {
		return map[string]parameters{node.Value: {}}, nil
	}
	all, err := mapping(node)
	if err != nil {
		return nil, err
	}
	m := make(map[string]parameters, len(all))
	for name, node := range all {
		if m[name], err = mapping(node); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	return m, nil
}

// mapping reads one level, and never returns a nil map without an error. Null
// is an empty mapping; of a key that is there twice the last counts, as it does
// for the registry, whose YAML is less strict than ours.
func mapping(node *yaml.Node) (parameters, error) {
	p := parameters{}
	return p, p.add(node, map[*yaml.Node]bool{})
}

// add adds what p does not have yet. Nodes in seen have nothing to add; without
// that, merge keys could multiply without end.
func (p parameters) add(node *yaml.Node, seen map[*yaml.Node]bool) error {
	node = follow(node)
	if isNull(node) || seen[node] {
		return nil
	}
	seen[node] = true
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a mapping", node.Line)
	}
	var merges []*yaml.Node
	for i := len(node.Content) - 2; i >= 0; i -= 2 {
		key, value := follow(node.Content[i]), node.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
		} else if _, ok := p[key.Value]; !ok && key.Kind == yaml.ScalarNode {
			p[key.Value] = value
		}
	}
	for _, merge := range merges {
		from := []*yaml.Node{merge}
		if list := follow(merge); list.Kind == yaml.SequenceNode {
			from = list.Content
		}
		for _, node := range from {
			if err := p.add(node, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow leads from documents and aliases to what they stand for; nil if that is nothing.
func follow(node *yaml.Node) *yaml.Node {
	for node != nil {
		switch {
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		case node.Kind == yaml.DocumentNode && len(node.Content) > 0:
			node = node.Content[0]
		case node.Kind == yaml.DocumentNode || node.Kind == 0:
			return nil
		default:
			return node
		}
	}
	return nil
}

func isNull(node *yaml.Node) bool {
	node = follow(node)
	return node == nil || node.ShortTag() == "!!null"
}

// text is a scalar's, and empty for everything else.
func text(node *yaml.Node) string {
	if node = follow(node); isNull(node) || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// isName reports whether a scalar is the same text for us and for the registry, which
// reads YAML 1.1: there 0x10 is 16, and yes is true.
func isName(node *yaml.Node) bool {
	node = follow(node)
	switch {
	case node.Style != 0, strings.Contains(node.Value, "/"): // quoted, or with a tag; no number has a slash
		return true
	case node.ShortTag() == "!!int":
		n, err := strconv.Atoi(node.Value)
		return err == nil && strconv.Itoa(n) == node.Value
	}
	return node.ShortTag() == "!!str" && !slices.Contains([]string{"y", "yes", "on", "n", "no", "off"}, strings.ToLower(node.Value))
}

// wanted is true for all that is not plainly false: "prefer" uses a database if
// there is one, and what else a registry takes for yes is not known here.
func wanted(node *yaml.Node) bool {
	on := follow(node)
	if isNull(on) || on.Kind == yaml.ScalarNode && on.Value == "" {
		return false
	}
	var value bool
	return on.Decode(&value) != nil && !strings.EqualFold(on.Value, "false") || value
}

// enabled is false for all that is not plainly true: the registry would not start.
func enabled(node *yaml.Node) bool {
	p, err := mapping(node)
	on := follow(p["enabled"])
	var value bool
	return err == nil && on != nil && on.Decode(&value) == nil && value
}
