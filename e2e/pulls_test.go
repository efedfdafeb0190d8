package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

const pulledPolicy = `version: 1
rules:
  - name: used
    repositories: ["team/**"]
    tags:
      - match: ["*"]
        keep: {pulled-within: 60d}
    untagged: {keep: {pulled-within: 60d}}
`

// TestPruneByAccessLog has images that are a hundred days old, and of which
// several clients pull some, each in its own way. The registry's access log says
// which. A plan is written; one more image is pulled; and the plan is applied:
// exactly what was pulled can be pulled with all that it has, and the rest is
// unknown. Then a target takes what was pulled longest ago.
func TestPruneByAccessLog(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{AccessLog: true}), 16)
			u := p.usage()
			u.pull("skopeo", "copy", "--src-tls-verify=false", "docker://"+p.ref("team/app", "skopeo"), "dir:"+t.TempDir())
			time.Sleep(1100 * time.Millisecond) // logs have no parts of seconds
			u.pull("crane", "pull", "--insecure", p.ref("team/app", "crane"), filepath.Join(t.TempDir(), "image.tar"))
			u.pull("regctl", "image", "copy", "--host", "reg="+p.registry.Addr()+",tls=disabled", p.ref("team/app", "regctl"), "ocidir://"+t.TempDir()+":image")
			u.pull("ctr", "--address", containerd(t), "content", "fetch", "--plain-http", p.ref("team/app", "containerd"))
			u.pull("crane", "digest", "--insecure", p.ref("team/app", "head")) // as kubelet does for an image that it has
			u.pull("skopeo", "copy", "--src-tls-verify=false", "docker://"+p.ref("team/app", u.digests["digest"]), "dir:"+t.TempDir())
			u.pull("skopeo", "copy", "--src-tls-verify=false", "docker://"+p.ref("team/multi", "all"), "dir:"+t.TempDir()) // the index, then a child

			policy, plan := p.file("policy.yml", []byte(pulledPolicy)), filepath.Join(t.TempDir(), "plan.txt")
			prune := []string{"prune", "--root", p.registry.Root, "--policy", policy, "--pulls", u.log(), "-o", "json"}
			dry := ok(t, append(prune, "--dry-run", "--plan", plan)...)
			if dry.Report.Removed["tags"] != 3 { // late, unused, team/idle:unused
				t.Errorf("the dry run removes %v", dry.Report.Removed)
			}
			u.pull("crane", "pull", "--insecure", p.ref("team/app", "late"), filepath.Join(t.TempDir(), "image.tar"))
			u.log()
			p.registry.Stop()
			if done := ok(t, "apply", "--root", p.registry.Root, plan, "--yes", "-o", "json"); done.Report.Removed["tags"] != 2 {
				t.Errorf("apply removes %v", done.Report.Removed)
			}
			p.restart()
			u.verify("app:unused", "idle:unused")

			p.registry.Stop()
			if again := ok(t, append(prune, "--yes")...); again.Report.Removed["tags"]+again.Report.Removed["blobs"] != 0 {
				t.Errorf("prune removes %v after that", again.Report.Removed)
			}
			used := u.diskUsage()
			target := []string{"prune", "--root", p.registry.Root, "--filter", "team/app:.*", "--max-used", fmt.Sprint(used - 1), "--pulls", u.file, "--yes", "-o", "json"}
			if fit := ok(t, target...); fit.Report.Removed["tags"] != 1 {
				t.Errorf("a target of one byte less removes %v", fit.Report.Removed)
			}
			p.restart()
			u.verify("app:unused", "idle:unused", "app:skopeo")
		})
	}
}

