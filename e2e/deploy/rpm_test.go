//go:build linux

package deploy

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// ofSystem are the directories of the rpm's files that packages of the system have.
var ofSystem = []string{
	"/bin", "/usr/bin", "/usr/lib/systemd/system", "/usr/share/bash-completion/completions", "/usr/share/doc",
	"/usr/share/fish/vendor_completions.d", "/usr/share/man/man1", "/usr/share/zsh/site-functions",
}

// installedByRPM installs the rpm in a root directory of its own, where a shell runs
// its scripts: its files are those of the deb, and nothing is left when it is removed.
// Debian's rpm does not know what a system of that family consists of: dependencies
// are not asked for.
func installedByRPM(t *testing.T, rpm, packed, deb string) {
	if os.Getuid() != 0 {
		parts.Lacking(t, "to install a package needs root")
	}
	shell, dpkg := parts.Need(t, "busybox"), parts.Need(t, "dpkg-deb")
	root, unpacked := t.TempDir(), t.TempDir()
	for _, dir := range ofSystem {
		check(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	program, err := os.ReadFile(shell)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(root, "bin/sh"), program, 0o755))
	before := tree(t, root)
	run(t, rpm, "--root", root, "-i", "--nodeps", packed)
	run(t, dpkg, "-x", deb, unpacked)
	files := tree(t, root)
	maps.DeleteFunc(files, func(name, kind string) bool { _, was := before[name]; return was || strings.HasPrefix(kind, "d") })
	inDeb := tree(t, unpacked)
	maps.DeleteFunc(inDeb, func(_, kind string) bool { return strings.HasPrefix(kind, "d") })
	const zsh = "/usr/share/zsh/vendor-completions/_regsweep"
	inDeb[strings.Replace(zsh, "vendor-completions", "site-functions", 1)] = inDeb[zsh]
	delete(inDeb, zsh)
	if diff := cmp.Diff(inDeb, files); diff != "" || len(files) < 30 {
		t.Errorf("of %d files the rpm has installed others than the deb: %s", len(files), diff)
	}
	if said := run(t, filepath.Join(root, "usr/bin/regsweep"), "version"); !strings.HasPrefix(said, "regsweep v1.2.3\ncommit abc\n") {
		t.Errorf("the version that is installed is %q", said)
	}
	if said := run(t, rpm, "--root", root, "-V", "--nodeps", "regsweep"); said != "" {
		t.Errorf("rpm does not find what it has installed: %s", said)
	}
	run(t, rpm, "--root", root, "-e", "--nodeps", "regsweep")
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("when it is removed, this has changed: %s", diff)
	}
}

// tree has the mode and the content of everything in a directory but rpm's own
// database.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	check(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		if name == "/var" || name == "/root" || name == "/usr/lib/sysimage" {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found[name] = info.Mode().String()
		if info.Mode().IsRegular() {
			found[name] += " " + hash(t, path)
		}
		return nil
	}))
	return found
}
