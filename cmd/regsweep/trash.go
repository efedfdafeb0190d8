package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout"
)

func (p *program) trashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trash",
		Short: "list, put back or remove for good what was moved to the trash",
		Long: `gc, rm, untag and prune with --trash move what they remove to the trash,
docker/registry/v2/.regsweep/trash, which registries ignore. The space is freed
when the trash is emptied.`,
		Example: `  regsweep gc -m --trash
  regsweep trash ls                                which runs there are
  regsweep trash restore 20261121T151002Z-gc       put one back
  regsweep trash empty --older-than 14d --yes      from cron`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command trash %s", args[0]), Hint: "regsweep trash --help lists them"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.trashListCommand(), p.trashRestoreCommand(), p.trashEmptyCommand())
	return cmd
}

// trashRun is a run in the list of the trash.
type trashRun struct {
	Run     string    `json:"run"`
	Command string    `json:"command"`
	Started time.Time `json:"started"`
	Items   int       `json:"items"`
	Bytes   int64     `json:"bytes"`
}

func (p *program) trashListCommand() *cobra.Command {
	o := &trashOptions{}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "list the runs in the trash, the oldest first",
		Long: `ls lists the runs whose items are in the trash, and how much they hold. It
changes nothing and takes no lock.` + exitStatusHelp,
		Example: `  regsweep trash ls
  regsweep trash ls -q | head -1    the oldest run`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error { return p.trashList(o, cmd.Flags()) },
	}
	o.common.add(cmd.Flags())
	return cmd
}

func (p *program) trashList(o *trashOptions, f *pflag.FlagSet) error {
	if err := o.verify(f); err != nil {
		return usage(err)
	}
	j, err := p.openTrash("trash ls", o, false)
	if err != nil {
		return err
	}
	defer j.close()
	bins, err := j.bins()
	if err != nil {
		return trashHint(err)
	}
	list := []trashRun{}
	for _, b := range bins {
		items, bytes, err := b.Size(j.store)
		if err != nil {
			return err
		}
		list = append(list, trashRun{b.Name, term.Valid(b.Command), b.Started.UTC(), items, bytes})
	}
	result := struct {
		Runs []trashRun `json:"runs"`
	}{list}
	if p.fileResult(result); o.output == "json" {
		return p.writeJSON(result)
	}
	return j.writeRuns(list)
}

func (j *trashJob) writeRuns(list []trashRun) error {
	var text strings.Builder
	t := term.Table{Columns: []term.Column{{Title: "RUN"}, {Title: "COMMAND", Drop: 2}, {Title: "STARTED", Drop: 1}, {Title: "ITEMS", Right: true}, {Title: "SIZE", Right: true}}}
	for _, l := range list {
		if j.quiet {
			fmt.Fprintln(&text, l.Run)
			continue
		}
		t.Add(l.Run, term.Harmless(l.Command), l.Started.Format("2006-01-02 15:04"), term.Comma(l.Items), term.Size(l.Bytes))
	}
	switch {
	case !j.quiet && len(list) == 0:
		text.WriteString("the trash is empty\n")
	case !j.quiet:
		return t.Show(j.out)
	}
	_, err := j.out.Write([]byte(text.String()))
	return err
}
