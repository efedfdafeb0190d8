package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// pipeline is one run as the command gc makes it, over a seam that a test holds.
type pipeline struct {
	dir   string
	rules mark.Rules
	jobs  int
	fault func(op disk.Op, path string) error
	dry   bool
	ctx   context.Context
	// planned is called between the plan and its execution.
	planned func()
	// refuse reports whether the command refuses to carry out what was looked at.
	refuse func(*mark.Look) bool
	// trash moves what goes into the trash.
	trash bool
	pace  sweep.Pace
	// memory is of other runs and of this one, or nil.
	memory *mark.Memory
}

// outcome is what a run said.
type outcome struct {
	plan     *sweep.Plan // nil if it came to none
	executed bool
	failures []tree.Failure
	findings *walker.Findings
	err      error
	index    []byte // what the run remembers; nil if nothing of it is new
}

// report is the report of what was done, or would be.
func (o *outcome) report() sweep.Report { return o.plan.Report(o.executed) }

// said reports whether the run admits that not all went well.
func (o *outcome) said() bool { return o.err != nil || len(o.failures) > 0 }

var errUnreadable = errors.New("paths cannot be read")

// run is cmd/regsweep's job without its voice: the same calls in the same order.
func (p pipeline) run() *outcome {
	o := &outcome{findings: new(walker.Findings)}
	o.err = p.into(o)
	return o
}

func (p pipeline) into(o *outcome) error {
	if p.ctx == nil {
		p.ctx = context.Background()
	}
	files := &disk.FS{Fault: p.fault}
	store, err := files.OpenStore(p.dir)
	if err != nil {
		return err
	}
	defer store.Close()
	var lock *disk.Lock
	if !p.dry {
		if lock, err = store.Lock(); err != nil {
			return err
		}
		defer lock.Release()
	}
	if p.rules.Resumed, err = sweep.IsUnfinished(store); err != nil {
		return err
	}
	if !p.dry {
		if _, err := sweep.Clock(lock); err != nil {
			return err
		}
	}
	options := walker.Options{Jobs: p.jobs, Findings: o.findings, Resumed: p.rules.Resumed}
	if p.memory != nil {
		options.Memory = p.memory
	}
	w := walker.New(store, options)
	defer w.Close()
	look := mark.ReadWith(p.ctx, w, p.rules, p.memory).Look(p.ctx, w, nil)
	if b := p.memory.Index(look.Store); b != nil {
		o.index = mark.IndexText(b)
	}
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	if n := o.findings.Unreadable(); n > 0 {
		return fmt.Errorf("%d %w", n, errUnreadable)
	}
	if p.refuse != nil && p.refuse(look) {
		return nil
	}
	o.plan = sweep.New(look)
	if p.planned != nil {
		p.planned()
	}
	if p.dry || o.plan.Empty() && !o.plan.Resumes() {
		o.executed = !p.dry
		return nil
	}
	if p.trash {
		o.plan.Into(trash.NewBin("gc", p.dir, p.rules.Now))
	}
	o.failures, err = o.plan.Execute(p.ctx, lock, w, p.pace)
	o.executed = true
	return err
}

// scratch is a directory in memory: thousands of stores are written, and nothing
// here depends on a disk.
func scratch(t testing.TB) string { return layouttest.Memory(t) }

// template is a store that is copied many times.
type template struct {
	store *layouttest.Store
	files []file
}

type file struct {
	path    string
	info    fs.FileInfo
	content []byte
}

