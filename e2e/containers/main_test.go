package containers

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/program"
)

const project = "../.."

// build makes the binary once, static as in a release, under the name that it has
// in the documentation.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "bin", "regsweep")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	made, err := program.Given()
	if err != nil {
		return "", err
	}
	if made == "" {
		return path, program.Build(project, path)
	}
	data, err := os.ReadFile(made)
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, data, 0o755)
})

var buildDir string

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, "regsweep-boxes", func(dir string) { buildDir = dir }))
}

func regsweep(t *testing.T) string {
	t.Helper()
	path, err := build()
	must(t, err)
	return path
}

// promised fails the test if a file of the project does not have the line that
// the test is about to type.
func promised(t *testing.T, file, line string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(project, file))
	must(t, err)
	if !strings.Contains(string(text), line) {
		t.Fatalf("%s does not say: %s", file, line)
	}
	return line
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
