package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestRm deletes half of the images of a store with 200 of them, which share
// layers within and across repositories, at once. Each of the others can be
// pulled, hash by hash; each that was removed is unknown to the registry.
func TestRm(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 4)
			all := p.album(200)
			p.registry.Stop()
			args := []string{"rm", "--root", p.registry.Root, "--yes", "-o", "json"}
			var gone, kept []reference
			for i, image := range all {
				switch {
				case i%2 == 0:
					kept = append(kept, image)
				case i%4 == 1:
					args = append(args, image.repository+":"+image.reference)
					gone = append(gone, image)
				default:
					args = append(args, image.repository+"@"+image.digest[:len("sha256:")+16])
					gone = append(gone, image)
				}
			}
			dry := ok(t, append(args, "--dry-run")...)
			before := blobUsage(t, p)
			done := ok(t, args...)
			if dry.Report.Removed["bytes"] != done.Report.Removed["bytes"] || done.Report.Removed["manifests"] < int64(len(gone)) {
				t.Errorf("the dry run removes %v, the run %v", dry.Report.Removed, done.Report.Removed)
			}
			if freed := before.Bytes - blobUsage(t, p).Bytes; freed != done.Report.Removed["bytes"] {
				t.Errorf("%d bytes are gone, the report says %d", freed, done.Report.Removed["bytes"])
			}
			p.restart()
			for _, image := range kept {
				if digest, err := p.api.Pull(image.repository, image.reference); err != nil || digest != image.digest {
					t.Errorf("%s:%s was not removed: %s, %v", image.repository, image.reference, digest, err)
				}
			}
			for _, image := range gone {
				for _, ref := range []string{image.reference, image.digest} {
					var status *client.StatusError
					if _, err := p.api.Manifest(image.repository, ref); !errors.As(err, &status) || status.Answer.Status != http.StatusNotFound {
						t.Errorf("%s %s was removed, and the registry answers %v", image.repository, ref, err)
					}
				}
			}
			p.registry.Stop()
			if again := ok(t, "gc", "--root", p.registry.Root, "-o", "json"); again.Report.Removed["blobs"] != 0 {
				t.Errorf("gc finds %v after it", again.Report.Removed)
			}
		})
	}
}

func blobUsage(t *testing.T, p *pusher) disk.Usage {
	t.Helper()
	return disk.Measure(t, filepath.Join(disk.V2(p.registry.Root), "blobs"))
}

// album pushes images to several repositories, every tenth of them an index.
func (p *pusher) album(n int) (all []reference) {
	p.t.Helper()
	var bases []v1.Image
	for range 5 {
		bases = append(bases, p.artist.image(2))
	}
	for i := range n {
		repository, tag := fmt.Sprintf("album/%d", i%7), fmt.Sprintf("v%d", i)
		if i%10 == 3 {
			all = append(all, reference{repository, tag, p.index(repository, tag, p.artist.index("amd64", "arm64"))})
			continue
		}
		all = append(all, reference{repository, tag, p.image(repository, tag, p.onTop(bases[i%len(bases)]))})
	}
	return all
}
