package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"golang.org/x/sys/unix"
)

const (
	// few are the blobs of the store that a vast one is compared with.
	few = 340_000
	// mostIndexed is how many blobs a store may have for regsweep to write an index.
	mostIndexed = 5_000_000
	// maxItems is how many of the blobs are garbage at most.
	maxItems = 1_000_000
	// blobSize is more than a manifest may have: nobody reads such a blob. It takes no
	// place on the disk.
	blobSize = 5 << 20
	// perImage is how many layers an image has, all its own.
	perImage = 70
	// vastRepositories is how many repositories the images are in.
	vastRepositories = 100
)

// old is when garbage was written.
var old = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

// garbage is how many of so many blobs nothing links.
func garbage(blobs int) int { return min(blobs/5, maxItems) }

// vast says what a store of -blobs blobs takes, most of which are layers of images. No run
// finds an inode in the kernel's memory: those of ten million blobs have no room there.
func (b *bench) vast() error {
	small, unmountSmall, err := b.vastStore("few", few, garbage(few), 0)
	if err != nil {
		return err
	}
	defer unmountSmall()
	large, unmount, err := b.vastStore("vast", b.blobs, garbage(b.blobs), 0)
	if err != nil {
		return err
	}
	defer unmount()
	dry := func(root string, more ...string) []string {
		return append([]string{b.regsweep, "gc", "-d", "-q", "--root", root, "--index", "none"}, more...)
	}
	if err := forgetInodes(); err != nil {
		return err
	}
	x, peak, err := watched(dry(large)...)
	if err != nil {
		return err
	}
	y, _, err := medians(b.slow, forgetInodes, command(dry(small)...), func() (time.Duration, error) { return 0, nil })
	if err != nil {
		return err
	}
	each := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / float64(n) / 1000 }
	fmt.Printf("| time per blob of `gc -d`, %d / %d | %.2f us | %.2f us | %.2f |\n", b.blobs, few, each(x, b.blobs), each(y, few), each(x, b.blobs)/each(y, few))
	allowed := int64(32<<20 + 100*b.blobs)
	fmt.Printf("| peak memory of `gc -d`, %d blobs / 32 MiB + 100 bytes a blob | %d MiB | %d MiB | %.2f |\n", b.blobs, peak>>20, allowed>>20, float64(peak)/float64(allowed))
	page, plan := filepath.Join(b.dir, "vast.html"), filepath.Join(b.dir, "vast.plan")
	remembering := []string{b.regsweep, "gc", "-d", "-q", "--root", large}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"`gc -d --plan FILE --report FILE.html -o json`", dry(large, "--plan", plan, "--report", page, "-o", "json")},
		{"`ls`", []string{b.regsweep, "ls", "-q", "--root", large}},
		{"`gc -d`, which writes an index, if that is not too large", remembering},
		{"`gc -d` with that index", remembering},
	} {
		if b.blobs > mostIndexed && slices.Equal(c.args, remembering) {
			break
		}
		if err := forgetInodes(); err != nil {
			return err
		}
		if err := b.takes(c.name, x, allowed, c.args); err != nil {
			return err
		}
	}
	for _, file := range []string{page, plan} {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Printf("| size of %s, %d items | %d KiB | | |\n", filepath.Base(file), garbage(b.blobs), info.Size()>>10)
	}
	return b.interrupted(x/2, dry(large))
}

// forgetInodes makes the kernel forget all files and directories that are not in use, but
// not the blocks that they were read from.
func forgetInodes() error {
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0)
}

// plan says what a plan of maxItems items takes, in a store that has hardly more blobs:
// to write it down, and to read it for apply.
func (b *bench) plan() error {
	const blobs = maxItems + maxItems/10
	root, unmount, err := b.vastStore("planned", blobs, maxItems, 0)
	if err != nil {
		return err
	}
	defer unmount()
	file := filepath.Join(b.dir, "planned.plan")
	dry := []string{b.regsweep, "gc", "-d", "-q", "--index", "none", "--root", root}
	write := command(append(slices.Clone(dry), "--plan", file)...)
	x, y, err := medians(b.slow, nil, write, command(dry...))
	if err != nil {
		return err
	}
	fmt.Printf("| `gc -d --plan` of %d items - `gc -d` | %s | %s | %s more |\n", maxItems, round(x), round(y), round(x-y))
	apply := []string{b.regsweep, "apply", "-d", "-q", "--index", "none", "--root", root, file}
	x, y, err = medians(b.slow, nil, command(apply...), command(dry...))
	if err != nil {
		return err
	}
	fmt.Printf("| `apply -d` of %d items - `gc -d` | %s | %s | %s more |\n", maxItems, round(x), round(y), round(x-y))
	for _, c := range []struct {
		name string
		args []string
	}{
		{"gc -d", dry},
		{"gc -d --plan FILE", append(slices.Clone(dry), "--plan", file)},
		{"apply -d FILE", apply},
	} {
		peak, err := peakMemory(c.args...)
		if err != nil {
			return err
		}
		fmt.Printf("| peak memory of `%s`, %d blobs, %d of them garbage | %d MiB | | |\n", c.name, blobs, maxItems, peak>>20)
	}
	return nil
}

