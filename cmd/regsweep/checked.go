package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
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

// checkReport is the JSON of check; see docs/formats.md.
type checkReport struct {
	Schema string   `json:"schema"`
	Root   string   `json:"root"`
	Shard  *shardOf `json:"shard,omitempty"`
	// Started is when the check of a shard began, or the first of those that were merged; nil
	// where a report does not say that, and of what is no shard.
	Started  *time.Time       `json:"started,omitempty"`
	Checked  checked          `json:"checked"`
	Problems []walker.Problem `json:"problems"`
	// MissingShards are the shards of which no whole report was merged; nil of what is not merged.
	MissingShards []int `json:"missingShards,omitzero"`
	of            int   // shards
}

// shardOf says which part of the data a report is about.
type shardOf struct {
	Index int `json:"index"`
	Count int `json:"count"`
}

func (c *checkReport) problemList() []walker.Problem { return c.Problems }

// checked is what a check has looked at.
type checked struct {
	Repositories    int        `json:"repositories"`
	Tags            int        `json:"tags"`
	Manifests       int        `json:"manifests"`
	UnknownTypes    int        `json:"unknownTypes"`
	LayerLinks      int        `json:"layerLinks"`
	HistoryEntries  int        `json:"historyEntries"`
	Blobs           int64      `json:"blobs"`
	Bytes           int64      `json:"bytes"`
	BlobsRead       int64      `json:"blobsRead"`
	BytesRead       int64      `json:"bytesRead"`
	BlobsLeft       int64      `json:"blobsLeft"` // that were to be read when the check was stopped
	ReadSeconds     float64    `json:"readSeconds"`
	BytesPerSecond  int64      `json:"bytesPerSecond"`
	ElapsedSeconds  float64    `json:"elapsedSeconds"`
	BlobsRemembered int64      `json:"blobsRemembered"` // that were left out, since they were read lately
	SetAside        bool       `json:"setAside"`
	where           term.Where // the registry was found
	lost            bool       // something is set aside, and nothing tells gc to look for it
}

func newChecked(look *mark.Look, count mark.InspectionCount) checked {
	c := checked{
		Repositories: len(look.Repositories), Tags: look.Totals.Tags, Manifests: look.Totals.Manifests,
		UnknownTypes: count.UnknownTypes, LayerLinks: count.LayerLinks, HistoryEntries: count.HistoryEntries,
		SetAside: count.Aside, lost: count.Aside && !look.Store.Resumed(),
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
