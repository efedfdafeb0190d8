// Command makestore builds a store from a text on standard input; see package
// layouttest. It serves the demo and the benchmarks.
//
//	makestore DIR < store.txt
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/regsweep/regsweep/layout/layouttest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "makestore:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: makestore DIR < store.txt")
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	_, err = layouttest.Build(os.Args[1], string(text), layouttest.Options{})
	return err
}
