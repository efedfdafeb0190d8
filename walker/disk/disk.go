// Package disk is the one seam between regsweep and the operating system:
// every directory that is opened, every file that is read, renamed or removed
// goes through it, so that a test can make any one of these calls fail.
//
// Who reads holds a Dir, which cannot change anything. The right to change
// something is a Lock, and only a Lock hands out what can remove.
//
// On Linux names are resolved relative to open directories; elsewhere a
// portable implementation joins paths, with the same contract and tests.
package disk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Op names a kind of call to the operating system.
type Op uint8

// The calls, in the order in which a run makes its first of each.
const (
	OpOpen Op = iota
	OpList
	OpStat
	OpRead
	OpLock
	OpTouch
	OpRename
	OpUnlink
	OpRmdir
	OpSync
	OpMkdir
	OpWrite
	OpLink      // a second name for a file
	OpNoReplace // a rename that is told not to replace anything; it is an OpRename before
)

// Ops are all kinds of calls, for tests that make each of them fail.
var Ops = [...]Op{OpOpen, OpList, OpStat, OpRead, OpLock, OpTouch, OpRename, OpUnlink, OpRmdir, OpSync, OpMkdir, OpWrite, OpLink, OpNoReplace}

// String is the name of the system call that stands for the kind.
func (o Op) String() string {
	return [...]string{"open", "list", "stat", "read", "lock", "touch", "rename", "unlink", "rmdir", "sync", "mkdir", "write", "link", "rename"}[o]
}

// FS gives access to one store.
type FS struct {
	// Fault, if not nil, is asked before each call and makes it fail with the
	// error that it returns. It is called concurrently.
	Fault func(op Op, path string) error
	// On, if not 0, is what the store is taken to be on.
	On Medium

	devices devices
	counts  atomic.Bool
	calls   atomic.Int64
}

func (f *FS) check(op Op, dir, name string) error {
	if f.counts.Load() {
		f.calls.Add(1)
	}
	if f.Fault == nil {
		return nil
	}
	if err := f.Fault(op, join(dir, name)); err != nil {
		return pathError(op, dir, name, err)
	}
	return nil
}

// Type is what a directory entry is.
type Type uint8

// The types of entries. Whatever is neither of the first three is Special:
// a device, a FIFO, a socket. Special files are never read, nor waited for.
const (
	File Type = iota + 1
	Directory
	Symlink
	Special
)

// Entry is one name in a directory.
type Entry struct {
	Name string // valid only until the callback that was given it returns
	Type Type
	// Inode is its number, by which disks with an arm have it in order; 0 where the
	// system does not tell.
	Inode uint64
}

// ID tells files and directories apart that can be reached by several names.
type ID struct{ Dev, Ino uint64 }

// Info is what is known of a file or directory.
type Info struct {
	Type  Type
	Size  int64 // bytes
	Disk  int64 // bytes that are allocated
	MTime int64 // as Nanoseconds gives it
	CTime int64 // of the last change of any kind; 0 where the system does not tell
	Links uint64
	ID    ID
	// Behind says that ReadFile followed a symbolic link to it.
	Behind bool
}

// IsAlso reports whether two names, which have these, are of one regular file.
func (i Info) IsAlso(other Info) bool {
	return i.Type == File && i.Links > 1 && i.ID == other.ID
}

var (
	// ErrDangling is wrapped by the error about a symbolic link that leads nowhere.
	// It does not match fs.ErrNotExist: something is there, and it cannot be read.
	ErrDangling = errors.New("symbolic link to nothing")
	// ErrNotFile is wrapped by the error about a directory or special file where a file was to be read.
	ErrNotFile = errors.New("not a regular file")
	// ErrLocked is wrapped by Lock when another process holds the lock.
	ErrLocked = errors.New("another regsweep works on this store")
	// ErrOneHost is wrapped by BindHosts where locks keep no other host out.
	ErrOneHost = errors.New("locks bind only this host here")
	// ErrExists is wrapped by RenameNoReplace when the new name is taken.
	ErrExists = fs.ErrExist
)

