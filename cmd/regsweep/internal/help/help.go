// Package help writes the help of commands, in lines of at most 80 columns.
package help

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Width is the number of columns that no line exceeds. A word that is longer,
// such as a digest in an example, is not broken.
const Width = 80

// Write writes the help of a command: what it does, how it is called, examples,
// the commands below it by group, and its flags.
func Write(w io.Writer, cmd *cobra.Command) error {
	cmd.InitDefaultHelpFlag()
	var text strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	prose(&text, strings.TrimSpace(about))
	usage(&text, cmd)
	if cmd.Example != "" && cmd.HasParent() {
		text.WriteString("\nExamples:\n" + strings.TrimRight(cmd.Example, "\n") + "\n")
	}
	commands(&text, cmd)
	flags(&text, cmd.Flags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&text, "\n%s COMMAND --help shows more about a command.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// prose writes paragraphs, and lines that are indented as they are.
func prose(text *strings.Builder, about string) {
	var paragraph []string
	flush := func() {
		for _, line := range fill(strings.Join(paragraph, " "), Width) {
			text.WriteString(line + "\n")
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(about, "\n") {
		heading := line != "" && line == strings.ToUpper(line)
		if line != "" && line[0] != ' ' && line[0] != '\t' && !heading {
			paragraph = append(paragraph, line)
			continue
		}
		flush()
		text.WriteString(strings.ReplaceAll(line, "\t", "    ") + "\n")
	}
	flush()
}

func usage(text *strings.Builder, cmd *cobra.Command) {
	text.WriteString("\nUsage:\n")
	path := strings.TrimSuffix(cmd.CommandPath(), cmd.Name())
	switch {
	case cmd.HasAvailableSubCommands():
		fmt.Fprintf(text, "  %s COMMAND [flags]\n", cmd.CommandPath())
	default:
		// A command may be called in several ways.
		for _, way := range strings.Split(cmd.Use, ", "+cmd.Name()+" ") {
			words := strings.TrimSpace(strings.TrimPrefix(way, cmd.Name()))
			entry(text, strings.TrimSpace(path+cmd.Name()), 0, strings.TrimSpace(words+" [flags]"))
		}
	}
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(text, "\nAliases:\n  %s\n", strings.Join(append([]string{cmd.Name()}, cmd.Aliases...), ", "))
	}
}

// commands lists what is below a command, in its groups; what has no group
// comes last.
func commands(text *strings.Builder, cmd *cobra.Command) {
	column := 0
	for _, sub := range cmd.Commands() {
		column = max(column, len(sub.Name())+4)
	}
	list := func(title, group string) {
		first := true
		for _, sub := range cmd.Commands() {
			if sub.GroupID != group || !sub.IsAvailableCommand() && sub.Name() != "help" {
				continue
			}
			if first {
				text.WriteString("\n" + title + "\n")
			}
			first = false
			entry(text, sub.Name(), column, sub.Short)
		}
	}
	for _, group := range cmd.Groups() {
		list(group.Title, group.ID)
	}
	if len(cmd.Groups()) > 0 {
		list("Other:", "")
	} else {
		list("Commands:", "")
	}
}

// column is where the text of a flag begins, at the most.
const column = 32

func flags(text *strings.Builder, set *pflag.FlagSet) {
	type line struct{ name, usage string }
	var lines []line
	at := 0
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		l := line{name: "    --" + f.Name}
		if f.Shorthand != "" {
			l.name = "-" + f.Shorthand + ", --" + f.Name
		}
		value, what := pflag.UnquoteUsage(f)
		if l.usage = what; value != "" {
			l.name += " " + value
		}
		if Default(f) != "" {
			l.usage += " (default " + Default(f) + ")"
		}
		if len(l.name)+4 <= column {
			at = max(at, len(l.name)+4)
		}
		lines = append(lines, l)
	})
	if len(lines) == 0 {
		return
	}
	text.WriteString("\nFlags:\n")
	for _, l := range lines {
		entry(text, l.name, at, l.usage)
	}
}

// Default is a flag's default as help shows it, or "" where it says nothing.
func Default(f *pflag.Flag) string {
	switch f.DefValue {
	case "false", "0", "[]", "0s":
		return ""
	}
	return f.DefValue
}

// entry writes a name, and from a column on what there is to say of it. Column
// 0 is the first one after the name.
func entry(text *strings.Builder, name string, at int, what string) {
	if at == 0 {
		at = len(name) + 3
	}
	line := "  " + name
	for i, part := range fill(what, Width-at) {
		switch {
		case i == 0 && len(line) < at:
			line += strings.Repeat(" ", at-len(line)) + part
			continue
		case i == 0 && len(line)+1+len(part) <= Width && len(fill(what, Width-at)) == 1:
			line += " " + part
			continue
		}
		text.WriteString(line + "\n")
		line = strings.Repeat(" ", at) + part
	}
	text.WriteString(strings.TrimRight(line, " ") + "\n")
}

// fill breaks a text into lines of a width.
func fill(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
