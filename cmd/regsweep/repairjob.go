package main

import (
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/sweep/trash"
	"github.com/regsweep/regsweep/walker"
)

// repairOptions are what repair was asked to do.
type repairOptions struct {
	common
	consent removal // dryRun and yes
	from    []string
	quick   bool
}

// repairJob is one run of repair.
type repairJob struct {
	*backJob
	o        *repairOptions
	sources  []*back.Replica
	trash    *trash.Replaced
	rules    mark.Rules
	foreign  bool             // the links are not the truth
	blind    bool             // the last look could not read a manifest of which a source has a copy
	found    []walker.Problem // by the first look
	data     []walker.Problem // about data, of the first look: no later one reads them
	done     []*back.Step     // in all rounds
	left     []*back.Step     // in the end, or in a dry run all that would be left
	would    []*back.Step     // of a dry run, and before it asks
	problems []walker.Problem // that are left
	remnants []string         // that a stopped repair has left under temporary names
}
