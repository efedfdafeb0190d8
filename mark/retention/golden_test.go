package retention

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestGolden decides about the lists of tags in testdata. Each file has a
// policy and a scene; go test -update writes the decisions.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var policy *Policy
			for i := range archive.Files {
				section := &archive.Files[i]
				if section.Name != "tags" {
					if policy, err = Parse(section.Name, section.Data); err != nil {
						t.Fatal(err)
					}
					continue
				}
				checkScene(t, policy, &section.Data)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// checkScene compares what is decided with what the text says.
func checkScene(t *testing.T, policy *Policy, text *[]byte) {
	t.Helper()
	s := parseScene(t, string(*text))
	got := s.decide(t, policy, Options{Now: now, Grace: time.Hour})
	if *update {
		*text = []byte(s.text(got))
		return
	}
	if diff := cmp.Diff(s.want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}
