package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/ocidir"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// addArchive adds the flag of a command that can export what it removes.
func (p *planning) addArchive(f *pflag.FlagSet) {
	f.StringVar(&p.archive, "archive", "", "before removing images, export them to `DIR` on another filesystem; see regsweep export --help")
}

func (p *planning) verifyArchive(f *pflag.FlagSet) error {
	if f.Changed("archive") && p.archive == "" {
		return errors.New("--archive is empty: it is a directory")
	}
	return nil
}

// placeArchive makes sure, before anything is read, that an archive can take
// what is removed, outside of the store and on another filesystem: there it takes no
// space of the store's, and is there if the store's disk is not.
func (j *job) placeArchive() error {
	if j.archive == "" {
		return nil
	}
	if err := refuseInside(j.archive, j.place.Store); err != nil {
		return usage(err)
	}
	abs, err := filepath.Abs(j.archive)
	if err != nil {
		return err
	}
	there, err := existing(abs)
	if err != nil {
		return err
	}
	same, err := j.isOnOneFilesystem(there)
	if errors.Is(err, syscall.ENOTDIR) {
		return (&exporting{directory: j.archive}).refusal(err)
	}
	if err != nil {
		return err
	}
	if same {
		return usage(&layout.HintError{
			Err:  term.Quoted("--archive %s is on the filesystem of the blobs: an archive there frees nothing, and is lost with it", j.archive),
			Hint: "give a directory on another one, or move the images to the trash: " + again(j.where, j.command, j.flags, []string{"archive", "trash"}, "--trash"),
		})
	}
	dir, err := ocidir.Look(j.files, j.archive)
	if errors.Is(err, syscall.ENOTDIR) {
		return (&exporting{directory: j.archive}).refusal(err)
	}
	if err != nil {
		return err
	}
	if dir != nil {
		dir.Close()
	}
	return nil
}

// isOnOneFilesystem reports whether a directory is on the filesystem of the
// store, or on that of its blobs.
func (j *job) isOnOneFilesystem(path string) (bool, error) {
	dir, err := j.files.OpenStore(path)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	there, err := dir.Info()
	if err != nil {
		return false, err
	}
	store, err := j.files.OpenStore(j.place.Store)
	if err != nil {
		return false, err
	}
	defer store.Close()
	here, err := store.Info()
	if err != nil {
		return false, err
	}
	blobs, err := store.Follow(layout.Blobs)
	if disk.Gone(err) {
		blobs, err = here, nil
	}
	return there.ID.Dev == here.ID.Dev || there.ID.Dev == blobs.ID.Dev, err
}

// archiveAll exports the images of the plan. Until all of them are in the archive
// and on its disk, nothing is removed. The plan's execution takes back from the
// plan, and adds nothing to it.
func (j *job) archiveAll(ctx context.Context) error {
	asked := j.archived()
	if len(asked) == 0 {
		return nil
	}
	rules := mark.Rules{Now: j.rules.Now, Grace: j.rules.Grace, UploadsOlderThan: j.rules.UploadsOlderThan, Resumed: j.rules.Resumed, PullThrough: j.rules.PullThrough}
	r := &reading{program: j.program, common: j.common, place: j.place, rules: rules, dir: j.store}
	r.w = walker.New(j.store, walker.Options{Jobs: j.width.most, InOrder: j.width.inOrder, Resumed: rules.Resumed, Progress: new(walker.Progress)})
	defer r.w.Close()
	r.progress.Phase("reading blobs", readingBlobs(r.w.Progress))
	r.store = mark.Read(ctx, r.w, rules)
	parcel, err := r.packAll(ctx, asked)
	if err == nil {
		err = refuseLacking(reallyLacking(parcel.Lacking()))
	}
	if err != nil {
		return fmt.Errorf("--archive: %w", err)
	}
	to := &exporting{program: j.program, common: j.common, directory: j.archive}
	result, err := to.run(ctx, r, parcel, false)
	if err != nil {
		return errors.Join(err, errors.New("nothing has been removed from the store"))
	}
	j.voice.Say("%s", to.outcome(result))
	return nil
}

// archived are the images that the plan removes, and those whose tags it does.
func (j *job) archived() (asked []mark.Asked) {
	look := j.plan.Look()
	j.plan.Items(func(i mark.Item) {
		switch i.Kind {
		case mark.Manifest:
			asked = append(asked, mark.Asked{Repository: look.RepositoryOf(&i), Digest: look.Digest(i.ID)})
		case mark.Tag:
			asked = append(asked, mark.Asked{Repository: look.RepositoryOf(&i), Tag: look.NameOf(&i)})
		}
	})
	return asked
}

// reallyLacking leaves out names that no image has, such as a tag whose manifest
// is gone: there is nothing that could be exported.
func reallyLacking(list []mark.Lacking) (rest []mark.Lacking) {
	for _, l := range list {
		if !l.Nothing {
			rest = append(rest, l)
		}
	}
	return rest
}
