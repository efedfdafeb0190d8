package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// gc reads everything, as the first run does.
func (b *bench) gc(root string, flags ...string) run {
	return b.indexed(root, append([]string{"--index", "none"}, flags...)...)
}

// indexed is gc that reads what has changed since its last run.
func (b *bench) indexed(root string, flags ...string) run {
	return command(append([]string{b.regsweep, "gc", "-q", "--root", root}, flags...)...)
}

func (b *bench) least(root, threads string) run {
	return command(b.roofline, filepath.Join(root, "docker/registry/v2"), threads)
}

// leastUntagged is the least work for gc -m, which has to read the layer links that it
// removes, and to list the histories of tags.
func (b *bench) leastUntagged(root, threads string) (run, error) {
	plan, list := filepath.Join(b.dir, "untagged.plan"), filepath.Join(b.dir, "untagged.links")
	_ = os.Remove(plan)
	if _, err := b.gc(root, "-d", "-m", "--plan", plan)(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(plan)
	if err != nil {
		return nil, err
	}
	var links []byte
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 3 && words[0] == "layerLink" {
			links = fmt.Appendf(links, "%s/_layers/%s/link\n", words[1], strings.Replace(words[3], ":", "/", 1))
		}
	}
	return command(b.roofline, filepath.Join(root, "docker/registry/v2"), threads, list), os.WriteFile(list, links, 0o644)
}

func (b *bench) warm(root string) error {
	if err := b.pair("warm `gc --dry-run` / roofline with 2 threads", b.runs, nil, b.gc(root, "-d"), b.least(root, "2"), false); err != nil {
		return err
	}
	untagged, err := b.leastUntagged(root, "2")
	if err != nil {
		return err
	}
	if err := b.pair("warm `gc -m --dry-run` / roofline with 2 threads that reads what `-m` must", b.runs, nil, b.gc(root, "-d", "-m"), untagged, false); err != nil {
		return err
	}
	if err := b.pair("second warm `gc -d`, unchanged store / roofline with 2 threads", b.runs, nil, b.indexed(root, "-d"), b.least(root, "2"), false); err != nil {
		return err
	}
	set := func() error { return setTags(root) }
	if err := b.pair("warm `gc -d` after all tags of 1 % of the repositories were set / roofline with 2 threads", b.runs, set, b.indexed(root, "-d"), b.least(root, "2"), false); err != nil {
		return err
	}
	if err := b.first(root); err != nil {
		return err
	}
	find := command("sh", "-c", "find "+root+" -type f -printf '%s\\n' >/dev/null")
	return b.pair("`find -type f -printf %s` / warm `gc --dry-run`", b.slow, nil, b.gc(root, "-d"), find, true)
}

