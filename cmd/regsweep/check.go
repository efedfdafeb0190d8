package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/report"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

func (p *program) checkCommand() *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "verify links, tags, manifests and blobs, and name the cures",
		Long: `check reads every link, tag and manifest, and looks for every blob that a
manifest references: whether it is there, is linked in the repository, and is as
large as the manifest says. With --read-data it reads all blobs and compares
their digests. For each problem it names the images and tags that cannot be
pulled, and what helps: a cure, which loses nothing, such as regsweep repair;
what to push again; and the last resort, which removes what is broken. Use the
last resort only if nobody has the image any more.

Children of an index that were never pushed, foreign layers and embedded layers
can be absent. Unknown files are listed, but are not a problem. check changes
nothing, takes no lock and works on a store that is mounted read-only. Only with
--for and --max-age does it write a file, .regsweep/verified, with what it has
read.` + checkStatusHelp,
		Example: `  regsweep check                         links, manifests, presence and sizes
  regsweep check --read-data             also all digests
  regsweep check --read-data-subset 10%  every day: all of it in ten days
  regsweep check --read-data --shard 0/4 -o json >0.json
                                         one of four machines
  regsweep check --merge [0-3].json      what all four have found
  regsweep check --read-data --for 2h    two hours a night, then continue
  regsweep check -o json | jq -r '.problems[].breaks[]?' | sort -u`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.merge {
				return nil
			}
			return usage(cobra.NoArgs(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.merge {
				return p.mergeCheck(o, cmd.Flags(), args)
			}
			return p.check(cmd.Context(), o, cmd.Flags())
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().BoolVar(&o.readData, "read-data", false, "read all blobs and compare their digests")
	cmd.Flags().Var(&o.shard, "shard", "read only part `I` of N, from 0 to N-1; /N takes I from "+jobIndex)
	cmd.Flags().BoolVar(&o.merge, "merge", false, "make one report of the JSON reports of all shards")
	cmd.Flags().Var(&o.lasts, "for", "stop reading after this `TIME`; the next check continues there")
	cmd.Flags().Var(&o.maxAge, "max-age", "skip what was read and found intact less than this `AGE` ago")
	cmd.Flags().Var(&o.subset, "read-data-subset", "read a `SHARE` of the bytes of the blobs, such as 10% or 5GiB; another share every day")
	return cmd
}

const checkStatusHelp = `

EXIT STATUS
  0    no problem; there may be unknown files
  1    something could not be read: it is listed, and the rest has been checked
  2    wrong usage
  3    the store has problems, which are listed
  130  stopped by SIGINT, 143 by SIGTERM, 129 by SIGHUP, 141 by SIGPIPE`

func (o *checkOptions) verify(f *pflag.FlagSet) error {
	if err := o.common.verify(f); err != nil {
		return err
	}
	for _, name := range []string{"shard", "for", "max-age"} {
		if f.Changed(name) && !o.readData && !f.Changed("read-data-subset") {
			return fmt.Errorf("--%s needs --read-data", name)
		}
	}
	for name, value := range map[string]age{"for": o.lasts, "max-age": o.maxAge} {
		if f.Changed(name) && value <= 0 {
			return fmt.Errorf("--%s has to be longer than 0", name)
		}
	}
	if !f.Changed("read-data-subset") {
		return nil
	}
	const hint = "it is a share such as 10%, or a size such as 5GiB"
	switch {
	case f.Changed("read-data") && !o.readData:
		return fmt.Errorf("--read-data=false and --read-data-subset contradict each other")
	case o.subset.share == 0 || o.subset.share < 0 && o.subset.bytes == 0:
		return &layout.HintError{Err: term.Quoted("--read-data-subset %s reads nothing", o.subset.text), Hint: hint}
	case o.subset.share < 0 && strings.Trim(o.subset.text, "0123456789._, ") == "":
		return &layout.HintError{Err: term.Quoted("--read-data-subset %s has no unit", o.subset.text), Hint: hint}
	}
	o.readData = true
	return nil
}

func (p *program) check(ctx context.Context, o *checkOptions, f *pflag.FlagSet) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	started := time.Now()
	r, err := p.openStore(ctx, "check", &o.common, "", true)
	if err != nil {
		return err
	}
	defer r.close()
	if r.locksErr != nil {
		r.w.Unreadable(sweep.LocksPath, r.locksErr)
	}
	r.progress.Phase("checking repositories", readingRepositories(r.w.Progress))
	look, count := r.store.Inspect(ctx, r.w)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.recalled.keep(ctx, r.store, r.w.Findings.Unreadable())
	r.confirm(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := &report.Check{Checked: newChecked(look, count)}
	if o.shard.Count > 0 {
		c.Shard, c.Started = &report.ShardOf{Index: o.shard.Index, Count: o.shard.Count}, asTime(started)
	}
	if o.shard.Index > 0 { // the first shard reports links, tags and manifests
		r.w.Findings.Keep(func(*walker.Problem) bool { return false })
	}
	if o.readData {
		r.readData(ctx, o, &c.Checked)
	}
	c.Checked.ElapsedSeconds = time.Since(started).Seconds()
	c.Problems = append([]walker.Problem{}, r.w.Findings.Problems()...)
	ward{Where: r.where, store: r.dir, noNames: look.Borrowed != "", foreign: isForeign(&r.place), mirror: r.rules.PullThrough}.prescribe(c.Problems)
	r.progress.Rest()
	if err := r.reportCheck(c); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w; what had been read by then is reported", context.Cause(ctx))
	}
	return r.judgeCheck()
}

// readData reads the data of the chosen blobs.
func (r *reading) readData(ctx context.Context, o *checkOptions, c *report.Checked) {
	started := time.Now()
	count := new(mark.DataRead)
	r.progress.Phase("reading data", readingData(count, started))
	ids, known := r.store.Choose(o.share(), r.rules.Now), r.remember(o)
	ids = known.prepare(ids, count, c)
	reading, done := known.limit(ctx, time.Duration(o.lasts))
	found := r.store.ReadData(reading, r.w, ids, count)
	done()
	c.BlobsRead, c.BytesRead = count.Blobs.Load(), count.Bytes.Load()
	known.keep(found)
	c.BlobsLeft = count.TotalBlobs.Load() - count.Done.Load()
	c.ReadSeconds = time.Since(started).Seconds()
	c.BytesPerSecond = int64(float64(c.BytesRead) / max(c.ReadSeconds, 1e-9))
	// Also of a check that is stopped: what has been found is worth knowing.
	r.store.ReportData(context.WithoutCancel(ctx), r.w, found)
}

// readingData is the phase in which data are read.
func readingData(count *mark.DataRead, started time.Time) func() term.Amounts {
	return func() term.Amounts {
		done, total := count.Bytes.Load(), count.TotalBytes.Load()
		rate := float64(done) / max(time.Since(started).Seconds(), 1e-9)
		return term.Amounts{
			Text: fmt.Sprintf("%s of %s blobs, %s of %s, %s/s", humanize.Comma(count.Blobs.Load()), humanize.Comma(count.TotalBlobs.Load()), term.Size(done), term.Size(total), term.Size(int64(rate))),
			Done: done, Total: total,
		}
	}
}
