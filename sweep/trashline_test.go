//go:build unix

package sweep_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// trashOutcome is what a command about the trash said.
type trashOutcome struct {
	runs      int
	conflicts []trash.Conflict
	back      []string
	failures  []tree.Failure
	err       error
}

func (o *trashOutcome) said() bool { return o.err != nil || len(o.failures) > 0 }

// open is what all commands about the trash begin with.
func (p *pipeline) open() (store *disk.Dir, lock *disk.Lock, bins []*trash.Bin, err error) {
	if p.ctx == nil {
		p.ctx = context.Background()
	}
	if store, err = (&disk.FS{Fault: p.fault}).OpenStore(p.dir); err != nil {
		return nil, nil, nil, err
	}
	if lock, err = store.Lock(); err != nil {
		return store, nil, nil, err
	}
	if p.rules.Resumed, err = sweep.IsUnfinished(store); err != nil {
		return store, lock, nil, err
	}
	bins, err = trash.Bins(store)
	return store, lock, bins, err
}

func release(store *disk.Dir, lock *disk.Lock) {
	if lock != nil {
		_ = lock.Release() // nobody waits for it
	}
	if store != nil {
		_ = store.Close() // it was only read
	}
}

// restore puts back all runs, the newest first, as trash restore does.
func (p pipeline) restore() *trashOutcome {
	o := &trashOutcome{}
	store, lock, bins, err := p.open()
	defer release(store, lock)
	o.runs, o.err = len(bins), err
	for i := len(bins) - 1; i >= 0 && o.err == nil; i-- {
		o.err = p.restoreOne(o, store, lock, bins[i])
	}
	return o
}

func (p pipeline) restoreOne(o *trashOutcome, store *disk.Dir, lock *disk.Lock, bin *trash.Bin) error {
	w := walker.New(store, walker.Options{Jobs: p.jobs, Resumed: p.rules.Resumed})
	defer w.Close()
	look := mark.Read(p.ctx, w, p.rules).Look(p.ctx, w, nil)
	r, err := trash.PlanRestore(p.ctx, w, look, bin, p.rules.Resumed)
	if err != nil {
		return err
	}
	failures, err := r.Execute(p.ctx, lock, p.jobs)
	o.conflicts = append(o.conflicts, r.Conflicts()...)
	o.failures = append(o.failures, failures...)
	return err
}

// empty removes all runs, as trash empty does.
func (p pipeline) empty() *trashOutcome {
	o := &trashOutcome{}
	store, lock, bins, err := p.open()
	defer release(store, lock)
	if o.runs, o.err = len(bins), err; err != nil || len(bins) == 0 {
		return o
	}
	p.rules.DeleteUntagged = false
	e := trash.NewEmptying(bins, p.rules, p.jobs, sweep.GiveBack)
	if o.err = e.Plan(p.ctx, store); o.err == nil {
		o.failures, o.err = e.Execute(p.ctx, lock)
	}
	o.back = e.Back
	return o
}

// contents are all names below a directory, with what files and symbolic links
// hold and when files were modified.
func contents(dir string) map[string]string {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		switch {
		case d.IsDir():
			all[name+"/"] = info.Mode().String()
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[name] = fmt.Sprintf("%v %v %d %x", info.Mode(), info.ModTime(), len(content), sha256.Sum256(content))
		default:
			target, _ := os.Readlink(path) // "" of what is no link
			all[name] = fmt.Sprintf("%v %s", info.Mode(), target)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return all
}

// differences are what two contents do not have in common.
func differences(a, b map[string]string) (list complaints) {
	for name, was := range a {
		if is, ok := b[name]; !ok {
			list.add("gone: %s", name)
		} else if is != was {
			list.add("changed: %s: %s, was %s", name, is, was)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			list.add("new: %s", name)
		}
	}
	return list
}
