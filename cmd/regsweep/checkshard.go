package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/walker"
)

// verifyMerge refuses flags that are about a store.
func (o *checkOptions) verifyMerge(f *pflag.FlagSet, files []string) error {
	if err := o.verifyReport(endJSON, endHTML); err != nil {
		return err
	}
	for _, name := range []string{"root", "config", "read-data", "read-data-subset", "shard", "for", "max-age", "jobs", "index"} {
		if f.Changed(name) {
			return fmt.Errorf("--merge reads reports and no store: leave out --%s", name)
		}
	}
	if len(files) == 0 {
		return &layout.HintError{Err: errors.New("--merge needs the reports of all shards"), Hint: "regsweep check --merge shard-*.json"}
	}
	if slices.Contains(files, "") {
		return errors.New("an argument is empty: it is the report of a shard")
	}
	return nil
}

// mergeCheck makes one report of those of all shards.
func (p *program) mergeCheck(o *checkOptions, f *pflag.FlagSet, files []string) error {
	if err := o.verifyMerge(f, files); err != nil {
		return usage(err)
	}
	p.voice.Quiet = o.quiet
	p.fileList("check", &o.common)
	p.begin(&o.common)
	if err := p.filing.verifyPlace(&locate.Place{}); err != nil {
		return err
	}
	m := merging{}
	for _, file := range files {
		if err := m.read(file); err != nil {
			return err
		}
	}
	for _, broken := range m.broken {
		p.voice.Warn("%s", broken)
	}
	c, err := m.whole()
	if err != nil {
		return err
	}
	r := &reading{program: p, common: &o.common, place: locate.Place{Root: c.Root}, w: walker.New(nil, walker.Options{})}
	r.where = term.Where{"--root", c.Root}
	defer r.w.Close()
	for _, problem := range c.Problems {
		r.w.Findings.Add(problem)
	}
	if err := r.reportCheck(c); err != nil {
		return err
	}
	if len(c.MissingShards) > 0 {
		return errors.Join(r.judgeCheck(), missingShards(c))
	}
	return r.judgeCheck()
}

func missingShards(c *report.Check) error {
	var names []string
	for _, i := range c.MissingShards {
		names = append(names, fmt.Sprintf("%d/%d", i, c.Shards))
	}
	return &layout.HintError{
		Err:  fmt.Errorf("not whole: %s (%s)", english.Plural(len(names), "shard is missing", "shards are missing"), strings.Join(names, ", ")),
		Hint: "run each of them: " + term.Where{"--root", c.Root}.Command("check", "--read-data", "--shard", names[0], "-o", "json") + " >" + fmt.Sprintf("shard-%d.json", c.MissingShards[0]),
	}
}

// merging is what has been read of the reports.
type merging struct {
	first  string // the file that the others are compared with
	root   string
	count  int
	shards map[int]*report.Check // those that were read to their end
	broken []error               // files that are no whole report
}

// read reads a report. One that a killed process has left is no report; a later
// one of the same shard counts instead of it.
func (m *merging) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c := new(report.Check)
	if err := json.Unmarshal(text, c); err != nil || c.Schema != checkSchema || c.Shard == nil || c.Shard.Count < 1 || c.Shard.Index < 0 || c.Shard.Index >= c.Shard.Count {
		m.broken = append(m.broken, fmt.Errorf("%q is not a complete report of a shard", file))
		return nil //nolint:nilerr // the shard is missing, which is said in the end
	}
	if m.shards == nil {
		m.first, m.root, m.count, m.shards = file, c.Root, c.Shard.Count, map[int]*report.Check{}
	}
	if c.Root != m.root || c.Shard.Count != m.count {
		return fmt.Errorf("%q is of shard %d/%d of %q, and %q of one of %d of %q: they are not of one check", file, c.Shard.Index, c.Shard.Count, c.Root, m.first, m.count, m.root)
	}
	if c.Checked.BlobsLeft > 0 {
		m.broken = append(m.broken, fmt.Errorf("%q: the check was stopped before it had read %s", file, term.Plural(int(c.Checked.BlobsLeft), "blob")))
		return nil
	}
	m.shards[c.Shard.Index] = c
	return nil
}

// whole is the report of all shards together.
func (m *merging) whole() (*report.Check, error) {
	if len(m.shards) == 0 {
		return nil, errors.New("there is not a complete report of a shard")
	}
	all := &report.Check{Schema: checkSchema, Root: m.root, Started: m.oldest(), Problems: []walker.Problem{}, MissingShards: []int{}, Shards: m.count}
	for i := range m.count {
		c := m.shards[i]
		if c == nil {
			all.MissingShards = append(all.MissingShards, i)
			continue
		}
		addChecked(&all.Checked, &c.Checked)
		all.Problems = append(all.Problems, c.Problems...)
	}
	slices.SortStableFunc(all.Problems, func(a, b walker.Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	return all, nil
}

// oldest is when the first of the shards was begun: what a shard has read then says nothing
// of what has happened to it since. It is nil if one of them does not say it.
func (m *merging) oldest() (oldest *time.Time) {
	for _, c := range m.shards {
		switch {
		case c.Started == nil:
			return nil
		case oldest == nil || c.Started.Before(*oldest):
			oldest = c.Started
		}
	}
	return oldest
}

// addChecked adds to c what another shard has read. All of them have looked at the same
// links, tags and manifests: what the first one saw is said.
func addChecked(c, more *report.Checked) {
	blobs, remembered := c.BlobsRead+more.BlobsRead, c.BlobsRemembered+more.BlobsRemembered
	bytes, took, elapsed := c.BytesRead+more.BytesRead, max(c.ReadSeconds, more.ReadSeconds), max(c.ElapsedSeconds, more.ElapsedSeconds)
	if c.Blobs == 0 && c.Repositories == 0 {
		*c = *more
	}
	c.BlobsRemembered = remembered
	c.BlobsRead, c.BytesRead, c.ReadSeconds, c.ElapsedSeconds = blobs, bytes, took, elapsed
	c.BytesPerSecond = int64(float64(bytes) / max(took, 1e-9))
}