// containerd starts a containerd, which pulls as Kubernetes does: it asks for the
// digest of a tag by HEAD, and gets the manifest by that. It returns its socket.
func containerd(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		parts.Lacking(t, "containerd needs root")
	}
	dir, err := os.MkdirTemp("", "ctr") // short: the path of a socket has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "sock")
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket, socket+".ttrpc")
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(parts.Need(t, "containerd"), "--config", filepath.Join(dir, "config.toml"))
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed, and says so
		if t.Failed() {
			t.Logf("containerd said:\n%s", said.Bytes()[max(0, said.Len()-2000):])
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ctr := parts.Need(t, "ctr")
	for range 200 {
		if exec.Command(ctr, "--address", socket, "version").Run() == nil {
			return socket
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("containerd does not answer")
	return ""
}

// usage is what is pulled from a registry whose images are old.
type usage struct {
	*pusher
	digests map[string]string // by REPOSITORY:TAG below team/, and of team/app by TAG
	begun   int64             // where in the registry's log the pulls begin
	file    string
}

// usage pushes images, and makes them a hundred days old.
func (p *pusher) usage() *usage {
	p.t.Helper()
	u := &usage{pusher: p, digests: map[string]string{}, file: filepath.Join(p.t.TempDir(), "access.log")}
	for _, tag := range []string{"skopeo", "crane", "regctl", "containerd", "head", "digest", "late", "unused"} {
		u.digests[tag] = p.image("team/app", tag, p.ociImage())
		u.digests["app:"+tag] = u.digests[tag]
	}
	u.digests["multi:all"] = p.index("team/multi", "all", p.ociIndex("amd64", "arm64"))
	u.digests["idle:unused"] = p.image("team/idle", "unused", p.ociImage())
	u.digests["idle:recent"] = p.image("team/idle", "recent", p.ociImage())
	disk.Age(p.t, p.registry.Root, 100*24*time.Hour, func(path string) bool { return strings.Contains(path, "/idle/_manifests/tags/recent") })
	info, err := os.Stat(p.registry.LogFile())
	p.check(err)
	u.begun = info.Size() // a push reads manifests, too
	return u
}

// pull runs a client.
func (u *usage) pull(program string, args ...string) { u.t.Helper(); u.run(program, args...) }

// log writes what the registry has logged since the pushes, after a request for
// every day of the three months before, and returns the file.
func (u *usage) log() string {
	u.t.Helper()
	var b strings.Builder
	for n := 90; n > 0; n-- {
		at := time.Now().Add(-time.Duration(n) * 24 * time.Hour)
		fmt.Fprintf(&b, "10.0.0.7 - - [%s] \"GET /v2/ HTTP/1.1\" 200 2 \"\" \"probe\"\n", at.Format("02/Jan/2006:15:04:05 -0700"))
	}
	text, err := os.ReadFile(u.registry.LogFile())
	u.check(err)
	b.Write(text[u.begun:])
	u.check(os.WriteFile(u.file, []byte(b.String()), 0o600))
	return u.file
}

// diskUsage is what du says of the store.
func (u *usage) diskUsage() (sum int64) {
	u.t.Helper()
	u.check(filepath.WalkDir(disk.V2(u.registry.Root), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() == ".regsweep" {
			return cmp.Or(err, fs.SkipDir)
		}
		info, err := entry.Info()
		if err == nil {
			sum += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	}))
	return sum
}

// verify pulls all that is to be there, and hashes it; what is gone is unknown.
func (u *usage) verify(gone ...string) {
	u.t.Helper()
	for name, digest := range u.digests {
		repository, tag, ok := strings.Cut(name, ":")
		if !ok {
			continue
		}
		repository = "team/" + repository
		if !strings.Contains(strings.Join(gone, " ")+" ", name+" ") {
			if got, err := u.api.Pull(repository, tag); err != nil || got != digest {
				u.t.Errorf("%s was not to be removed: %s, %v", name, got, err)
			}
			continue
		}
		for _, reference := range []string{tag, digest} {
			var status *client.StatusError
			if _, err := u.api.Manifest(repository, reference); !errors.As(err, &status) || status.Answer.Status != http.StatusNotFound {
				u.t.Errorf("%s was removed, and the registry answers %v", name, err)
			}
		}
	}
}
