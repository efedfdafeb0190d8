package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// shortest is how many hexadecimal digits of a digest have to be given.
const shortest = 8

var errNoImage = errors.New("it is neither NAME:TAG nor NAME@DIGEST")

// parseTarget reads NAME:TAG or NAME@DIGEST; the digest may be cut short, and
// its algorithm left out. A NAME alone is errNoImage.
func parseTarget(text string) (mark.Target, error) {
	if alg, _, ok := strings.Cut(text, ":"); ok {
		if _, known := layout.ParseAlgorithm(alg); known {
			return mark.Target{}, &layout.HintError{Err: quoted("%s is a digest, and does not say of which repository", text), Hint: "give NAME@DIGEST"}
		}
	}
	name, digest, byDigest := strings.Cut(text, "@")
	t := mark.Target{Repository: name}
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		t.Repository, t.Tag = name[:at], name[at+1:]
		switch {
		case byDigest:
			return t, quoted("%s has a tag and a digest: give one of them", text)
		case !layout.IsTag(t.Tag):
			return t, quoted("%s has no tag that a registry accepts after its colon", text)
		}
	}
	if !layout.IsRepository(t.Repository) {
		return t, quoted("%s begins with no name of a repository", text)
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
		return d, "", quoted("%s is no digest of an algorithm that registries store", text)
	}
	if strings.Trim(hex, "0123456789abcdef") != "" {
		return d, "", quoted("%s is no digest: it has other characters than 0-9 and a-f", text)
	}
	if len(hex) < shortest {
		return d, "", fmt.Errorf("%q is too short: give %d digits of the digest at least", text, shortest)
	}
	if ok && alg == "sha256" && len(hex) > 64 || len(hex) > 128 {
		return d, "", quoted("%s is longer than any digest", text)
	}
	return d, text, nil
}

// parseTargets reads the arguments of a command that takes images.
func parseTargets(args []string, hint func(name string) string) ([]mark.Target, error) {
	targets := make([]mark.Target, len(args))
	for i, arg := range args {
		var err error
		if targets[i], err = parseTarget(arg); err != nil {
			if errors.Is(err, errNoImage) {
				return nil, &layout.HintError{Err: quoted("%s is a repository", arg), Hint: hint(arg)}
			}
			return nil, err
		}
	}
	return targets, nil
}
