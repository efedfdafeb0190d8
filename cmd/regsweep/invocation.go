package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/pflag"
)

// where is how the registry was found, as flags of a command that is to find
// the same one.
type where []string

// whereOf is where a command looks for the registry: by its flags, its argument
// or the environment. Paths become absolute, since the command may be pasted
// elsewhere.
func whereOf(c *common, arg string, environ []string) where {
	absolute := func(flag, path string) where {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return where{flag, path}
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

// command is a command line that can be pasted into a shell.
func (w where) command(args ...string) string {
	words := 1
	if len(args) > 1 && slices.Contains([]string{"trash", "policy", "protect", "pulls"}, args[0]) {
		words = 2
	}
	words = min(words, len(args))
	all := slices.Concat([]string{"regsweep"}, args[:words], w, args[words:])
	for i := range all {
		all[i] = shellWord(all[i])
	}
	return strings.Join(all, " ")
}

// shellWord quotes a word for a POSIX shell, if it needs that.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// mostHeadline is how many bytes of a command line are shown.
const mostHeadline = 1000

// commandLine is the command line as it was given, for a shell.
func commandLine(args []string) string {
	line := "regsweep"
	for i, arg := range args {
		if len(arg) > mostHeadline {
			arg = strings.ToValidUTF8(arg[:mostHeadline], "") + "..."
		}
		if line += " " + shellWord(arg); len(line) > mostHeadline {
			if more := len(args) - i - 1; more > 0 {
				line += " ... and " + english.Plural(more, "more word", "")
			}
			break
		}
	}
	return line
}

// again is the command line of this run, less some flags and with others.
func (w where) again(command string, f *pflag.FlagSet, without []string, with ...string) string {
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
	return w.command(args...)
}
