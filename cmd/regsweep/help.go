package main

import (
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/help"
	"github.com/regsweep/regsweep/layout"
)

// rootHelp begins with the commands that most people need.
const rootHelp = `regsweep frees the disk space of container registries that keep their images on
a filesystem: CNCF Distribution (registry:2, registry:3) and programs that embed
it. It works on the files, without the registry's API.

MOST USED
  regsweep ls                                   what takes the space
  regsweep gc --dry-run                         what nothing references
  regsweep gc -m                                remove that and untagged images
  regsweep rm team/app:v1                       delete an image
  regsweep prune --filter 'ci:.*' --ago 30d -n  the tags older than 30 days
  regsweep why team/app:v1                      what keeps an image
  regsweep check                                whether all images are complete

Commands that remove images ask first on a terminal. Try them with --dry-run.` + exitStatusHelp

// groupCommands sorts the commands of help by task.
func groupCommands(root *cobra.Command) {
	groups := []struct{ id, title, members string }{
		{"see", "See what is there:", "ls why"},
		{"free", "Free space:", "gc apply"},
		{"delete", "Delete:", "rm untag"},
		{"keep", "Keep by policy:", "prune policy protect pulls"},
		{"check", "Check and bring back:", "check doctor trash export repair undelete tag"},
	}
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, name := range strings.Fields(g.members) {
			for _, cmd := range root.Commands() {
				if cmd.Name() == name {
					cmd.GroupID = g.id
				}
			}
		}
	}
}

// fitHelp makes all help fit a terminal, and fits the texts to each command.
func (p *program) fitHelp(root *cobra.Command) {
	root.SetHelpCommand(p.helpCommand())
	root.InitDefaultHelpCmd()
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		// The program's output remembers what could not be written, and says so.
		_ = help.Write(cmd.OutOrStdout(), cmd)
	})
	groupCommands(root)
	fitFlags(root)
}

func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "print the help of a command",
		Long:  "help prints the help of a COMMAND, or of the program.",
		Example: `  regsweep help gc
  regsweep help trash restore`,
		ValidArgsFunction: completeCommands,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command %s", strings.Join(args, " ")), Hint: "regsweep --help lists them"})
			}
			return about.Help()
		},
	}
}

// completeCommands completes the name of a command.
func completeCommands(cmd *cobra.Command, args []string, word string) (names []string, _ cobra.ShellCompDirective) {
	if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
		for _, sub := range about.Commands() {
			if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), word) {
				names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// withoutMeaning are the flags that a command accepts, so that a script can
// give all commands the same ones, and does not offer, since they change
// nothing that it does. (The grace changes what the report of untag says about
// garbage, which untag leaves alone.)
func withoutMeaning(path string) []string {
	switch path {
	case "regsweep ls":
		return []string{"verbose", "no-color"}
	case "regsweep why":
		return []string{"verbose"}
	case "regsweep check":
		return []string{"no-color"}
	case "regsweep doctor":
		return []string{"verbose", "progress", "jobs", "index"}
	case "regsweep untag":
		return []string{"grace", "uploads-older-than", "max-remove"}
	case "regsweep trash ls":
		return []string{"verbose", "no-color", "progress", "jobs", "index"}
	case "regsweep trash restore", "regsweep trash empty":
		return []string{"no-color", "progress", "index"}
	case "regsweep export":
		return []string{"no-color"}
	case "regsweep repair":
		return []string{"no-color", "index"}
	case "regsweep undelete":
		return []string{"no-color", "progress", "index"}
	case "regsweep tag":
		return []string{"verbose", "no-color", "progress", "jobs", "index"}
	case "regsweep protect add", "regsweep protect rm", "regsweep protect ls", "regsweep pulls ls":
		return []string{"verbose", "no-color", "progress", "jobs", "index"}
	case "regsweep pulls read":
		return []string{"verbose", "no-color"}
	}
	return nil
}

// flagMeaning is what a flag does in one command, or "" where it does what it
// does in the others.
func flagMeaning(path, flag string) string {
	switch flag + " of " + strings.TrimPrefix(path, "regsweep ") {
	case "report of ls", "report of why", "report of trash ls", "report of trash restore", "report of trash empty",
		"report of doctor", "report of export", "report of protect add", "report of protect rm", "report of protect ls", "report of undelete", "report of tag", "report of repair", "report of pulls read", "report of pulls ls":
		return "also write the result to `FILE`; its name ends in .json"
	case "verbose of check":
		return "list all problems, and everything that they break"
	case "verbose of prune":
		return "also list the tags that are kept, and why; -vv also lists blobs"
	case "verbose of repair":
		return "list everything that is repaired or left"
	case "verbose of undelete":
		return "list all images that are brought back"
	case "quiet of undelete":
		return "print no table; for a list, print only NAME@DIGEST"
	case "verbose of trash restore":
		return "list all tags that are put back"
	case "verbose of trash empty":
		return "list everything that is put back"
	case "quiet of ls":
		return "print only names, as rm takes them"
	case "quiet of protect ls":
		return "print only the patterns"
	case "quiet of pulls ls", "quiet of pulls read":
		return "print only names"
	case "quiet of why":
		return "print nothing; the status says whether it exists"
	case "quiet of trash ls":
		return "print only the names of the runs"
	case "uploads-older-than of rm", "uploads-older-than of prune":
		return "while a push is under way, keep its layers up to this `AGE`"
	}
	return ""
}

// fitFlags makes each command offer the flags that mean something to it, with
// what they mean there.
func fitFlags(cmd *cobra.Command) {
	for _, name := range withoutMeaning(cmd.CommandPath()) {
		if f := cmd.Flags().Lookup(name); f != nil {
			f.Hidden = true
		}
	}
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Usage = "print this help"
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if text := flagMeaning(cmd.CommandPath(), f.Name); text != "" {
			f.Usage = text
		}
	})
	for _, sub := range cmd.Commands() {
		fitFlags(sub)
	}
}
