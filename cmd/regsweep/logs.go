package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/pulls"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// taggedBefore is what the tags of a store have named, by their histories.
type taggedBefore struct {
	repositories map[string]map[string][]pulls.Named
	oldest       int64 // of the links that were read, in nanoseconds since 1970; 0 if there is none
}

// readTagged reads the tags of all repositories, with their histories.
func readTagged(ctx context.Context, store *disk.Dir, jobs int, resumed bool) (*taggedBefore, error) {
	findings := new(walker.Findings)
	w := walker.New(store, walker.Options{Jobs: jobs, Findings: findings, Resumed: resumed, Progress: new(walker.Progress)})
	defer w.Close()
	b := &taggedBefore{repositories: map[string]map[string][]pulls.Named{}}
	var mu sync.Mutex
	w.Repositories(ctx, func(r *walker.Repository) {
		if r.Empty {
			return
		}
		tags := r.Tags(ctx, nil)
		named := make(map[string][]pulls.Named, len(tags))
		for i := range tags {
			t := &tags[i]
			if t.AsideName != "" {
				continue
			}
			var own sync.Mutex
			var history []pulls.Named
			r.ReadHistory(ctx, t, func(entries []walker.Revision) {
				own.Lock()
				defer own.Unlock()
				for k := range entries {
					if e := &entries[k]; e.Link.State == walker.LinkGood {
						history = append(history, pulls.Named{Digest: e.Link.Target, Set: time.Unix(0, e.Link.MTime)})
					}
				}
			})
			if len(history) == 0 && t.Link.State == walker.LinkGood {
				history = []pulls.Named{{Digest: t.Link.Target, Set: time.Unix(0, t.Link.MTime)}}
			}
			named[t.Name] = history
		}
		mu.Lock()
		defer mu.Unlock()
		b.repositories[r.Name] = named
		for _, history := range named {
			for _, n := range history {
				b.note(n.Set.UnixNano())
			}
		}
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if n := findings.Unreadable(); n > 0 {
		return nil, &layout.HintError{
			Err:  fmt.Errorf("%s cannot be read, so it is not known what has been pulled: nothing has been changed", english.Plural(n, "path", "")),
			Hint: "run as a user who can read the store, or repair the filesystem first",
		}
	}
	return b, nil
}

func (b *taggedBefore) note(at int64) {
	if at > 0 && (b.oldest == 0 || at < b.oldest) {
		b.oldest = at
	}
}

// reach is what logs can tell of in this store, the oldest blob of which is given.
func (b *taggedBefore) reach(oldest int64, now time.Time) *pulls.Reach {
	b.note(oldest)
	return &pulls.Reach{
		Has: func(repository string) bool { _, ok := b.repositories[repository]; return ok },
		Named: func(repository, tag string, at time.Time) layout.Digest {
			return pulls.NamedAt(b.repositories[repository][tag], at)
		},
		Oldest: time.Unix(0, b.oldest).Truncate(time.Second), // as logs have no parts of seconds
		Now:    now,
	}
}

// logs are files that are read into a table of pulls.
type logs struct {
	*program
	reach    *pulls.Reach
	table    *pulls.Table
	sum      pulls.Counts
	readable int // files with a request in them
}

func (p *program) logsOf(reach *pulls.Reach) *logs {
	return &logs{program: p, reach: reach, table: pulls.NewTable()}
}

// read reads all of the files that can be read. The error names the others.
func (l *logs) read(ctx context.Context, files []string) error {
	var errs []error
	for _, file := range files {
		added, err := l.readOne(ctx, file)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("log %q: %w", logName(file), err))
			continue
		case added.Requests == 0:
			errs = append(errs, &layout.HintError{Err: term.Quoted("log %s: no line of it is a request", logName(file)), Hint: "docs/policy.md lists the formats, and how to configure them"})
		case added.Foreign:
			l.readable++
			l.voice.Warn("%s", term.Quoted("log %s: no line of it names a repository of this store, so it says nothing about it", logName(file)))
		default:
			l.readable++
		}
		if added.Unreadable > 0 {
			l.voice.Warn("%s", term.Quoted("log %s: "+term.Plural(int(added.Unreadable), "line")+" cannot be read, or have times in the future or before the store", logName(file)))
		}
		l.sum.Add(added.Counts)
	}
	return errors.Join(errs...)
}

func logName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

func (l *logs) readOne(ctx context.Context, file string) (pulls.Added, error) {
	in := l.in
	if file != "-" {
		// Asked before it is opened, since opening a named pipe would wait for its writer.
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			return pulls.Added{}, errors.New("it is a directory")
		}
		f, err := os.Open(file)
		if err != nil {
			return pulls.Added{}, err
		}
		defer f.Close()
		in = f
	}
	return l.table.Read(&interrupted{ctx, in}, l.reach)
}

// interrupted is a reader that ends with its context.
type interrupted struct {
	ctx context.Context
	in  io.Reader
}

func (r *interrupted) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(b)
}

// pullsHint says what can be done about a table that cannot be read.
func pullsHint(err error, store string) error {
	return &layout.HintError{Err: err, Hint: "if it is damaged, remove " + store + "/" + sweep.PullsPath + ", and read again the logs that you still have"}
}