// manyTags says what 50,000 and -tags tags in one repository take.
func (b *bench) manyTags() error {
	if err := b.tagsOf("some-tags", 50_000); err != nil {
		return err
	}
	return b.tagsOf("tags", b.tags)
}

func (b *bench) tagsOf(name string, n int) error {
	root, unmount, err := b.vastStore(name, 0, 0, n)
	if err != nil {
		return err
	}
	defer unmount()
	gc := []string{b.regsweep, "gc", "-d", "-q", "--index", "none", "--root", root}
	if _, err := command(gc...)(); err != nil { // which warms up
		return err
	}
	x, err := command(gc...)()
	if err != nil {
		return err
	}
	allowed := int64(32<<20 + 100*n)
	for _, c := range []struct {
		name string
		args []string
	}{
		{fmt.Sprintf("`gc -d`, %d tags in one repository", n), gc},
		{"`prune -d` of all of them / `gc -d`", []string{b.regsweep, "prune", "-d", "-q", "--index", "none", "--root", root, "--filter", manyIn + ":gen-.*", "--ago", "30d"}},
		{"`ls REPOSITORY` / `gc -d`", []string{b.regsweep, "ls", manyIn, "-q", "--index", "none", "--root", root}},
	} {
		if err := b.takes(c.name, x, allowed, c.args); err != nil {
			return err
		}
	}
	return nil
}

// manyIn is the repository with many tags.
const manyIn = "s/team0/app0"

// takes runs a command once, and prints how long it takes, over a time, and its memory.
func (b *bench) takes(name string, over time.Duration, allowed int64, args []string) error {
	wall, peak, err := watched(args...)
	if err != nil {
		return err
	}
	fmt.Printf("| %s: time / that of `gc -d`; memory / 32 MiB + 100 bytes a blob or tag | %s, %d MiB | %s, %d MiB | %.2f, %.2f |\n",
		name, round(wall), peak>>20, round(over), allowed>>20, float64(wall)/float64(over), float64(peak)/float64(allowed))
	return nil
}

// watched runs a command, and returns how long it took and the most memory that it had.
func watched(args ...string) (wall time.Duration, peak int64, err error) {
	start := time.Now()
	peak, err = peakMemory(args...)
	return time.Since(start), peak, err
}

// interrupted stops a command by Ctrl-C on its way, and prints how long it took to end.
func (b *bench) interrupted(after time.Duration, args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(after)
	start := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		return fmt.Errorf("%s, interrupted after %s: %w: %s", strings.Join(args, " "), after, err, errs.String())
	}
	fmt.Printf("| Ctrl-C in `gc -d` after %s: time until it ends | %s | | |\n", round(after), round(time.Since(start)))
	return nil
}

// vastStore makes a store with so many more blobs, of which so many are garbage, and so
// many tags in one repository. It is in a filesystem in a file that has enough inodes:
// small files and directories are in these.
func (b *bench) vastStore(name string, blobs, items, tags int) (root string, unmount func(), err error) {
	image, at := filepath.Join(b.dir, name+".ext4"), filepath.Join(b.dir, name)
	done := filepath.Join(b.dir, name+".done")
	made := fmt.Sprint(blobs, " ", tags)
	text, err := os.ReadFile(done)
	fresh := err != nil || string(text) != made
	if err := os.MkdirAll(at, 0o755); err != nil {
		return "", nil, err
	}
	if fresh {
		if err := makeImage(image, int64(2*blobs+13*blobs/perImage+7*tags), int64(tags)); err != nil {
			return "", nil, err
		}
	}
	if out, err := exec.Command("mount", "-o", "loop,noatime", image, at).CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("mount: %w: %s: this needs root", err, out)
	}
	unmount = func() { _ = exec.Command("umount", at).Run() }
	if err := readAhead(image); err != nil {
		unmount()
		return "", nil, err
	}
	if root = filepath.Join(at, "registry"); !fresh {
		return root, unmount, nil
	}
	if err := fill(root, blobs, items, tags); err != nil {
		unmount()
		return "", nil, err
	}
	return root, unmount, os.WriteFile(done, []byte(made), 0o644)
}

