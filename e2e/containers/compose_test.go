package containers

import (
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// compose types what the compose file says. Its service for maintenance starts
// with nothing but its name.
func compose(t *testing.T, d *daemon) {
	d.buildProgram(t)
	t.Cleanup(func() { d.composes(t, "docker compose -f deploy/compose.yml down --volumes") })
	d.composes(t, promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml up -d"))
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
	asked := d.composes(t, promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml run --rm regsweep gc --dry-run"))
	contains(t, "a dry run", asked.Stdout, "would be removed")
	s.untouched(t, d, root)
	did := d.composes(t, promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml run --rm regsweep"))
	contains(t, "a sweep beside a registry with a cache", did.Stdout+did.Stderr, "cache")
	d.composes(t, promised(t, "deploy/compose.yml", "docker compose -f deploy/compose.yml restart registry"))
	d.ready(t)
	s.swept(t, d, root)
	d.push(t, s.dead, "team/app:again")
	if err := d.pull(t, s.dead, "team/app:again"); err != nil {
		t.Error(err)
	}
}

// composes types a line with docker compose, or with the program of that name where
// docker does not know it, on a terminal, as its readers do.
func (d *daemon) composes(t *testing.T, line string) said {
	t.Helper()
	if d.command("docker", "compose", "version").Run() != nil {
		line = parts.Need(t, "docker-compose") + strings.TrimPrefix(line, "docker compose")
	}
	got := outcome(t, d.command(parts.Need(t, "script"), "-qec", line, "/dev/null"))
	if got.Status != 0 {
		t.Fatalf("%s: %s", line, got)
	}
	return got
}
