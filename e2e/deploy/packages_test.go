//go:build linux

package deploy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// The packages of a commit are the same whenever they are made, the deb and the rpm
// have the same files, and what the deb puts on a host is gone when it is removed.
func TestPackages(t *testing.T) {
	nfpm, rpm, dpkg := parts.Need(t, "nfpm"), parts.Need(t, "rpm"), parts.Need(t, "dpkg-deb")
	dir, again := packages(t, nfpm), packages(t, nfpm)
	sums := string(content(t, dir, "SHA256SUMS"))
	for _, name := range []string{debFile, rpmFile} {
		if !bytes.Equal(content(t, dir, name), content(t, again, name)) {
			t.Errorf("%s differs when it is made again", name)
		}
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(content(t, dir, name)), name); !strings.Contains(sums, line) {
			t.Errorf("SHA256SUMS lacks %s", line)
		}
	}
	deb, packed := filepath.Join(dir, debFile), filepath.Join(dir, rpmFile)
	files := listed(t, dpkg, "--fsys-tarfile", deb)
	for _, name := range []string{
		"/usr/bin/regsweep", "/usr/share/man/man1/regsweep.1", "/usr/share/man/man1/regsweep-gc.1",
		"/usr/share/bash-completion/completions/regsweep", "/usr/share/zsh/vendor-completions/_regsweep",
		"/usr/share/fish/vendor_completions.d/regsweep.fish", "/usr/lib/systemd/system/regsweep.service",
		"/usr/lib/systemd/system/regsweep.timer", "/usr/share/doc/regsweep/examples/policy.yml", "/usr/share/doc/regsweep/copyright",
	} {
		if !slices.Contains(files, name) {
			t.Errorf("the deb lacks %s", name)
		}
	}
	inRPM := strings.Fields(strings.ReplaceAll(run(t, rpm, "-qlp", packed), "/zsh/site-functions/", "/zsh/vendor-completions/"))
	inRPM = slices.DeleteFunc(inRPM, func(name string) bool { return name == docs || name == docs+"/examples" }) // directories
	slices.Sort(inRPM)
	if !slices.Equal(files, inRPM) {
		t.Errorf("the deb has %q, the rpm %q", files, inRPM)
	}
	if said := run(t, rpm, "-Kv", "--nosignature", packed); strings.Contains(said, "BAD") || !strings.Contains(said, "digest: OK") {
		t.Errorf("rpm says of its digests: %s", said)
	}
	if said := run(t, rpm, "-qp", "--scripts", packed); !strings.Contains(said, "daemon-reload") || !strings.Contains(said, "disable regsweep.timer") {
		t.Errorf("its scripts are %s", said)
	}
	t.Run("installed", func(t *testing.T) { installed(t, deb) })
	t.Run("installed by rpm", func(t *testing.T) { installedByRPM(t, rpm, packed, deb) })
}

// What git calls a later version is one for dpkg.
func TestPackageVersionsSort(t *testing.T) {
	dpkg := parts.Need(t, "dpkg")
	versions := []string{"0~a99a483", "1.2.3~rc.1", "1.2.3~rc.1+4.gabc1234", "1.2.3", "1.2.3+4.gabc1234", "1.2.3+12.gabc1234", "1.2.4"}
	for i := range len(versions) - 1 {
		run(t, dpkg, "--compare-versions", versions[i], "lt", versions[i+1])
	}
}

const (
	docs    = "/usr/share/doc/regsweep"
	debFile = "regsweep_1.2.3_amd64.deb"
	rpmFile = "regsweep-1.2.3-1.x86_64.rpm"
)

// packages makes them for one architecture, and returns their directory.
func packages(t *testing.T, nfpm string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "packages")
	command := exec.Command("make", "-s", "packages", "VERSION=v1.2.3", "COMMIT=abc", "EPOCH=1700000000", "PACKAGED=linux/amd64", "PACKAGES="+dir, "NFPM="+nfpm)
	command.Dir = project
	command.Env = append(os.Environ(), "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make packages: %v\n%s", err, out)
	}
	return dir
}

