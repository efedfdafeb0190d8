package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/layout"
)

func (p *program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man [COMMAND or DIR]",
		Short: "print a manual page, or write all of them to a directory",
		Long: `man prints the manual page of the program, or that of a COMMAND, for "man -l -". With a
DIR it writes the pages of all commands there, as regsweep.1, regsweep-gc.1 and so on;
the directory is made if it is not there. What is neither a command nor a directory that
exists has to have a slash, as ./man.` + exitStatusHelp,
		Example: `  regsweep man | man -l -
  regsweep man trash restore | man -l -
  regsweep man /usr/local/share/man/man1`,
		RunE: func(cmd *cobra.Command, args []string) error { return p.man(cmd.Root(), args) },
	}
}

func (p *program) man(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err == nil && len(rest) == 0 {
		_, err := p.out.Write(manPage(cmd))
		return err
	}
	dir := args[0]
	info, err := os.Stat(dir)
	if len(args) > 1 || (err != nil || !info.IsDir()) && !strings.ContainsAny(dir, `/\`) {
		return usage(&layout.HintError{
			Err:  quoted("%s is neither a command nor a directory", strings.Join(args, " ")),
			Hint: "regsweep --help lists the commands; a directory that is to be made needs a slash, as ./man",
		})
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return writeManPages(root, dir)
}

// writeManPages writes the pages of a command and of all below it.
func writeManPages(cmd *cobra.Command, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, pageName(cmd)+".1"), manPage(cmd), 0o666); err != nil {
		return err
	}
	for _, sub := range documented(cmd) {
		if err := writeManPages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// documented are the commands below one that have a page; the scripts of
// completion explain themselves.
func documented(cmd *cobra.Command) (list []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && cmd.Name() != "completion" {
			list = append(list, sub)
		}
	}
	return list
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is a command's page in the macros of man(7).
func manPage(cmd *cobra.Command) []byte {
	r := &roff{}
	r.title(pageName(cmd))
	r.section("NAME")
	r.text(pageName(cmd) + " - " + cmd.Short)
	r.section("SYNOPSIS")
	r.synopsis(cmd)
	r.section("DESCRIPTION")
	description, sections := cutSections(cmd.Long)
	if description == "" {
		description = cmd.Short
	}
	r.prose(description)
	r.commands(documented(cmd))
	r.options(cmd)
	r.prose(sections)
	if !cmd.HasParent() {
		r.prose(manEnvironment)
	}
	if cmd.Example != "" {
		r.section("EXAMPLES")
		r.verbatim(strings.Split(cmd.Example, "\n"))
	}
	r.seeAlso(cmd)
	return r.page.Bytes()
}

const manEnvironment = `ENVIRONMENT
  REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY    the registry's root directory, as for the registry itself
  REGISTRY_CONFIGURATION_PATH    the registry's configuration, where neither that nor a flag says where the registry is

FILES
  /etc/distribution/config.yml, /etc/docker/registry/config.yml    configurations that are tried in this order
  /var/lib/registry    the root directory where nothing says another one`

func (r *roff) synopsis(cmd *cobra.Command) {
	forms := strings.Split(cmd.Use, ", "+cmd.Name()+" ")
	path := strings.TrimSuffix(cmd.CommandPath(), cmd.Name())
	for i, form := range forms {
		words := strings.TrimPrefix(form, cmd.Name())
		if i > 0 {
			r.line(".br")
		}
		switch {
		case cmd.HasSubCommands() && cmd.Name() != "completion":
			words = " command [flags] [argument ...]"
		case cmd.Flags().HasAvailableFlags():
			words = " [flags] " + words
		}
		r.line(strings.TrimSpace(`\fB` + escape(path+cmd.Name()) + `\fR ` + escape(strings.Join(strings.Fields(words), " "))))
	}
}

func (r *roff) commands(list []*cobra.Command) {
	if len(list) == 0 {
		return
	}
	r.section("COMMANDS")
	for _, cmd := range list {
		names := append([]string{cmd.Name()}, cmd.Aliases...)
		r.item(strings.Join(names, ", "), cmd.Short)
	}
}

func (r *roff) seeAlso(cmd *cobra.Command) {
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, pageName(cmd.Parent()))
		for _, other := range documented(cmd.Parent()) {
			if other != cmd {
				pages = append(pages, pageName(other))
			}
		}
	}
	for _, sub := range documented(cmd) {
		pages = append(pages, pageName(sub))
	}
	if len(pages) == 0 {
		return
	}
	r.section("SEE ALSO")
	for i, page := range pages {
		end := ","
		if i == len(pages)-1 {
			end = ""
		}
		r.line(fmt.Sprintf(`.BR %s (1)%s`, escape(page), end))
	}
}

// roff writes a manual page.
type roff struct {
	page  bytes.Buffer
	fresh bool // nothing has been written since a heading
}

func (r *roff) line(text string) {
	r.page.WriteString(text + "\n")
	r.fresh = false
}
