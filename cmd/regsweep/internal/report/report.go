// Package report shows what a run did, or would do: as a table on a terminal, as
// JSON, as an HTML page and as metrics. It is handed values, and reads no store.
package report

import (
	"io"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/planfile"
	"github.com/regsweep/regsweep/walker"
)

// Run is a run that got as far as a plan: its report, and what only people are told.
type Run struct {
	*sweep.Report      // what -o json prints
	Plan          Plan // names what is removed
	Executed      bool // the plan was carried out, or was to be
	Trash         bool // what is removed is moved to the trash
	Refused       bool // a dry run shows what a run would refuse

	Where term.Where // the registry was found
	Now   time.Time  // from which ages are counted
	Next  []string   // what the reader may want to do now, a line each

	// What is removed is named by one of these, unless all garbage is. Of a plan file
	// Named is set, too, if a command that was given names or a policy made it.
	Named   *Named
	Policy  *Policy
	Applied *planfile.Plan

	Space       *Space // for the page, or nil
	Verbose     bool   // -v
	VeryVerbose bool   // -vv
}

// Plan names what was removed, or would be: a *sweep.Plan.
type Plan interface {
	Empty() bool
	EachLine(executed bool, fn func(sweep.ItemLine))
	EachGone(executed bool, fn func(*sweep.GoneLine))
	BytesWithin(executed bool, set digests.Set) int64
}

// Named is what is removed by name.
type Named struct {
	TagsOnly     bool
	Images       []mark.SelectedImage
	Repositories []string            // of which all is removed
	OtherNames   map[string][]string // of repositories that are the same by several names
}

// Policy is what a policy decided.
type Policy struct {
	Repositories []PolicyRepository
	Decisions    []retention.Decision // all of them, if All is set
	All          bool
	Unmatched    []string // what of the policy selects nothing
}

// PolicyRepository is what there is to be said of a repository without all of
// its decisions: what is removed, and what is protected in it.
type PolicyRepository struct {
	Name         string
	RemovedCount int                  // tags and untagged manifests
	Removed      []retention.Decision // the first of these
	Protected    int
	First        []string // a few of these
	By           []string // what protects them, sorted
}

// Space says which images and blobs take a store's space.
type Space struct {
	Images       *inspect.Images
	Outside      digests.Set // blobs that are in no repository
	OutsideBytes int64       // of all of them
}

// Screen is where a table is written, and in which colours.
type Screen struct {
	io.Writer
	Ink term.Ink
}

// Ending is a run that has ended, however that was, for a file.
type Ending struct {
	Command     string
	Line        string // the whole command line
	Root        string
	Version     string // of regsweep
	DryRun      bool
	Started, At time.Time
	Success     bool
	Err         error // why it failed, or nil

	// Report is what -o json prints of a run that removes. Of a check, and of a
	// run that failed before it had a plan, it has the head and the problems only.
	Report *sweep.Report
	Run    *Run   // nil if it did not get as far as a plan
	Check  *Check // nil of all commands but check
	// Nothing says that the run ended before it did what its plan says.
	Nothing bool
	// Problems are those of the report or result. The list may be empty; it is nil
	// of commands that look for none.
	Problems *[]walker.Problem
}
