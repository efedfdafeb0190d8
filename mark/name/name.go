// Package name reads what people write to name repositories, tags and
// manifests: names, globs, names with a registry's host before them, digests
// and the beginnings of digests. It knows nothing of a store; who asks says
// which repositories there are.
package name

import (
	"errors"
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/glob"
)

// Shortest is how many hexadecimal digits of a digest have to be given.
const Shortest = 8

// Pattern is a name as somebody wrote it. Repository may be a glob, and so may
// Tag. Digest and Prefix are never both set: Prefix is the beginning of a digest,
// with or without its algorithm. Where neither a tag nor a digest is named the
// pattern names whole repositories. A pattern without Repository is a digest alone.
type Pattern struct {
	Text       string // as it was written
	Repository string // without a scheme; a host is still there
	Tag        string
	Digest     layout.Digest
	Prefix     string

	scheme bool // docker:// stood before it
}

// ErrNoDigest is wrapped by the errors about text that should be a digest.
var ErrNoDigest = errors.New("not a digest")

// Parse reads NAME, NAME:TAG, NAME@DIGEST, NAME:TAG@DIGEST, or a glob of these.
// docker:// and docker-pullable:// before it are dropped.
func Parse(text string) (Pattern, error) {
	p := Pattern{Text: text}
	rest := text
	for _, scheme := range []string{"docker://", "docker-pullable://"} {
		if after, ok := strings.CutPrefix(rest, scheme); ok {
			rest, p.scheme = after, true
			break
		}
	}
	name, digest, byDigest := strings.Cut(rest, "@")
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		if name, p.Tag = name[:at], name[at+1:]; !isTag(p.Tag) {
			return p, fmt.Errorf("%q has no tag that a registry accepts after its colon", text)
		}
	}
	p.Repository = name
	if err := isRepository(name); err != nil {
		return p, fmt.Errorf("%q %w", text, err)
	}
	if byDigest {
		var err error
		p.Digest, p.Prefix, err = ParseDigest(digest)
		return p, err
	}
	return p, nil
}

// ParseDigest reads a digest or its beginning, with or without the algorithm.
// Of a whole digest the prefix is "".
func ParseDigest(text string) (d layout.Digest, prefix string, err error) {
	if d, err = layout.ParseDigest(text); err == nil {
		return d, "", nil
	}
	alg, hex, ok := strings.Cut(text, ":")
	if !ok {
		alg, hex = "", text
	}
	a, known := layout.ParseAlgorithm(alg)
	switch {
	case ok && !known:
		return d, "", fmt.Errorf("%q is %w of an algorithm that registries store", text, ErrNoDigest)
	case strings.Trim(hex, "0123456789abcdef") != "":
		return d, "", fmt.Errorf("%q is %w: it has other characters than 0-9 and a-f", text, ErrNoDigest)
	case len(hex) < Shortest:
		return d, "", fmt.Errorf("%q is too short: give %d digits of the digest at least", text, Shortest)
	case known && len(hex) > 2*a.Size() || len(hex) > 2*layout.SHA512.Size():
		return d, "", fmt.Errorf("%q is longer than any digest", text)
	}
	return d, text, nil
}

// IsDigest reports whether a text can only be meant as a digest, whole or not:
// it begins with an algorithm and a colon, or is long and hexadecimal.
func IsDigest(text string) bool {
	alg, _, ok := strings.Cut(text, ":")
	if _, known := layout.ParseAlgorithm(alg); ok && known {
		return true
	}
	return len(text) >= Shortest && strings.Trim(text, "0123456789abcdef") == ""
}

// IsGlob reports whether a text has characters that make it a glob.
func IsGlob(text string) bool { return strings.ContainsAny(text, "*?[{") }

func isTag(tag string) bool {
	if IsGlob(tag) {
		return checkGlob(tag) == nil && !strings.ContainsAny(tag, "/ ")
	}
	return layout.IsTag(tag)
}

func isRepository(name string) error {
	switch {
	case IsGlob(name):
		return checkGlob(name)
	case !layout.IsRepository(name):
		return errors.New("does not begin with a name that a repository can have")
	}
	return nil
}

func checkGlob(text string) error {
	if strings.ContainsAny(text, " \t") {
		return errors.New("is not a glob: it has a blank")
	}
	if _, err := glob.Parse(text); err != nil {
		return fmt.Errorf("is not a glob: %w", err)
	}
	return nil
}

// Globs reports whether the pattern may name several things.
func (p *Pattern) Globs() bool { return IsGlob(p.Repository) || IsGlob(p.Tag) }

// Whole reports whether the pattern names whole repositories.
func (p *Pattern) Whole() bool { return p.Tag == "" && !p.ByDigest() }

// ByDigest reports whether the pattern names manifests by their digest.
func (p *Pattern) ByDigest() bool { return p.Prefix != "" || !p.Digest.IsZero() }

// HasRepository reports whether the pattern names a repository as it is
// written. See WithoutHost for what to ask if it names none.
func (p *Pattern) HasRepository(name string) bool { return match(p.Repository, name) }

// HasTag reports whether the pattern names a tag, in a repository that it names.
func (p *Pattern) HasTag(tag string) bool { return p.Tag == "" || match(p.Tag, tag) }

// HasDigest reports whether the pattern names a manifest by its digest.
func (p *Pattern) HasDigest(d layout.Digest) bool {
	switch {
	case !p.Digest.IsZero():
		return p.Digest == d
	case p.Prefix != "":
		return HasPrefix(d, p.Prefix)
	}
	return true
}

// HasPrefix reports whether a digest begins so, with its algorithm or without.
func HasPrefix(d layout.Digest, prefix string) bool {
	return strings.HasPrefix(d.String(), prefix) || strings.HasPrefix(d.Hex(), prefix)
}

// WithoutHost returns the pattern without the registry's host that it begins
// with; ok is false if it has none. It is for patterns that name no repository as
// they are. A host has a dot or a colon, or is localhost. With strict it is one
// only if it has a port or docker:// stands before it: a command that removes
// must not guess.
func (p *Pattern) WithoutHost(strict bool) (without Pattern, ok bool) {
	host, rest, ok := strings.Cut(p.Repository, "/")
	switch {
	case !ok || rest == "":
		return *p, false
	case strict && !p.scheme && !strings.Contains(host, ":"):
		return *p, false
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return *p, false
	}
	without = *p
	without.Repository = rest
	return without, true
}

// Among returns the pattern that names some of the repositories, and which: the
// pattern itself if it does, else the one without its host.
func (p *Pattern) Among(repositories []string, strict bool) (Pattern, []string) {
	if found := p.filter(repositories); len(found) > 0 {
		return *p, found
	}
	if without, ok := p.WithoutHost(strict); ok {
		return without, without.filter(repositories)
	}
	return *p, nil
}

func (p *Pattern) filter(repositories []string) (found []string) {
	for _, name := range repositories {
		if p.HasRepository(name) {
			found = append(found, name)
		}
	}
	return found
}

func match(text, name string) bool {
	if !IsGlob(text) {
		return text == name
	}
	g, err := glob.Parse(text)
	return err == nil && g.Match(name)
}

// String is the pattern as it is written on a command line, without a scheme.
func (p *Pattern) String() string {
	text := p.Repository
	if p.Tag != "" {
		text += ":" + p.Tag
	}
	switch {
	case p.Prefix != "" && text == "":
		return p.Prefix
	case p.Prefix != "":
		text += "@" + p.Prefix
	case !p.Digest.IsZero() && text == "":
		return p.Digest.String()
	case !p.Digest.IsZero():
		text += "@" + p.Digest.String()
	}
	return text
}
