package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// refused runs gc, which must refuse with status 1, say something and change nothing.
func refused(t *testing.T, s *layouttest.Store, args ...string) {
	t.Helper()
	before := s.Snapshot(t)
	r := gc(t, s, args...)
	if r.status != 1 || r.stderr == "" {
		t.Errorf("gc %v: status %d, want 1 and a message\n%s%s", args, r.status, r.stdout, r.stderr)
	}
	if diff := cmp.Diff(before, s.Snapshot(t)); diff != "" {
		t.Errorf("gc %v has changed the store (-before +after)\n%s", args, diff)
	}
}

// A volume that is not mounted looks like an empty directory.
func TestLiveStoreThatLooksLikeAVolumeThatIsNotMountedIsRefused(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for _, c := range []struct {
		name, store, args string
		goes              []string // with --allow-empty
	}{
		{"no repositories directory, while there are blobs", "orphan as=o", "", []string{"o"}},
		{"an empty repositories directory, while there are blobs", "orphan as=o\nmkdir repositories", "", []string{"o"}},
		{"repositories without any of their directories, while there are blobs", "orphan as=o\nmkdir repositories/a/b\nraw repositories/README x", "", []string{"o"}},
		{"only a snapshot among repositories, while there are blobs", "image x/y:v1 as=i\nmove repositories/x repositories/.snapshot", "", []string{"i", "i.config", "i.layer1"}},
		{"blobs with a repository that has only an upload", "upload a/b age=2d\norphan as=o", "", []string{"o"}},
		{"layer links and no manifest link", "image a/b:v1 as=i\nremove repositories/a/b/_manifests", "", []string{"i", "i.config", "i.layer1"}},
		{"manifests without a tag, with -m", "image a/b as=i\nimage c/d as=j", "-m", []string{"i", "i.config", "i.layer1", "j", "j.config", "j.layer1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := layouttest.New(t, c.store)
			refused(t, s, strings.Fields(c.args)...)
			liveCase{goes: c.goes}.on(t, s, append(strings.Fields(c.args), "--allow-empty")...)
		})
	}
	for name, damage := range map[string]string{"missing": "remove blobs", "empty": "remove blobs\nmkdir blobs"} {
		t.Run("links while blobs is "+name, func(t *testing.T) {
			t.Parallel()
			for _, store := range []string{"image a/b:v1", "layer a/b l", "image a/b:v1\nremove repositories/a/b/_layers"} {
				s := layouttest.New(t, store+"\n"+damage)
				refused(t, s)
				refused(t, s, "-m")
				if r := gc(t, s, "--dry-run", "--allow-empty"); r.status != 0 && r.status != 3 {
					t.Errorf("with --allow-empty: status %d\n%s", r.status, r.stderr)
				}
			}
		})
	}
	runLive(t, []liveCase{
		{name: "manifests without a tag are fine without -m", store: "image a/b as=i\norphan as=o", goes: []string{"o"}, items: []string{}, pulls: []string{"a/b@i"}},
		{name: "one tag in any repository is enough for -m", store: "image FIRST as=i\nimage SECOND:v1", args: "-m", goes: []string{"i", "i.config", "i.layer1"}, pulls: []string{"SECOND:v1"}},
		{name: "a store with nothing in it is clean", store: "mkdir blobs\nmkdir repositories"},
		{name: "a store with neither blobs nor repositories is clean", store: "mkdir /docker/registry/v2"},
	})
}

func TestLiveGitLabsDatabaseIsRefusedAndADryRunWorks(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "image a/b:v1\norphan as=o\nraw /docker/registry/lockfiles/database-in-use x")
	for _, args := range [][]string{{}, {"-m"}, {"--allow-empty"}, {"--yes"}} {
		refused(t, s, args...)
	}
	dry := mustGC(t, s, 0, "--dry-run")
	if len(blobsOf(s, dry)) != 1 || !strings.Contains(dry.stderr, "GitLab") {
		t.Errorf("the dry run plans %v and says %q", blobsOf(s, dry), dry.stderr)
	}
	// Without the database its registry leaves another file there.
	s = layouttest.New(t, "image a/b:v1\norphan as=o\nraw /docker/registry/lockfiles/filesystem-in-use x")
	liveCase{goes: []string{"o"}, pulls: []string{"a/b:v1"}}.on(t, s)
}

// configured writes a registry's configuration for the store, and returns its path.
func configured(t *testing.T, s *layouttest.Store, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yml")
	text := "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " + s.Root + "\n" + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLiveHarborIsRefusedAndADryRunWorks(t *testing.T) {
	t.Parallel()
	s := layouttest.New(t, "image a/b:v1\norphan as=o")
	config := configured(t, s, "auth:\n  htpasswd:\n    realm: harbor-registry-basic-realm\n    path: /etc/registry/passwd\n")
	for _, args := range [][]string{{"gc", "--config", config}, {"gc", config, "-m"}, {"garbage-collect", "--allow-empty", config}} {
		if r := runProgram(t, "", args...); r.status != 1 || !s.Has("o") || r.stderr == "" {
			t.Errorf("%v: status %d, the orphan is there: %t\n%s", args, r.status, s.Has("o"), r.stderr)
		}
	}
	dry := runProgram(t, "", "gc", "--dry-run", "-o", "json", config)
	if dry.status != 0 || !strings.Contains(dry.stderr, "Harbor") {
		t.Errorf("the dry run: status %d, says %q", dry.status, dry.stderr)
	}
}

// Its untagged manifests are the cache itself.
func TestLivePullThroughCacheNeedsAnExplicitOlderThanWithM(t *testing.T) {
	t.Parallel()
	const store = "image lib/a:v1\nimage lib/a as=old\nimage lib/a as=young age=3d\n"
	gone := []string{"old", "old.config", "old.layer1"}
	t.Run("by its state file", func(t *testing.T) {
		t.Parallel()
		s := layouttest.New(t, store+"raw /scheduler-state.json {}")
		refused(t, s, "-m")
		refused(t, s, "-m", "--allow-empty")
		liveCase{items: []string{}, pulls: []string{"lib/a:v1", "lib/a@old", "lib/a@young"}}.on(t, s)
		liveCase{goes: gone, pulls: []string{"lib/a:v1", "lib/a@young"}}.on(t, s, "-m", "--older-than", "7d")
	})
	t.Run("by its configuration", func(t *testing.T) {
		t.Parallel()
		s := layouttest.New(t, store)
		config := configured(t, s, "proxy:\n  remoteurl: https://registry-1.docker.io\n")
		if r := runProgram(t, "", "gc", "-m", config); r.status != 1 || !s.Has("old") || r.stderr == "" {
			t.Errorf("status %d, the old image is there: %t\n%s", r.status, s.Has("old"), r.stderr)
		}
		if r := runProgram(t, "", "gc", "-m", "--older-than", "7d", config); r.status != 0 || s.Has("old") || !s.Has("young") {
			t.Errorf("with --older-than: status %d, old is there: %t, young: %t\n%s", r.status, s.Has("old"), s.Has("young"), r.stderr)
		}
	})
}
