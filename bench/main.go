// Command bench measures regsweep against the least work that its mark phase
// needs (roofline/roofline.c), find, and the registry's own collector, on one store in
// one run. Machines are noisy: commands alternate, and what counts are ratios
// of medians. See docs/performance.md.
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
	"syscall"
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
}

func main() {
	b := &bench{}
	flag.StringVar(&b.dir, "dir", filepath.Join(os.TempDir(), "regsweep-bench"), "where stores are made and kept")
	flag.StringVar(&b.regsweep, "regsweep", "bin/regsweep", "the program to measure")
	flag.StringVar(&b.registry, "registry", "registry", "the registry v3 to compare with; left out if there is none")
	flag.IntVar(&b.runs, "runs", 9, "runs of each command")
	flag.IntVar(&b.slow, "slow", 3, "runs of the registry's collector")
	large := flag.Bool("large", false, "also 300,000 blobs in 20 repositories: scaling and memory")
	flag.Parse()
	if err := b.run(*large); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(large bool) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	b.roofline = filepath.Join(b.dir, "roofline")
	if out, err := exec.Command("cc", "-O2", "-pthread", "bench/roofline/roofline.c", "-o", b.roofline).CombinedOutput(); err != nil {
		return fmt.Errorf("cc: %w: %s", err, out)
	}
	if path, err := exec.LookPath(b.registry); err == nil {
		b.registry = path
	} else {
		fmt.Println("no registry v3 on the PATH: .ci/parts builds one; its rows are left out")
		b.registry = ""
	}
	small, err := b.store("small", "scale s repositories=100 images=110 layers=1 base=10")
	if err != nil {
		return err
	}
	fmt.Println("| figure | regsweep | other | ratio |\n|---|---|---|---|")
	steps := []func(string) error{b.warm, b.collectors, b.cold, b.sweep}
	for _, step := range steps {
		if err := step(small); err != nil {
			return err
		}
	}
	if large {
		return b.scaling(small)
	}
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

// cost is what one run of a command took.
type cost struct {
	wall   time.Duration
	memory int64 // bytes at the peak
}

func command(args ...string) func() (cost, error) {
	return func() (cost, error) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		start := time.Now()
		err := cmd.Run()
		wall := time.Since(start)
		if err != nil {
			return cost{}, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, errs.String())
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		return cost{wall, usage.Maxrss * 1024}, nil
	}
}

// pair runs two commands in turn and prints the medians and their ratio.
// before, which may be nil, is run before each and not measured.
func pair(name string, runs int, before func() error, ours, other func() (cost, error), inverse bool) error {
	var a, b []time.Duration
	for i := range runs + 1 {
		for _, c := range []struct {
			run  func() (cost, error)
			list *[]time.Duration
		}{{ours, &a}, {other, &b}} {
			if before != nil {
				if err := before(); err != nil {
					return err
				}
			}
			cost, err := c.run()
			if err != nil {
				return err
			}
			if i > 0 || runs == 1 { // the first round warms up
				*c.list = append(*c.list, cost.wall)
			}
		}
	}
	x, y := median(a), median(b)
	ratio := float64(x) / float64(y)
	if inverse {
		ratio = 1 / ratio
	}
	fmt.Printf("| %s | %s | %s | %.2f |\n", name, round(x), round(y), ratio)
	return nil
}