// theirs is the registry's collector on a root directory.
func (b *bench) theirs(root string, flags ...string) (run, error) {
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
		if err := b.pair(name, b.slow, nil, b.gc(root, flags...), theirs, true); err != nil {
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
	if err := b.pair("cold `gc --dry-run` / cold roofline with 32 threads", b.slow+2, drop, b.gc(root, "-d"), b.least(root, "32"), false); err != nil {
		return err
	}
	return b.pair("second cold `gc -d`, unchanged store / cold roofline with 32 threads", b.slow+2, drop, b.indexed(root, "-d"), b.least(root, "32"), false)
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
	unlink := func() (time.Duration, error) {
		// Plain unlinking of the same number of blobs: every second one.
		files, err := filepath.Glob(filepath.Join(copied, "docker/registry/v2/blobs/sha256/*/*/data"))
		if err != nil {
			return 0, err
		}
		start := time.Now()
		for i := 0; i < len(files); i += 2 {
			if err := os.RemoveAll(filepath.Dir(files[i])); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	}
	if err := b.pair("`gc -m` sweep / plain unlinking of as many blobs", b.slow, fresh, ours, unlink, false); err != nil {
		return err
	}
	if b.registry == "" {
		return nil
	}
	theirs, err := b.theirs(copied, "-m")
	if err != nil {
		return err
	}
	return b.pair("registry v3 `garbage-collect -m` sweep / `gc -m` sweep", 1, fresh, ours, theirs, true)
}

// large compares the time per blob of two sizes, and says what memory the larger takes.
func (b *bench) large(small string) error {
	large, err := b.store("large", "scale l repositories=20 images=5000 layers=1 base=10")
	if err != nil {
		return err
	}
	const blobs, smallBlobs, links = 340_200, 34_000, 20 * (2500 + 2*2500 + 2500)
	x, y, err := medians(b.slow, nil, b.gc(large, "-d"), b.gc(small, "-d"))
	if err != nil {
		return err
	}
	perBlob := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / float64(n) / 1000 }
	fmt.Printf("| time per blob, 340,000 in 20 repositories / 34,000 in 100 | %.2f us | %.2f us | %.2f |\n",
		perBlob(x, blobs), perBlob(y, smallBlobs), perBlob(x, blobs)/perBlob(y, smallBlobs))
	untagged, err := b.leastUntagged(large, "2")
	if err != nil {
		return err
	}
	if err := b.pair("warm `gc -d` / roofline with 2 threads, 340,000 blobs", b.slow, nil, b.gc(large, "-d"), b.least(large, "2"), false); err != nil {
		return err
	}
	if err := b.pair("warm `gc -d -m` / roofline with 2 threads that reads what `-m` must, 340,000 blobs", b.slow, nil, b.gc(large, "-d", "-m"), untagged, false); err != nil {
		return err
	}
	if err := b.memory(large, blobs, links); err != nil {
		return err
	}
	return b.part(large, blobs/100)
}

// part compares sweeps of a hundredth of a store with their dry runs, and says what the
// later looks of a sweep save by what this run itself has read.
func (b *bench) part(root string, items int) error {
	litter := func() error { return addBlobs(filepath.Join(root, "docker/registry/v2/blobs/sha256"), items, items) }
	for _, c := range []struct {
		name       string
		sweep, dry run
	}{
		{"sweep of 1 % of 340,000 blobs / its dry run, nothing remembered", b.gc(root), b.gc(root, "-d")},
		{"sweep of 1 % of 340,000 blobs / its dry run", b.indexed(root), b.indexed(root, "-d")},
		{"sweep of 1 % of 340,000 blobs / the same, nothing remembered", b.indexed(root), b.gc(root)},
	} {
		if err := b.pair(c.name, b.slow, litter, c.sweep, c.dry, false); err != nil {
			return err
		}
	}
	return nil
}

// huge says what memory a store of 1,500,000 blobs takes.
func (b *bench) huge() error {
	huge, err := b.store("huge", "scale h repositories=20 images=1000 layers=73 base=10 size=40 manifest=1024")
	if err != nil {
		return err
	}
	return b.memory(huge, 20*(1000*75+10), 20*500*(1+74+1))
}

func (b *bench) memory(root string, blobs, links int) error {
	for _, flags := range [][]string{{"-d"}, {"-d", "-m"}} {
		goes := links
		if len(flags) == 1 {
			goes = 0
		}
		peak, err := peakMemory(append([]string{b.regsweep, "gc", "-q", "--index", "none", "--root", root}, flags...)...)
		if err != nil {
			return err
		}
		allowed := 32<<20 + 100*blobs + 16*goes
		fmt.Printf("| peak memory of `gc %s`, %d blobs / 32 MiB + 100 bytes a blob + 16 a link that goes | %d MiB | %d MiB | %.2f |\n",
			strings.Join(flags, " "), blobs, peak>>20, allowed>>20, float64(peak)/float64(allowed))
	}
	return nil
}

// peakMemory runs a command and returns the most memory that it had, in bytes,
// as Linux tells while it runs: what is told afterwards counts this process, too.
func peakMemory(args ...string) (peak int64, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-time.After(2 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			var kilobytes int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
				peak = max(peak, kilobytes<<10)
			}
		}
	}
}
