package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestRepair damages a layer that three images share. Pushing them again does not
// heal them, since the registry says that it has the layer. With the damaged data
// out of its way, and its memory empty, pushing one heals all three. Before it is
// restarted no push heals anything, which repair says.
func TestRepair(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{InMemory: true}), 15)
			base := p.artist.image(1)
			images := []v1.Image{p.onTop(base), p.onTop(base), p.onTop(base)}
			tags := []string{"v1", "v2", "v3"}
			var digests []string
			for i, image := range images {
				digests = append(digests, p.image("team/app", tags[i], image))
			}
			layer := must[[]v1.Layer](t)(base.Layers())[0]
			damaged := must[v1.Hash](t)(layer.Digest()).Hex
			data := filepath.Join(p.registry.Root, "docker/registry/v2/blobs/sha256", damaged[:2], damaged, "data")
			p.check(os.WriteFile(data, bytes.Repeat([]byte("rot"), 100), 0o600))
			p.restart()
			broken := func() (names []string) {
				for i, tag := range tags {
					if digest, err := p.api.Pull("team/app", tag); err != nil || digest != digests[i] {
						names = append(names, tag)
					}
				}
				return names
			}
			push := func(tag string) { p.run("crane", "push", "--insecure", p.save(images[0]), p.ref("team/app", tag)) }
			push("again")
			if names := broken(); len(names) != 3 {
				t.Fatalf("a push alone heals: only %q are broken", names)
			}
			// The registry runs beside. Its configuration tells of the cache.
			known := regsweep(t, "repair", "--config", p.registry.Config, "--dry-run")
			if known.Status != 3 || !strings.Contains(known.Stderr, "caches blob descriptors (inmemory): restart it before anything is pushed") {
				t.Errorf("status %d\n%s%s", known.Status, known.Stdout, known.Stderr)
			}
			got := regsweep(t, "repair", "--root", p.registry.Root, "--yes")
			if got.Status != 3 || !strings.Contains(got.Stdout, "push again: team/app:") || !strings.Contains(got.Stderr, "restart") {
				t.Fatalf("status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Fatalf("the damaged data are still there: %v", err)
			}
			has := func() bool {
				_, there, err := p.api.HasBlob("team/app", "sha256:"+damaged)
				p.check(err)
				return there
			}
			if !has() {
				t.Error("the registry does not remember the layer, and the warning is about nothing")
			}
			push("too-early")
			if names := broken(); len(names) != 3 || !has() {
				t.Errorf("a push before the restart heals: only %q are broken", names)
			}
			p.restart()
			if has() {
				t.Error("after the restart the registry still says that it has the layer")
			}
			tags, digests = append(tags, "too-early"), append(digests, digests[0])
			push("once-more")
			if names := broken(); len(names) > 0 {
				t.Errorf("%q are broken still", names)
			}
			p.registry.Stop()
			ok(t, "check", "--read-data", "--root", p.registry.Root)
			ok(t, "repair", "--root", p.registry.Root, "--yes")
			// Neither a collection nor the emptied trash brings the damage back.
			ok(t, "gc", "--root", p.registry.Root, "--yes", "-q")
			ok(t, "trash", "empty", "--root", p.registry.Root, "--yes")
			ok(t, "check", "--read-data", "--root", p.registry.Root)
		})
	}
}
