package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// meantCommand is the command that people mean who type a word which other
// programs know, or "".
func meantCommand(word string) string {
	switch word {
	case "delete", "del", "remove", "erase", "rmi":
		return "regsweep rm NAME:TAG"
	case "list", "images", "tags", "du", "df", "repositories", "repos", "catalog":
		return "regsweep ls"
	case "inspect", "show", "describe", "manifest":
		return "regsweep ls NAME"
	case "history", "log":
		return "regsweep ls NAME --history"
	case "undo", "restore":
		return "regsweep trash restore"
	case "purge", "retention":
		return "regsweep prune"
	case "clean", "cleanup", "collect", "sweep":
		return "regsweep gc"
	case "verify", "fsck":
		return "regsweep check"
	}
	return ""
}

// unknownCommand is the error about a word that is not a command, or nil. It is
// looked for before flags are: those of an unknown command are not known either.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || args[0] == "help" || strings.HasPrefix(args[0], "__complete") {
		return nil
	}
	names := []string{}
	for _, cmd := range root.Commands() {
		if cmd.Name() == args[0] || cmd.HasAlias(args[0]) {
			return nil
		}
		names = append(names, cmd.Name())
	}
	hint := "regsweep --help lists them"
	if meant := meantCommand(args[0]); meant != "" {
		hint = "did you mean " + meant + "? " + hint
	} else if near := mark.Nearest(args[0], names); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return usage(&layout.HintError{Err: term.Quoted("there is no command %s", args[0]), Hint: hint})
}

// flagError is the error about flags, with the flag that was meant.
func flagError(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " --help lists the flags"
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
		if meant := meantFlag(cmd, unknown.GetSpecifiedName()); meant != "" {
			hint = strings.TrimSuffix(meant+"; ", "?; ") + term.Either(strings.HasSuffix(meant, "?"), "? ", "") + hint
		}
	}
	return usage(&layout.HintError{Err: err, Hint: hint})
}

// meantFlag is what to do about a flag that a command lacks, or "".
func meantFlag(cmd *cobra.Command, name string) string {
	has := func(flag string) bool { return cmd.Flags().Lookup(flag) != nil }
	switch {
	case !cmd.HasParent():
		return "flags come after the command"
	case name == "json" && has("output"):
		return "did you mean -o json?"
	case slices.Contains([]string{"registry", "concurrency", "include-locked", "r"}, name):
		return "leave it out: regsweep works on the registry's files, and needs no such flag"
	case (name == "dryrun" || name == "dry" || name == "whatif") && has("dry-run"):
		return "did you mean --dry-run?"
	case name == "force" && has("yes"):
		return "did you mean --yes?"
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := mark.Nearest(name, names); near != "" && len(name) > 1 {
		return "did you mean --" + near + "?"
	}
	return ""
}

// addShortNames gives --dry-run its second letter, -n, in every command that has it.
func addShortNames(cmd *cobra.Command) {
	f := cmd.Flags()
	if dry := f.Lookup("dry-run"); dry != nil && f.ShorthandLookup("n") == nil {
		dry.Usage += " (-n is the same)"
		f.AddFlag(&pflag.Flag{Name: "n", Shorthand: "n", Usage: dry.Usage, Value: dry.Value, DefValue: dry.DefValue, NoOptDefVal: dry.NoOptDefVal, Hidden: true})
	}
	for _, sub := range cmd.Commands() {
		addShortNames(sub)
	}
}
