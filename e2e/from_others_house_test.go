package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// house is a registry that runs over a directory, in which each command meets the
// same store anew.
type house struct {
	*pusher
	root, original string
	env            []string
	things         map[string]func() bool // whether they are there
	image          v1.Image               // app:v1
	dirty          bool
}

func newHouse(t *testing.T, version registry.Version) *house {
	root := inMemory(t)
	h := &house{pusher: newPusher(t, registry.Start(t, version, root, registry.Options{}), 14), root: root, original: inMemory(t), things: map[string]func() bool{}}
	h.fill()
	if err := os.CopyFS(h.original, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	h.age()
	bin := t.TempDir()
	h.check(os.Symlink(must[string](t)(build()), filepath.Join(bin, "regsweep")))
	// In a maintenance window the registry is read-only.
	config := filepath.Join(bin, "config.yml")
	h.check(os.WriteFile(config, fmt.Appendf(nil, "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s\n  maintenance:\n    readonly:\n      enabled: true\n", root), 0o600))
	h.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "REGISTRY_CONFIGURATION_PATH="+config)
	h.dirty = true
	return h
}

// inMemory is a directory in memory, if there is one: a sweep on a disk waits for
// all that others write to it.
func inMemory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "regsweep-e2e")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// manifestThing remembers a manifest, by its tag or by the name that the test has for its digest.
func (h *house) manifestThing(thing, repository, reference string) {
	h.things[thing] = func() bool {
		answer, err := h.api.Manifest(repository, reference)
		return err == nil && answer.Status == http.StatusOK
	}
}

func (h *house) tagged(repository, tag string, image v1.Image) {
	digest := h.pusher.image(repository, tag, image)
	h.manifestThing(repository+":"+tag, repository, tag)
	h.manifestThing(repository+"@"+tag, repository, digest)
}

func (h *house) fill() {
	t := h.t
	built := v1.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	h.image = must[v1.Image](t)(mutate.CreatedAt(h.artist.image(2), built))
	config := must[*v1.ConfigFile](t)(h.image.ConfigFile()).DeepCopy()
	config.OS, config.Architecture = "linux", "arm64"
	h.image = must[v1.Image](t)(mutate.ConfigFile(h.image, config))
	h.tagged("app", "v1", h.image)
	second := h.artist.image(2)
	h.tagged("app", "v2", second)
	h.pusher.image("app", "latest", second)
	h.manifestThing("app:latest", "app", "latest")
	h.manifestThing("app@untagged", "app", h.untagged("app", h.artist.image(1)))
	h.index("app", "multi", h.artist.index("amd64", "arm64"))
	h.manifestThing("app:multi", "app", "multi")
	h.manifestThing("app@multi", "app", h.observe("app", "multi"))
	about := must[v1.Hash](t)(h.image.Digest())
	signed := mutate.Subject(h.artist.image(1), *must[*v1.Descriptor](t)(partial.Descriptor(h.image))).(v1.Image)
	h.manifestThing("app@referrer", "app", h.untagged("app", signed))
	h.manifestThing("app:referrers", "app", strings.ReplaceAll(about.String(), ":", "-"))
	for i := 1; i <= 5; i++ {
		h.tagged("ci/build", fmt.Sprintf("pr-%d", i), h.artist.image(1))
	}
	h.tagged("ci/build", "main", h.artist.image(1))
	h.manifestThing("ci/build@untagged", "ci/build", h.untagged("ci/build", h.artist.image(1)))
	h.tagged("team/old", "v1", h.artist.image(1))
	h.tagged("team/old/sub", "v1", h.artist.image(1))
	orphan := h.blob("ci/build", "sha256", h.bytes(3000))
	h.things["blob"] = func() bool { _, there, err := h.api.HasBlob("ci/build", orphan); return err == nil && there }
	must[string](t)(h.api.StartUpload("ci/build"))
	h.things["upload"] = func() bool {
		found, _ := filepath.Glob(filepath.Join(disk.V2(h.root), "repositories/ci/build/_uploads/*"))
		return len(found) > 0
	}
	for _, thing := range sorted(keys(h.things)) {
		if !h.things[thing]() {
			t.Fatalf("%s was pushed, and is not there", thing)
		}
	}
}

// age makes everything 100 days old, four builds about 60, and one a day.
func (h *house) age() {
	disk.Age(h.t, h.original, 100*24*time.Hour, nil)
	for i, days := range []int{60, 59, 58, 57, 1} {
		tag := filepath.Join(disk.V2(h.original), "repositories/ci/build/_manifests/tags", fmt.Sprintf("pr-%d", i+1), "current/link")
		when := time.Now().Add(-time.Duration(days) * 24 * time.Hour)
		h.check(os.Chtimes(tag, when, when))
	}
}

// renew puts the store back as it was.
func (h *house) renew(t *testing.T) {
	t.Helper()
	store := filepath.Join(h.root, "docker")
	h.check(os.RemoveAll(store))
	if output, err := exec.Command("cp", "-a", filepath.Join(h.original, "docker"), store).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, output)
	}
}

func (h *house) shell(command string) (output string, status int) {
	cmd := exec.Command("bash", "-c", command)
	cmd.Env = h.env
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}
