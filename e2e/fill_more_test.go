package e2e

import (
	"strings"

	"github.com/regsweep/regsweep/e2e/internal/client"
)

const artifactType = "application/vnd.example.sbom"

// referrers attaches artifacts to a tagged image, twice with regctl, which keeps
// a list of them under a tag, and once without any tag: L8.
func (p *pusher) referrers() {
	subject := p.artist.image(2)
	digest := p.image("team/refs", "v1", subject)
	p.attach("team/refs", digest)
	p.attach("team/refs", digest)
	p.untaggedReferrer("team/refs", digest)
	p.untaggedReferrer("team/refs", p.untaggedReferrer("team/refs", digest)) // one about one about it
}

// attach runs `regctl artifact put --subject`.
func (p *pusher) attach(repository, subject string) {
	host := "reg=" + p.registry.Addr() + ",tls=disabled"
	file := p.file("sbom", p.bytes(700))
	p.run("regctl", "artifact", "put", "--host", host, "--artifact-type", artifactType,
		"--file", file, "--subject", p.ref(repository, subject))
	p.observe(repository, strings.Replace(subject, ":", "-", 1))
}

// untaggedReferrer pushes what a registry with the referrers API would list.
func (p *pusher) untaggedReferrer(repository, subject string) string {
	about := must[client.Answer](p.t)(p.api.Manifest(repository, subject))
	data := p.bytes(600)
	p.blob(repository, "sha256", data)
	p.blob(repository, "sha256", []byte("{}"))
	manifest := manifestOf(describe("application/vnd.oci.empty.v1+json", "sha256", []byte("{}")),
		describe(artifactType, "sha256", data))
	manifest.ArtifactType = artifactType
	subjectDescriptor := describe(about.Header.Get("Content-Type"), "sha256", about.Body)
	manifest.Subject = &subjectDescriptor
	return p.manifest(repository, "", ociManifest, encode(p.t, manifest))
}

// subjectsThatGo overwrites the only tag of an image with referrers: with -m they
// go with it, their list's tag included.
func (p *pusher) subjectsThatGo() {
	digest := p.image("team/refs", "v2", p.artist.image(2))
	p.attach("team/refs", digest)
	p.untaggedReferrer("team/refs", digest)
	p.image("team/refs", "v2", p.artist.image(1))
	// where the subject was deleted, the list's tag is one like any other
	gone := p.image("team/refs", "v3", p.artist.image(1))
	p.attach("team/refs", gone)
	p.deleteManifest("team/refs", gone)
}

// signed signs with cosign, in both of its formats, an image that stays and one
// that goes.
func (p *pusher) signed() {
	dir := p.t.TempDir()
	environment := []string{"COSIGN_PASSWORD=", "HOME=" + dir}
	p.runWith(environment, "cosign", "generate-key-pair", "--output-key-prefix", dir+"/e2e")
	sign := func(digest string, more ...string) {
		args := append([]string{
			"sign", "--key", dir + "/e2e.key", "--tlog-upload=false", "--use-signing-config=false",
			"--allow-insecure-registry", "--allow-http-registry", "-y",
		}, more...)
		p.runWith(environment, "cosign", append(args, p.ref("team/signed", digest))...)
	}
	stays := p.image("team/signed", "v1", p.artist.image(1))
	goes := p.image("team/signed", "v2", p.artist.image(1))
	for _, digest := range []string{stays, goes} {
		schema := strings.Replace(digest, ":", "-", 1)
		sign(digest)
		p.observe("team/signed", schema)
		sign(digest, "--new-bundle-format=false")
		p.observe("team/signed", schema+".sig")
	}
	p.image("team/signed", "v2", p.artist.image(1))
}

// abortedUploads leaves upload sessions in every state that facts 0.2 lists.
func (p *pusher) abortedUploads() {
	for _, repository := range []string{"team/app", "gone/uploads"} {
		data := p.bytes(4000)
		digest := client.DigestOf("sha256", data)
		p.upload(repository) // POST and nothing more

		session := must[string](p.t)(p.api.Patch(p.upload(repository), data[:1000]))
		must[string](p.t)(p.api.Patch(session, data[1000:2000]))

		session = must[string](p.t)(p.api.Patch(p.upload(repository), data))
		p.check(p.api.Cancel(session))

		p.check(p.api.FinishWrong(p.upload(repository), digest, data[1:]))
		p.check(p.api.Monolithic(repository, digest, data))
		mounted, _, err := p.api.Mount(repository, digest, "team/nowhere")
		p.check(err)
		if mounted {
			p.t.Fatal("a blob that nobody has was mounted")
		}
		p.check(p.api.Break(p.upload(repository), data, nil))
	}
	p.check(p.api.Break(p.upload("gone/uploads"), p.bytes(200000), p.registry.Kill))
	p.restart()
}

// upload opens a session and returns its URL.
func (p *pusher) upload(repository string) string {
	return must[string](p.t)(p.api.StartUpload(repository))
}
