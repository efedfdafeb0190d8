package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/mark"
)

// checkOptions are what a check is to read.
type checkOptions struct {
	common
	readData bool
	subset   limit
	shard    shard
	merge    bool
	lasts    age // how long data are read, at most
	maxAge   age // of what need not be read again
}

// share is what of the data is read.
func (o *checkOptions) share() mark.Share {
	share := mark.Share{Part: 1, Shard: o.shard.Shard}
	switch {
	case o.subset.share > 0:
		share.Part = o.subset.share
	case o.subset.text != "":
		share.Bytes = int64(o.subset.bytes)
	}
	return share
}

func newChecked(look *mark.Look, count mark.InspectionCount) report.Checked {
	c := report.Checked{
		Repositories: len(look.Repositories), Tags: look.Totals.Tags, Manifests: look.Totals.Manifests,
		UnknownTypes: count.UnknownTypes, LayerLinks: count.LayerLinks, HistoryEntries: count.HistoryEntries,
		SetAside: count.Aside, Lost: count.Aside && !look.Store.Resumed(),
	}
	look.Store.EachBlob(func(b mark.BlobInfo) {
		c.Blobs++
		c.Bytes += b.Size
	})
	return c
}

// jobIndex is the variable in which Kubernetes tells a pod of an Indexed Job
// which one it is.
const jobIndex = "JOB_COMPLETION_INDEX"

// shard is the flag that names one of several parts of a store's data.
type shard struct {
	text string
	mark.Shard
}

// Set reads I/N, or /N, of which the environment says the rest.
func (s *shard) Set(text string) error {
	index, count, ok := strings.Cut(text, "/")
	if ok && index == "" {
		if index, ok = os.LookupEnv(jobIndex); !ok {
			return fmt.Errorf("%s is not set; give I/N", jobIndex)
		}
	}
	n, err := strconv.Atoi(count)
	i, ierr := strconv.Atoi(index)
	if !ok || err != nil || ierr != nil || n < 1 || i < 0 || i >= n {
		return errors.New("not one of several parts, such as 0/10 to 9/10")
	}
	*s = shard{text: text, Shard: mark.Shard{Index: i, Count: n}}
	return nil
}

// String is the flag as it was given.
func (s *shard) String() string { return s.text }

// Type is the kind of value in help.
func (s *shard) Type() string { return "I/N" }

// asTime is a time as JSON has it.
func asTime(at time.Time) *time.Time {
	at = at.UTC().Truncate(time.Second)
	return &at
}