func median[T cmp.Ordered](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func (b *bench) gc(root string, flags ...string) func() (cost, error) {
	return command(append([]string{b.regsweep, "gc", "-q", "--root", root}, flags...)...)
}

func (b *bench) least(root, threads string) func() (cost, error) {
	return command(b.roofline, filepath.Join(root, "docker/registry/v2"), threads)
}

func (b *bench) warm(root string) error {
	if err := pair("warm `gc --dry-run` / roofline with 2 threads", b.runs, nil, b.gc(root, "-d"), b.least(root, "2"), false); err != nil {
		return err
	}
	if err := pair("warm `gc -m --dry-run` / roofline with 2 threads", b.runs, nil, b.gc(root, "-d", "-m"), b.least(root, "2"), false); err != nil {
		return err
	}
	find := command("sh", "-c", "find "+root+" -type f -printf '%s\\n' >/dev/null")
	return pair("`find -type f -printf %s` / warm `gc --dry-run`", b.slow, nil, b.gc(root, "-d"), find, true)
}

// theirs is the registry's collector on a root directory.
func (b *bench) theirs(root string, flags ...string) (func() (cost, error), error) {
	config := root + ".yml"
	text := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nlog: {level: error}\n", root)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return command(append(append([]string{b.registry, "garbage-collect", "-q"}, flags...), config)...), nil
}

func (b *bench) collectors(root string) error {
	if b.registry == "" {
		return nil
	}
	for _, flags := range [][]string{{"-d"}, {"-d", "-m"}} {
		theirs, err := b.theirs(root, flags...)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("registry v3 `garbage-collect %s` / `gc %[1]s`", strings.Join(flags, " "))
		if err := pair(name, b.slow, nil, b.gc(root, flags...), theirs, true); err != nil {
			return err
		}
	}
	return nil
}

// cold drops the kernel's caches before each run, which only root may.
func (b *bench) cold(root string) error {
	drop := func() error {
		syscall.Sync()
		return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
	}
	if err := drop(); err != nil {
		fmt.Println("| cold `gc --dry-run` | not measured: dropping caches needs root | | |")
		return nil //nolint:nilerr // said in the table
	}
	return pair("cold `gc --dry-run` / cold roofline with 32 threads", b.slow+2, drop, b.gc(root, "-d"), b.least(root, "32"), false)
}

// sweep compares real sweeps, each on a fresh copy of the store.
func (b *bench) sweep(root string) error {
	copied := filepath.Join(b.dir, "copy")
	fresh := func() error {
		if err := os.RemoveAll(copied); err != nil {
			return err
		}
		return exec.Command("cp", "-a", root, copied).Run()
	}
	defer func() { _ = os.RemoveAll(copied) }()
	ours := b.gc(copied, "-m")
	unlink := func() (cost, error) {
		// Plain unlinking of the same number of blobs: every second one.
		files, err := filepath.Glob(filepath.Join(copied, "docker/registry/v2/blobs/sha256/*/*/data"))
		if err != nil {
			return cost{}, err
		}
		start := time.Now()
		for i := 0; i < len(files); i += 2 {
			if err := os.RemoveAll(filepath.Dir(files[i])); err != nil {
				return cost{}, err
			}
		}
		return cost{wall: time.Since(start)}, nil
	}
	if err := pair("`gc -m` sweep / plain unlinking of as many blobs", b.slow, fresh, ours, unlink, false); err != nil {
		return err
	}
	if b.registry == "" {
		return nil
	}
	theirs, err := b.theirs(copied, "-m")
	if err != nil {
		return err
	}
	return pair("registry v3 `garbage-collect -m` sweep / `gc -m` sweep", 1, fresh, ours, theirs, true)
}

// scaling compares the time per blob of two sizes, and says what memory they take.
func (b *bench) scaling(small string) error {
	large, err := b.store("large", "scale l repositories=20 images=5000 layers=1 base=10")
	if err != nil {
		return err
	}
	if err := pair("340,000 blobs in 20 repositories / 34,000 in 100 (a ratio of 10 is linear)", b.slow, nil, b.gc(large, "-d"), b.gc(small, "-d"), false); err != nil {
		return err
	}
	if err := pair("warm `gc --dry-run` / roofline with 2 threads, 340,000 blobs", b.slow, nil, b.gc(large, "-d"), b.least(large, "2"), false); err != nil {
		return err
	}
	c, err := b.gc(large, "-d", "-m")()
	if err != nil {
		return err
	}
	const blobs, links = 340200, 20 * (2500 + 2*2500 + 2500)
	allowed := 32<<20 + 100*blobs + 16*links
	fmt.Printf("| peak memory of `gc -d -m`, 340,000 blobs / 32 MiB + 100 bytes a blob + 16 a link that goes | %d MiB | %d MiB | %.2f |\n",
		c.memory>>20, allowed>>20, float64(c.memory)/float64(allowed))
	return nil
}
