package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// mostDirectories is how many directories are asked for rights: more take long
// on a network filesystem, and a fault is mostly one of many.
const mostDirectories = 20_000

// rights are the directories in which this user may not do what a sweep does.
type rights struct {
	dir    *disk.Dir
	seen   int
	closed int
	first  string      // of those
	owners map[int]int // of those, by user
	failed error       // of the first
}

func (e *examination) lookAtRights(context.Context) error {
	if e.readOnly {
		return nil
	}
	r := &rights{dir: e.dir, owners: map[int]int{}}
	if err := r.ask(".", 0); err != nil {
		return err
	}
	user := os.Geteuid()
	if r.closed == 0 {
		some := ""
		if r.seen >= mostDirectories {
			some = "the first "
		}
		e.find("rights", levelOK, "", "this user (%d) may change %s%s of the store", user, some, english.Plural(r.seen, "directory", "directories"))
		return nil
	}
	e.obstacle = "this user may not change all of the store"
	owner := 0 // who may do everything
	if list := slices.Collect(maps.Keys(r.owners)); len(list) == 1 {
		owner = list[0]
	}
	command := fmt.Sprintf("sudo -u '#%d' %s", owner, e.where.Command("doctor"))
	if owner == user {
		command = fmt.Sprintf("find %s -type d -user %d ! -perm -u=rwx -exec chmod u+rwx {} +", term.ShellWord(e.place.Store+"/"), user)
	}
	e.find("rights", levelError, command, "this user (%d) may not read and change %s of the store: %s (%s; its owner is %d)", user,
		english.Plural(r.closed, "directory", "directories"), path.Join(e.place.Store, r.first), cause(r.failed), owner)
	return nil
}

// cause is an error without the names that the message has already.
func cause(err error) error {
	for pe := new(fs.PathError); errors.As(err, &pe); {
		err = pe.Err
	}
	return err
}

