// Package man writes manual pages of commands, in the macros of man(7).
package man

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// Build is what pages say of the program.
type Build struct{ Version, Date string }

// Write writes the pages of a command and of all below it.
func (b Build) Write(cmd *cobra.Command, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, pageName(cmd)+".1"), b.Page(cmd), 0o666); err != nil {
		return err
	}
	for _, sub := range documented(cmd) {
		if err := b.Write(sub, dir); err != nil {
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

// Page is a command's page in the macros of man(7).
func (b Build) Page(cmd *cobra.Command) []byte {
	r := &roff{}
	r.title(pageName(cmd), b)
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
		r.prose(environment)
	}
	if cmd.Example != "" {
		r.section("EXAMPLES")
		r.verbatim(strings.Split(cmd.Example, "\n"))
	}
	r.seeAlso(cmd)
	return r.page.Bytes()
}

const environment = `ENVIRONMENT
  REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY    the registry's root directory, as for the registry itself
  REGISTRY_CONFIGURATION_PATH    the registry's configuration, if neither the variable above nor a flag names the registry

FILES
  /etc/distribution/config.yml, /etc/docker/registry/config.yml    configurations that are tried in this order
  /var/lib/registry    the root directory, if nothing names another one`

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
		r.line(strings.TrimSpace(`\fB` + Escape(path+cmd.Name()) + `\fR ` + Escape(strings.Join(strings.Fields(words), " "))))
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
		r.line(fmt.Sprintf(`.BR %s (1)%s`, Escape(page), end))
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
