package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/outfile"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/mark/name"
	"github.com/regsweep/regsweep/walker"
)

// exportOptions are what export was asked to do.
type exportOptions struct {
	common
	dryRun   bool
	hardLink bool
	tagNames bool

	patterns  []name.Pattern
	directory string
}

func (p *program) exportCommand() *cobra.Command {
	o := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export NAME[:TAG or @DIGEST] ... DIR",
		Short: "copy images into a directory, with referrers and signatures",
		Long: `export copies images into DIR as an OCI image layout, which skopeo, crane and
regctl read. A NAME alone is the whole repository. Names can be globs. An index
is exported with its images, and every image with its referrers and signatures.
Digests do not change.

export needs no running registry, takes no lock, and writes nothing to the store.
If the filesystem supports it, copies share their blocks with the store
(reflink). export verifies each blob by its digest, and each blob is on the disk
before index.json names it. If DIR exists, it must be empty or an image layout,
to which export adds images. It lists an image as NAME:TAG, or without a name if
you give its digest.` + exitStatusHelp,
		Example: `  regsweep export team/app:v1 /backup/app
  regsweep export 'team/**' /backup/team
  regctl image copy --referrers ocidir:///backup/app:v1 registry/team/app:v1`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.export(cmd.Context(), o, cmd.Flags(), args) },
	}
	f := cmd.Flags()
	o.add(f)
	f.BoolVarP(&o.dryRun, "dry-run", "d", false, "report what would be done, and do nothing")
	f.BoolVar(&o.hardLink, "hard-link", false, "make hard links to the files of the store instead of copies; damage to one is damage to both")
	f.BoolVar(&o.tagNames, "tag-names", false, "list images only by their tag, without the repository's name")
	return cmd
}

func (o *exportOptions) verify(f *pflag.FlagSet, args []string) error {
	if err := errors.Join(o.common.verify(f), o.verifyReport(endJSON)); err != nil {
		return err
	}
	if len(args) < 2 {
		return &layout.HintError{Err: errors.New("export needs to know what, and where to"), Hint: "give NAME, NAME:TAG or NAME@DIGEST, and a directory after them"}
	}
	last := len(args) - 1
	if o.directory = args[last]; o.directory == "" {
		return errors.New("the directory is empty: it is the name of one")
	}
	for _, arg := range args[:last] {
		if _, _, err := name.ParseDigest(arg); err == nil && name.IsDigest(arg) {
			return &layout.HintError{Err: term.Quoted("%s is a digest alone", arg), Hint: "give NAME@DIGEST; which images need it", Command: []string{"why", arg}}
		}
		p, err := name.Parse(arg)
		if err != nil {
			return err
		}
		o.patterns = append(o.patterns, p)
	}
	return nil
}

func (p *program) export(ctx context.Context, o *exportOptions, f *pflag.FlagSet, args []string) error {
	if err := o.verify(f, args); err != nil {
		return usage(err)
	}
	r, err := p.open(ctx, "export", &o.common, "")
	if err != nil {
		return err
	}
	defer r.close()
	if err := refuseInside(o.directory, r.place.Store); err != nil {
		return usage(err)
	}
	asked, err := r.resolveWhole(ctx, o.patterns)
	if err != nil {
		return err
	}
	if o.tagNames && slices.ContainsFunc(asked, func(a mark.Asked) bool { return a.Repository != asked[0].Repository }) {
		return usage(&layout.HintError{Err: errors.New("--tag-names is for one repository: tags of several may be the same"), Hint: "leave it out, or export each repository into a directory of its own"})
	}
	parcel, err := r.packAll(ctx, asked)
	if err == nil {
		err = refuseLacking(r.withoutNames(parcel.Lacking(), asked))
	}
	if err != nil {
		return err
	}
	to := &exporting{program: p, common: &o.common, directory: o.directory, tagNames: o.tagNames, hardLink: o.hardLink}
	result, err := to.run(ctx, r, parcel, o.dryRun)
	if err != nil {
		return err
	}
	if p.fileResult(result); o.output == "json" {
		return p.writeJSON(result)
	}
	return to.write(result)
}

// refuseInside refuses a directory that is one of the store's.
func refuseInside(dir, store string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if resolved, err := existing(abs); err == nil && outfile.IsBelow(resolved, store) {
		return &layout.HintError{Err: term.Quoted("%s is in the store", dir), Hint: "give a directory outside of it"}
	}
	return nil
}

