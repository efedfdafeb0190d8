package e2e

import (
	"regexp"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

const pushedAndOld = "team/app"

var (
	mayRun      = regexp.MustCompile(`(?i)registry.*\brunning`)
	mustRestart = regexp.MustCompile(`(?i)restart`)
)

// TestWarnings sweeps under a registry that runs, with its own configuration, and
// listens to what is said: a registry that may write, and one whose cache still
// knows the blobs that are gone (L10), which a restart cures.
func TestWarnings(t *testing.T) {
	cases := map[string]struct {
		options         registry.Options
		running, cached bool
	}{
		"writable":                {registry.Options{}, true, false},
		"read-only":               {registry.Options{ReadOnly: true}, false, false},
		"with a cache":            {registry.Options{InMemory: true}, true, true},
		"read-only, with a cache": {registry.Options{ReadOnly: true, InMemory: true}, false, true},
	}
	for _, version := range registry.Versions() {
		for name, c := range cases {
			t.Run(version.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				must[string](t)(build())
				root := t.TempDir()
				writable := c.options
				writable.ReadOnly = false
				p := newPusher(t, registry.Start(t, version, root, writable), 2)
				live := p.image(pushedAndOld, "v1", p.artist.image(2))
				dead := p.image(pushedAndOld, "v2", p.artist.image(2))
				p.deleteManifest(pushedAndOld, dead)
				p.registry.Stop()
				disk.Age(t, root, month, nil)

				r := registry.Start(t, version, root, c.options)
				p.registry = r
				p.restart()
				got := ok(t, "gc", r.Config, "-o", "json")
				if said := mayRun.MatchString(got.Stderr); said != c.running {
					t.Errorf("says that a registry may be running: %t, want %t:\n%s", said, c.running, got.Stderr)
				}
				if said := mustRestart.MatchString(got.Stderr); said != c.cached {
					t.Errorf("says that the registry has to be restarted: %t, want %t:\n%s", said, c.cached, got.Stderr)
				}
				if got.Report.Removed["blobs"] != 4 { // a manifest, its configuration, two layers
					t.Errorf("removed %v, want 4 blobs", got.Report.Removed)
				}
				p.restart()
				if digest, err := p.api.Pull(pushedAndOld, "v1"); err != nil || digest != live {
					t.Errorf("LOST %s:v1, %s: %s, %v", pushedAndOld, live, digest, err)
				}
			})
		}
	}
}
