package e2e

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestUndelete deletes half of the images of a store through the API or by
// overwriting their tags, collects with --keep-deleted, and brings all of them
// back: each is pulled by digest, hash by hash, and by a new tag. Signatures and
// what refers to a deleted image are whole again, too. REGSWEEP_E2E_IMAGES says
// how many images there are, if not 20.
func TestUndelete(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 9)
			images := 20
			if text := os.Getenv("REGSWEEP_E2E_IMAGES"); text != "" {
				images = must[int](t)(strconv.Atoi(text))
			}
			all := p.album(images)
			var kept, gone, overwritten, attached []reference
			keys := map[reference]string{}
			for _, image := range []reference{all[1], all[5]} { // both are deleted
				keys[image] = p.sign(image.repository, image.digest)
				about := p.untaggedReferrer(image.repository, image.digest)
				attached = append(attached, reference{image.repository, about, about})
			}
			for _, about := range attached {
				p.deleteManifest(about.repository, about.digest)
			}
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
			for image, key := range keys {
				p.runWith([]string{"COSIGN_PASSWORD=", "HOME=" + t.TempDir()}, "cosign", "verify", "--key", key, "--insecure-ignore-tlog",
					"--allow-insecure-registry", "--allow-http-registry", "--new-bundle-format=false", p.ref(image.repository, image.digest))
			}
			for _, image := range slices.Concat(kept, gone, overwritten, attached) {
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
