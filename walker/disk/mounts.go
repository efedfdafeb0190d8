package disk

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mount is one line of the system's table of mounts.
type Mount struct {
	ID, Parent int
	Device     string // of the filesystem
	Root       string // the directory of the filesystem that is shown
	Point      string // where it is shown
	Type       string // of the filesystem, as "ext4" or "fuse.sshfs"
}

// Mounts is the table of mounts, as it was when it was read. The zero value
// knows none.
type Mounts struct {
	list  []Mount
	byID  map[int]int
	below map[int][]int // by the number of the parent
	tops  []int         // whose parents are not in the table
	blind bool          // the system does not say what they show
}

var (
	// ErrMountsUnknown says that the system does not tell what is mounted in a store.
	ErrMountsUnknown = errors.New("it is not known what is mounted in the store: this kernel shows it only in /proc, which has to be mounted")
	// ErrMountUnclear says that a mount may show another part of a store.
	ErrMountUnclear = errors.New("something is mounted here, and without /proc/self/mountinfo it is not known whether that is another part of the store: mount /proc, or unmount this")
)

// Place says where a directory is without regard to the ways that lead there:
// two paths with one Place lead to one directory.
type Place struct {
	Device string // "" if no mount is known
	Path   string // within the filesystem
}

func newMounts(list []Mount) *Mounts {
	m := &Mounts{list: list, byID: map[int]int{}, below: map[int][]int{}}
	for i := range list {
		m.byID[list[i].ID] = i
	}
	for i := range list {
		if _, ok := m.byID[list[i].Parent]; ok && list[i].Parent != list[i].ID {
			m.below[list[i].Parent] = append(m.below[list[i].Parent], i)
			continue
		}
		m.tops = append(m.tops, i)
	}
	return m
}

// Known reports whether the system tells of mounts at all.
func (m *Mounts) Known() bool { return m != nil && len(m.list) > 0 }

// IsBlind reports whether the system does not say what mounts show, so that each
// has been looked for on its own.
func (m *Mounts) IsBlind() bool { return m != nil && m.blind }

// Unclear returns a mount of which nobody can tell what it shows, if there is
// one. Known are those that the given paths are on, and those that are the only
// one of their device on a filesystem that has one device.
func (m *Mounts) Unclear(paths []string) (Mount, bool) {
	if !m.IsBlind() {
		return Mount{}, false
	}
	known := map[int]bool{}
	for _, path := range paths {
		on, ok := m.At(path)
		known[on.ID] = ok
	}
	for _, one := range m.list {
		if !known[one.ID] && !m.isAlone(one) {
			return one, true
		}
	}
	return Mount{}, false
}

// isAlone reports whether no other mount shows what a mount does.
func (m *Mounts) isAlone(one Mount) bool {
	switch one.Type {
	case "ext4", "xfs", "tmpfs", "f2fs":
		return !slices.ContainsFunc(m.list, func(o Mount) bool { return o.Device == one.Device && o.ID != one.ID })
	}
	return false
}

// At returns the mount that an absolute path without symbolic links is on.
func (m *Mounts) At(path string) (Mount, bool) {
	at := -1
	if m == nil {
		return Mount{}, false
	}
	next := m.tops
	for {
		best := -1
		for _, i := range next {
			// The nearest to the root hides what is below it. Of two in one place
			// the later one hides the other.
			if IsWithin(path, m.list[i].Point) && (best < 0 || len(m.list[i].Point) <= len(m.list[best].Point)) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		at = best
		next = m.below[m.list[at].ID]
	}
	if at < 0 {
		return Mount{}, false
	}
	return m.list[at], true
}

// PlaceOf returns the place of an absolute path without symbolic links.
func (m *Mounts) PlaceOf(path string) Place {
	mount, ok := m.At(path)
	if !ok {
		return Place{Path: path}
	}
	return Place{mount.Device, filepath.Join(mount.Root, strings.TrimPrefix(path, strings.TrimSuffix(mount.Point, "/")))}
}

// Within returns the mounts below an absolute path that can be seen there, in
// the order of the table. One on the path itself is not among them.
func (m *Mounts) Within(path string) (list []Mount) {
	if m == nil {
		return nil
	}
	for i := range m.list {
		one := m.list[i]
		if one.Point == path || !IsWithin(one.Point, path) {
			continue
		}
		if seen, ok := m.At(one.Point); ok && seen.ID == one.ID {
			list = append(list, one)
		}
	}
	return list
}

// IsOpaque reports whether a filesystem may show directories that another
// filesystem shows as well, so that its places tell nothing.
func (m Mount) IsOpaque() bool {
	kind, _, _ := strings.Cut(m.Type, ".")
	switch kind {
	case "fuse", "overlay", "aufs", "9p", "virtiofs", "ecryptfs", "vboxsf", "prl_fs", "unionfs":
		return true
	}
	return false
}

// IsWithin reports whether a path is a directory's or one below it.
func IsWithin(path, directory string) bool {
	if directory == "" || directory == "." {
		return true
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(directory, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// parseMounts reads lines as those of /proc/self/mountinfo; see proc(5). Lines
// that are not of that form are left out.
func parseMounts(text string) *Mounts {
	var list []Mount
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		mount := Mount{ID: number(fields[0]), Parent: number(fields[1]), Device: fields[2], Root: unescape(fields[3]), Point: unescape(fields[4])}
		for i, f := range fields[6:] {
			if f == "-" && 6+i+1 < len(fields) {
				mount.Type = fields[6+i+1]
				break
			}
		}
		list = append(list, mount)
	}
	return newMounts(list)
}

func number(text string) (n int) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// unescape puts in what the kernel writes as a backslash and three octal digits.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && isOctal(text[i+1]) && isOctal(text[i+2]) && isOctal(text[i+3]) {
			b.WriteByte((text[i+1]-'0')<<6 | (text[i+2]-'0')<<3 | (text[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// Resolve returns the absolute path without symbolic links of a path below the
// store's own directory, which the Dir has to be.
func (d *Dir) Resolve(path string) (string, error) {
	if err := d.fs.check(OpStat, d.path, path); err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(filepath.Join(d.top(), filepath.FromSlash(path)))
	if err != nil {
		err = pathError(OpStat, d.path, path, cause(err)) // of a circle of links it names nothing
	}
	return resolved, err
}

// Target returns the absolute path that a symbolic link leads to. What it names
// need not be there, as long as the directory is in which that would be.
func (d *Dir) Target(path string) (string, error) {
	resolved, err := d.Resolve(path)
	if err == nil || !Gone(err) {
		return resolved, err
	}
	dir, err := d.Resolve(parent(path))
	if err != nil {
		return "", err
	}
	to, err := os.Readlink(filepath.Join(dir, filepath.Base(path)))
	if err != nil {
		return "", pathError(OpRead, d.path, path, cause(err))
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(dir, to)
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(to))
	if err != nil {
		return "", pathError(OpStat, d.path, path, cause(err))
	}
	return filepath.Join(above, filepath.Base(to)), nil
}

func parent(path string) string {
	if at := strings.LastIndexByte(path, '/'); at >= 0 {
		return path[:at]
	}
	return "."
}
