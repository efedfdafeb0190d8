package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/walker"
)

// shortest is how many hexadecimal digits of a digest have to be given.
const shortest = 8

var errNoImage = errors.New("it is neither NAME:TAG nor NAME@DIGEST")

// parseTarget reads NAME:TAG or NAME@DIGEST; the digest may be cut short, and
// its algorithm left out. A NAME alone is errNoImage.
func parseTarget(text string) (mark.Target, error) {
	if alg, _, ok := strings.Cut(text, ":"); ok {
		if _, known := layout.ParseAlgorithm(alg); known {
			return mark.Target{}, &layout.HintError{Err: term.Quoted("%s is a digest, and does not name a repository", text), Hint: "give NAME@DIGEST"}
		}
	}
	image, digest, byDigest := strings.Cut(text, "@")
	t := mark.Target{Repository: image}
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		t.Repository, t.Tag = image[:at], image[at+1:]
		if !layout.IsTag(t.Tag) {
			return t, term.Quoted("%s has no tag that a registry accepts after its colon", text)
		}
	}
	if !layout.IsRepository(t.Repository) {
		return t, term.Quoted("%s does not begin with the name of a repository", text)
	}
	switch {
	case byDigest:
		var err error
		t.Digest, t.Prefix, err = parseDigest(digest)
		return t, err
	case t.Tag == "":
		return t, fmt.Errorf("%q: %w", text, errNoImage)
	}
	return t, nil
}

// parseDigest reads a digest or its beginning, with or without the algorithm.
func parseDigest(text string) (d layout.Digest, prefix string, err error) {
	if d, err = layout.ParseDigest(text); err == nil {
		return d, "", nil
	}
	alg, hex, ok := strings.Cut(text, ":")
	if !ok {
		alg, hex = "", text
	}
	if _, known := layout.ParseAlgorithm(alg); ok && !known {
		return d, "", term.Quoted("%s is not a digest of an algorithm that registries store", text)
	}
	if strings.Trim(hex, "0123456789abcdef") != "" {
		return d, "", term.Quoted("%s is not a digest: it has other characters than 0-9 and a-f", text)
	}
	if len(hex) < shortest {
		return d, "", fmt.Errorf("%q is too short: give %d digits of the digest at least", text, shortest)
	}
	if ok && alg == "sha256" && len(hex) > 64 || len(hex) > 128 {
		return d, "", term.Quoted("%s is longer than any digest", text)
	}
	return d, text, nil
}

// selection is what a command that takes images was given: targets that are named
// as they are, and patterns of which only the store can say what they name.
type selection struct {
	targets  []mark.Target
	patterns []name.Pattern
}

// parseSelection reads the arguments of a command that takes images.
func parseSelection(args []string, hint func(name string) string) (s selection, err error) {
	for _, arg := range args {
		if p, ok := asPattern(arg); ok {
			if p.Whole() {
				return s, &layout.HintError{Err: term.Quoted("%s names repositories", arg), Hint: hint(arg)}
			}
			s.patterns = append(s.patterns, p)
			continue
		}
		t, err := parseTarget(arg)
		if errors.Is(err, errNoImage) {
			return s, &layout.HintError{Err: term.Quoted("%s is a repository", arg), Hint: hint(arg)}
		}
		if err != nil {
			return s, err
		}
		s.targets = append(s.targets, t)
	}
	return s, nil
}

// asPattern reads a glob, or a name that may begin with a registry's host.
func asPattern(arg string) (p name.Pattern, ok bool) {
	p, err := name.Parse(arg)
	if err != nil || p.Repository == "" {
		return p, false
	}
	_, host := p.WithoutHost(true)
	return p, p.Globs() || host || strings.Contains(arg, "://")
}

// expand finds what the patterns name in the store, and adds it to the selection.
func (j *job) expand(ctx context.Context) error {
	if len(j.patterns) == 0 {
		return nil
	}
	findings := new(walker.Findings)
	w := walker.New(j.store, walker.Options{Jobs: j.width.most, InOrder: j.width.inOrder, Findings: findings, Resumed: j.rules.Resumed})
	defer w.Close()
	var mu sync.Mutex
	tags, names := map[string][]string{}, []string{}
	w.Repositories(ctx, func(r *walker.Repository) {
		if r.Empty {
			return
		}
		var here []string
		for _, t := range r.Tags(ctx, nil) {
			if t.AsideName == "" {
				here = append(here, t.Name)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		tags[r.Name], names = here, append(names, r.Name)
	})
	if ctx.Err() != nil {
		return fmt.Errorf("%w; nothing has been removed", context.Cause(ctx))
	}
	if n := findings.Unreadable(); n > 0 {
		return &layout.HintError{Err: fmt.Errorf("%d paths cannot be read: what the names stand for is not known, and nothing has been removed", n), Hint: "name what to remove without globs, or repair the filesystem first"}
	}
	slices.Sort(names)
	var refusals []error
	for i := range j.patterns {
		targets := targetsOf(&j.patterns[i], names, tags)
		if len(targets) == 0 {
			refusals = append(refusals, &layout.HintError{Err: term.Quoted("nothing in the store is named by %s: nothing has been changed", j.patterns[i].Text), Hint: "the repositories", Command: []string{"ls"}})
		}
		j.rules.Selected.Globbed = j.rules.Selected.Globbed || j.patterns[i].Globs()
		j.rules.Selected.Add(targets)
	}
	return errors.Join(refusals...)
}

// targetsOf are the targets that a pattern stands for.
func targetsOf(p *name.Pattern, names []string, tags map[string][]string) (targets []mark.Target) {
	here, found := p.Among(names, true)
	for _, repository := range found {
		t := mark.Target{Repository: repository, Digest: here.Digest, Prefix: here.Prefix}
		switch {
		case here.Tag == "":
			targets = append(targets, t)
		case !name.IsGlob(here.Tag):
			if t.Tag = here.Tag; !here.Globs() || slices.Contains(tags[repository], t.Tag) {
				targets = append(targets, t)
			}
		default:
			list := slices.Clone(tags[repository])
			slices.Sort(list)
			for _, tag := range list {
				if t.Tag = tag; here.HasTag(tag) {
					targets = append(targets, t)
				}
			}
		}
	}
	return targets
}
