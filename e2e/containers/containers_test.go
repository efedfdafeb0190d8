package containers

import (
	"path/filepath"
	"testing"
)

// TestContainers does one after the other what the documentation says about
// containers, with real registries, clients and a Docker daemon.
func TestContainers(t *testing.T) {
	regsweep(t)
	d := start(t)
	two.load(t, d)
	three.load(t, d)
	for _, check := range []struct {
		name string
		run  func(*testing.T, *daemon)
	}{
		{"copied into registry 3", func(t *testing.T, d *daemon) {
			copied(t, d, three, filepath.Join(buildDir, "bin"), promised(t, "README.md", "docker cp regsweep registry:/usr/local/bin/"))
		}},
		{"copied into registry 2", func(t *testing.T, d *daemon) {
			copied(t, d, two, buildDir, promised(t, "docs/guide.md", "docker cp bin/regsweep registry:/usr/local/bin/"))
		}},
		{"script with registry 3 and its cache", scriptWithCache},
		{"script with registry 2 without a cache", scriptWithoutCache},
		{"script that is killed", scriptKilled},
		{"image of the program", programImage},
		{"image of the registry with the program", registryImage},
		{"image for two architectures", layoutImage},
		{"compose 1", composeOne},
		{"compose 2", composeTwo},
		{"container beside the registry's", beside},
		{"sidecar of an ordinary user", sidecar},
		{"sidecar of a user who may not", sidecarRefused},
		{"docker stop", stopped},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(t, d) })
	}
}

// copied types what the README says first, and how the README or the guide copies the
// program, with the registry's cache as its image has it.
func copied(t *testing.T, d *daemon, o official, dir, copies string) {
	volume, root := d.on(t)
	d.serve(t, o.image, "--volume", volume)
	s := d.fill(t, root)
	d.types(t, dir, copies)
	asked := d.types(t, buildDir, promised(t, "README.md", "docker exec registry regsweep gc --dry-run"))
	contains(t, "a dry run", asked.Stdout, "store /var/lib/registry")
	s.untouched(t, d, root)
	did := d.types(t, buildDir, promised(t, "README.md", "docker exec registry regsweep gc -m --older-than 7d"))
	contains(t, "a sweep beside a registry with a cache", did.Stderr, "cache")
	s.swept(t, d, root)

	// What the warning is about, and what cures it.
	d.push(t, s.dead, "team/app:early")
	if err := d.pull(t, s.dead, "team/app:early"); err == nil {
		t.Error("the registry has no cache that remembers what was removed: this test shows nothing about caches")
	}
	d.docker(t, "restart", "registry")
	d.ready(t)
	d.push(t, s.dead, "team/app:late")
	if err := d.pull(t, s.dead, "team/app:late"); err != nil {
		t.Error(err)
	}
	s.whole(t, d)
}
