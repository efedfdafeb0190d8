package disk

// LockName is a file in the store's directory. It is there, and locked in place of
// the directory, on filesystems that cannot lock directories.
const LockName = ".regsweep-lock"

// Lock is the right to change a store, which one process has at a time.
// Only its holder can open a Locked directory.
type Lock struct {
	store *Dir
	file  lockFile
	// Remote says that the store is on a network filesystem, where the lock
	// binds the processes of this host only.
	Remote bool
	// Hosts says that the lock binds all hosts there, after BindHosts.
	Hosts  bool
	ledger ledger
}

// Store is the store's own directory. The caller must not close it.
func (l *Lock) Store() *Locked { return &Locked{Dir: l.store, ledger: &l.ledger} }

// Open opens a directory below the store, as names from the store's directory
// down, for changing what is in it. Symbolic links are followed in the first
// name only (blobs, repositories); any below that is an error.
// The caller closes it.
func (l *Lock) Open(path ...string) (*Locked, error) {
	at := l.Store()
	for i, name := range path {
		open := at.openHere
		if i == 0 {
			open = at.Open
		}
		next, err := open(name)
		if i > 0 {
			at.Close()
		}
		if err != nil {
			return nil, err
		}
		at = &Locked{Dir: next, ledger: &l.ledger}
	}
	return at, nil
}

// Locked is a directory in which names may be changed and removed.
type Locked struct {
	*Dir
	ledger *ledger
}

// OpenBelow opens a directory in this one that is no symbolic link.
// The caller closes it.
func (d *Locked) OpenBelow(name string) (*Locked, error) {
	sub, err := d.openHere(name)
	if err != nil {
		return nil, err
	}
	return &Locked{Dir: sub, ledger: d.ledger}, nil
}

// isBoth reports whether a file has both names: a run was stopped between the
// two steps that a rename takes on some filesystems.
func (d *Locked) isBoth(name string, dir *Locked, to string) bool {
	a, aerr := d.Stat(name)
	b, berr := dir.Stat(to)
	return aerr == nil && berr == nil && a.IsAlso(b)
}
