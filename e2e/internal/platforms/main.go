// Command platforms checks the types of a module and of its tests for other systems,
// as a compiler does. It makes no code, so it is a few times as fast:
//
//	go run ./internal/platforms -dir .. windows/amd64 linux/arm
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	dir := flag.String("dir", ".", "the `DIR` of the module")
	flag.Parse()
	for _, target := range flag.Args() {
		if err := check(*dir, target); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", target, err)
			os.Exit(1)
		}
	}
}

// fewest packages are in a module that was read in full.
const fewest = 20

func check(dir, target string) error {
	system, arch, ok := strings.Cut(target, "/")
	if !ok {
		return errors.New("a target is OS/ARCH")
	}
	list, err := packages.Load(&packages.Config{
		// The dependencies are read as source, too: a file with what they export
		// would have to be compiled.
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes,
		Dir:   dir,
		Tests: true,
		Env:   append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0", "GOWORK=off"),
	}, "./...")
	switch {
	case err != nil:
		return err
	case packages.PrintErrors(list) > 0:
		return errors.New("it does not compile")
	case len(list) < fewest:
		return fmt.Errorf("only %d packages in %q", len(list), dir)
	}
	return nil
}