// Gone reports whether err says that a name was not there (any more): it, or
// a directory above it, was missing. A dangling symbolic link is not gone.
func Gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// join makes a path of its own: a name may not last.
func join(dir, name string) string {
	switch {
	case dir == "" || dir == ".":
		return strings.Clone(name)
	case name == "":
		return dir
	}
	return dir + "/" + name
}

func pathError(op Op, dir, name string, err error) error {
	return &fs.PathError{Op: op.String(), Path: named(join(dir, name)), Err: err}
}

// named is a path below the store for a message: the store's own directory has
// a name, too.
func named(path string) string {
	if path == "" {
		return "."
	}
	return path
}

// Path is where the directory is, relative to the store.
func (d *Dir) Path() string { return d.path }

// Join is the path of a name in the directory, relative to the store.
func (d *Dir) Join(name string) string { return join(d.path, name) }

// Linked reports whether a symbolic link was followed from the store's own
// directory down to this one. Nothing is ever removed behind one.
func (d *Dir) Linked() bool { return d.linked }

// ReadFile reads at most len(buf) bytes of a regular file, behind symbolic
// links too, and returns how many it read and what the file was before. Anything
// else is ErrNotFile, and is not read.
func (d *Dir) ReadFile(name string, buf []byte) (int, Info, error) {
	if n, info, done, err := d.readOpened(name, buf); done {
		return n, info, err
	}
	info, err := d.readInfo(name)
	if err != nil {
		return 0, info, err
	}
	n, err := d.ReadRegular(name, buf)
	return n, info, err
}

// readInfo is what a name that is to be read is, behind symbolic links too.
func (d *Dir) readInfo(name string) (Info, error) {
	info, err := d.Stat(name)
	if err != nil {
		return info, err
	}
	if info.Type == Symlink {
		if info, err = d.Follow(name); err != nil {
			return info, err
		}
		info.Behind = true
	}
	if info.Type != File {
		return info, pathError(OpRead, d.path, name, ErrNotFile)
	}
	return info, nil
}

// Follow is Stat behind symbolic links. A dangling one is ErrDangling.
func (d *Dir) Follow(name string) (Info, error) {
	info, err := d.stat(name, true)
	if Gone(err) {
		if here, lerr := d.Stat(name); lerr == nil && here.Type == Symlink {
			return Info{}, pathError(OpStat, d.path, name, ErrDangling)
		}
	}
	return info, err
}

// Stat tells what a name is, without following a symbolic link.
func (d *Dir) Stat(name string) (Info, error) { return d.stat(name, false) }

// A Name puts names together in memory that it uses again.
type Name struct{ text []byte }

// Join is the path of names below one another. It is valid until the next call
// of Join, so that nothing may keep it.
func (n *Name) Join(names ...string) string {
	n.text = n.text[:0]
	for i, name := range names {
		if i > 0 {
			n.text = append(n.text, '/')
		}
		n.text = append(n.text, name...)
	}
	return unsafe.String(unsafe.SliceData(n.text), len(n.text))
}

// JoinHex is Join of a name below a directory that is named by a sum.
func (n *Name) JoinHex(sum []byte, name string) string {
	n.text = append(hex.AppendEncode(n.text[:0], sum), '/')
	n.text = append(n.text, name...)
	return unsafe.String(unsafe.SliceData(n.text), len(n.text))
}

// JoinBlob is JoinHex below a directory that is named by the sum's first byte.
func (n *Name) JoinBlob(sum []byte, name string) string {
	n.text = append(hex.AppendEncode(n.text[:0], sum[:1]), '/')
	n.text = append(hex.AppendEncode(n.text, sum), '/')
	n.text = append(n.text, name...)
	return unsafe.String(unsafe.SliceData(n.text), len(n.text))
}

// Walk opens a path of several names, one directory after another.
// The caller closes what it returns.
func (d *Dir) Walk(path ...string) (*Dir, error) {
	at := d
	for _, name := range path {
		next, err := at.Open(name)
		if at != d {
			at.Close()
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
	if at == d {
		return nil, fmt.Errorf("walk %q: no path", d.name())
	}
	return at, nil
}
