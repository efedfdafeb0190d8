package retention

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/mark/glob"
)

// pattern matches whole names, of repositories or of tags.
type pattern struct {
	glob glob.Glob      // unless there is an expression
	re   *regexp.Regexp // or nil
}

// isExpression is the beginning of a pattern that is a regular expression.
const isExpression = "re:"

func parsePattern(text string) (pattern, error) {
	if expr, ok := strings.CutPrefix(text, isExpression); ok {
		re, err := parseExpression(expr)
		return pattern{re: re}, err
	}
	switch {
	case text == "":
		return pattern{}, errors.New("an empty glob matches no name")
	case text[0] == '!':
		return pattern{}, errors.New("a glob cannot be negated with !; put what should not match into exclude")
	}
	g, err := glob.Parse(text)
	if err != nil {
		return pattern{}, fmt.Errorf("not a glob: %w", err)
	}
	return pattern{glob: g}, nil
}

// parseExpression compiles an expression for whole names. It is compiled by
// itself first: "a)(b" must not become valid by the parentheses around it.
func parseExpression(expr string) (*regexp.Regexp, error) {
	if expr == "" {
		return nil, errors.New("an empty regular expression matches no name")
	}
	if _, err := regexp.Compile(expr); err != nil {
		return nil, fmt.Errorf("not a regular expression: %s%s", syntaxOf(err), expressionHint(err))
	}
	return regexp.Compile(`\A(?:` + expr + `)\z`)
}

// syntaxOf is what the regexp package says without its own prefix.
func syntaxOf(err error) string {
	return strings.TrimPrefix(err.Error(), "error parsing regexp: ")
}

// expressionHint says what people mean who write what RE2 lacks, or a glob.
func expressionHint(err error) string {
	var failure *syntax.Error
	switch errors.As(err, &failure); {
	case failure == nil:
	case failure.Code == syntax.ErrInvalidPerlOp, strings.HasPrefix(failure.Expr, "(?<!"), strings.HasPrefix(failure.Expr, "(?<="):
		return "; there is no look-ahead or look-behind in these (RE2): name what should be kept with --exclude, or with exclude in a policy"
	case failure.Code == syntax.ErrMissingRepeatArgument, failure.Code == syntax.ErrInvalidRepeatOp:
		return "; this is not a glob: for any text write .*"
	}
	return ""
}

func (p *pattern) match(name string) bool {
	if p.re != nil {
		return p.re.MatchString(name)
	}
	return p.glob.Match(name)
}

// patterns match what any of them does.
type patterns []pattern

func parsePatterns(texts []string) (patterns, error) {
	list := make(patterns, 0, len(texts))
	for _, text := range texts {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func (p patterns) match(name string) bool {
	return slices.ContainsFunc(p, func(one pattern) bool { return one.match(name) })
}

// filter is a pair of expressions, for a repository and for its tags.
type filter struct {
	repository, tag string // the expressions
	repositoryRE    *regexp.Regexp
	tagRE           *regexp.Regexp
}

// parseFilter reads REPO_REGEX:TAG_REGEX. No name has a colon, but expressions
// may, as in (?:a|b): it is split where both sides are expressions.
func parseFilter(text string) (filter, error) {
	var found []filter
	var failure error
	for at := range len(text) {
		if text[at] != ':' {
			continue
		}
		f := filter{repository: text[:at], tag: text[at+1:]}
		var err error
		if f.repositoryRE, err = parseExpression(f.repository); err == nil {
			if f.tagRE, err = parseExpression(f.tag); err == nil {
				found = append(found, f)
			}
		}
		failure = errors.Join(failure, err)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return filter{}, errors.New("it can be split at more than one colon: no name has one, so leave the others out")
	case failure == nil:
		return filter{}, errors.New("not REPO_REGEX:TAG_REGEX")
	}
	first, _, _ := strings.Cut(failure.Error(), "\n")
	return filter{}, fmt.Errorf("not REPO_REGEX:TAG_REGEX: %s", first)
}