// existing is the nearest directory above a path that is there, or the path itself,
// without symbolic links.
func existing(path string) (string, error) {
	for {
		resolved, err := filepath.EvalSymlinks(path)
		if err == nil || filepath.Dir(path) == path {
			return resolved, err
		}
		path = filepath.Dir(path)
	}
}

// resolveWhole finds what patterns name; a repository's name is all of it.
func (r *reading) resolveWhole(ctx context.Context, patterns []name.Pattern) (list []mark.Asked, err error) {
	add := func(a mark.Asked) {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	var all []string
	for i := range patterns {
		p := &patterns[i]
		if !p.Whole() {
			found, err := r.resolve(ctx, patterns[i:i+1])
			if err != nil {
				return nil, err
			}
			for _, one := range found {
				add(one.Asked)
			}
			continue
		}
		if all == nil {
			if all, err = r.allRepositories(ctx); err != nil {
				return nil, err
			}
		}
		_, found := p.Among(all, false)
		if len(found) == 0 {
			return nil, &layout.HintError{Err: fmt.Errorf("%w repository %q", errNothing, p.Text), Hint: "the repositories", Command: []string{"ls"}}
		}
		for _, repository := range found {
			add(mark.Asked{Repository: repository})
		}
	}
	return list, nil
}

// allRepositories are the names of all repositories.
func (r *reading) allRepositories(ctx context.Context) (list []string, err error) {
	names := inspect.NewNames(func(string) bool { return false })
	if _, err := r.look(ctx, names); err != nil {
		return nil, err
	}
	for _, in := range names.All() {
		list = append(list, in.Repository)
	}
	return list, nil
}

// packAll finds all that images consist of. What cannot be read elsewhere is no
// matter: an image may be brought to safety from a disk that dies.
func (r *reading) packAll(ctx context.Context, asked []mark.Asked) (*mark.Parcel, error) {
	parcel, findings := mark.NewParcel(asked), new(walker.Findings)
	r.progress.Phase("reading repositories", readingRepositories(r.w.Progress))
	r.store.ObserveBy(ctx, r.w.With(findings), parcel, nil)
	r.progress.Rest()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, f := range []*walker.Findings{r.w.Findings, findings} {
		for _, problem := range f.Problems() {
			if problem.Kind == walker.IOError && concerns(problem.Path, asked) {
				r.sayUnreadable()
				return nil, fmt.Errorf("%s: %s: what belongs to the images is not known", problem.Path, problem.Detail)
			}
		}
	}
	if n := r.w.Findings.Unreadable() + findings.Unreadable(); n > 0 {
		r.voice.Warn("%s cannot be read elsewhere in the store: %s", term.Plural(n, "path"), r.where.Command("check"))
	}
	return parcel, nil
}

// concerns reports whether a path that cannot be read may hold something of images.
func concerns(path string, asked []mark.Asked) bool {
	return slices.ContainsFunc(asked, func(a mark.Asked) bool {
		dir := layout.RepositoryDir(a.Repository)
		return path == "." || path == dir || strings.HasPrefix(path, dir+"/_") || strings.HasPrefix(dir, path+"/")
	})
}

// withoutNames leaves out tags that name nothing and that nobody asked for: of a
// whole repository there is nothing more to export.
func (r *reading) withoutNames(list []mark.Lacking, asked []mark.Asked) []mark.Lacking {
	return slices.DeleteFunc(list, func(l mark.Lacking) bool {
		if !l.Nothing || slices.ContainsFunc(asked, func(a mark.Asked) bool {
			return a.Tag != "" && l.Image == a.Repository+":"+a.Tag || a.Tag == "" && l.Image == a.Repository+"@"+a.Digest.String()
		}) {
			return false
		}
		r.voice.Warn("%s: %s: there is nothing to export", l.Image, l.Detail)
		return true
	})
}

// refuseLacking refuses images that are not whole.
func refuseLacking(lacking []mark.Lacking) error {
	var errs []error
	for i, l := range lacking {
		if i == report.Shown {
			errs = append(errs, fmt.Errorf("and %s more", term.Comma(len(lacking)-report.Shown)))
			break
		}
		errs = append(errs, fmt.Errorf("%s: %s", l.Image, l.Detail))
	}
	if errs == nil {
		return nil
	}
	return &layout.HintError{Err: errors.Join(append(errs, errors.New("nothing has been written"))...), Hint: "leave these images out; what is damaged", Command: []string{"check"}}
}
