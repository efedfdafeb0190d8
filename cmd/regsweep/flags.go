package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/outfile"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
)

// The values of --index.
const (
	indexAuto = "auto"
	indexNone = "none"
)

// common are the flags of every command.
type common struct {
	root, config string
	output       string
	quiet        bool
	verbose      bool
	veryVerbose  bool
	asked        int   // by --jobs; 0 if the number is to be chosen
	width        width // since the store has been opened
	jobs         int   // file operations at a time, where the width is not known; 0 before that
	index        string
	reportFile   string
	progressMode string
	noColor      bool
}

func (c *common) add(f *pflag.FlagSet) {
	f.StringVar(&c.root, "root", "", "the registry's root `DIR`, which holds docker/registry/v2")
	f.StringVar(&c.config, "config", "", "the registry's own configuration `FILE`")
	f.StringVarP(&c.output, "output", "o", "table", "`FORMAT` of the report: table or json")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "print no table and no warnings")
	f.VarPF(&verbosity{c}, "verbose", "v", "list each item").NoOptDefVal = "true"
	f.Var(jobsFlag{&c.asked}, "jobs", "run `N` file operations at a time; auto chooses a number that suits the filesystem")
	f.StringVar(&c.index, "index", indexAuto, "`HOW` to remember what was read for the next run: auto (in .regsweep/index) or none (read everything)")
	f.StringVar(&c.reportFile, "report", "", "also write the whole report to `FILE`; its name ends in .json, .html or .prom")
	f.StringVar(&c.progressMode, "progress", "auto", "`HOW` to show progress on stderr: auto (a live line on a terminal, otherwise plain), plain (a line every 30s) or none")
	f.BoolVar(&c.noColor, "no-color", false, "disable colors")
}

func (c *common) verify(f *pflag.FlagSet) error {
	for _, name := range []string{"root", "config", "report"} {
		if f.Changed(name) && f.Lookup(name).Value.String() == "" {
			// Most often a variable that is not set: another registry must not be
			// swept for it, nor a report be lost.
			return fmt.Errorf("--%s is empty", name)
		}
	}
	if c.output != "table" && c.output != "json" {
		return term.Quoted("--output %s is neither table nor json", c.output)
	}
	if !slices.Contains([]string{"auto", "plain", "none"}, c.progressMode) {
		return term.Quoted("--progress %s is neither auto nor plain nor none", c.progressMode)
	}
	if c.index != indexAuto && c.index != indexNone {
		return term.Quoted("--index %s is neither auto nor none", c.index)
	}
	return c.verifyReport(endJSON, endHTML, endProm)
}

// verbosity is the flag -v, which may be given twice.
type verbosity struct{ *common }

// Set is called for each -v, and for --verbose=false.
func (v *verbosity) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("neither true nor false")
	}
	v.veryVerbose = on && v.verbose
	v.verbose = on
	return nil
}

// String is whether the flag was given.
func (v *verbosity) String() string {
	if v.common == nil {
		return "false"
	}
	return strconv.FormatBool(v.verbose)
}

// Type is that of a flag without a value in help.
func (v *verbosity) Type() string { return "bool" }

// IsBoolFlag tells pflag that the flag needs no value.
func (v *verbosity) IsBoolFlag() bool { return true }

// removal are the flags of every command that removes.
type removal struct {
	dryRun           bool
	yes              bool
	grace            age
	protect          string
	uploadsOlderThan age
	allowEmpty       bool
	maxRemove        limit
	trash            bool
	keepDeleted      age
}

// defaultAges has the ages that count unless others are given.
func defaultAges() removal {
	return removal{grace: age(time.Hour), uploadsOlderThan: age(7 * 24 * time.Hour)}
}

func (r *removal) add(f *pflag.FlagSet) {
	ages := defaultAges()
	r.grace, r.uploadsOlderThan = ages.grace, ages.uploadsOlderThan
	f.BoolVarP(&r.dryRun, "dry-run", "d", false, "report what would be removed, and remove nothing")
	f.BoolVarP(&r.yes, "yes", "y", false, "do not ask")
	f.Var(&r.grace, "grace", "keep what is younger than this `AGE`")
	f.StringVar(&r.protect, "protect", "", "keep what `FILE` names: on each line a NAME, NAME:TAG, NAME@DIGEST, a glob of these, or a DIGEST; - is standard input")
	f.Var(&r.uploadsOlderThan, "uploads-older-than", "remove uploads older than this `AGE`")
	f.BoolVar(&r.allowEmpty, "allow-empty", false, "run even if the store looks like a volume that is not mounted, would lose its last tag or image, or --protect names nothing")
	f.BoolVar(&r.trash, "trash", false, "move items to the trash instead of removing them; see regsweep trash --help")
	f.Var(&r.maxRemove, "max-remove", "refuse to remove more than this `LIMIT` of the store's blob bytes, such as 30% or 50GiB")
}

