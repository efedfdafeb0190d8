package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/ledger"
	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// pusher pushes to one registry and enters everything in a ledger. Whatever does
// not work fails the test.
type pusher struct {
	*artist
	t        *testing.T
	registry *registry.Registry
	ledger   *ledger.Ledger
	api      *client.Client
}

func newPusher(t *testing.T, r *registry.Registry, seed int64) *pusher {
	return &pusher{artist: newArtist(t, seed), t: t, registry: r, ledger: ledger.New(), api: client.New(r.Addr())}
}

func (p *pusher) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// restart gives the registry an empty memory and another port, whether it runs or
// not.
func (p *pusher) restart() {
	p.t.Helper()
	p.registry.Restart()
	p.api = client.New(p.registry.Addr())
}

func (p *pusher) ref(repository, reference string) string {
	join := ":"
	if strings.Contains(reference, ":") {
		join = "@"
	}
	return p.registry.Addr() + "/" + repository + join + reference
}

// observe enters what is now under a tag or digest, and returns its digest.
func (p *pusher) observe(repository, reference string) string {
	p.t.Helper()
	return must[string](p.t)(p.ledger.Observe(p.api, repository, reference))
}

func (p *pusher) image(repository, tag string, image v1.Image) string {
	p.t.Helper()
	ref := must[name.Reference](p.t)(name.ParseReference(p.ref(repository, tag), name.Insecure))
	p.check(remote.Write(ref, image))
	return p.observe(repository, tag)
}

func (p *pusher) index(repository, tag string, index v1.ImageIndex) string {
	p.t.Helper()
	ref := must[name.Reference](p.t)(name.ParseReference(p.ref(repository, tag), name.Insecure))
	p.check(remote.WriteIndex(ref, index))
	return p.observe(repository, tag)
}

// untagged pushes an image by digest only.
func (p *pusher) untagged(repository string, image v1.Image) string {
	p.t.Helper()
	return p.image(repository, must[v1.Hash](p.t)(image.Digest()).String(), image)
}

// blob uploads data and enters it. Under another algorithm than the registries'
// own it is stored under sha256.
func (p *pusher) blob(repository, algorithm string, data []byte) string {
	p.t.Helper()
	digest := client.DigestOf(algorithm, data)
	p.check(p.api.Upload(repository, digest, data))
	p.ledger.Alias(digest, client.DigestOf("sha256", data))
	p.ledger.Uploaded(repository, digest)
	return digest
}

// manifest puts a manifest as it is; reference "" stands for its digest.
func (p *pusher) manifest(repository, reference, mediaType string, body []byte) string {
	p.t.Helper()
	if reference == "" {
		reference = client.DigestOf("sha256", body)
	}
	p.check(p.api.PutManifest(repository, reference, mediaType, body))
	return p.observe(repository, reference)
}

func (p *pusher) deleteManifest(repository, digest string) {
	p.t.Helper()
	p.check(p.api.DeleteManifest(repository, digest))
	p.ledger.DeletedManifest(repository, digest)
}

func (p *pusher) deleteBlob(repository, digest string) {
	p.t.Helper()
	p.check(p.api.DeleteBlob(repository, digest))
	p.ledger.DeletedBlob(repository, digest)
}

// run runs a client that a person would use.
func (p *pusher) run(program string, args ...string) {
	p.t.Helper()
	p.runWith(nil, program, args...)
}

func (p *pusher) runWith(environment []string, program string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(parts.Need(p.t, program), args...)
	cmd.Env = append(cmd.Environ(), environment...)
	cmd.Dir = p.t.TempDir()
	if output, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, output)
	}
}

// file writes a file that a client reads.
func (p *pusher) file(name string, data []byte) string {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	p.check(os.WriteFile(path, data, 0o600))
	return path
}
