//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// leadIntoTrash is a store with a name that leads into the trash, as a program
// that finds files with the same content may leave it.
type leadIntoTrash struct {
	name string
	text string // what is done to the store; TRASH is the run in the trash
	held string // what stays in the trash
	back string // a reference that a restore makes whole all the same
}

var leadsIntoTrash = []leadIntoTrash{
	{
		"the data of another blob",
		"move blobs/sha256/{xx:l}/{l}/data TRASH/blobs/sha256/{xx:o}/{o}/data\n" +
			"symlink blobs/sha256/{xx:l}/{l}/data ../../../../TRASH/blobs/sha256/{xx:o}/{o}/data",
		"blobs/sha256/{xx:o}/{o}/data", "a@sha256:{a1}",
	},
	{
		"the data of a blob that was pushed again",
		"copy b:v2 a1\nremove blobs/sha256/{xx:la}/{la}/data\n" +
			"symlink blobs/sha256/{xx:la}/{la}/data ../../../../TRASH/blobs/sha256/{xx:la}/{la}/data",
		"blobs/sha256/{xx:la}/{la}/data", "a@sha256:{a1}",
	},
	{
		"the directory of a blob",
		"move blobs/sha256/{xx:l}/{l}/data TRASH/blobs/sha256/{xx:o}/{o}/data\nremove blobs/sha256/{xx:l}/{l}\n" +
			"symlink blobs/sha256/{xx:l}/{l} ../../../TRASH/blobs/sha256/{xx:o}/{o}",
		"blobs/sha256/{xx:o}/{o}/data", "a@sha256:{a1}",
	},
	{
		"the link of a layer in another repository",
		"copy b:v2 a1\nremove repositories/b/_layers/sha256/{la}/link\n" +
			"symlink repositories/b/_layers/sha256/{la}/link ../../../../../TRASH/repositories/a/_layers/sha256/{la}/link",
		"repositories/a/_layers/sha256/{la}/link", "",
	},
	{
		"the link of a manifest in another repository",
		"copy b:v2 a1\nremove repositories/b/_manifests/revisions/sha256/{a1}/link\n" +
			"symlink repositories/b/_manifests/revisions/sha256/{a1}/link ../../../../../../TRASH/repositories/a/_manifests/revisions/sha256/{a1}/link",
		"repositories/a/_manifests/revisions/sha256/{a1}/link", "",
	},
}

func (l *leadIntoTrash) store(t *testing.T) *layouttest.Store {
	t.Helper()
	t.Parallel()
	s := layouttest.New(t, "age 30d\nimage b:v1 layers=l as=b1\nimage a layers=la as=a1\nimage a:v1 as=a2\norphan as=o")
	if r := runProgram(t, "", "gc", "-m", "--older-than", "0", "--trash", "--root", s.Root); r.status != 0 {
		t.Fatal(r.stderr)
	}
	run := namesIn(filepath.Join(s.Dir, ".regsweep/trash"))[0]
	s.MustApply(t, strings.ReplaceAll(expand(s, []string{l.text})[0], "TRASH", ".regsweep/trash/"+run))
	if missing := s.Missing("b:v1"); missing != nil {
		t.Fatalf("b:v1 lacks %v before", missing)
	}
	return s
}

// pulls fails if something cannot be pulled that could be before.
func (l *leadIntoTrash) pulls(t *testing.T, s *layouttest.Store, before []string) {
	t.Helper()
	for _, ref := range before {
		if missing := s.Missing(ref); missing != nil {
			t.Errorf("%s lacks %v", ref, missing)
		}
	}
}

func TestTrashThatANameLeadsToIsNotEmptied(t *testing.T) {
	t.Parallel()
	for _, l := range leadsIntoTrash {
		t.Run(l.name, func(t *testing.T) {
			s := l.store(t)
			before := whatPulls(s)
			if r := runProgram(t, "", "trash", "empty", "--yes", "--root", s.Root); r.status != 1 || !strings.Contains(r.stderr, "leads to") {
				t.Errorf("status %d\n%s", r.status, r.stderr)
			}
			l.pulls(t, s, before)
		})
	}
}

func TestWhatANameLeadsToInTheTrashIsNotPutBack(t *testing.T) {
	t.Parallel()
	for _, l := range leadsIntoTrash {
		t.Run(l.name, func(t *testing.T) {
			s := l.store(t)
			before := whatPulls(s)
			run := namesIn(filepath.Join(s.Dir, ".regsweep/trash"))[0]
			for range 2 {
				r := runProgram(t, "", "trash", "restore", run, "--yes", "--root", s.Root)
				if want := "conflict: " + expand(s, []string{l.held})[0] + ": "; r.status != 1 || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, "leads to it") {
					t.Errorf("status %d, without %q\n%s%s", r.status, want, r.stdout, r.stderr)
				}
				l.pulls(t, s, before)
			}
			if l.back != "" {
				l.pulls(t, s, expand(s, []string{l.back}))
			}
		})
	}
}
