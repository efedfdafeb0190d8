package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Archives of the same files are the same, wherever the clock is.
func TestPack(t *testing.T) {
	files := []file{{name: "a/b", content: []byte("text")}, {name: "program", content: []byte{1, 2, 3}, executable: true}}
	pack := func(zone string) map[string]string {
		t.Setenv("TZ", zone)
		r := release{out: t.TempDir(), time: time.Unix(1700000000, 0).UTC()}
		if err := r.tar("base", files); err != nil {
			t.Fatal(err)
		}
		if err := r.zip("base", files); err != nil {
			t.Fatal(err)
		}
		if err := r.checksums(); err != nil {
			t.Fatal(err)
		}
		made := map[string]string{}
		for _, name := range []string{"base.tar.gz", "base.zip", "SHA256SUMS"} {
			content, err := os.ReadFile(filepath.Join(r.out, name))
			if err != nil {
				t.Fatal(err)
			}
			made[name] = string(content)
		}
		return made
	}
	here := pack("UTC")
	if diff := cmp.Diff(here, pack("Asia/Kathmandu")); diff != "" {
		t.Errorf("the second time: %s", diff)
	}
}
