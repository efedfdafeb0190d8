package containers

import (
	"os"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// composeOne does it with Debian's docker-compose 1.29.
func composeOne(t *testing.T, d *daemon) {
	program := parts.Need(t, "docker-compose")
	compose(t, d, func(line string) string { return program + strings.TrimPrefix(line, "docker compose") })
}

// composeTwo types the lines as they stand. Where the machine has no Compose 2, the
// one of .ci/parts becomes a plugin of the test's client.
func composeTwo(t *testing.T, d *daemon) {
	if d.command("docker", "compose", "version").Run() != nil {
		must(t, os.MkdirAll(d.path("config/cli-plugins"), 0o755))
		must(t, os.Symlink(parts.Need(t, "docker-compose-v2"), d.path("config/cli-plugins/docker-compose")))
	}
	contains(t, "docker compose", d.docker(t, "compose", "version"), "version v2")
	compose(t, d, func(line string) string { return line })
}

// compose types what the compose file says, by the name that Compose has here. Its
// service for maintenance starts with nothing but its name.
func compose(t *testing.T, d *daemon, typed func(line string) string) {
	d.buildProgram(t)
	composes := func(line string) said { return d.composes(t, typed(line)) }
	t.Cleanup(func() { composes("docker compose -f deploy/compose.yml down --volumes") })
	composes(promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml up -d"))
	if running := d.docker(t, "ps", "--format", "{{.Image}}"); running != "registry:3" {
		t.Errorf("after up there run %q", running)
	}
	d.ready(t)
	root := d.volume(d.docker(t, "volume", "ls", "--quiet", "--filter", "label=com.docker.compose.volume=data"))
	s := d.fill(t, root)
	// The service lets no more than 30% go.
	for _, name := range []string{"base:1", "base:2", "base:3"} {
		s.live[name] = newImage(t)
		d.push(t, s.live[name], name)
	}
	age(t, root)
	asked := composes(promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml run --rm regsweep gc --dry-run"))
	contains(t, "a dry run", asked.Stdout, "would be removed")
	s.untouched(t, d, root)
	did := composes(promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml run --rm regsweep"))
	contains(t, "a sweep beside a registry with a cache", did.Stdout+did.Stderr, "cache")
	composes(promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml restart registry"))
	d.ready(t)
	s.swept(t, d, root)
	d.push(t, s.dead, "team/app:again")
	if err := d.pull(t, s.dead, "team/app:again"); err != nil {
		t.Error(err)
	}
}

// composes runs a line on a terminal, as its readers do.
func (d *daemon) composes(t *testing.T, line string) said {
	t.Helper()
	got := outcome(t, d.command(parts.Need(t, "script"), "-qec", line, "/dev/null"))
	if got.Status != 0 {
		t.Fatalf("%s: %s", line, got)
	}
	return got
}
