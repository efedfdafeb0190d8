// Command regsweep frees the disk space of filesystem-backed container
// registries: a garbage collector over the files of CNCF Distribution, without
// the registry's API.
package main

import (
	"context"
	"io"
	"os"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

func main() {
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// Main runs the program and returns its exit status.
func Main(args []string, in io.Reader, out, errw io.Writer, environ []string) int {
	p := &program{in: in, out: out, voice: &term.Voice{W: errw}, environ: environ, settling: settling, alone: true}
	return p.main(args)
}

func (p *program) main(args []string) int {
	if p.files == nil {
		p.files = &disk.FS{}
	}
	p.args = args
	if p.alone {
		limitGarbage()
	}
	ctx, stop := withSignals(context.Background())
	defer stop()
	out := &term.Output{W: p.out}
	p.out = out
	root := p.rootCommand()
	root.SetArgs(args)
	if p.isCompleting() {
		plainUsages(root)
	}
	root.SetOut(p.out)
	root.SetErr(p.voice.W)
	err := unknownCommand(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
		out.Flush()
		err = out.Failure(err)
	}
	p.progress.End()
	if err != nil {
		p.status = p.fail(err)
	}
	success := p.status == statusDone || p.status == statusProblems
	if err := p.filing.finish(err, success); err != nil {
		p.voice.Error(err)
		if success {
			p.status = statusFailed
		}
	}
	return p.status
}

func (p *program) rootCommand() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:           "regsweep",
		Short:         "free the disk space of a container registry",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command %s", args[0]), Hint: "regsweep --help lists them"})
			}
			return nil
		},
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			// An error about how it was called may name a command, too.
			c := &common{}
			c.root, _ = cmd.Flags().GetString("root")
			c.config, _ = cmd.Flags().GetString("config")
			p.voice.Where = whereOf(c, "", p.environ)
			if o, ok := p.out.(*term.Output); ok && foldsOutput(cmd) {
				o.Fold()
			}
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return p.versionCommand().RunE(cmd, args)
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version, the commit and the Go version")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(p.applyCommand(), p.checkCommand(), p.doctorCommand(), p.gcCommand(), p.lsCommand(), p.manCommand(), p.policyCommand(), p.protectCommand(), p.pruneCommand(), p.pullsCommand(), p.repairCommand(), p.rmCommand(), p.tagCommand(), p.trashCommand(), p.undeleteCommand(), p.untagCommand(), p.whyCommand(), p.versionCommand())
	root.AddCommand(p.exportCommand())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			fitCompletion(root, cmd)
		}
	}
	p.addCompletions(root)
	addShortNames(root)
	p.fitHelp(root)
	return root
}
