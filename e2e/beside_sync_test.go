package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestPushInALongSync holds a sweep's sync for longer than it waits afterwards, and
// the registry for a moment after it has found a manifest's data, and puts garbage
// manifests while the sync ends: of live layers, and indexes of live children. What
// is answered with 201 has to be there in the end. Each registry is asked again and
// again in the moment in which the blobs are set aside.
func TestPushInALongSync(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) { pushInALongSync(t, version) })
	}
}

const (
	longSync  = 1200 * time.Millisecond
	longFound = 100 * time.Millisecond // from finding data to linking them
)

func pushInALongSync(t *testing.T, version registry.Version) {
	strace := parts.Need(t, "strace")
	program := must[string](t)(build())
	root := t.TempDir()
	r := registry.Start(t, version, root, registry.Options{})
	plates := fillForSync(t, client.New(r.Addr()))
	r.Stop()
	disk.Age(t, root, month, nil)

	args := []string{"-D", "-f", "-qq", "-o", os.DevNull, "-e", fmt.Sprintf("inject=newfstatat:delay_exit=%d", longFound.Microseconds())}
	for _, p := range plates {
		hex := strings.TrimPrefix(p.digest, "sha256:")
		args = append(args, "-P", filepath.Join(disk.V2(root), "blobs", "sha256", hex[:2], hex, "data"))
	}
	slow := registry.StartUnder(t, version, root, registry.Options{}, append([]string{strace}, args...)...)
	cmd := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=syncfs", "-e", fmt.Sprintf("inject=syncfs:delay_enter=%d", longSync.Microseconds()),
		program, "gc", "-m", "--root", root, "-y")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitForLinks(t, root)
	accepted := putAll(client.New(slow.Addr()), plates)
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("gc: %v", err)
	}
	slow.Stop()
	r.Run()
	api := client.New(r.Addr())
	for i, p := range plates {
		if !accepted[i].Load() {
			continue
		}
		if digest, err := api.Pull(syncRepository, syncTag(i)); err != nil || digest != p.digest {
			t.Errorf("LOST %s, put %v after the links: %v %v", syncTag(i), syncAt(i), digest, err)
		}
	}
	ok(t, "check", "--root", root)
}

const syncRepository = "beside/sync"

func syncTag(i int) string { return fmt.Sprintf("late%d", i) }

// syncAt is when the i-th manifest is put, counted from when links are set aside.
func syncAt(i int) time.Duration { return longSync - 2*longFound + time.Duration(i)*longFound/8 }

// fillForSync makes manifests garbage whose layers or children are live, and returns them.
func fillForSync(t *testing.T, api *client.Client) (plates []plate) {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	live := newPlate(rand.New(rand.NewSource(4)), nil)
	for _, b := range live.blobs {
		check(api.Upload(syncRepository, b.digest, b.data))
	}
	for n := range 20 {
		p := live
		if n%2 == 1 {
			index := client.Manifest{SchemaVersion: 2, MediaType: ociIndex, ArtifactType: fmt.Sprintf("application/vnd.example.n%d", n)}
			index.Manifests = append(index.Manifests, describe(live.mediaType, "sha256", live.manifest))
			p = finish(ociIndex, index, nil)
			check(api.PutManifest(syncRepository, live.digest, live.mediaType, live.manifest))
		} else {
			p.manifest = []byte(strings.Replace(string(p.manifest), "{", fmt.Sprintf(`{"annotations":{"n":"%d"},`, n), 1))
			p.digest = client.DigestOf("sha256", p.manifest)
		}
		check(api.PutManifest(syncRepository, p.digest, p.mediaType, p.manifest))
		plates = append(plates, p)
	}
	check(api.PutManifest(syncRepository, "live", live.mediaType, live.manifest))
	return plates
}

// waitForLinks waits until a link is set aside.
func waitForLinks(t *testing.T, root string) {
	t.Helper()
	links := filepath.Join(disk.V2(root), "repositories", syncRepository, "_manifests", "revisions", "sha256", "*", "link.regsweep")
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if found, err := filepath.Glob(links); err == nil && len(found) > 0 {
			return
		}
	}
	t.Fatal("no link is set aside")
}

// putAll puts each manifest at its time, and says which were accepted.
func putAll(api *client.Client, plates []plate) []atomic.Bool {
	accepted := make([]atomic.Bool, len(plates))
	var wg sync.WaitGroup
	for i, p := range plates {
		wg.Go(func() {
			time.Sleep(syncAt(i))
			accepted[i].Store(api.PutManifest(syncRepository, syncTag(i), p.mediaType, p.manifest) == nil)
		})
	}
	wg.Wait()
	return accepted
}
