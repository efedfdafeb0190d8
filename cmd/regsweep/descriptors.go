package main

import (
	"fmt"
	"runtime"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// These are the most files that a run opens at a time, beyond those that are open
// once it has opened the store.
const (
	// openBeside are the directories of blobs, one for each algorithm.
	openBeside = 3
	// openPerJob are a repository's directory, its five parts, the layer links of
	// three algorithms, two lists within one another and a file. A sweep has
	// fewer: see tree.Dirs.
	openPerJob = 12
	// openPerMove are those on the way into the trash, or from there.
	openPerMove = 8
)

// fitJobs chooses the number of jobs for a store, as far as the limit of open files
// allows. moves says that things go into the trash, or come back. It is called before
// the store is read: a run that cannot open a directory half-way could not be
// believed.
func (p *program) fitJobs(c *common, store *disk.Dir, moves bool) error {
	if c.width == (width{}) {
		c.width = chooseWidth(c.asked, store.Medium(), runtime.GOMAXPROCS(0))
	}
	each := openPerJob
	if moves {
		each += openPerMove
	}
	more := disk.MoreFiles()
	fit := (more - openBeside) / each
	switch {
	case fit >= c.width.idle: // those beyond are nice to have
		c.width = c.width.atMost(fit)
		c.jobs = c.width.idle
		return nil
	case more < openBeside+each:
		return &layout.HintError{
			Err:  fmt.Errorf("%s can be opened, and one job needs %d: nothing has been done", english.Plural(more, "more file", ""), openBeside+each),
			Hint: "raise the limit of open files (ulimit -n, LimitNOFILE=, --ulimit nofile=)",
		}
	}
	p.voice.Warn("%d more files can be opened, which is enough for %s at a time instead of %d: ulimit -n raises it", more, english.Plural(fit, "job", ""), c.width.idle)
	c.width = c.width.atMost(fit)
	c.jobs = c.width.idle
	return nil
}
