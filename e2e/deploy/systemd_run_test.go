//go:build linux

package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// bootSystemd starts this host's systemd as the first process of namespaces of its
// own, in this host's own system, on which lies a layer in memory that takes all
// changes. It sees one control group, no device and no network, may not set what
// belongs to the whole host, and knows the units that it is given and no others.
const bootSystemd = `
set -eu
cd "$1"
mount -t tmpfs none layer
mkdir layer/upper layer/work layer/root
mount -t overlay overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work layer/root
r=layer/root
mount -t tmpfs -o mode=755 none $r/dev
for d in null zero full random urandom tty; do touch $r/dev/$d; mount --bind /dev/$d $r/dev/$d; done
mkdir $r/dev/pts $r/dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts $r/dev/pts
ln -s pts/ptmx $r/dev/ptmx
mount -t proc proc $r/proc
mount --bind $r/proc/sys $r/proc/sys
mount -o remount,bind,ro $r/proc/sys
mount -t sysfs -o ro sysfs $r/sys
mount -t cgroup2 cgroup2 $r/sys/fs/cgroup
mount -t tmpfs none $r/run
rm -rf $r/var/lib/prometheus $r/var/lib/registry $r/etc/default/regsweep
mkdir -p $r/share $r/usr/local/bin $r/etc/regsweep
mount --bind share $r/share
cp share/regsweep $r/usr/local/bin/regsweep
cp share/policy.yml $r/etc/regsweep/policy.yml
exec chroot $r /usr/bin/env -i container=other PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/share/units \
	/lib/systemd/systemd --system --unit=probe.target
`

// probeService does what a person at this host would, and ends systemd.
const probeService = `[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/sh /share/probe.sh
StandardOutput=file:/share/said
StandardError=inherit
`

const probeScript = `
store() { rm -rf /var/lib/registry; cp -a "/share/$1" /var/lib/registry; }
told() { echo "== $1"; shift; "$@"; echo "status $?"; systemctl show -p Result,ExecMainStatus,ActiveState regsweep.service; }
parts() { find /var/lib/registry -name "$1" | wc -l; }
dropin() { mkdir -p /share/units/regsweep.service.d; cat >/share/units/regsweep.service.d/more.conf; systemctl daemon-reload; }

systemctl start regsweep.timer
echo "next $(systemctl show -p NextElapseUSecRealtime --value regsweep.timer)"

store good
told sweep systemctl start regsweep.service
echo "blobs $(parts data)"
ls /var/lib/prometheus/node-exporter

store problems
told problems systemctl start regsweep.service
systemctl status regsweep.service
grep ^regsweep_problems /var/lib/prometheus/node-exporter/regsweep.prom

store half
told refused systemctl start regsweep.service
echo "blobs $(parts data)"
told first sh -eu /share/first.sh
echo "blobs $(parts data)"
told second systemctl start regsweep.service

store good
systemctl start --no-block regsweep.service
until [ "$(parts data.regsweep)" -gt 0 ]; do sleep 0.02; done
told stopped systemctl stop regsweep.service
echo "aside $(parts '*.regsweep') blobs $(parts data)"
systemctl is-failed regsweep.service

store problems
dropin </share/retention.conf
told retention systemctl start regsweep.service
rm -r /share/units/regsweep.service.d

store good
rm -rf /srv/registry
mv /var/lib/registry /srv/registry
echo REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/srv/registry >/etc/default/regsweep
printf '[Service]\nReadWritePaths=/srv/registry\n' | dropin
told elsewhere systemctl start regsweep.service
echo "blobs $(find /srv/registry -name data | wc -l)"
`

// The stores that the service meets: what it sweeps is ten days old at least.
var probeStores = map[string]string{
	"good":     "age 40d\nimage a/b:v1 layers=4 size=100k\n" + strings.Repeat("orphan size=1k\n", 20),
	"problems": "age 40d\nimage a/b:v1,v2 layers=4 size=100k\ndamage half-tag tag a/b:v2\norphan size=1k",
	"half":     "age 40d\nimage a/b:v1 layers=1 size=100k\norphan size=300k",
}

// The real systemd runs the units as they are:
//   - A run that finds problems is a success, and its status can be seen.
//   - A run that is stopped has not failed, and has given everything back.
//   - The directory for the metrics need not be there.
//   - A first run that is refused succeeds with the commands that the unit names.
//   - The store may be in another place.
//   - Retention works as the unit says.
func TestSystemdRunsTheService(t *testing.T) {
	said := probe(t)
	for name, want := range map[string]string{
		"sweep":     "status 0\nResult=success\nExecMainStatus=0\nActiveState=inactive\nblobs 6\nregsweep.prom\n",
		"problems":  "status 0\nResult=success\nExecMainStatus=3\nActiveState=inactive\n",
		"refused":   "status 1\nResult=exit-code\nExecMainStatus=1\nActiveState=failed\nblobs 4\n",
		"second":    "status 0\nResult=success\nExecMainStatus=0\nActiveState=inactive\n",
		"stopped":   "status 0\nResult=success\nExecMainStatus=143\nActiveState=inactive\naside 0 blobs 26\ninactive\n",
		"retention": "status 0\nResult=success\nExecMainStatus=3\nActiveState=inactive\n",
		"elsewhere": "status 0\nResult=success\nExecMainStatus=0\nActiveState=inactive\nblobs 6\n",
	} {
		if !strings.Contains(said[name], want) {
			t.Errorf("%s: systemd says\n%s\nand not\n%s", name, said[name], want)
		}
	}
	contains(t, "what shows problems", said["problems"], "status=3")
	contains(t, "what shows problems", said["problems"], `kind="halfTag"} 1`)
	contains(t, "the first run by hand", said["first"], "would be removed")
	contains(t, "the first run by hand", said["first"], "blobs 3\n")
	if !regexp.MustCompile(`(?m)^next .*03:[0-3]\d:\d\d`).MatchString(said["timer"]) {
		t.Errorf("the timer elapses at %q", said["timer"])
	}
}

