package containers

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// official is an image of the registry, with name and paths as in Docker Hub.
type official struct {
	registry.Version
	image  string
	config string
}

var (
	two   = official{registry.V2, "docker.io/library/registry:2", "/etc/docker/registry/config.yml"}
	three = official{registry.V3, "docker.io/library/registry:3", "/etc/distribution/config.yml"}
)

// Both official images cache in memory, and take no deletes unless they are told.
const officialConfig = `version: 0.1
log:
  level: warn
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
`

const officialEntrypoint = `#!/bin/sh
set -e
case "$1" in
*.yaml | *.yml) set -- registry serve "$@" ;;
serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
`

// compiler stands for the image in which the program is compiled, which takes
// minutes: its go gives out the program under test.
const compiler = `#!/bin/sh
set -e
case $1 in
mod) test -f go.mod && test -f go.sum ;;
build)
	test -f cmd/regsweep/main.go
	while [ "$1" != -o ]; do shift; done
	cp /program "$2"
	;;
esac
`

// files are a root directory: contents by path, links with "-> " before their target.
type files map[string]string

func system(t *testing.T) files {
	t.Helper()
	busybox := parts.Need(t, "busybox")
	made := files{"/bin/busybox": read(t, busybox), "/etc/passwd": "root:x:0:0::/:/bin/sh\n", "/tmp/": "", "/usr/local/bin/": ""}
	made.libraries(t, busybox)
	out, err := exec.Command(busybox, "--list").Output()
	must(t, err)
	for applet := range strings.FieldsSeq(string(out)) {
		if applet != "busybox" {
			made["/bin/"+applet] = "-> busybox"
		}
	}
	return made
}

// libraries adds what a program is linked with.
func (made files) libraries(t *testing.T, program string) {
	t.Helper()
	out, _ := exec.Command("ldd", program).Output() // fails for a static program
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			made[strings.TrimSuffix(word, ":")] = read(t, strings.TrimSuffix(word, ":"))
		}
	}
}

// load makes the image of a registry.
func (o official) load(t *testing.T, d *daemon) {
	t.Helper()
	program := parts.Need(t, o.Program)
	made := system(t)
	made["/bin/registry"] = read(t, program)
	made["/entrypoint.sh"] = officialEntrypoint
	made[o.config] = officialConfig
	made["/var/lib/registry/"] = ""
	made.libraries(t, program)
	d.load(t, o.image, made, `ENTRYPOINT ["/entrypoint.sh"]`, `CMD ["`+o.config+`"]`, `VOLUME ["/var/lib/registry"]`, `EXPOSE 5000`,
		`ENV OTEL_TRACES_EXPORTER=none`)
}

func loadCompiler(t *testing.T, d *daemon) {
	t.Helper()
	made := system(t)
	made["/bin/go"] = compiler
	made["/program"] = read(t, regsweep(t))
	d.load(t, "docker.io/library/golang:1.26-alpine", made)
}

func (d *daemon) load(t *testing.T, image string, made files, changes ...string) {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, content := range made {
		header := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: 0o755, Size: int64(len(content))}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			header.Typeflag, header.Linkname, header.Size, content = tar.TypeSymlink, target, 0, ""
		}
		if strings.HasSuffix(name, "/") {
			header.Typeflag = tar.TypeDir
		}
		must(t, w.WriteHeader(header))
		_, err := io.WriteString(w, content)
		must(t, err)
	}
	must(t, w.Close())
	args := []string{"import"}
	for _, change := range append(changes, "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") {
		args = append(args, "--change", change)
	}
	cmd := d.command(d.client, append(args, "-", image)...)
	cmd.Stdin = &archive
	if got := outcome(t, cmd); got.Status != 0 {
		t.Fatalf("%s import %s: %s", d.client, path.Base(image), got)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	return string(data)
}
