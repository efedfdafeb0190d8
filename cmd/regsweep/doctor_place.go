package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/walker/disk"
)

// withoutPlace says why there is no registry to look at.
func (e *examination) withoutPlace(failure error) {
	named, err := locate.Named(locate.Options{Root: e.root, ConfigFile: e.config, Arg: e.arg, Environ: e.environ, Defaults: locate.StandardDefaults()})
	e.place = named
	if err != nil {
		e.badConfiguration(failure)
		return
	}
	if mount := e.unmounted(named.Root); mount != "" {
		e.find("mount", levelError, "mount "+term.ShellWord(mount), "%s; %q is listed in the table of filesystems, and is not mounted", told(failure), mount)
		return
	}
	e.find("root", levelError, e.elsewhere(named.Root), "%s", told(failure))
}

// elsewhere is the command that looks at a registry near a directory which is
// none, at one that a standard configuration names, or for one.
func (e *examination) elsewhere(dir string) string {
	roots := locate.Near(dir)
	for _, file := range locate.StandardDefaults().Configs {
		if c, err := locate.ReadConfig(file, nil); err == nil {
			roots = append(roots, c.RootDirectory)
		}
	}
	if e.config != "" { // which a variable may have overridden
		if c, err := locate.ReadConfig(e.config, nil); err == nil {
			roots = append(roots, c.RootDirectory)
		}
	}
	for _, root := range append(roots, locate.DefaultRoot) {
		if place, err := locate.Find(locate.Options{Root: root, Environ: e.environ}); err == nil {
			return term.Where{"--root", place.Root}.Command("doctor")
		}
	}
	return "find / -type d -path '*/" + layout.Store + "' -prune 2>/dev/null"
}

// badConfiguration says that the configuration does not say where the registry is.
func (e *examination) badConfiguration(failure error) {
	file := e.configurationFile()
	command := e.elsewhere("/nowhere")
	switch _, err := os.Stat(file); {
	case file == "" || err != nil:
	case errors.Is(failure, locate.ErrDriver):
		command = "registry garbage-collect --dry-run " + term.ShellWord(file)
	case disk.IsDenied(failure):
		command = "sudo " + e.where.Command("doctor")
	default:
		command = "${EDITOR:-vi} " + term.ShellWord(file)
	}
	e.find("configuration", levelError, command, "%s", told(failure))
}

