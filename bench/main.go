// Command bench measures regsweep against the least work that its mark phase
// needs (roofline/roofline.c), find, and the registry's own collector, on one
// store in one run. Machines are noisy: commands alternate, and what counts are
// ratios of medians. See docs/performance.md.
package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// bench is one run of the program.
type bench struct {
	dir      string // where stores are made
	regsweep string
	roofline string
	registry string // "" if there is none
	runs     int
	slow     int // runs of what takes minutes
	blobs    int // of the vast store
	tags     int // of the repository with many
}

// figures are what is measured, in order. Those after the first usual ones make large
// stores, and are measured only where they are asked for.
var figures = []string{"warm", "collectors", "cold", "sweep", "latency", "disks", "large", "huge", "vast", "plan", "tags"}

const usual = 6

func main() {
	b := &bench{}
	var only string
	flag.StringVar(&b.dir, "dir", filepath.Join(os.TempDir(), "regsweep-bench"), "where stores are made and kept")
	flag.StringVar(&b.regsweep, "regsweep", "bin/regsweep", "the program to measure")
	flag.StringVar(&b.registry, "registry", "registry", "the registry v3 to compare with; left out if there is none")
	flag.StringVar(&b.roofline, "roofline", "roofline/roofline.c", "the source of the least work")
	flag.IntVar(&b.runs, "runs", 9, "runs of each command")
	flag.IntVar(&b.slow, "slow", 3, "runs of what takes long")
	flag.StringVar(&only, "figures", strings.Join(figures[:usual], ","), "what to measure: also large (340,000 blobs), huge (1,500,000; 7 million inodes), vast (-blobs), plan (1,000,000 items) and tags (-tags)")
	flag.IntVar(&b.blobs, "blobs", 10_000_000, "blobs of the vast store, which is in a filesystem of its own in a file: 1 KiB each, and root")
	flag.IntVar(&b.tags, "tags", 1_000_000, "tags in one repository, likewise")
	flag.Parse()
	if err := b.run(strings.Split(only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(which []string) error {
	if err := b.prepare(); err != nil {
		return err
	}
	small, err := b.store("small", "scale s repositories=100 images=110 layers=1 base=10")
	if err != nil {
		return err
	}
	fmt.Println("| figure | regsweep | other | ratio |\n|---|---|---|---|")
	steps := []func() error{
		func() error { return b.warm(small) },
		func() error { return b.collectors(small) },
		func() error { return b.cold(small) },
		func() error { return b.sweep(small) },
		b.latency,
		b.disks,
		func() error { return b.large(small) },
		b.huge,
		b.vast,
		b.plan,
		b.manyTags,
	}
	for _, name := range which {
		at := slices.Index(figures, name)
		if at < 0 {
			return fmt.Errorf("there is no figure %q: they are %s", name, strings.Join(figures, ", "))
		}
		if err := steps[at](); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// prepare builds the roofline and looks for the registry.
func (b *bench) prepare() error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	source := b.roofline
	b.roofline = filepath.Join(b.dir, "roofline")
	if out, err := exec.Command("cc", "-O2", "-pthread", source, "-o", b.roofline).CombinedOutput(); err != nil {
		return fmt.Errorf("cc: %w: %s", err, out)
	}
	path, err := exec.LookPath(b.registry)
	if err != nil {
		fmt.Println("no registry v3 on the PATH: .ci/parts builds one; its rows are left out")
	}
	b.registry = path
	return nil
}

// store makes a store of aged files once and keeps it.
func (b *bench) store(name, text string) (root string, err error) {
	root = filepath.Join(b.dir, name)
	done := filepath.Join(b.dir, name+".done")
	if _, err := os.Stat(done); err == nil {
		return root, nil
	}
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	if _, err := layouttest.Build(root, text, layouttest.Options{}); err != nil {
		return "", err
	}
	return root, os.WriteFile(done, nil, 0o644)
}

// run runs a command and returns how long that took.
type run func() (time.Duration, error)

func command(args ...string) run {
	return func() (time.Duration, error) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		start := time.Now()
		err := cmd.Run()
		wall := time.Since(start)
		if err != nil {
			return 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, errs.String())
		}
		return wall, nil
	}
}

// pair runs two commands in turn and prints the medians and their ratio.
// before, which may be nil, is run before each and not measured.
func (b *bench) pair(name string, runs int, before func() error, ours, other run, inverse bool) error {
	x, y, err := medians(runs, before, ours, other)
	if err != nil {
		return err
	}
	ratio := float64(x) / float64(y)
	if inverse {
		ratio = 1 / ratio
	}
	fmt.Printf("| %s | %s | %s | %.2f |\n", name, round(x), round(y), ratio)
	return nil
}

func medians(runs int, before func() error, ours, other run) (a, b time.Duration, err error) {
	var lists [2][]time.Duration
	for i := range runs + 1 {
		for at, command := range []run{ours, other} {
			if before != nil {
				if err := before(); err != nil {
					return 0, 0, err
				}
			}
			wall, err := command()
			if err != nil {
				return 0, 0, err
			}
			if i > 0 || runs == 1 { // the first round warms up
				lists[at] = append(lists[at], wall)
			}
		}
	}
	return median(lists[0]), median(lists[1]), nil
}

func median[T cmp.Ordered](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