// ask asks for the rights in a directory and in those below it in which a sweep
// may remove names, down to the parts of repositories.
func (r *rights) ask(at string, depth int) error {
	if r.seen >= mostDirectories {
		return nil
	}
	r.seen++
	owner, err := r.dir.Access(at)
	if disk.Gone(err) {
		return nil
	}
	if err != nil {
		if !disk.IsDenied(err) {
			return err
		}
		if r.closed == 0 {
			r.first, r.failed = at, err
		}
		r.closed++
		r.owners[owner]++
	}
	d, err := r.dir.Walk(at)
	if err != nil {
		return nil // it has been counted, or is gone
	}
	defer d.Close()
	var below []string
	err = d.List(func(entry disk.Entry) error {
		if isAsked(at, depth, entry) {
			below = append(below, path.Join(at, strings.Clone(entry.Name)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range below {
		if err := r.ask(name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isAsked reports whether a name is that of a directory in which a sweep may
// change something. What links and layers are in has the rights of its repository.
func isAsked(at string, depth int, entry disk.Entry) bool {
	isDir := entry.Type == disk.Directory || entry.Type == disk.Symlink && depth == 0
	switch {
	case !isDir || layout.IsForeign(entry.Name) && entry.Name != layout.Own:
		return false
	case depth == 0:
		return entry.Name == layout.Blobs || entry.Name == layout.Repositories || entry.Name == layout.Own
	case disk.IsWithin(at, layout.Blobs):
		return depth < 3 // blobs/ALGORITHM/PREFIX
	case disk.IsWithin(at, layout.Own):
		return false
	}
	return !strings.HasPrefix(path.Base(at), "_")
}

// The shares of space and of inodes below which a store is nearly full.
const fewLeft = 20

func (e *examination) lookAtSpace(context.Context) error {
	seen := map[uint64]bool{}
	for _, part := range []string{".", layout.Blobs, layout.Repositories} {
		d, err := e.dir.Walk(part)
		if err != nil {
			continue // the mount and the rights have been looked at
		}
		info, err := d.Info()
		volume, verr := d.Volume()
		d.Close()
		if err := errors.Join(err, verr); err != nil {
			return err
		}
		if seen[info.ID.Dev] {
			continue
		}
		seen[info.ID.Dev] = true
		of := ""
		if part != "." {
			of = " on the filesystem of " + part
		}
		e.lookAtVolume(&volume, of)
	}
	return nil
}

func (e *examination) lookAtVolume(v *disk.Volume, of string) {
	level, command := levelOK, ""
	switch free := v.Free; {
	case e.readOnly:
	case free < 64<<10:
		level, e.obstacle = levelError, "there is no space"
	case free < v.Size/fewLeft:
		level = levelWarning
	}
	if level != levelOK {
		command = e.where.Command("gc")
	}
	e.find("blocks", level, command, "free space: %s of %s%s", term.Size(v.Free), term.Size(v.Size), of)
	if v.Inodes == 0 {
		e.find("inodes", levelOK, "", "the filesystem makes inodes when they are needed%s", of)
		return
	}
	level, command = levelOK, ""
	switch {
	case e.readOnly:
	case v.FreeInodes < 16:
		level, e.obstacle = levelError, "there is no inode"
	case v.FreeInodes < v.Inodes/fewLeft:
		level = levelWarning
	}
	if level != levelOK {
		command = e.where.Command("gc")
	}
	e.find("inodes", level, command, "free inodes: %s of %s%s", term.Comma(int(v.FreeInodes)), term.Comma(int(v.Inodes)), of)
}

// lookAtFilesystem takes the lock, for a moment, and tries what the filesystem
// can do.
func (e *examination) lookAtFilesystem(ctx context.Context) error {
	if e.readOnly {
		e.find("filesystem", levelOK, "", "what it can do was not tried: %s", e.obstacle)
		return nil
	}
	lock, err := e.dir.Lock()
	switch {
	case errors.Is(err, disk.ErrLocked):
		who := lockHolder(e.dir)
		e.find("lock", levelWarning, "flock "+term.ShellWord(e.place.Store)+" true", "another regsweep works on this store%s: the command waits until it has ended", who)
		return nil
	case err != nil:
		e.find("lock", levelError, "findmnt -T "+term.ShellWord(e.place.Store), "the store cannot be locked, so nothing can be removed: %s", cause(err))
		return nil
	}
	defer lock.Release()
	here := ""
	if lock.Remote {
		here = " on this host"
	}
	e.find("lock", levelOK, "", "it can be taken, and nobody%s has it", here)
	if e.obstacle != "" {
		e.find("filesystem", levelOK, "", "what it can do was not tried: %s", e.obstacle)
		return nil
	}
	probe, err := lock.Probe(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		e.find("filesystem", levelError, "findmnt -T "+term.ShellWord(e.place.Store), "a directory cannot be made and removed in the store: %s", err)
		return nil
	}
	e.judgeProbe(probe, lock.Remote)
	e.judgeClock(probe)
	return nil
}

func (e *examination) judgeProbe(p *disk.Probe, remote bool) {
	var works, lacks []string
	for _, a := range disk.Abilities {
		if a == disk.Hosts && !remote {
			continue // there are no other hosts
		}
		if p.Lacks[a] == nil {
			works = append(works, a.String())
			continue
		}
		lacks = append(lacks, fmt.Sprintf("%s do not work (%s)", a, cause(p.Lacks[a])))
	}
	command := ""
	level, consequence := judgeAbilities(p)
	if consequence != "" {
		lacks = append(lacks, consequence)
	}
	if level != levelOK {
		command = "findmnt -T " + term.ShellWord(e.place.Store)
	}
	detail := "tried in the store: " + english.WordSeries(works, "and") + " work"
	e.find("filesystem", level, command, "%s", strings.Join(append([]string{detail}, lacks...), "; "))
}

// judgeClock compares the file server's clock with this host's.
func (e *examination) judgeClock(p *disk.Probe) {
	if p.Clock.IsZero() {
		return // which the filesystem's finding says
	}
	apart := p.Asked.Sub(p.Clock).Round(time.Second)
	if apart.Abs() <= time.Minute {
		e.find("clock", levelOK, "", "the file server's clock is this host's, or nearly")
		return
	}
	than := "behind"
	if apart < 0 {
		than = "ahead of"
	}
	e.find("clock", levelWarning, "timedatectl set-ntp true", "the file server's clock is %s %s this host's: the earlier one counts for ages, so things are kept longer", apart.Abs(), than)
}

// lookAtRuns looks for a run that was stopped.
func (e *examination) lookAtRuns(ctx context.Context) error {
	w := walker.New(e.dir, walker.Options{Jobs: e.jobs})
	defer w.Close()
	unfinished, err := sweep.IsUnfinishedAnywhere(ctx, w)
	if err != nil {
		return err
	}
	if !unfinished {
		e.find("stoppedRun", levelOK, "", "no run was stopped half-way")
		return nil
	}
	if e.obstacle == "" {
		e.obstacle = "a run was stopped, or is under way"
	}
	if lock, err := e.dir.Lock(); err == nil {
		lock.Release()
		e.find("stoppedRun", levelWarning, e.where.Command("gc"), "a run was stopped while names were set aside, so images may be incomplete: the next run that removes something gives back what is needed, and finishes the rest")
	}
	return nil
}