func newTemplate(t testing.TB, text string) *template {
	t.Helper()
	store, err := layouttest.Build(filepath.Join(scratch(t), "template"), text, layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return readTemplate(t, store)
}

func readTemplate(t testing.TB, store *layouttest.Store) *template {
	t.Helper()
	tp := &template{store: store}
	err := filepath.WalkDir(store.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f := file{path: strings.TrimPrefix(path, store.Root)}
		if f.info, err = d.Info(); err == nil && f.info.Mode().IsRegular() {
			f.content, err = os.ReadFile(path)
		}
		tp.files = append(tp.files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

// copy writes the store below root, with all its times.
func (tp *template) copy(root string) *layouttest.Store {
	tp.write(root)
	s := *tp.store
	s.Root = root
	s.Dir = filepath.Join(root, "docker", "registry", "v2")
	return &s
}

// pathsOf lists all paths below a store's directory, directories with a slash.
func pathsOf(dir string) []string {
	var list []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			path += "/"
		}
		list = append(list, strings.TrimPrefix(path, dir))
		return nil
	})
	slices.Sort(list) // the slashes change the order
	return list
}

// diff is what only one of two sorted lists has.
func diff(a, b []string) string {
	var s strings.Builder
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			fmt.Fprintf(&s, "\n  - %s", x)
		}
	}
	for _, x := range b {
		if _, ok := slices.BinarySearch(a, x); !ok {
			fmt.Fprintf(&s, "\n  + %s", x)
		}
	}
	return s.String()
}

// references are all that a client can name at this moment: NAME:TAG and
// NAME@DIGEST, in visible links only.
func references(dir string) []string {
	var list []string
	for _, path := range pathsOf(dir) {
		name, ok := strings.CutPrefix(path, "/repositories/")
		if !ok {
			continue
		}
		if repo, rest, ok := strings.Cut(name, "/_manifests/tags/"); ok {
			if tag, ok := strings.CutSuffix(rest, "/current/link"); ok {
				list = append(list, repo+":"+tag)
			}
		}
		if repo, rest, ok := strings.Cut(name, "/_manifests/revisions/"); ok {
			parts := strings.Split(rest, "/")
			if len(parts) == 3 && parts[2] == "link" {
				list = append(list, repo+"@"+parts[0]+":"+parts[1])
			}
		}
	}
	slices.Sort(list)
	return list
}

// missing is what each reference lacks that a client can name now.
func missing(s *layouttest.Store) map[string][]string {
	return s.MissingOf(references(s.Dir))
}

// lost says what references lack that they had before. Tags and manifests that
// are no longer there have not lost anything: whether they may go is the plan's.
func lost(s *layouttest.Store, before map[string][]string) []string {
	return lostOf(missing(s), before)
}

// lostOf is lost of what each reference lacks now.
func lostOf(lacking, before map[string][]string) []string {
	var list []string
	for ref, lacks := range lacking {
		was, known := before[ref]
		for _, part := range lacks {
			if !known || !slices.Contains(was, part) {
				list = append(list, ref+" lacks "+part)
			}
		}
	}
	slices.Sort(list)
	return list
}

// addsUp checks that live, removed and failed are what there was.
func addsUp(o *outcome) error {
	if o.plan == nil {
		return nil
	}
	r := o.report()
	sum := sweep.Amount{
		Blobs:     r.Live.Blobs + r.Removed.Blobs + r.Failed.Blobs,
		Bytes:     r.Live.Bytes + r.Removed.Bytes + r.Failed.Bytes,
		DiskBytes: r.Live.DiskBytes + r.Removed.DiskBytes + r.Failed.DiskBytes,
	}
	if sum != r.Store.Amount || r.Live.Blobs < 0 || r.Live.Bytes < 0 || r.Live.DiskBytes < 0 {
		return fmt.Errorf("live %+v, removed %+v, failed %+v; the store has %+v", r.Live, r.Removed.Amount, r.Failed.Amount, r.Store.Amount)
	}
	return nil
}

// usual are the rules of gc -m with its defaults.
func usual(now time.Time) mark.Rules {
	return mark.Rules{
		Now: now, Grace: time.Hour, OlderThan: 24 * time.Hour, UploadsOlderThan: 168 * time.Hour,
		DeleteUntagged: true,
	}
}