// configurationFile is the file that was to name the root directory, or "".
func (e *examination) configurationFile() string {
	for _, file := range []string{e.config, e.arg, e.variable(locate.ConfigVariable)} {
		if file != "" {
			return file
		}
	}
	for _, file := range locate.StandardDefaults().Configs {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

func (p *program) variable(name string) (value string) {
	for _, e := range p.environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// closedStore says that the store's directory cannot be opened.
func (e *examination) closedStore(err error) {
	e.find("rights", levelError, "sudo "+e.where.Command("doctor"), "the store cannot be opened: %s", err)
}

func (e *examination) lookAtRoot(context.Context) error {
	level, command := levelOK, ""
	detail := fmt.Sprintf("%s, named by %s", e.place.Root, e.place.Origin)
	if c := &e.place.Config; c.Path != "" && !strings.Contains(e.place.Origin, c.Path) {
		detail += fmt.Sprintf("; the registry's configuration is %s", c.Path)
	}
	e.find("root", level, command, "%s", detail)
	for _, unread := range e.place.Unread {
		e.find("configuration", levelWarning, "sudo "+e.where.Command("doctor"), "a configuration that may be for this registry is not known: %s", told(unread))
	}
	return nil
}

// lookAtMount looks at where the parts of the store are, and whether they look
// like a volume that is not mounted.
func (e *examination) lookAtMount(context.Context) error {
	command, lost, err := e.lostPart()
	if err != nil {
		return err
	}
	if lost != "" {
		e.find("mount", levelError, command, "%s", lost)
		return nil
	}
	if mount := e.unmounted(e.place.Store); mount != "" {
		e.find("mount", levelError, "mount "+term.ShellWord(mount), "%q is listed in the table of filesystems, and is not mounted: this store may be what a registry has written in its place", mount)
		return nil
	}
	volume, err := e.dir.Volume()
	if err != nil {
		return err
	}
	at := "an unknown filesystem"
	point := ""
	if resolved, err := e.dir.Resolve("."); err == nil {
		if mount, ok := e.mounts.At(resolved); ok {
			at, point = fmt.Sprintf("%s, mounted at %s", mount.Type, mount.Point), mount.Point
		}
	}
	for _, part := range []string{layout.Blobs, layout.Repositories} {
		if resolved, err := e.dir.Resolve(part); err == nil {
			if mount, ok := e.mounts.At(resolved); ok && mount.Point != point {
				at += fmt.Sprintf("; %s is on %s, mounted at %s: --trash moves nothing from there", part, mount.Type, mount.Point)
			}
		}
	}
	if e.readOnly = volume.ReadOnly; e.readOnly {
		e.obstacle = "it is mounted read-only"
		e.find("mount", levelError, "mount -o remount,rw "+term.ShellWord(point), "%s, read-only: everything can be read, and nothing can be removed", at)
		return nil
	}
	e.find("mount", levelOK, "", "%s", at)
	return nil
}

// lostPart says that a part of the store is not there though the other one is,
// as if a volume were not mounted, and what may be done about it.
func (e *examination) lostPart() (command, lost string, err error) {
	_, noBlobs := e.dir.Resolve(layout.Blobs)
	_, noRepositories := e.dir.Resolve(layout.Repositories)
	blobs, err := e.holds(layout.Blobs, func(string, os.DirEntry) bool { return true })
	if err != nil {
		return "", "", err
	}
	links, err := e.holds(layout.Repositories, func(name string, _ os.DirEntry) bool { return name == layout.Link })
	if err != nil {
		return "", "", err
	}
	part := layout.Repositories
	switch {
	case links && !blobs:
		part, lost = layout.Blobs, "there are repositories but no blobs"
	case blobs && noRepositories != nil:
		lost = "there are blobs but no repositories"
	case noBlobs != nil && e.isLink(layout.Blobs):
		part, lost = layout.Blobs, "the blobs are behind a symbolic link that leads nowhere"
	default:
		return "", "", nil
	}
	target, err := e.dir.Target(part)
	if err != nil {
		target = filepath.Join(e.place.Store, part)
	}
	if mount := e.unmounted(target); mount != "" {
		return "mount " + term.ShellWord(mount), fmt.Sprintf("%s: %q is listed in the table of filesystems, and is not mounted", lost, mount), nil
	}
	return e.where.Command("gc", "--dry-run"), lost + ": is the volume of " + target + " mounted?", nil
}

func (e *examination) isLink(name string) bool {
	info, err := e.dir.Stat(name)
	return err == nil && info.Type == disk.Symlink
}

var errFound = errors.New("found")

// holds reports whether a file that is wanted is in a part of the store. What
// cannot be read is looked at with the rights.
func (e *examination) holds(part string, wanted func(name string, d os.DirEntry) bool) (bool, error) {
	resolved, err := e.dir.Resolve(part)
	if err != nil {
		return false, nil //nolint:nilerr // the rights are asked for elsewhere
	}
	err = filepath.WalkDir(resolved, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && wanted(d.Name(), d) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// unmounted is a directory at, above or below a path that the table of
// filesystems (fstab) names, and that nothing is mounted on; or "".
func (e *examination) unmounted(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	mounts := e.mounts
	if mounts == nil {
		top, err := e.files.OpenStore("/")
		if err != nil {
			return ""
		}
		defer top.Close()
		if mounts, err = top.Mounts(); err != nil || !mounts.Known() {
			return ""
		}
	}
	var found []string
	for _, point := range e.tableOfFilesystems() {
		near := disk.IsWithin(path, point) || disk.IsWithin(point, path)
		if on, ok := mounts.At(point); near && ok && on.Point != point {
			found = append(found, point)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.MaxFunc(found, func(a, b string) int { return len(a) - len(b) })
}

// tableOfFilesystems has the directories of fstab, as mount(8) finds it.
func (e *examination) tableOfFilesystems() (points []string) {
	file := e.variable("LIBMOUNT_FSTAB")
	if file == "" {
		file = "/etc/fstab"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") || !strings.HasPrefix(fields[1], "/") || fields[1] == "/" {
			continue
		}
		points = append(points, strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[1]))
	}
	return points
}

// told is what an error says, without its next step: the finding has one.
func told(err error) string {
	if hint := new(layout.HintError); errors.As(err, &hint) {
		err = hint.Err
	}
	return firstLine(err)
}
