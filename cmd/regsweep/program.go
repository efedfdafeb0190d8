package main

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/outfile"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// filing is the report that --report asks for. It is written when the run has
// ended, however that was.
type filing struct {
	path    string
	command string
	line    string // the whole command line
	dryRun  bool
	root    string
	started time.Time
	// result is what -o json prints: a *sweep.Report of the commands that make
	// one. It is nil if the run did not get so far.
	result   any
	lists    bool             // the command makes no report, only a list or an answer
	problems []walker.Problem // of a run that did not get so far
	harmed   bool             // the file must not be written
	to       *outfile.File    // nil if the run did not get so far

	run     *report.Run   // nil if the run did not get as far as a plan
	nothing bool          // the run ended before it did what its plan says
	space   *report.Space // nil unless it is a page
}

// problemLister is a result that is no report and tells problems.
type problemLister interface{ ProblemList() []walker.Problem }

// The exit statuses. A signal's is 128 and its number.
const (
	statusDone     = 0
	statusFailed   = 1
	statusUsage    = 2
	statusProblems = 3
)

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
	// alone says that nothing else is in the process, whose threads and garbage are
	// then as suits the run.
	alone bool
}

// settling is a hundred times what a manifest's way through a registry takes
// on a local disk.
const settling = time.Second

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

const exitStatusHelp = `

EXIT STATUS
  0    done
  1    failed, or refused for safety; stderr says what was and was not done
  2    wrong usage
  3    done, but the store has problems, which the report lists
  130  stopped by SIGINT between two removals; 143 by SIGTERM, 129 by SIGHUP,
       141 because the reader of the output has ended`

// readingStatusHelp is that of commands that answer a question.
const readingStatusHelp = `

EXIT STATUS
  0    shown; stderr counts other problems of the store
  1    something that you asked for does not exist, or cannot be read
  2    wrong usage
  130  stopped by SIGINT, 143 by SIGTERM`

// plainStatusHelp is that of commands that need no store.
const plainStatusHelp = `

EXIT STATUS
  0    done
  1    failed; stderr says why
  2    wrong usage`
