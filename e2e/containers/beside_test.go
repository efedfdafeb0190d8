package containers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// beside types the lines of deploy/README.md for a container of its own beside a
// registry that runs as an ordinary user.
func beside(t *testing.T, d *daemon) {
	d.buildProgram(t)
	volume, root := d.on(t)
	must(t, os.Mkdir(filepath.Join(root, "docker"), 0o755)) // an empty volume would get the owner that the image has
	give(t, root)
	d.serve(t, three.image, "--user", "1000", "--volume", volume)
	s := d.fill(t, root)
	t.Cleanup(func() { _ = d.command(d.client, "rm", "--force", "sweep").Run() }) // the lines remove it
	const (
		file = "deploy/README.md"
		runs = "docker run -d --name sweep --user 1000 --read-only --cap-drop ALL --network none " +
			"-e REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory -v registry-data:/var/lib/registry regsweep "
		ends = "docker wait sweep && docker logs sweep && docker rm sweep"
	)
	d.types(t, project, promised(t, file, runs+"gc --dry-run"))
	asked := d.types(t, project, promised(t, file, ends))
	contains(t, "a dry run", asked.Stdout, "would be removed")
	s.untouched(t, d, root)
	d.types(t, project, promised(t, file, runs+"gc -m --older-than 7d --yes"))
	did := d.types(t, project, promised(t, file, ends))
	contains(t, "a sweep beside a registry with a cache", did.Stderr, "cache")
	if !strings.HasPrefix(did.Stdout, "0\n") {
		t.Errorf("docker wait does not say that the status is 0:\n%s", did)
	}
	d.types(t, project, promised(t, file, "docker restart registry"))
	d.ready(t)
	s.swept(t, d, root)
	d.push(t, s.dead, "team/app:again") // what the run left belongs to the registry
	if err := d.pull(t, s.dead, "team/app:again"); err != nil {
		t.Error(err)
	}
}
