package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// mostCompletions is how many names are proposed at most: nobody reads more,
// and a shell has to sort them while somebody waits.
const mostCompletions = 2000

var errEnough = errors.New("enough")

// browser lists a store's directories for completion. It reads no file but the
// registry's configuration, and whatever fails is no completion.
type browser struct {
	store *disk.Dir
	left  int // how many names may still be proposed
}

// browse finds the store by the flags on the command line, and lists in it.
func (p *program) browse(cmd *cobra.Command, list func(*browser) []string) ([]string, cobra.ShellCompDirective) {
	c := &common{}
	for name, value := range map[string]*string{"root": &c.root, "config": &c.config} {
		if f := cmd.Flags().Lookup(name); f != nil {
			*value = f.Value.String()
		}
	}
	place, err := p.locate(c, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	store, err := p.files.OpenStore(place.Store)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer store.Close()
	found := list(&browser{store: store, left: mostCompletions})
	slices.Sort(found)
	directive := cobra.ShellCompDirectiveNoFileComp
	if slices.ContainsFunc(found, unfinished) {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return found, directive
}

// unfinished reports whether a proposal goes on.
func unfinished(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, ":")
}

func (p *program) completeRepositories(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return p.browse(cmd, func(b *browser) []string { return b.repositories(word, "") })
}

func (p *program) completeTags(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return p.browse(cmd, func(b *browser) []string {
		if name, tag, ok := strings.Cut(word, ":"); ok {
			return b.tags(name, tag)
		}
		return b.repositories(word, ":")
	})
}

func (p *program) completeImages(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if name, digest, ok := strings.Cut(word, "@"); ok {
		return p.browse(cmd, func(b *browser) []string { return b.manifests(name, digest) })
	}
	return p.completeTags(cmd, nil, word)
}

// completeRemovals is for rm, whose arguments after --repository are more of those.
func (p *program) completeRemovals(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if cmd.Flags().Changed("repository") && !strings.ContainsAny(word, ":@") {
		return p.completeRepositories(cmd, args, word)
	}
	return p.completeImages(cmd, args, word)
}

// completeObjects is for images, and for digests of which the first two digits are known.
func (p *program) completeObjects(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if alg, hex, ok := strings.Cut(word, ":"); ok {
		if _, known := layout.ParseAlgorithm(alg); known {
			return p.browse(cmd, func(b *browser) []string { return b.blobs(alg, hex) })
		}
	}
	return p.completeImages(cmd, nil, word)
}

// completeRuns is for the runs whose trash is there; their names are as plain as tags.
func (p *program) completeRuns(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return p.browse(cmd, func(b *browser) []string {
		return b.list(word, "", []string{layout.Own, "trash"}, layout.IsTag)
	})
}

// repositories proposes what word can go on with: repositories, with end after
// them, and parts of names that several begin with.
func (b *browser) repositories(word, end string) (found []string) {
	at := strings.LastIndexByte(word, '/') + 1
	above := word[:at]
	parts := append([]string{layout.Repositories}, strings.FieldsFunc(above, func(r rune) bool { return r == '/' })...)
	names := b.list(word[at:], "", parts, func(name string) bool {
		return !layout.IsForeign(name) && layout.IsNamespace(above+name)
	})
	for _, name := range names {
		itself, below := b.looksLike(append(slices.Clone(parts), name))
		if itself {
			found = append(found, above+name+end)
		}
		if below {
			found = append(found, above+name+"/")
		}
	}
	return found
}

// looksLike reports whether a directory is a repository, and whether others are below it.
func (b *browser) looksLike(path []string) (itself, below bool) {
	dir, err := b.store.Walk(path...)
	if err != nil {
		return false, false
	}
	defer dir.Close()
	_ = dir.List(func(e disk.Entry) error {
		switch {
		case e.Type != disk.Directory && e.Type != disk.Symlink:
		case e.Name == layout.Manifests || e.Name == layout.Layers || e.Name == layout.Uploads:
			itself = true
		case !strings.HasPrefix(e.Name, "_") && !layout.IsForeign(e.Name):
			below = true
		}
		if itself && below {
			return errEnough
		}
		return nil
	})
	return itself, below
}

func (b *browser) tags(repository, tag string) []string {
	return b.inside(repository, tag, repository+":", layout.Manifests, layout.Tags, layout.IsTag)
}

// manifests proposes digests of a repository's manifests.
func (b *browser) manifests(repository, digest string) (found []string) {
	alg, hex, whole := strings.Cut(digest, ":")
	for _, a := range []layout.Algorithm{layout.SHA256, layout.SHA384, layout.SHA512} {
		if name := a.String(); name == alg || !whole && strings.HasPrefix(name, alg) {
			found = append(found, b.inside(repository, hex, repository+"@"+name+":",
				layout.Manifests, layout.Revisions+"/"+name, func(hex string) bool {
					_, err := layout.ParseHex(a, hex)
					return err == nil
				})...)
		}
	}
	return found
}

func (b *browser) inside(repository, prefix, before, marker, below string, is func(string) bool) []string {
	if !layout.IsRepository(repository) {
		return nil
	}
	path := append([]string{layout.Repositories}, strings.Split(repository, "/")...)
	path = append(append(path, marker), strings.Split(below, "/")...)
	return b.list(prefix, before, path, is)
}

// blobs proposes digests; of which blobs, the first two digits say.
func (b *browser) blobs(alg, hex string) []string {
	if len(hex) < 2 {
		return nil
	}
	a, _ := layout.ParseAlgorithm(alg)
	return b.list(hex, alg+":", []string{layout.Blobs, alg, hex[:2]}, func(name string) bool {
		_, err := layout.ParseHex(a, name)
		return err == nil
	})
}

// list names the directories below path that begin with prefix and are of a
// kind, each with a text before it.
func (b *browser) list(prefix, before string, path []string, is func(string) bool) (found []string) {
	dir, err := b.store.Walk(path...)
	if err != nil {
		return nil
	}
	defer dir.Close()
	_ = dir.List(func(e disk.Entry) error {
		if !strings.HasPrefix(e.Name, prefix) || e.Type != disk.Directory && e.Type != disk.Symlink || !is(e.Name) {
			return nil
		}
		if b.left--; b.left < 0 {
			return errEnough
		}
		found = append(found, before+strings.Clone(e.Name))
		return nil
	})
	return found
}

// completeExports is for images, and a directory after them, which has a slash
// or a dot at its beginning.
func (p *program) completeExports(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && (strings.HasPrefix(word, "/") || strings.HasPrefix(word, ".")) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return p.completeImages(cmd, args, word)
}