// readAhead reads a file from its beginning to its end, which is in memory then, if there
// is room: a store is read in the order of digests, which takes a disk many times as long.
func readAhead(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// makeImage makes a filesystem for so many files and directories and a few more, of
// which so many directories do not fit into their inodes.
func makeImage(image string, inodes, large int64) error {
	inodes += inodes/20 + 200_000
	size := inodes*(256+256) + large*4096 + 2<<30
	_ = os.Remove(image)
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		return err
	}
	args := []string{"-q", "-F", "-m", "0", "-I", "256", "-N", fmt.Sprint(inodes), "-O", "inline_data,^has_journal", "-E", "lazy_itable_init=1,nodiscard", image}
	if out, err := exec.Command("mkfs.ext4", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	return nil
}

// fill makes a store with some images, and adds blobs, the first of which are garbage, and tags.
func fill(root string, blobs, items, tags int) error {
	s, err := layouttest.Build(root, "scale s repositories=10 images=100 layers=1 base=10", layouttest.Options{})
	if err != nil {
		return err
	}
	if err := addBlobs(filepath.Join(s.Dir, "blobs/sha256"), blobs, items); err != nil {
		return err
	}
	if err := addImages(s.Dir, items, blobs); err != nil {
		return err
	}
	return addTags(filepath.Join(s.Dir, "repositories", manyIn, "_manifests"), tags)
}

// addBlobs adds n blobs that nothing links, some of which are of old, except for those
// that are there. Each of a few workers has its directories, and computes all digests.
func addBlobs(dir string, n, items int) error {
	const workers = 4
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { errs[w] = addShare(dir, n, items, func(first byte) bool { return int(first)%workers == w }) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func addShare(dir string, n, items int, mine func(first byte) bool) error {
	at := [256]int{}
	for i := range at {
		if !mine(byte(i)) {
			continue
		}
		path := filepath.Join(dir, fmt.Sprintf("%02x", i))
		err := os.MkdirAll(path, 0o755)
		if err == nil {
			at[i], err = unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		}
		if err != nil {
			return err
		}
		defer unix.Close(at[i])
	}
	for i := range n {
		sum := sumOf(i)
		if !mine(sum[0]) {
			continue
		}
		if err := addBlob(at[sum[0]], hex.EncodeToString(sum[:]), i < items); err != nil {
			return err
		}
	}
	return nil
}

// sumOf is the digest of a blob by its number.
func sumOf(i int) [sha256.Size]byte { return sha256.Sum256(fmt.Appendf(nil, "blob %d", i)) }

// addImages adds images that have the blobs of these numbers as layers, without the
// links of the layers, which gc does not read.
func addImages(dir string, from, to int) error {
	config := []byte(`{"created":"2026-01-01T00:00:00Z","architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}`)
	about, err := writeBlob(dir, config)
	if err != nil {
		return err
	}
	for n := 0; from < to; n++ {
		text := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},"layers":[`, about, len(config))
		for end := min(from+perImage, to); from < end; from++ {
			text = fmt.Appendf(text, `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%x","size":%d},`, sumOf(from), blobSize)
		}
		text = append(text[:len(text)-1], "]}"...)
		digest, err := writeBlob(dir, text)
		if err != nil {
			return err
		}
		manifests := filepath.Join(dir, "repositories", fmt.Sprintf("vast/app%d", n%vastRepositories), "_manifests")
		revision := strings.TrimPrefix(digest, "sha256:")
		if err := os.MkdirAll(filepath.Join(manifests, "tags"), 0o755); err != nil {
			return err
		}
		if err := writeLink(filepath.Join(manifests, "revisions/sha256", revision), digest); err != nil {
			return err
		}
		if err := addTag(filepath.Join(manifests, "tags", fmt.Sprintf("v%d", n)), revision); err != nil {
			return err
		}
	}
	return nil
}

// writeBlob stores a blob, and returns its digest.
func writeBlob(dir string, content []byte) (digest string, err error) {
	hex := fmt.Sprintf("%x", sha256.Sum256(content))
	at := filepath.Join(dir, "blobs/sha256", hex[:2], hex)
	if err := os.MkdirAll(at, 0o755); err != nil {
		return "", err
	}
	return "sha256:" + hex, errors.Join(os.WriteFile(filepath.Join(at, "data"), content, 0o644), os.Chtimes(filepath.Join(at, "data"), old, old))
}

// writeLink writes the link of old in a directory.
func writeLink(dir, digest string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	link := filepath.Join(dir, "link")
	return errors.Join(os.WriteFile(link, []byte(digest), 0o644), os.Chtimes(link, old, old))
}

func addBlob(at int, name string, isOld bool) error {
	if err := unix.Mkdirat(at, name, 0o755); err != nil {
		if errors.Is(err, unix.EEXIST) {
			return nil
		}
		return err
	}
	fd, err := unix.Openat(at, name+"/data", unix.O_CREAT|unix.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, blobSize); err != nil || !isOld {
		return err
	}
	t := unix.NsecToTimespec(old.UnixNano())
	return unix.UtimesNanoAt(at, name+"/data", []unix.Timespec{t, t}, 0)
}

// addTags adds tags that name the repository's manifests in turn, as a registry writes them.
func addTags(dir string, n int) error {
	if n == 0 {
		return nil
	}
	revisions, err := os.ReadDir(filepath.Join(dir, "revisions/sha256"))
	if err != nil {
		return err
	}
	const workers = 4
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = addTag(filepath.Join(dir, "tags", fmt.Sprintf("gen-%07d", i)), revisions[i%len(revisions)].Name())
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func addTag(dir, revision string) error {
	return errors.Join(writeLink(filepath.Join(dir, "index/sha256", revision), "sha256:"+revision), writeLink(filepath.Join(dir, "current"), "sha256:"+revision))
}
