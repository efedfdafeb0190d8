package e2e

import (
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestUndelete deletes half of the images of a store through the API or by
// overwriting their tags, collects with --keep-deleted, and brings all of them
// back: each is pulled by digest, hash by hash, and by a new tag.
func TestUndelete(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 9)
			all := p.album(20)
			var kept, gone, overwritten []reference
			for i, image := range all {
				switch i % 4 {
				case 0, 2:
					kept = append(kept, image)
				case 1:
					p.deleteManifest(image.repository, image.digest)
					gone = append(gone, image)
				case 3:
					p.image(image.repository, image.reference, p.artist.image(1))
					if overwritten = append(overwritten, image); i%8 == 3 {
						p.deleteManifest(image.repository, image.digest)
						gone = append(gone, image)
					}
				}
			}
			p.registry.Stop()
			run := func(args ...string) { ok(t, append(args, "--root", p.registry.Root)...) }
			run("gc", "-m", "--older-than", "0", "--grace", "0", "--keep-deleted", "1h", "-o", "json")
			p.restart()
			for _, image := range gone {
				if _, err := p.api.Manifest(image.repository, image.digest); err == nil {
					t.Fatalf("%s@%s is not deleted", image.repository, image.digest)
				}
			}
			// The registry runs beside.
			run("undelete", "--all", "**", "--yes")
			for i, image := range gone {
				if i%2 == 0 {
					run("tag", image.repository+"@"+image.digest, "back-"+image.reference)
				} else {
					run("undelete", image.repository+"@"+image.digest, "--tag", "back-"+image.reference, "--yes")
				}
			}
			// A tag that was overwritten names again what it named before.
			moved := overwritten[1]
			run("tag", moved.repository+"@"+moved.digest, moved.reference, "--force", "--yes")
			p.restart()
			for _, image := range append(append(kept, gone...), overwritten...) {
				if digest, err := p.api.Pull(image.repository, image.digest); err != nil || digest != image.digest {
					t.Errorf("%s@%s: %s, %v", image.repository, image.digest, digest, err)
				}
			}
			for _, image := range gone {
				if digest, err := p.api.Pull(image.repository, "back-"+image.reference); err != nil || digest != image.digest {
					t.Errorf("%s:back-%s: %s, %v", image.repository, image.reference, digest, err)
				}
			}
			if digest, err := p.api.Pull(moved.repository, moved.reference); err != nil || digest != moved.digest {
				t.Errorf("%s:%s: %s, %v", moved.repository, moved.reference, digest, err)
			}
			run("check", "--read-data")
		})
	}
}
