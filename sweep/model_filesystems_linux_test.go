//go:build linux

package sweep_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
	"pgregory.net/rapid"
)

// TestModelsOnFilesystems has some random stores of each kind on the filesystems
// that stores are on: shared parts, extreme times, stopped runs, and stores that
// lack something. The other models' stores are in memory.
func TestModelsOnFilesystems(t *testing.T) {
	if os.Getuid() != 0 {
		lacks(t, "this needs root, for mounts")
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	kinds := []struct {
		name  string
		check func(c *census, t *rapid.T, dir string)
	}{
		{"shared", (*census).checkShared}, {"times", (*census).checkTimes}, {"stopped", (*census).checkStopped}, {"bare", (*census).checkBare},
	}
	for _, on := range []string{"ext4", "xfs", "btrfs"} {
		t.Run(on, func(t *testing.T) {
			image := mountedImage(t, on)
			overs := []string{on, "overlay over " + on}
			if on == "ext4" {
				overs = append(overs, "bindfs over "+on) // slow, and one is enough
			}
			for _, over := range overs {
				dir := filepath.Join(image, "plain")
				switch over {
				case on:
					makeDir(t, dir)
				case "overlay over " + on:
					for _, name := range []string{"lower", "upper", "work"} {
						makeDir(t, filepath.Join(image, name))
					}
					dir = t.TempDir()
					mounted(t, dir, "mount", "-t", "overlay", "-o", "lowerdir="+image+"/lower,upperdir="+image+"/upper,workdir="+image+"/work", "none", dir)
				default:
					dir = t.TempDir()
					mounted(t, dir, "bindfs", image, dir)
				}
				for _, k := range kinds {
					if k.name == "shared" && over == "bindfs over "+on {
						continue // it shows each name of a file as a file of its own
					}
					t.Run(over+" "+k.name, func(t *testing.T) {
						c, _ := randomStoresIn(t, dir, shards, k.check)
						t.Logf("in the stores: %v", c.counts)
						if c.counts["stores"] == 0 {
							t.Error("there was no store")
						}
					})
				}
			}
		})
	}
}

// lacks skips a test that lacks a part, or fails it where none may be skipped.
func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("REGSWEEP_REQUIRE_PARTS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// mountedImage is a new filesystem in a file, mounted.
func mountedImage(t *testing.T, kind string, options ...string) (dir string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 320<<20); err != nil { // xfs takes no less
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs."+kind, append(options, "-q", file)...).CombinedOutput(); err != nil {
		lacks(t, "mkfs.%s: %v: %s: apt-get install e2fsprogs xfsprogs btrfs-progs", kind, err, out)
	}
	dir = t.TempDir()
	mounted(t, dir, "mount", "-o", "loop", file, dir)
	return dir
}

// mounted runs a command that mounts something, until the test ends.
func mounted(t *testing.T, at, command string, args ...string) {
	t.Helper()
	if out, err := exec.Command(command, args...).CombinedOutput(); err != nil {
		lacks(t, "%s %q: %v: %s: this needs a container with --privileged, and bindfs", command, args, err, out)
	}
	t.Cleanup(func() { layouttest.Unmount(t, at) })
}

func makeDir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}
