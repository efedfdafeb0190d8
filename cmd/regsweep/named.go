package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/walker/disk"
)

// place takes the path of a registry from the arguments of ls and why: the first
// one, if it begins as no name of a repository can.
func (c *common) place(args []string) (path string, rest []string, err error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], "/") && !strings.HasPrefix(args[0], ".") {
		return "", args, nil
	}
	for flag, value := range map[string]string{"--root": c.root, "--config": c.config} {
		if value != "" {
			return "", nil, &layout.HintError{Err: fmt.Errorf("the registry is %w: %q and %s %q", locate.ErrAmbiguous, args[0], flag, value), Hint: "give one of them"}
		}
	}
	return args[0], args[1:], nil
}

// asked is one thing that somebody named.
type asked struct {
	mark.Asked
	text string // how it was named, or, of a glob, what was found
}

// errNothing is wrapped by errors about names that nothing has.
var errNothing = errors.New("there is no")

// resolve finds what patterns name. Names without a glob cost a few files; globs,
// and beginnings of digests that no blob has, cost a look at all repositories.
func (r *reading) resolve(ctx context.Context, patterns []name.Pattern) (list []asked, err error) {
	var names *inspect.Names
	for i := range patterns {
		p := &patterns[i]
		found, err := r.resolveOne(p)
		if errors.Is(err, errNeedsLook) {
			if names == nil {
				names = inspect.NewNames(func(repository string) bool { return wanted(patterns, repository) })
				if _, err := r.look(ctx, names); err != nil {
					return nil, err
				}
			}
			found, err = r.resolveByLook(p, names)
		}
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			if !slices.ContainsFunc(list, func(a asked) bool { return a.Asked == one.Asked }) {
				list = append(list, one)
			}
		}
	}
	return list, nil
}

var errNeedsLook = errors.New("the repositories have to be looked at")

// wanted reports whether any of the patterns may name something in a repository.
func wanted(patterns []name.Pattern, repository string) bool {
	return slices.ContainsFunc(patterns, func(p name.Pattern) bool {
		if p.HasRepository(repository) {
			return true
		}
		without, ok := p.WithoutHost(false)
		return ok && without.HasRepository(repository)
	})
}

// resolveOne finds what one pattern names, if that can be had without a look.
func (r *reading) resolveOne(p *name.Pattern) ([]asked, error) {
	switch {
	case p.Globs():
		return nil, errNeedsLook
	case p.Repository == "" && p.Prefix == "":
		return []asked{{mark.Asked{Digest: p.Digest}, p.Digest.String()}}, nil
	case p.Repository == "":
		found := r.store.Match(p.Prefix)
		if len(found) == 0 {
			return nil, errNeedsLook
		}
		return one(p, found)
	}
	here, err := r.here(p)
	if err != nil {
		return nil, err
	}
	if here.Tag != "" {
		d, err := r.readTag(&here)
		if err == nil && !here.HasDigest(d) {
			err = fmt.Errorf("%s:%s names %s, not the digest after its @", here.Repository, here.Tag, d)
		}
		return []asked{{mark.Asked{Repository: here.Repository, Tag: here.Tag, Digest: d}, here.Repository + ":" + here.Tag}}, err
	}
	return r.resolveManifest(&here)
}

// one is what the beginning of a digest means, if that is clear.
func one(p *name.Pattern, found []layout.Digest) ([]asked, error) {
	switch len(found) {
	case 1:
		return []asked{{mark.Asked{Repository: p.Repository, Digest: found[0]}, found[0].String()}}, nil
	case 0:
		hint, command := "what there is", []string{"ls"}
		if p.Repository != "" {
			hint, command = "give a layer's digest alone; its manifests", []string{"ls", p.Repository}
		}
		return nil, &layout.HintError{Err: fmt.Errorf("%w %s", errNothing, p), Hint: hint, Command: command}
	}
	return nil, &layout.HintError{Err: fmt.Errorf("%s is the beginning of %d digests", p, len(found)), Hint: "give more of it"}
}

// here is the pattern without a host that names nothing here.
func (r *reading) here(p *name.Pattern) (name.Pattern, error) {
	ok, err := r.isRepository(p.Repository)
	if ok || err != nil {
		return *p, err
	}
	if without, cut := p.WithoutHost(false); cut {
		if ok, err := r.isRepository(without.Repository); ok || err != nil {
			return without, err
		}
	}
	return *p, nil
}

