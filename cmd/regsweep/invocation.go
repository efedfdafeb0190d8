package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/pflag"
)

// whereOf is where a command looks for the registry: by its flags, its argument
// or the environment. Paths become absolute, since the command may be pasted
// elsewhere.
func whereOf(c *common, arg string, environ []string) term.Where {
	absolute := func(flag, path string) term.Where {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return term.Where{flag, path}
	}
	info, err := os.Stat(arg)
	switch {
	case c.root != "":
		return absolute("--root", c.root)
	case c.config != "":
		return absolute("--config", c.config)
	case arg != "" && err == nil && info.IsDir():
		return absolute("--root", arg)
	case arg != "":
		return absolute("--config", arg)
	}
	for _, by := range [][2]string{{"--root", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="}, {"--config", "REGISTRY_CONFIGURATION_PATH="}} {
		for _, e := range environ {
			if path := strings.TrimPrefix(e, by[1]); path != e && path != "" {
				return absolute(by[0], path)
			}
		}
	}
	return nil
}

// again is the command line of this run, less some flags and with others.
func again(w term.Where, command string, f *pflag.FlagSet, without []string, with ...string) string {
	args := strings.Fields(command)
	without = append(without, "root", "config", "output", "report", "quiet", "verbose", "progress", "no-color")
	f.Visit(func(flag *pflag.Flag) {
		switch list, ok := flag.Value.(pflag.SliceValue); {
		case slices.Contains(without, flag.Name):
		case ok:
			for _, value := range list.GetSlice() {
				args = append(args, "--"+flag.Name, value)
			}
		case flag.Value.Type() == "bool" && flag.Value.String() == "true":
			if name := "-" + flag.Shorthand; name != "-" {
				args = append(args, name)
				return
			}
			args = append(args, "--"+flag.Name)
		case flag.Value.Type() == "bool":
			args = append(args, "--"+flag.Name+"=false")
		default:
			args = append(args, "--"+flag.Name, flag.Value.String())
		}
	})
	args = append(args, with...)
	if command != "gc" { // whose argument is in w
		args = append(args, f.Args()...)
	}
	return w.Command(args...)
}