func (r *removal) verify(f *pflag.FlagSet) error {
	if f.Changed("protect") && r.protect == "" {
		return fmt.Errorf("--protect is empty: it is a file, or - for standard input")
	}
	return nil
}

// addKeepDeleted adds the flag of the commands that remove images.
func (r *removal) addKeepDeleted(f *pflag.FlagSet) {
	f.Var(&r.keepDeleted, "keep-deleted", "keep images that were deleted, or lost their last tag, less than this `AGE` ago, for undelete and tag")
}

// verifyConsent refuses a removal by name that nobody is there to confirm.
func (p *program) verifyConsent(r *removal, command string) error {
	if r.dryRun || r.yes || p.interactive() {
		return nil
	}
	if err := p.verifyTerminal(r, command); err != nil || p.tty != nil {
		return err
	}
	return &layout.HintError{
		Err:  fmt.Errorf("%s asks first, and there is no terminal", command),
		Hint: "give --yes, or look at what it would do with --dry-run",
	}
}

// limit is a share of the store's blob bytes, or a number of bytes.
type limit struct {
	text  string
	share float64
	bytes uint64
}

// Set reads 30% or 50GiB.
func (l *limit) Set(text string) error {
	set := limit{text: text}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil || !(n >= 0 && n <= 100) {
			return fmt.Errorf("not a percentage from 0%% to 100%%")
		}
		set.share = n / 100
	} else {
		n, err := humanize.ParseBytes(text)
		if err != nil || n > math.MaxInt64 {
			return fmt.Errorf("not a share such as 30%% or a size such as 50GiB")
		}
		set.share, set.bytes = -1, n
	}
	*l = set
	return nil
}

// String is the limit as it was given.
func (l *limit) String() string { return l.text }

// Type is the kind of value in help.
func (l *limit) Type() string { return "limit" }

// allows reports whether a plan that takes bytes of total is within the limit.
func (l *limit) allows(bytes, total int64) bool {
	switch {
	case l.text == "":
		return true
	case l.share >= 0:
		return float64(bytes) <= l.share*float64(total)
	}
	return uint64(bytes) <= l.bytes
}

// verifyTerminal makes sure that a command can ask somebody who has sent its
// messages elsewhere: that there is a person is plain from stdin, and a pipe is
// not a yes.
func (p *program) verifyTerminal(r *removal, command string) (err error) {
	if r.dryRun || r.yes || !term.IsTerminal(p.in) || term.IsTerminal(p.voice.W) {
		return nil
	}
	if p.openTerminal == nil {
		p.openTerminal = func() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }
	}
	if p.tty, err = p.openTerminal(); err != nil {
		return usage(&layout.HintError{
			Err:  fmt.Errorf("%s asks first on a terminal, and the terminal cannot be used: %w", command, err),
			Hint: "give --yes, or look at what it would do with --dry-run",
		})
	}
	return nil
}

// interactive reports whether both stdin and stderr are terminals.
func (p *program) interactive() bool {
	return term.IsTerminal(p.in) && term.IsTerminal(p.voice.W)
}

// endings are the kinds of files that --report writes.
const (
	endJSON = ".json"
	endHTML = ".html"
	endProm = ".prom"
)

// verifyReport holds the ending of --report against those that a command
// knows. A command that makes no report knows none.
func (c *common) verifyReport(known ...string) error {
	if c.reportFile == "" || slices.Contains(known, filepath.Ext(c.reportFile)) {
		return nil
	}
	var hint string
	switch n := len(known); n {
	case 0:
		return fmt.Errorf("--report: this command makes no report")
	case 1:
		hint = "this command writes " + known[0]
	default:
		hint = "its name ends in " + strings.Join(known[:n-1], ", ") + " or " + known[n-1]
	}
	return &layout.HintError{Err: term.Quoted("--report %s has another ending", c.reportFile), Hint: hint}
}

// planning has the flags for a plan: a dry run writes it to a file, and a run that
// removes can export the images first.
type planning struct {
	planFile string
	planTo   *outfile.File // where that is
	archive  string        // a directory, or ""
}

// targets are the flags of a prune that is to fit a size.
type targets struct {
	targetFree limit
	maxUsed    limit
}

// given reports whether there is a target.
func (t *targets) given() bool { return t.targetFree.text != "" || t.maxUsed.text != "" }

// pruneOptions are what prune was asked to do.
type pruneOptions struct {
	common
	removal
	planning
	targets
	policyFile   string
	printPolicy  bool
	filters      []string
	excludes     []string
	ago          ago
	keep         int
	untagged     bool
	untaggedOnly bool
	pulls        []string // access logs
}
