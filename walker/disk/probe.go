package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Ability is something that a run which removes asks of a filesystem.
type Ability uint8

// The abilities, in the order in which they are tried.
const (
	// Renames says that a rename puts a file in the place of another one.
	Renames Ability = iota
	// NoReplace says that a rename which is told not to replace anything does
	// not. Without it second names do the same, and without these a look.
	NoReplace
	// SecondNames says that a file can have two names.
	SecondNames
	// Times says that a time that is set to the present is kept, so that the
	// file server's clock can be read.
	Times
	// Locks says that who has locked a directory keeps a second one out.
	Locks
	// Hosts says that there are locks which keep other hosts out, where the
	// filesystem has other hosts.
	Hosts
	// Syncs says that what was changed can be waited for.
	Syncs
)

// Abilities are all of them.
var Abilities = [...]Ability{Renames, NoReplace, SecondNames, Times, Locks, Hosts, Syncs}

// String names the ability for people.
func (a Ability) String() string {
	return [...]string{"renames", "no-replace renames", "second names", "times", "locks", "locks for all hosts", "syncs"}[a]
}

// Probe is what the filesystem of a store was seen to do.
type Probe struct {
	// Lacks says by Ability why something does not work; nil says that it does.
	Lacks [len(Abilities)]error
	// Clock is what the file server called the present at Asked, by this host's
	// clock. It is the zero time where Times lacks.
	Clock, Asked time.Time
}

// ProbeName is the directory in the store in which things are tried. It is there
// for a moment; one that a killed process left is removed by the next Probe.
const ProbeName = ".regsweep-probe"

// The files in it. All that a trial can leave is one of these.
const (
	probeA = "a"
	probeB = "b"
	probeC = "c"
	probeD = "d"
)

var (
	errReplaced  = errors.New("it replaces what has the new name")
	errNotMoved  = errors.New("the old name of a file that was renamed is still there")
	errNotTaken  = errors.New("the file that was renamed is not there under its new name")
	errNotSame   = errors.New("the second name is of another file")
	errTwoLocks  = errors.New("two can hold a lock at a time")
	errNotLocked = errors.New("directories cannot be locked")
	errNotAsked  = errors.New("it was not tried")
)

// Probe tries what the store's filesystem can do, in a directory of its own that
// it removes again, and changes nothing else: the store's directory gets its time
// back where that is allowed. An error says that nothing could be tried, or that
// something is left in the way. A context that ends also ends it.
func (l *Lock) Probe(ctx context.Context) (p *Probe, err error) {
	store := l.Store()
	before, err := store.Info()
	if err != nil {
		return nil, err
	}
	if err := removeProbe(store); err != nil {
		return nil, err
	}
	if err := store.Mkdir(ProbeName, store.Dir); err != nil {
		return nil, err
	}
	p = &Probe{}
	for _, a := range Abilities {
		p.Lacks[a] = errNotAsked
	}
	defer func() {
		if err = errors.Join(err, removeProbe(store)); err == nil {
			// The directory is gone by now, so that a stop during this leaves nothing.
			p.Lacks[Syncs] = store.Sync()
		}
		_ = store.setMTime(before.MTime) // it may be another user's
	}()
	dir, err := store.OpenBelow(ProbeName)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	for _, trial := range []struct {
		Ability
		try func(*Probe, *Locked) error
	}{
		{Renames, (*Probe).tryRename},
		{NoReplace, (*Probe).tryNoReplace},
		{SecondNames, (*Probe).tryLink},
		{Times, (*Probe).tryTimes},
		{Locks, l.tryLocks},
		{Hosts, l.tryHosts},
	} {
		if ctx.Err() != nil {
			return p, context.Cause(ctx)
		}
		p.Lacks[trial.Ability] = trial.try(p, dir)
	}
	return p, nil
}

// removeProbe removes the directory of a Probe, if it is there.
func removeProbe(store *Locked) error {
	dir, err := store.OpenBelow(ProbeName)
	if Gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	var errs []error
	for _, name := range []string{probeA, probeB, probeC, probeD} {
		if err := dir.Unlink(name); !Gone(err) {
			errs = append(errs, err)
		}
	}
	if err := store.Rmdir(ProbeName); !Gone(err) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// remake makes an empty file under a name that a trial before may have left.
func (d *Locked) remake(names ...string) error {
	for _, name := range names {
		if err := d.Unlink(name); err != nil && !Gone(err) {
			return err
		}
		if err := d.Create(name); err != nil {
			return err
		}
	}
	return nil
}

func (p *Probe) tryRename(d *Locked) error {
	if err := d.remake(probeA, probeB); err != nil {
		return err
	}
	if err := d.Rename(probeB, d, probeA); err != nil {
		return err
	}
	if _, err := d.Stat(probeB); !Gone(err) {
		return errors.Join(errNotMoved, err)
	}
	if _, err := d.Stat(probeA); err != nil {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return nil
}

func (p *Probe) tryNoReplace(d *Locked) error {
	if err := d.remake(probeA, probeC); err != nil {
		return err
	}
	switch err := d.noReplace(probeA, d, probeC); {
	case err == nil:
		return errReplaced
	case !errors.Is(err, ErrExists):
		return err
	}
	if err := d.noReplace(probeA, d, probeB); err != nil {
		return err
	}
	if _, err := d.Stat(probeB); err != nil {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return nil
}

func (p *Probe) tryLink(d *Locked) error {
	if err := d.remake(probeA); err != nil {
		return err
	}
	if err := d.Unlink(probeD); err != nil && !Gone(err) {
		return err
	}
	if err := d.Link(probeA, d, probeD); err != nil {
		return err
	}
	if !d.isBoth(probeA, d, probeD) {
		return errNotSame
	}
	return nil
}

func (p *Probe) tryTimes(d *Locked) (err error) {
	clock, err := d.Touch()
	if err == nil {
		p.Clock, p.Asked = clock, time.Now()
	}
	return err
}

// tryLocks locks the directory twice, as two processes would.
func (l *Lock) tryLocks(_ *Probe, d *Locked) error {
	if l.beside() {
		return errNotLocked
	}
	first, err := d.Lock()
	if err != nil {
		return err
	}
	defer first.Release()
	again, err := l.Store().OpenBelow(ProbeName)
	if err != nil {
		return err
	}
	defer again.Close()
	second, err := again.Lock()
	switch {
	case err == nil:
		return errors.Join(errTwoLocks, second.Release())
	case errors.Is(err, ErrLocked):
		return nil
	}
	return err
}

// tryHosts locks a file for all hosts.
func (l *Lock) tryHosts(_ *Probe, d *Locked) error {
	if !l.Remote {
		return nil
	}
	one := &Lock{}
	err := one.BindHosts(d, probeA)
	return errors.Join(err, one.releaseHosts())
}

// Access says why this user may not read and change a directory's names, or
// returns nil, and whose it is; -1 is unknown.
func (d *Dir) Access(name string) (owner int, err error) {
	if err := d.fs.check(OpStat, d.path, name); err != nil {
		return -1, err
	}
	owner, err = d.access(name)
	if err != nil {
		return owner, pathError(OpStat, d.path, name, err)
	}
	return owner, nil
}

// IsDenied reports whether an error says that this user may not do something.
func IsDenied(err error) bool { return errors.Is(err, fs.ErrPermission) }
