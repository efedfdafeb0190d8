//go:build !unix

package sweep_test

import (
	"os"
	"slices"
)

// write makes the files of a template below root. What cannot be written is a panic.
func (tp *template) write(root string) {
	for _, f := range tp.files {
		var err error
		if f.info.IsDir() {
			err = os.Mkdir(root+f.path, 0o755)
		} else {
			err = os.WriteFile(root+f.path, f.content, 0o644)
		}
		if err != nil {
			panic(err) // no place to write: no test
		}
	}
	for _, f := range slices.Backward(tp.files) {
		if err := os.Chtimes(root+f.path, f.info.ModTime(), f.info.ModTime()); err != nil {
			panic(err)
		}
	}
}
