package retention

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// MaxPolicy is how large a policy file may be, in bytes.
const MaxPolicy = 1 << 20

// ParseError is one thing that is wrong with a policy file.
type ParseError struct {
	File         string
	Line, Column int    // from 1
	Problem      string // with the offending text, quoted
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s, line %d, column %d: %s", e.File, e.Line, e.Column, e.Problem)
}

// Parse reads a policy; file is its name in errors. It takes nothing on trust:
// an unknown or repeated key, a value of another kind, a list that is empty and
// a pattern that cannot match are errors, since each would quietly remove more,
// or less, than was meant; so is a date after now. The error joins a *ParseError
// for each.
func Parse(file string, content []byte, now time.Time) (*Policy, error) {
	p := &parser{file: file, now: now, lines: strings.Split(string(content), "\n")}
	policy := &Policy{}
	if root := p.document(content); root != nil {
		p.policy(root, policy)
	}
	if len(p.errs) == 0 {
		if _, err := policy.Decider(Options{}); err != nil {
			p.errs = append(p.errs, &ParseError{File: file, Line: 1, Column: 1, Problem: err.Error()})
		}
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return policy, nil
}

type parser struct {
	file  string
	now   time.Time
	lines []string
	errs  []error
}

func (p *parser) fail(at *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, &ParseError{File: p.file, Line: max(at.Line, 1), Column: max(at.Column, 1), Problem: fmt.Sprintf(format, args...)})
}

// text is how a value is quoted in errors: itself, or the line that it begins on.
func (p *parser) text(n *yaml.Node) string {
	text := n.Value
	if n.Kind != yaml.ScalarNode && n.Line >= 1 && n.Line <= len(p.lines) {
		text = strings.TrimSpace(p.lines[n.Line-1])
	}
	if len(text) > 150 {
		text = text[:150] + "..."
	}
	return strconv.Quote(text)
}

// document returns the one document that there has to be, or nil and an error.
func (p *parser) document(content []byte) *yaml.Node {
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&doc)
	if err == nil && len(doc.Content) == 1 && !isNull(doc.Content[0]) {
		if err = decoder.Decode(&more); errors.Is(err, io.EOF) {
			return doc.Content[0]
		}
		if err == nil {
			p.fail(&more, "a second document: a policy is one")
			return nil
		}
	}
	if err == nil || errors.Is(err, io.EOF) {
		p.fail(&doc, "the policy is empty")
		return nil
	}
	p.syntax(err)
	return nil
}

var yamlLine = regexp.MustCompile(`^yaml: line ([0-9]+): (.*)$`)

// syntax is about what is no YAML. The library says the line only.
func (p *parser) syntax(err error) {
	at, problem := &yaml.Node{Line: 1}, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		problem = m[2]
	}
	at.Line = min(max(at.Line, 1), len(p.lines))
	line := p.lines[at.Line-1]
	at.Column = 1 + len(line) - len(strings.TrimLeft(line, " \t"))
	if strings.Contains(problem, "alphabetic or numeric character") {
		problem += "; a name that begins with * or & has to be quoted"
	}
	p.fail(at, "not YAML: %s: %s", problem, p.text(at))
}

func isNull(n *yaml.Node) bool { return n.Kind == 0 || n.ShortTag() == "!!null" }

// value follows an alias to what it stands for.
func value(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// fields reads the keys of a mapping, each by its own function. It returns which
// were there, or nil if n is no mapping.
func (p *parser) fields(n *yaml.Node, what string, keys []field) map[string]bool {
	n = value(n)
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s has to be a mapping with %s: %s", what, names(keys), p.text(n))
		return nil
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		p.field(n.Content[i], n.Content[i+1], what, keys, seen)
	}
	return seen
}

func (p *parser) field(key, content *yaml.Node, what string, keys []field, seen map[string]bool) {
	for _, f := range keys {
		if key.Kind != yaml.ScalarNode || key.Value != f.key {
			continue
		}
		switch {
		case seen[f.key]:
			p.fail(key, "%q is there twice in %s", f.key, what)
		case isNull(value(content)):
			p.fail(key, "%q is empty", f.key)
		default:
			f.read(value(content))
		}
		seen[f.key] = true
		return
	}
	p.fail(key, "%s has no key %s; it has %s", what, p.text(key), names(keys))
}

// field is a key that a mapping may have, and what reads its value.
type field struct {
	key  string
	read func(*yaml.Node)
}

func names(keys []field) string {
	var list []string
	for _, f := range keys {
		list = append(list, f.key)
	}
	return strings.Join(list, ", ")
}
