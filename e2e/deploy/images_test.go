package deploy

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// One build makes the image for both architectures. Whoever reads such images finds it
// whole, it says what it is, holds the program and nothing else, and a second build
// has the same bytes.
func TestImages(t *testing.T) {
	dir := images(t)
	same(t, dir, images(t))
	index, err := layout.ImageIndexFromPath(dir)
	check(t, err)
	check(t, validate.Index(index))
	top, err := index.IndexManifest()
	check(t, err)
	if len(top.Manifests) != 1 || top.Manifests[0].MediaType != types.OCIImageIndex || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "v1.2.3" {
		t.Fatalf("the layout lists %+v", top.Manifests)
	}
	both, err := index.ImageIndex(top.Manifests[0].Digest)
	check(t, err)
	list, err := both.IndexManifest()
	check(t, err)
	var built []string
	for _, one := range list.Manifests {
		if one.Platform == nil {
			t.Fatalf("%s has no platform", one.Digest)
		}
		built = append(built, one.Platform.String())
		image, err := both.Image(one.Digest)
		check(t, err)
		isProgram(t, image, one)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, built); diff != "" {
		t.Errorf("it is for others: %s", diff)
	}
	if diff := cmp.Diff(labels, list.Annotations); diff != "" {
		t.Errorf("the index says of itself: %s", diff)
	}
}

// labels are what an image says of itself.
var labels = map[string]string{
	"org.opencontainers.image.title":       "regsweep",
	"org.opencontainers.image.description": "Garbage collection, deletion and retention for the files of a container registry",
	"org.opencontainers.image.source":      "https://github.com/regsweep/regsweep",
	"org.opencontainers.image.licenses":    "Apache-2.0",
	"org.opencontainers.image.version":     "v1.2.3",
	"org.opencontainers.image.revision":    "abc",
	"org.opencontainers.image.created":     "2023-11-14T22:13:20Z",
}

// isProgram holds an image against what it has to be.
func isProgram(t *testing.T, image v1.Image, one v1.Descriptor) {
	t.Helper()
	config, err := image.ConfigFile()
	check(t, err)
	if config.Platform().String() != one.Platform.String() || config.Created.Unix() != 1700000000 {
		t.Errorf("%s is for %s, of %s", one.Platform, config.Platform(), config.Created)
	}
	for what, diff := range map[string]string{
		"labels":     cmp.Diff(labels, config.Config.Labels),
		"entrypoint": cmp.Diff([]string{"/regsweep"}, config.Config.Entrypoint),
		"command":    cmp.Diff([]string{"gc", "--dry-run"}, config.Config.Cmd),
	} {
		if diff != "" {
			t.Errorf("%s: its %s differ: %s", one.Platform, what, diff)
		}
	}
	layers, err := image.Layers()
	check(t, err)
	if len(layers) != 1 {
		t.Fatalf("%s has %d layers", one.Platform, len(layers))
	}
	files, err := layers[0].Uncompressed()
	check(t, err)
	defer files.Close()
	r := tar.NewReader(files)
	header, err := r.Next()
	check(t, err)
	if header.Name != "regsweep" || header.Mode != 0o755 || header.Uid != 0 || header.Gid != 0 || header.ModTime.Unix() != 1700000000 {
		t.Errorf("%s: %+v", one.Platform, header)
	}
	program := filepath.Join(t.TempDir(), "regsweep")
	made, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY, 0o755)
	check(t, err)
	_, err = io.Copy(made, r)
	check(t, err)
	check(t, made.Close())
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("%s has more than the program: %v", one.Platform, err)
	}
	about := run(t, "go", "version", "-m", program)
	for _, setting := range []string{"GOARCH=" + one.Platform.Architecture, "GOOS=linux", "CGO_ENABLED=0", "-trimpath=true"} {
		contains(t, one.Platform.String(), about, "build\t"+setting+"\n")
	}
}

// images makes them, and returns their directory.
func images(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "images")
	command := exec.Command("make", "-s", "images", "VERSION=v1.2.3", "COMMIT=abc", "EPOCH=1700000000", "IMAGES="+dir)
	command.Dir = project
	command.Env = append(os.Environ(), "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make images: %v\n%s", err, out)
	}
	return dir
}

// same fails the test unless two directories have the same files.
func same(t *testing.T, a, b string) {
	t.Helper()
	if diff := cmp.Diff(hashes(t, a), hashes(t, b)); diff != "" {
		t.Errorf("what is made twice differs: %s", diff)
	}
}

func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found[path[len(dir):]] = hash(t, path)
		}
		return err
	}))
	return found
}

func hash(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	return fmt.Sprintf("%x", sha256.Sum256(text))
}
