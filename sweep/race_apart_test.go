package sweep_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/regsweep/regsweep/walker/disk"
)

// A registry that does something just before a call of a sweep, or just after it,
// makes no difference where the two have nothing to do with each other: both runs
// are the same from then on. So of moments that only such calls are between, one
// with each registry is enough.

// touched are the paths that an operation reads or writes.
type touched []string

// touchedBy does an operation on a store of its own, and returns what it touches.
func (tp *template) touchedBy(root string, o operation, dialect int) touched {
	var paths touched
	r := &registry{Store: tp.copy(root), dialect: dialect, touched: &paths}
	_ = doAll(o.do(r)) // what it would have touched after a refusal it does not touch in a sweep, either
	_ = os.RemoveAll(root)
	return paths
}

// doAll does actions as far as none is refused.
func doAll(actions []action) error {
	for _, act := range actions {
		if err := act.do(); err != nil {
			return err
		}
	}
	return nil
}

// apartFrom reports whether a call has nothing to do with the operation: it is
// about no path of it, none above and none below it. A call that changes names is
// about all of its directory, since it may have a second name in it.
func (t touched) apartFrom(c call) bool {
	if c.op == disk.OpTouch || c.op == disk.OpSync || c.op == disk.OpLock || path.IsAbs(c.path) {
		return false
	}
	about := c.path
	if !reads(c.op) {
		about = path.Dir(c.path)
	}
	for _, p := range t {
		if isWithin(p, about) || isWithin(c.path, p) {
			return false
		}
	}
	return true
}

func isWithin(p, dir string) bool {
	return dir == "" || dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}

// moments chooses among those at which an operation may come.
type moments struct {
	calls   []call
	touched map[int]touched // by the registry
	met     map[int]bool    // a moment like this one has been taken, for each registry
	at      int             // calls that have been looked at
}

// someAlike is how many of the moments that are like another one are taken all the
// same: one of so many.
const someAlike = 8

func (tp *template) moments(dir string, calls []call, o operation, dialects []int) *moments {
	m := &moments{calls: calls, touched: map[int]touched{}, met: map[int]bool{}}
	for _, dialect := range dialects {
		m.touched[dialect] = tp.touchedBy(filepath.Join(dir, "touched"), o, dialect)
	}
	return m
}

// isNew reports whether the moment before the n-th call, from 1, is another one
// than the one before it that was taken. Moments are asked about in their order,
// and those that are new are taken.
func (m *moments) isNew(n, dialect int) bool {
	for ; m.at < n-1 && m.at < len(m.calls); m.at++ {
		for d, t := range m.touched {
			m.met[d] = m.met[d] && t.apartFrom(m.calls[m.at])
		}
	}
	if m.met[dialect] && n%someAlike > 0 {
		return false
	}
	m.met[dialect] = true
	return true
}
