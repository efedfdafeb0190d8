package containers

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

const addr = "127.0.0.1:5000"

// image is one that a test made, and what a pull of it has to bring.
type image struct {
	dir    string // an OCI image layout
	digest string
	blobs  map[string]bool // hex digests of its configuration and its layers
}

func newImage(t *testing.T) image {
	t.Helper()
	made, err := random.Image(20_000, 2)
	must(t, err)
	dir := t.TempDir()
	index, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, index.AppendImage(made))
	digest, err := made.Digest()
	must(t, err)
	manifest, err := made.Manifest()
	must(t, err)
	img := image{dir: dir, digest: digest.String(), blobs: map[string]bool{}}
	for _, part := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		img.blobs[part.Digest.Hex] = true
	}
	return img
}

// push pushes with crane.
func (d *daemon) push(t *testing.T, img image, name string) {
	t.Helper()
	d.run(t, parts.Need(t, "crane"), "push", "--insecure", img.dir, addr+"/"+name)
}

// pull pulls with skopeo, and says how what came differs from what was pushed.
func (d *daemon) pull(t *testing.T, img image, name string) error {
	t.Helper()
	dir := t.TempDir()
	got := outcome(t, d.command(parts.Need(t, "skopeo"), "copy", "--quiet", "--preserve-digests", "--src-tls-verify=false",
		"docker://"+addr+"/"+name, "dir:"+dir))
	if got.Status != 0 {
		return fmt.Errorf("pull %s: %s", name, got)
	}
	if digest := "sha256:" + hash(read(t, filepath.Join(dir, "manifest.json"))); digest != img.digest {
		return fmt.Errorf("pull %s: the manifest is %s, pushed was %s", name, digest, img.digest)
	}
	for hex := range img.blobs {
		if found := hash(read(t, filepath.Join(dir, hex))); found != hex {
			return fmt.Errorf("pull %s: the blob %s hashes to %s", name, hex, found)
		}
	}
	return nil
}

func hash(data string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(data))) }

// stock is what a test has put into a registry: live images by name, and one that
// lost its tag to another.
type stock struct {
	live map[string]image
	dead image
}

// fill pushes images, then makes all files ten days old.
func (d *daemon) fill(t *testing.T, root string) stock {
	t.Helper()
	s := stock{live: map[string]image{}, dead: newImage(t)}
	d.push(t, s.dead, "team/app:latest")
	for _, name := range []string{"team/app:latest", "team/app:v1", "base:stable"} {
		s.live[name] = newImage(t)
		d.push(t, s.live[name], name)
	}
	s.whole(t, d)
	age(t, root)
	return s
}

func age(t *testing.T, root string) {
	t.Helper()
	then := time.Now().Add(-240 * time.Hour)
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, then, then)
	}))
}

// whole fails the test unless every live image comes back as it was pushed.
func (s stock) whole(t *testing.T, d *daemon) {
	t.Helper()
	for name, img := range s.live {
		if err := d.pull(t, img, name); err != nil {
			t.Error(err)
		}
	}
}

// has counts those blobs of an image that are stored.
func has(t *testing.T, root string, img image) (stored int) {
	t.Helper()
	for hex := range img.blobs {
		if _, err := os.Stat(blob(root, hex)); err == nil {
			stored++
		}
	}
	return stored
}

func blob(root, hex string) string {
	return filepath.Join(root, "docker/registry/v2/blobs/sha256", hex[:2], hex, "data")
}

// swept fails the test unless the dead image has gone, and the live ones are whole.
func (s stock) swept(t *testing.T, d *daemon, root string) {
	t.Helper()
	if n := has(t, root, s.dead); n != 0 {
		t.Errorf("%d blobs of the image without a tag are still there", n)
	}
	for name, img := range s.live {
		if n := has(t, root, img); n != len(img.blobs) {
			t.Errorf("%s: %d of %d blobs are there", name, n, len(img.blobs))
		}
	}
	s.whole(t, d)
}

// untouched fails the test if anything of the stock has gone.
func (s stock) untouched(t *testing.T, d *daemon, root string) {
	t.Helper()
	if n := has(t, root, s.dead); n != len(s.dead.blobs) {
		t.Errorf("%d of %d blobs are left of what nobody was to remove", n, len(s.dead.blobs))
	}
	s.whole(t, d)
}

// litter adds n blobs that nothing references: enough for a run to be met in it.
func litter(t *testing.T, root string, n int) (hexes []string) {
	t.Helper()
	for i := range n {
		hex := hash(fmt.Sprint("litter ", i))
		path := blob(root, hex)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte("x"), 0o644))
		hexes = append(hexes, hex)
	}
	return hexes
}

// gone counts those that are not in their place.
func gone(root string, hexes []string) (n int) {
	for _, hex := range hexes {
		if _, err := os.Stat(blob(root, hex)); err != nil {
			n++
		}
	}
	return n
}

// some are few enough of them to ask for often.
func some(hexes []string) (few []string) {
	for i := 0; i < len(hexes); i += 1 + len(hexes)/50 {
		few = append(few, hexes[i])
	}
	return few
}

// serve starts a registry in a container called registry, with more arguments for
// docker run before the image, and waits for it. It ends with the test.
func (d *daemon) serve(t *testing.T, image string, args ...string) {
	t.Helper()
	t.Cleanup(func() { d.docker(t, "rm", "--force", "--volumes", "registry") })
	d.docker(t, append(append([]string{"run", "--detach", "--name", "registry", "--publish", addr + ":5000"}, args...), image)...)
	d.ready(t)
}

// on is a new volume for the registry, which is removed after it.
func (d *daemon) on(t *testing.T) (volume, root string) {
	t.Helper()
	const name = "registry-data"
	d.docker(t, "volume", "create", name)
	t.Cleanup(func() { d.docker(t, "volume", "rm", name) })
	return name + ":/var/lib/registry", d.volume(name)
}

func (d *daemon) ready(t *testing.T) {
	t.Helper()
	await(t, "the registry answers", func() bool {
		return d.command("busybox", "wget", "-q", "-O", "-", "http://"+addr+"/v2/").Run() == nil
	})
}

// started is when the container of the registry was last started.
func (d *daemon) started(t *testing.T) string {
	t.Helper()
	return d.docker(t, "inspect", "--format", "{{.State.StartedAt}}", "registry")
}

// contains fails the test if a text lacks another.
func contains(t *testing.T, what, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s does not say %q:\n%.2000s", what, part, text)
	}
}
