package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/safety.md says is shown by a test has to name one that exists.
func TestSafetyNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/safety.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	err = filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		all.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+(\.\.\.)?`).FindAllString(string(text), -1)
	if len(names) < 30 {
		t.Errorf("only %q", names)
	}
	for _, name := range names {
		begin, cut := strings.CutSuffix(name, "...")
		if !cut {
			begin += "("
		}
		if !strings.Contains(all.String(), "\nfunc "+begin) {
			t.Errorf("there is no %s", name)
		}
	}
}
