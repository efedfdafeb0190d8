// Command regsweep frees the disk space of filesystem-backed container
// registries: a garbage collector over the files of CNCF Distribution, without
// the registry's API.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/walker/disk"
)

// The exit statuses. A signal's is 128 and its number.
const (
	statusDone     = 0
	statusFailed   = 1
	statusUsage    = 2
	statusProblems = 3
)

func main() {
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// program is what all commands share: where they read and write.
type program struct {
	in       io.Reader
	out      io.Writer // an *output, once it runs
	voice    *term.Voice
	environ  []string
	args     []string // as they were given
	status   int
	filing   *filing        // of --report, or nil
	progress *term.Progress // nil: none is shown
	where    term.Where     // the registry was found
	files    *disk.FS       // how files are reached
	// tty is the terminal of a person whose stderr is elsewhere, or nil.
	tty          *os.File
	openTerminal func() (*os.File, error) // nil: /dev/tty
	// settling is how long a sweep waits for pushes that are under way; see
	// sweep.Plan.Execute.
	settling time.Duration
}

// settling is a hundred times what a manifest's way through a registry takes
// on a local disk.
const settling = time.Second

// Main runs the program and returns its exit status.
func Main(args []string, in io.Reader, out, errw io.Writer, environ []string) int {
	p := &program{in: in, out: out, voice: &term.Voice{W: errw}, environ: environ, settling: settling}
	return p.main(args)
}

func (p *program) main(args []string) int {
	if p.files == nil {
		p.files = &disk.FS{}
	}
	p.args = args
	ctx, stop := withSignals(context.Background())
	defer stop()
	out := &term.Output{W: p.out}
	p.out = out
	root := p.rootCommand()
	root.SetArgs(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
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

// fail says what went wrong and returns the status for it.
func (p *program) fail(err error) int {
	var sig *signalError
	if !term.IsUnread(err) {
		p.voice.Error(err)
	}
	switch {
	case errors.As(err, &sig):
		return 128 + int(sig.signal)
	case term.HasNoReader(err):
		return 128 + int(syscall.SIGPIPE)
	case errors.As(err, new(*usageError)), errors.Is(err, locate.ErrAmbiguous):
		return statusUsage
	}
	return statusFailed
}

// usageError is about how the program was called.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
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

const exitStatusHelp = `

EXIT STATUS
  0    done
  1    failed, or refused for safety; stderr says what was and was not done
  2    wrong usage
  3    done, but the store has problems, which the report lists
  130  stopped by SIGINT between two removals; 143 by SIGTERM, 129 by SIGHUP,
       141 because the reader of the output has left`

// readingStatusHelp is that of commands that answer a question.
const readingStatusHelp = `

EXIT STATUS
  0    what you asked for is shown; stderr counts other problems of the store
  1    something that you asked for is not there, or cannot be read
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM`

// plainStatusHelp is that of commands that need no store.
const plainStatusHelp = `

EXIT STATUS
  0    done
  1    failed; stderr says why
  2    wrong usage`
