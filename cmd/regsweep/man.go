package main

import (
	"os"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/man"
	"github.com/regsweep/regsweep/layout"
)

func (p *program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man [COMMAND or DIR]",
		Short: "print a manual page, or write all of them to a directory",
		Long: `man prints the manual page of the program or of a COMMAND, for "man -l -". With a
DIR it writes the pages of all commands there: regsweep.1, regsweep-gc.1 and so
on. It makes the directory if it does not exist. The name of a new directory
needs a slash, such as ./man.` + plainStatusHelp,
		Example: `  regsweep man | man -l -
  regsweep man trash restore | man -l -
  regsweep man /usr/local/share/man/man1`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.man(cmd.Root(), args) },
	}
}

func (p *program) man(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err == nil && len(rest) == 0 {
		_, err := p.out.Write(manBuild().Page(cmd))
		return err
	}
	dir := args[0]
	info, err := os.Stat(dir)
	if len(args) > 1 || (err != nil || !info.IsDir()) && !strings.ContainsAny(dir, `/\`) {
		return usage(&layout.HintError{
			Err:  term.Quoted("%s is neither a command nor a directory", strings.Join(args, " ")),
			Hint: "regsweep --help lists the commands; a directory that is to be made needs a slash, as ./man",
		})
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return manBuild().Write(root, dir)
}

func manBuild() man.Build {
	v, _ := buildVersion()
	return man.Build{Version: v, Date: buildDate()}
}
