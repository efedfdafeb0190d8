package containers

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// programImage builds the image with nothing but the program, and uses it as its
// first lines say, beside a registry that runs.
func programImage(t *testing.T, d *daemon) {
	d.buildProgram(t)
	labels := d.docker(t, "inspect", "--format", "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}\n{{end}}", "regsweep")
	contains(t, "the image", labels, "org.opencontainers.image.version="+strings.TrimSpace(d.run(t, "git", "describe", "--tags", "--always").Stdout))
	contains(t, "the image", labels, "org.opencontainers.image.revision="+strings.TrimSpace(d.run(t, "git", "rev-parse", "HEAD").Stdout))
	volume, root := d.on(t)
	d.serve(t, three.image, "--volume", volume)
	s := d.fill(t, root)
	asked := d.types(t, project, promised(t, "deploy/Dockerfile", "docker run --rm --network none -v registry-data:/var/lib/registry regsweep gc --dry-run"))
	contains(t, "a dry run", asked.Stdout, "would be removed")
	d.docker(t, "run", "--rm", "--network", "none", "--volume", volume, "regsweep") // a dry run, too
	s.untouched(t, d, root)
	d.docker(t, "run", "--rm", "--network", "none", "--volume", volume, "regsweep", "gc", "-m", "--older-than", "7d", "--yes")
	d.docker(t, "restart", "registry")
	d.ready(t)
	s.swept(t, d, root)
}

// layoutImage makes the image for both architectures, as an OCI layout. The one for
// this machine is what the Dockerfile builds, but for what it says of licence and date,
// and it runs.
func layoutImage(t *testing.T, d *daemon) {
	d.buildProgram(t)
	dir := filepath.Join(t.TempDir(), "images")
	d.run(t, "env", "GOWORK=off", "make", "-s", "images", "VERSION=v1.2.3", "COMMIT=abc", "EPOCH=1700000000", "IMAGES="+dir)
	archive := filepath.Join(t.TempDir(), "image.tar")
	d.run(t, parts.Need(t, "skopeo"), "copy", "--quiet", "oci:"+dir+":v1.2.3", "docker-archive:"+archive+":regsweep:layout")
	d.docker(t, "load", "--quiet", "--input", archive)
	const about = `{{.Os}}/{{.Architecture}} {{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Config.User}}`
	made, built := d.docker(t, "inspect", "--format", about, "regsweep:layout"), d.docker(t, "inspect", "--format", about, "regsweep")
	if made != built || !strings.HasPrefix(made, "linux/"+runtime.GOARCH+" ") {
		t.Errorf("the image is %s, the one of the Dockerfile %s", made, built)
	}
	labels := func(image string) map[string]string {
		found := map[string]string{}
		must(t, json.Unmarshal([]byte(d.docker(t, "inspect", "--format", "{{json .Config.Labels}}", image)), &found))
		return found
	}
	mine := labels("regsweep:layout")
	for name, value := range labels("regsweep") {
		switch name {
		case "org.opencontainers.image.version":
			value = "v1.2.3"
		case "org.opencontainers.image.revision":
			value = "abc"
		}
		if mine[name] != value {
			t.Errorf("%s is %q, in the image of the Dockerfile %q", name, mine[name], value)
		}
	}
	if said := d.docker(t, "run", "--rm", "--network", "none", "regsweep:layout", "version"); !strings.HasPrefix(said, "regsweep v1.2.3\ncommit abc\n") {
		t.Errorf("its version is %q", said)
	}
	volume, root := d.on(t)
	d.serve(t, three.image, "--volume", volume)
	s := d.fill(t, root)
	d.docker(t, "run", "--rm", "--network", "none", "--volume", volume, "regsweep:layout") // a dry run
	s.untouched(t, d, root)
	d.docker(t, "run", "--rm", "--network", "none", "--volume", volume, "regsweep:layout", "gc", "-m", "--older-than", "7d", "--yes")
	d.docker(t, "restart", "registry")
	d.ready(t)
	s.swept(t, d, root)
}

// registryImage builds the registry's image with the program in it.
func registryImage(t *testing.T, d *daemon) {
	d.buildProgram(t)
	const file = "deploy/Dockerfile.registry"
	d.types(t, project, promised(t, file, "docker build -f deploy/Dockerfile.registry -t registry-with-regsweep deploy"))
	t.Cleanup(func() {
		d.docker(t, "rm", "--force", "--volumes", "registry")
		d.docker(t, "volume", "rm", "--force", "registry-data")
	})
	promised(t, file, "docker run -d --name registry -v registry-data:/var/lib/registry registry-with-regsweep")
	d.types(t, project, "docker run -d --name registry -v registry-data:/var/lib/registry --publish "+addr+":5000 registry-with-regsweep")
	d.ready(t)
	root := d.volume("registry-data")
	s := d.fill(t, root)
	d.types(t, project, promised(t, file, "docker exec registry regsweep gc --dry-run"))
	s.untouched(t, d, root)
	// The program is there already: the script copies none.
	d.run(t, "env", "REGSWEEP=/nowhere", script, "registry", "gc", "-m", "--older-than", "7d", "--yes")
	d.ready(t)
	s.swept(t, d, root)
}

// buildProgram types the line that builds it. What is an image of Go elsewhere is
// a stand-in here, see compiler.
func (d *daemon) buildProgram(t *testing.T) {
	t.Helper()
	if d.docker(t, "images", "--quiet", "regsweep") != "" {
		return
	}
	loadCompiler(t, d)
	d.types(t, project, promised(t, "deploy/Dockerfile",
		`docker build -f deploy/Dockerfile -t regsweep --build-arg VERSION="$(git describe --tags --always)" --build-arg COMMIT="$(git rev-parse HEAD)" .`))
}