// probe is what the script wrote, by the name of the step.
func probe(t *testing.T) map[string]string {
	t.Helper()
	if os.Getuid() != 0 {
		parts.Lacking(t, "to start a systemd needs root")
	}
	const systemd = "/lib/systemd/systemd"
	if _, err := os.Stat(systemd); err != nil {
		parts.Lacking(t, systemd+" is not installed; run .ci/parts")
	}
	unshare := parts.Need(t, "unshare")
	dir := t.TempDir()
	share := filepath.Join(dir, "share")
	check(t, os.Mkdir(filepath.Join(dir, "layer"), 0o755))
	check(t, os.CopyFS(filepath.Join(share, "units"), os.DirFS(filepath.Join(project, "deploy/systemd"))))
	for _, target := range []string{"sysinit", "basic", "shutdown", "timers", "time-set", "time-sync", "probe"} {
		write(t, filepath.Join(share, "units", target+".target"), "[Unit]\nDefaultDependencies=no\n")
	}
	write(t, filepath.Join(share, "units", "probe.target"), "[Unit]\nDefaultDependencies=no\nWants=probe.service\n")
	write(t, filepath.Join(share, "units", "probe.service"), probeService)
	write(t, filepath.Join(share, "probe.sh"), probeScript)
	write(t, filepath.Join(share, "policy.yml"), read(t, "deploy/policy.yml"))
	unit := read(t, "deploy/systemd/regsweep.service")
	first := regexp.MustCompile(`(?m)^#   (REGISTRY_\S+ regsweep gc .*)$`).FindAllStringSubmatch(unit, -1)
	before := regexp.MustCompile(`(?m)^# (ExecStartPre=.*)$`).FindStringSubmatch(unit)
	if len(first) != 2 || before == nil {
		t.Fatalf("the unit says %q of a first run, and %q of retention", first, before)
	}
	write(t, filepath.Join(share, "first.sh"), first[0][1]+"\n"+first[1][1]+"\n")
	write(t, filepath.Join(share, "retention.conf"), "[Service]\n"+before[1]+"\n")
	program, err := os.ReadFile(regsweep(t))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(share, "regsweep"), program, 0o755))
	for name, text := range probeStores {
		makeStore(t, filepath.Join(share, name), text)
	}
	cmd := exec.Command(unshare, "--mount", "--pid", "--cgroup", "--net", "--ipc", "--uts", "--fork", "--kill-child", "/bin/sh", "-c", bootSystemd, "sh", dir)
	inGroup(t, cmd)
	out, err := cmd.CombinedOutput()
	text, _ := os.ReadFile(filepath.Join(share, "said")) // it is missing if nothing has started
	if err != nil || len(text) == 0 {
		t.Fatalf("%v\n%s\nwhat it did:\n%s", err, out, text)
	}
	steps := map[string]string{}
	for part := range strings.SplitSeq("== timer\n"+string(text), "== ") {
		name, rest, _ := strings.Cut(part, "\n")
		steps[name] = rest
	}
	return steps
}

// inGroup has a command run in a control group of its own, which is removed with
// what it has made in it.
func inGroup(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	point := regexp.MustCompile(`(?m)^\S+ \S+ \S+ / (\S+) .* - cgroup2 `).FindStringSubmatch(file(t, "/proc/self/mountinfo"))
	here := regexp.MustCompile(`(?m)^0::(.*)$`).FindStringSubmatch(file(t, "/proc/self/cgroup"))
	if point == nil || here == nil {
		parts.Lacking(t, "no control groups of the second version are mounted, in which a systemd could run")
	}
	group, err := os.MkdirTemp(filepath.Join(point[1], here[1]), "regsweep-systemd-")
	check(t, err)
	t.Cleanup(func() {
		var dirs []string
		_ = filepath.WalkDir(group, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := os.Remove(dirs[i]); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a control group is left: %v", err)
			}
		}
	})
	opened, err := os.Open(group)
	check(t, err)
	t.Cleanup(func() { opened.Close() })
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(opened.Fd()), Pdeathsig: syscall.SIGKILL}
}

// storeMaker is the program that builds stores, built once.
var storeMaker = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "makestore")
	cmd := exec.Command("go", "build", "-o", path, "./layout/layouttest/makestore")
	cmd.Dir = project
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	return path, cmd.Run()
})

// makeStore builds a store from a text.
func makeStore(t *testing.T, root, text string) {
	t.Helper()
	maker, err := storeMaker()
	check(t, err)
	cmd := exec.Command(maker, root)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("makestore: %v\n%s", err, out)
	}
}