// isRepository reports whether there is a repository of a name.
func (r *reading) isRepository(repository string) (bool, error) {
	for _, part := range []string{layout.Manifests, layout.Layers, layout.Uploads} {
		_, err := r.dir.Stat(layout.RepositoryDir(repository) + "/" + part)
		switch {
		case err == nil:
			return true, nil
		case !disk.Gone(err):
			return false, err
		}
	}
	return false, nil
}

// resolveManifest finds a manifest of a repository by its digest.
func (r *reading) resolveManifest(p *name.Pattern) ([]asked, error) {
	candidates := []layout.Digest{p.Digest}
	if p.Prefix != "" {
		candidates = r.store.Match(p.Prefix)
	}
	var linked []layout.Digest
	for _, d := range candidates {
		if _, err := r.dir.Stat(layout.RevisionDir(p.Repository, d) + "/" + layout.Link); err == nil {
			linked = append(linked, d)
		} else if !disk.Gone(err) {
			return nil, err
		}
	}
	found, err := one(p, linked)
	if err == nil {
		found[0].text = p.Repository + "@" + found[0].text
	}
	return found, err
}

// readTag reads what a tag names.
func (r *reading) readTag(p *name.Pattern) (layout.Digest, error) {
	var buf [layout.MaxLink + 1]byte
	n, _, err := r.dir.ReadFile(layout.TagDir(p.Repository, p.Tag)+"/"+layout.Current+"/"+layout.Link, buf[:])
	if disk.Gone(err) {
		return layout.Digest{}, &layout.HintError{Err: fmt.Errorf("%w tag %s:%s", errNothing, p.Repository, p.Tag), Hint: "the tags", Command: []string{"ls", p.Repository}}
	}
	if err != nil {
		return layout.Digest{}, err
	}
	d, err := layout.ParseLink(buf[:n])
	if err != nil {
		err = fmt.Errorf("the tag %s:%s: %w", p.Repository, p.Tag, err)
	}
	return d, err
}

// resolveByLook finds what a pattern names among all names.
func (r *reading) resolveByLook(p *name.Pattern, names *inspect.Names) ([]asked, error) {
	if p.Repository == "" {
		return one(p, r.store.Match(p.Prefix))
	}
	all := names.All()
	repositories := make([]string, len(all))
	for i := range all {
		repositories[i] = all[i].Repository
	}
	here, found := p.Among(repositories, false)
	var list []asked
	for _, in := range all {
		if _, ok := slices.BinarySearch(found, in.Repository); ok {
			list = append(list, namedIn(&here, &in)...)
		}
	}
	if len(list) == 0 {
		return nil, &layout.HintError{Err: fmt.Errorf("%w image that matches %q", errNothing, p.Text), Hint: "in a glob, * matches within a part of a name, and ** across parts; the repositories", Command: []string{"ls"}}
	}
	return list, nil
}

// namedIn is what a pattern names in one repository.
func namedIn(p *name.Pattern, in *inspect.NamesIn) (list []asked) {
	if p.Tag == "" {
		for _, d := range in.Manifests {
			if p.ByDigest() && p.HasDigest(d) {
				list = append(list, asked{mark.Asked{Repository: in.Repository, Digest: d}, in.Repository + "@" + d.String()})
			}
		}
		return list
	}
	for _, t := range in.Tags {
		if p.HasTag(t.Name) && p.HasDigest(t.Digest) {
			list = append(list, asked{mark.Asked{Repository: in.Repository, Tag: t.Name, Digest: t.Digest}, in.Repository + ":" + t.Name})
		}
	}
	return list
}

// parseAsked reads the arguments of a command that takes digests and images.
func parseAsked(args []string) ([]name.Pattern, error) {
	list := make([]name.Pattern, len(args))
	for i, arg := range args {
		if name.IsDigest(arg) {
			d, prefix, err := name.ParseDigest(arg)
			if err != nil {
				return nil, err
			}
			list[i] = name.Pattern{Text: arg, Digest: d, Prefix: prefix}
			continue
		}
		p, err := name.Parse(arg)
		switch {
		case err != nil:
			return nil, err
		case p.Whole() && arg != "" && strings.Trim(arg, "0123456789abcdef") == "":
			_, _, err := name.ParseDigest(arg)
			return nil, err
		case p.Whole():
			return nil, &layout.HintError{Err: term.Quoted("%s is neither a digest nor an image", arg), Hint: "give DIGEST, NAME:TAG or NAME@DIGEST"}
		}
		list[i] = p
	}
	return list, nil
}
