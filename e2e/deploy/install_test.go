package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// What README says to have Go install works from a tag: the module that a proxy makes of
// the last commit is one that Go accepts, needs nothing of this directory, and says its version.
func TestGoInstall(t *testing.T) {
	const path, version, line = "github.com/regsweep/regsweep", "v1.2.3", "go install github.com/regsweep/regsweep/cmd/regsweep@latest"
	if !strings.Contains(read(t, "README.md"), line) {
		t.Fatalf("README.md does not say: %s", line)
	}
	here, err := filepath.Abs(project)
	if err != nil {
		t.Fatal(err)
	}
	// In a worktree the history is elsewhere, which the maker of modules does not look for.
	clone := t.TempDir()
	run(t, "git", "clone", "--quiet", "--no-checkout", "--depth", "1", "file://"+here, clone)
	proxy := t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	packed, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	if err := zip.CreateFromVCS(packed, module.Version{Path: path, Version: version}, clone, "HEAD", ""); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list": version + "\n", version + ".info": `{"Version":"` + version + `","Time":"2023-11-14T22:13:20Z"}`, version + ".mod": read(t, "go.mod"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The modules that it needs are here already, since the program has been built.
	known := "file://" + filepath.Join(strings.TrimSpace(run(t, "go", "env", "GOMODCACHE")), "cache/download")
	programs := t.TempDir()
	words := strings.Fields(line)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOPROXY=file://"+proxy+","+known, "GOMODCACHE="+t.TempDir(), "GOBIN="+programs, "GOSUMDB=off", "GOWORK=off",
		"CGO_ENABLED=0", "GOFLAGS=-trimpath -modcacherw")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	if said := run(t, filepath.Join(programs, "regsweep"), "version"); !strings.HasPrefix(said, "regsweep "+version+"\n") {
		t.Errorf("its version is %q", said)
	}
}
