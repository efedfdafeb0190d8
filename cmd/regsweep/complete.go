package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completer proposes what an argument or a flag's value can go on with.
type completer = cobra.CompletionFunc

// addCompletions gives every command below cmd completions for its arguments
// and flags, by their names: a flag means the same in every command.
func (p *program) addCompletions(cmd *cobra.Command) {
	arguments := map[string]completer{
		"regsweep ls":            p.completeOne(p.completeRepositories),
		"regsweep rm":            p.completeFirst(p.completeRemovals),
		"regsweep untag":         p.completeFirst(p.completeTags),
		"regsweep why":           p.completeOne(p.completeObjects),
		"regsweep trash restore": p.completeFirst(p.completeRuns),
		"regsweep trash empty":   p.completeFirst(p.completeRuns),
		"regsweep doctor":        completeFiles,
		"regsweep export":        p.completeExports,
		"regsweep undelete":      p.completeFirst(p.completeRepositories),
		"regsweep tag":           p.completeOne(p.completeRemovals),
		"regsweep gc":            completeFiles,
		"regsweep apply":         completeFiles,
		"regsweep policy check":  completePolicies,
		"regsweep man":           completeFiles,
	}
	for _, sub := range cmd.Commands() {
		p.addCompletions(sub)
	}
	if complete := arguments[cmd.CommandPath()]; complete != nil {
		cmd.ValidArgsFunction = complete
	} else if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	if !p.isCompleting() {
		return // cobra never forgets a flag that has a completion, nor what that refers to
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if complete := p.flagCompleter(f); complete != nil {
			// It fails only for a flag that the command lacks, or that has one already.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
		}
	})
}

// isCompleting reports whether a shell asks what a command line may go on with.
func (p *program) isCompleting() bool {
	return len(p.args) > 0 && strings.HasPrefix(p.args[0], cobra.ShellCompRequestCmd)
}

// plainUsages takes the marks off what flags do, which help understands and shells
// would show.
func plainUsages(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { _, f.Usage = pflag.UnquoteUsage(f) })
	for _, sub := range cmd.Commands() {
		plainUsages(sub)
	}
}

// flagCompleter is what completes a flag's value, or nil.
func (p *program) flagCompleter(f *pflag.Flag) completer {
	switch f.Name {
	case "root", "archive", "from":
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
	case "config", "policy":
		return completePolicies
	case "protect", "report", "plan":
		return completeFiles
	case "repository":
		return p.completeRepositories
	case "output":
		return cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)
	case "progress":
		return cobra.FixedCompletions([]string{"auto", "plain", "none"}, cobra.ShellCompDirectiveNoFileComp)
	case "index":
		return cobra.FixedCompletions([]string{indexAuto, indexNone}, cobra.ShellCompDirectiveNoFileComp)
	case "sort":
		return cobra.FixedCompletions(sortKeys, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveKeepOrder)
	}
	if f.Value.Type() == "bool" {
		return nil
	}
	return cobra.NoFileCompletions
}

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// completePolicies proposes files in YAML, and directories on the way to them.
func completePolicies(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yml", "yaml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeFirst leaves out what has been given already.
func (p *program) completeFirst(complete completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		found, directive := complete(cmd, args, word)
		return slices.DeleteFunc(found, func(name string) bool { return slices.Contains(args, name) }), directive
	}
}

// completeOne completes the only argument of a command.
func (p *program) completeOne(complete completer) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, word)
	}
}

// fitCompletion makes cobra's completion command one of this program: it
// refuses arguments, and its script for bash knows NAME@DIGEST.
func fitCompletion(root, completion *cobra.Command) {
	completion.Short = "print a script that completes commands and names in a shell"
	completion.Args = func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) }
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	completion.Long = "completion prints a script for a shell, which then completes the commands, flags,\nrepositories, tags and digests of regsweep." + plainStatusHelp
	completion.Example = "  regsweep completion bash > /etc/bash_completion.d/regsweep"
	for _, cmd := range completion.Commands() {
		fitShell(cmd)
		if cmd.Name() != "bash" {
			continue
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			var script bytes.Buffer
			plain, _ := cmd.Flags().GetBool("no-descriptions")
			if err := root.GenBashCompletionV2(&script, !plain); err != nil {
				return err
			}
			_, err := cmd.OutOrStdout().Write([]byte(bashWithDigests(script.String())))
			return err
		}
	}
}

// fitShell gives the script of a shell a help that says where it belongs.
func fitShell(cmd *cobra.Command) {
	where := map[string]string{
		"bash":       "  source <(regsweep completion bash)      in this shell only\n  regsweep completion bash > /etc/bash_completion.d/regsweep",
		"zsh":        "  source <(regsweep completion zsh)       in this shell only\n  regsweep completion zsh > \"${fpath[1]}/_regsweep\"",
		"fish":       "  regsweep completion fish | source       in this shell only\n  regsweep completion fish > ~/.config/fish/completions/regsweep.fish",
		"powershell": "  regsweep completion powershell | Out-String | Invoke-Expression",
	}
	cmd.Short = "print the script for " + cmd.Name()
	cmd.Long = "This prints the script that completes commands, names and tags in " + cmd.Name() + "."
	if cmd.Name() == "bash" {
		cmd.Long += " It needs the package bash-completion."
	}
	cmd.Long += plainStatusHelp
	cmd.Example = where[cmd.Name()]
	if f := cmd.Flags().Lookup("no-descriptions"); f != nil {
		f.Usage = "complete without descriptions"
	}
}

// bashWithDigests has bash take "@" for a part of a word, as cobra has it take
// ":" and "=". With its option hostcomplete bash breaks words before an "@", and
// replaces what is from there on.
func bashWithDigests(script string) string {
	script = strings.ReplaceAll(script, "_init_completion -n =:", "_init_completion -n =:@")
	const colon = `    __regsweep_handle_special_char "$cur" :` + "\n"
	return strings.Replace(script, colon, colon+`    if [[ $cur == *@* && $COMP_WORDBREAKS == *@* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${cur%%@*}"}")
    fi
`, 1)
}
