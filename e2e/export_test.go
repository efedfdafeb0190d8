package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// TestExport exports images with a referrer and signatures while no registry
// runs, and pushes them from the layout to an empty registry with three clients.
// All of it can be pulled there with the same digests, and the signatures hold.
func TestExport(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 21)
			single := p.image("team/app", "v1", p.ociImage())
			docker := p.image("team/docker", "v1", p.artist.image(2))
			multi := p.index("team/app", "multi", p.ociIndex("amd64", "arm64"))
			p.attach("team/app", single)
			key := p.sign("team/app", single)
			fallback := strings.Replace(single, ":", "-", 1)
			tags := map[string]string{"v1": single, "multi": multi}
			for _, tag := range []string{fallback, fallback + ".sig"} {
				tags[tag] = p.observe("team/app", tag)
			}
			p.registry.Stop()

			dir := t.TempDir()
			all, one, plain := filepath.Join(dir, "all"), filepath.Join(dir, "one"), filepath.Join(dir, "plain")
			ok(t, "export", "--root", p.registry.Root, "team/app", all)
			ok(t, "export", "--root", p.registry.Root, "team/app@"+multi, one)
			ok(t, "export", "--root", p.registry.Root, "team/docker:v1", plain)

			to := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 22)
			host := "reg=" + to.registry.Addr() + ",tls=disabled"
			// regctl finds an image by its tag, with all that is about it.
			to.run("regctl", "image", "copy", "--host", host, "--referrers", "--digest-tags", "ocidir://"+all+":v1", to.ref("regctl/app", "v1"))
			to.run("regctl", "image", "copy", "--host", host, "ocidir://"+all+":multi", to.ref("regctl/app", "multi"))
			to.run("regctl", "image", "copy", "--host", host, "ocidir://"+plain+":v1", to.ref("regctl/docker", "v1"))
			// skopeo finds it by its whole name, signatures' tags as well. Version 1.9.3
			// writes lists of manifests anew, and cannot keep their digests.
			bySkopeo := map[string]string{"v1": single, fallback + ".sig": tags[fallback+".sig"]}
			for tag := range bySkopeo {
				to.run("skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "oci:"+all+":team/app:"+tag, "docker://"+to.ref("skopeo/app", tag))
			}
			// crane pushes what is alone in a layout.
			to.run("crane", "push", one, to.ref("crane/app", "multi"), "--insecure")
			to.run("crane", "push", plain, to.ref("crane/docker", "v1"), "--insecure")

			pulls := func(repository, tag, want string) {
				t.Helper()
				if got, err := to.api.Pull(repository, tag); err != nil || got != want {
					t.Errorf("%s:%s is %s, want %s: %v", repository, tag, got, want, err)
				}
			}
			for tag, digest := range tags {
				pulls("regctl/app", tag, digest)
			}
			for tag, digest := range bySkopeo {
				pulls("skopeo/app", tag, digest)
			}
			pulls("crane/app", "multi", multi)
			pulls("crane/docker", "v1", docker)
			pulls("regctl/docker", "v1", docker)
			for _, client := range []string{"regctl", "skopeo"} {
				to.runWith([]string{"COSIGN_PASSWORD=", "HOME=" + t.TempDir()}, "cosign", "verify", "--key", key, "--insecure-ignore-tlog",
					"--allow-insecure-registry", "--allow-http-registry", "--new-bundle-format=false", to.ref(client+"/app", single))
			}
			list, err := exec.Command(parts.Need(t, "regctl"), "artifact", "list", "--host", host, to.ref("regctl/app", single)).CombinedOutput()
			if err != nil || !strings.Contains(string(list), artifactType) {
				t.Errorf("the referrer is not listed: %v\n%s", err, list)
			}
		})
	}
}

// ociIndex is an index of images with OCI's media types throughout.
func (p *pusher) ociIndex(architectures ...string) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range architectures {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        p.ociImage(),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	return index
}

// ociImage is an image with OCI's media types throughout.
func (p *pusher) ociImage() v1.Image {
	p.t.Helper()
	layer := must[v1.Layer](p.t)(random.Layer(3000, types.OCILayer, random.WithSource(p.source)))
	image := must[v1.Image](p.t)(mutate.AppendLayers(empty.Image, layer))
	return mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
}

// sign signs an image with cosign, by the tag of a signature, and returns the public key.
func (p *pusher) sign(repository, digest string) (key string) {
	p.t.Helper()
	dir := p.t.TempDir()
	environment := []string{"COSIGN_PASSWORD=", "HOME=" + dir}
	p.runWith(environment, "cosign", "generate-key-pair", "--output-key-prefix", dir+"/e2e")
	p.runWith(environment, "cosign", "sign", "--key", dir+"/e2e.key", "--tlog-upload=false", "--use-signing-config=false",
		"--allow-insecure-registry", "--allow-http-registry", "-y", "--new-bundle-format=false", p.ref(repository, digest))
	return dir + "/e2e.pub"
}