func content(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// listed are the files, not the directories, of the archive that a command writes.
func listed(t *testing.T, program string, args ...string) (files []string) {
	t.Helper()
	packed, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", program, args, err)
	}
	tar := exec.Command("tar", "-t")
	tar.Stdin = bytes.NewReader(packed)
	names, err := tar.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(names)) {
		if name = strings.TrimSpace(name); !strings.HasSuffix(name, "/") {
			files = append(files, "/"+strings.TrimLeft(name, "./"))
		}
	}
	slices.Sort(files)
	return files
}

// inOverlay installs a package and removes it again in this host's own system, as it
// is, on which lies a layer in memory that takes all changes. It is mounted where
// nobody else sees it, and goes with the processes.
const inOverlay = `
set -eu
cd "$1"
mount -t tmpfs none layer
mkdir layer/upper layer/work layer/root
mount -t overlay overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work layer/root
mount --rbind /dev layer/root/dev
mount --rbind /sys layer/root/sys
mount -t proc proc layer/root/proc
cp "$2" layer/root/regsweep.deb
rm -f layer/root/var/lib/man-db/auto-update # the index of all manual pages takes longer than all else
chroot layer/root /bin/sh -eu <<'IN'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--path-include='/usr/share/*' /regsweep.deb >&2
regsweep version
regsweep policy check /usr/share/doc/regsweep/examples/policy.yml >&2
systemd-analyze verify /usr/lib/systemd/system/regsweep.service /usr/lib/systemd/system/regsweep.timer >&2
test ! -e /etc/systemd/system/timers.target.wants/regsweep.timer
systemctl enable regsweep.timer >&2
test -L /etc/systemd/system/timers.target.wants/regsweep.timer
dpkg -i /regsweep.deb >&2
test -L /etc/systemd/system/timers.target.wants/regsweep.timer
apt-get remove -qq -y regsweep >&2
rm /regsweep.deb
IN
cp -a layer/upper left
`

// installed holds that a package works where apt has installed it, that the units are
// good and the timer is not on by itself, that the timer stays on when another version
// takes the place of the first, and that nothing is left when it is removed.
func installed(t *testing.T, deb string) {
	if os.Getuid() != 0 {
		parts.Lacking(t, "to install a package needs root")
	}
	unshare := parts.Need(t, "unshare")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "layer"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(unshare, "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", inOverlay, "sh", dir, deb)
	var said bytes.Buffer
	cmd.Stderr = &said
	version, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, version, said.String())
	}
	if !strings.HasPrefix(string(version), "regsweep v1.2.3\ncommit abc\n") {
		t.Errorf("the version that is installed is %q", version)
	}
	changed := 0
	err = filepath.WalkDir(filepath.Join(dir, "left"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, filepath.Join(dir, "left"))
		changed++
		switch _, there := os.Lstat(name); {
		case strings.Contains(name, "regsweep") && !strings.HasPrefix(name, "/var/log/"):
			t.Errorf("%s is left", name)
		case d.IsDir() && name != "" && there != nil:
			t.Errorf("the directory %s is left", name)
		case !d.IsDir() && !ofPackaging(name):
			t.Errorf("%s has changed", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if changed < 5 {
		t.Errorf("the package managers have changed %d names: nothing was looked at", changed)
	}
	if status := content(t, dir, "left/var/lib/dpkg/status"); bytes.Contains(status, []byte("\nPackage: regsweep\n")) {
		t.Error("dpkg still knows the package")
	}
}

// ofPackaging reports whether apt, dpkg and the index of manual pages keep a file for
// themselves.
func ofPackaging(name string) bool {
	return slices.ContainsFunc([]string{"/var/lib/dpkg/", "/var/lib/apt/", "/var/lib/man-db/", "/var/cache/", "/var/log/", "/tmp/", "/run/"}, func(dir string) bool {
		return strings.HasPrefix(name, dir)
	})
}
