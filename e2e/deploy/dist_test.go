package deploy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/CycloneDX/cyclonedx-go" // whose schemas are read
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

const release = "regsweep-v1.2.3-linux-amd64"

// dist makes a release of one target from a copy of the project, and returns
// what it consists of.
func dist(t *testing.T, dir string, environ ...string) map[string][]byte {
	t.Helper()
	for _, part := range []string{"cmd", "deploy", "docs", "layout", "mark", "sweep", "testdata", "walker"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(project, part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "README.md", "CHANGELOG.md", "LICENSE", "Makefile"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, name)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", "./deploy/dist", "-version", "v1.2.3", "-commit", "abc", "-time", "1700000000", "-targets", "linux/amd64",
		"-bill", parts.Need(t, "cyclonedx-gomod"))
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dist: %v\n%s", err, out)
	}
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(dir, "dist"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, "dist", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A second build, in another directory, at another time of day, with nothing
// that the first one compiled, has the same bytes.
func TestDist(t *testing.T) {
	dir := t.TempDir()
	first := dist(t, dir)
	install(t, dir)
	cache := t.TempDir()
	again := dist(t, filepath.Join(t.TempDir(), "a", "longer", "name"), "GOCACHE="+cache, "TZ=Asia/Kathmandu", "GOAMD64=v3", "TMPDIR="+t.TempDir())
	for name, content := range first {
		if !bytes.Equal(content, again[name]) {
			t.Errorf("%s differs", name)
		}
	}
	if len(first) != 3 || len(again) != 3 {
		t.Errorf("%d and %d files", len(first), len(again))
	}
	for name, content := range first {
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name); name != "SHA256SUMS" && !strings.Contains(string(first["SHA256SUMS"]), line) {
			t.Errorf("SHA256SUMS lacks %s", line)
		}
	}
	files := unpack(t, first[release+".tar.gz"])
	for _, name := range []string{
		"README.md", "LICENSE", "CHANGELOG.md", "docs/safety.md", "man/man1/regsweep.1", "man/man1/regsweep-gc.1",
		"completions/regsweep.bash", "completions/_regsweep", "completions/regsweep.fish", "deploy/compose.yml",
	} {
		if len(files[name]) == 0 {
			t.Errorf("the archive lacks %s", name)
		}
	}
	program := filepath.Join(t.TempDir(), "regsweep")
	if err := os.WriteFile(program, files["regsweep"], 0o777); err != nil {
		t.Fatal(err)
	}
	if said := run(t, program, "version"); !strings.HasPrefix(said, "regsweep v1.2.3\ncommit abc\n") {
		t.Errorf("its version is %q", said)
	}
	if page := string(files["man/man1/regsweep-gc.1"]); !strings.Contains(page, `"2023-11-14" "regsweep v1.2.3"`) {
		t.Errorf("the page begins %.80q", page)
	}
	checkBill(t, first[release+".cdx.json"], files["regsweep"])
}

// install puts the program, its pages and its completions where a package wants
// them, and uninstall takes all of it away.
func install(t *testing.T, dir string) {
	t.Helper()
	to := t.TempDir()
	args := []string{"-C", dir, "-s", "DESTDIR=" + to, "PREFIX=/usr", "VERSION=v1.2.3", "COMMIT=abc", "DATE=2023-11-14"}
	run(t, "make", append(args, "install")...)
	for _, name := range []string{
		"bin/regsweep", "share/man/man1/regsweep.1", "share/man/man1/regsweep-gc.1", "share/bash-completion/completions/regsweep",
		"share/zsh/site-functions/_regsweep", "share/fish/vendor_completions.d/regsweep.fish",
	} {
		if info, err := os.Stat(filepath.Join(to, "usr", name)); err != nil || info.Size() == 0 {
			t.Errorf("install: %s: %v", name, err)
		}
	}
	run(t, "make", append(args, "uninstall")...)
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("uninstall leaves %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// unpack reads an archive, of which every file is in one directory.
func unpack(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(h.Name, release+"/")
		if !ok || h.Uid != 0 || h.Uname != "" || h.ModTime.Unix() != 1700000000 {
			t.Errorf("%s: %d %q %s", h.Name, h.Uid, h.Uname, h.ModTime)
		}
		if files[name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// checkBill holds a bill of materials against the format's schema, and against
// what the Go command says of the binary.
func checkBill(t *testing.T, bill, binary []byte) {
	t.Helper()
	dir := strings.TrimSpace(run(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go"))
	compiler := jsonschema.NewCompiler()
	for url, file := range map[string]string{"spdx": "spdx.schema.json", "jsf-0.82": "jsf-0.82.schemax.json", "bom-1.6": "bom-1.6.schema.json"} {
		f, err := os.Open(filepath.Join(dir, "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		schema, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("http://cyclonedx.org/schema/"+url+".schema.json", schema); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(bill))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
	var b struct {
		Metadata struct {
			Component struct{ Hashes []struct{ Content string } }
		}
		Components []struct {
			Name, Version string
			Hashes        []struct{ Alg, Content string }
		}
	}
	if err := json.Unmarshal(bill, &b); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(binary)); b.Metadata.Component.Hashes[0].Content != want {
		t.Errorf("the program's hash is %s", b.Metadata.Component.Hashes[0].Content)
	}
	var listed, linked []string
	for _, c := range b.Components {
		if c.Name == "std" {
			continue
		}
		listed = append(listed, c.Name+" "+c.Version)
		if len(c.Hashes) != 1 || c.Hashes[0].Alg != "SHA-256" || len(c.Hashes[0].Content) != 64 {
			t.Errorf("%s has the hashes %v", c.Name, c.Hashes)
		}
	}
	file := filepath.Join(t.TempDir(), "regsweep")
	if err := os.WriteFile(file, binary, 0o777); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(run(t, "go", "version", "-m", file)) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "dep" {
			linked = append(linked, words[1]+" "+words[2])
		}
	}
	if len(linked) < 3 || !slices.Equal(listed, linked) {
		t.Errorf("the bill has %q, the binary %q", listed, linked)
	}
}
