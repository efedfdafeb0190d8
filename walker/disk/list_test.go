package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names have every length that a name may have, and so many that a directory of
// them does not fit into the kernel's answer to one call.
func names() (list []string) {
	for length := 5; length <= 255; length++ {
		for n := range 2 {
			list = append(list, fmt.Sprintf("%d%s", n, strings.Repeat("x", length-1)))
		}
	}
	return list
}

// TestListGivesEachNameOnce holds that no name is left out, cut or given twice
// where a directory is larger than the buffer, and that each has its type.
func TestListGivesEachNameOnce(t *testing.T) {
	root, d := tempStore(t, &FS{}, "a/")
	want := map[string]Type{}
	for i, name := range names() {
		at := filepath.Join(root, "a", name)
		var err error
		switch want[name] = File; i % 3 {
		case 0:
			want[name], err = Directory, os.Mkdir(at, 0o755)
		case 1:
			want[name] = Symlink
			symlink(t, name, at)
		default:
			err = os.WriteFile(at, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := d.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	got := map[string]Type{}
	err = a.List(func(e Entry) error {
		name := strings.Clone(e.Name)
		if _, twice := got[name]; twice {
			t.Errorf("%q is given twice", name)
		}
		got[name] = e.Type
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Errorf("%d names of %d: %v", len(got), len(want), err)
	}
	for name, is := range got {
		if kind, ok := want[name]; !ok || is != kind {
			t.Errorf("%q is %v, want %v", name, is, kind)
		}
	}
}

// TestListEndsWithTheErrorOfItsFunction holds that nothing is called any more
// after an error, and that the error comes out as it is.
func TestListEndsWithTheErrorOfItsFunction(t *testing.T) {
	_, d := tempStore(t, &FS{}, "1", "2", "3")
	enough, calls := errors.New("enough"), 0
	err := d.List(func(Entry) error {
		calls++
		return enough
	})
	if err != enough || calls != 1 { //nolint:errorlint // it is not wrapped
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestNamesThatVanishWhileTheyAreListed holds that a listing survives it: what is
// left at its end has been given, and nothing is an error.
func TestNamesThatVanishWhileTheyAreListed(t *testing.T) {
	root, d := tempStore(t, &FS{}, "a/")
	all := names()
	for _, name := range all {
		if err := os.WriteFile(filepath.Join(root, "a", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := d.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var got []string
	err = a.List(func(e Entry) error {
		if len(got) == 0 {
			for _, name := range all[:len(all)/2] {
				if err := os.Remove(filepath.Join(root, "a", name)); err != nil {
					t.Error(err)
				}
			}
		}
		got = append(got, strings.Clone(e.Name))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range all[len(all)/2:] {
		if !slices.Contains(got, name) {
			t.Errorf("%q is still there and was not given", name)
		}
	}
}
