package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// A disk is made of a file in two steps: a program shows the file through FUSE, and
// answers each read as late as such a disk would; a loop device is over that, with a
// filesystem on it. So the kernel has a block device with a queue.

// slowDisk is a file that is read as from a disk.
type slowDisk struct {
	fs.Inode
	file *os.File
	size int64
	wait func(at int64)
}

var (
	_ fs.NodeGetattrer = (*slowDisk)(nil)
	_ fs.NodeOpener    = (*slowDisk)(nil)
	_ fs.NodeReader    = (*slowDisk)(nil)
)

// Getattr is as fs.NodeGetattrer has it.
func (d *slowDisk) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = syscall.S_IFREG|0o444, uint64(d.size)
	return 0
}

// Open is as fs.NodeOpener has it.
func (d *slowDisk) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, 0
}

// Read is as fs.NodeReader has it.
func (d *slowDisk) Read(_ context.Context, _ fs.FileHandle, to []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	d.wait(at)
	n, err := d.file.ReadAt(to, at)
	if n == 0 && err != nil {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(to[:n]), 0
}

// solid waits as a disk does that serves any number of reads at a time.
func solid(int64) { time.Sleep(time.Millisecond) }

// arm is a disk with one arm, which serves what is waiting in the order of places, from
// the first to the last and again. Moving takes up to ten milliseconds, and a read one.
type arm struct {
	size    int64
	mu      sync.Mutex
	at      int64
	moves   bool
	waiting []waiter
}

type waiter struct {
	at   int64
	done chan struct{}
}

func (a *arm) wait(at int64) {
	me := waiter{at, make(chan struct{})}
	a.mu.Lock()
	a.waiting = append(a.waiting, me)
	if !a.moves {
		a.moves = true
		go a.serve()
	}
	a.mu.Unlock()
	<-me.done
}

// serve serves what is waiting, until nothing is.
func (a *arm) serve() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.waiting) > 0 {
		next := -1
		for i, w := range a.waiting {
			if w.at >= a.at && (next < 0 || w.at < a.waiting[next].at) {
				next = i
			}
		}
		if next < 0 { // back to the first
			for i, w := range a.waiting {
				if next < 0 || w.at < a.waiting[next].at {
					next = i
				}
			}
		}
		w := a.waiting[next]
		a.waiting = slices.Delete(a.waiting, next, next+1)
		far := math.Sqrt(math.Abs(float64(w.at-a.at)) / float64(a.size))
		a.at = w.at
		a.mu.Unlock()
		time.Sleep(time.Millisecond + time.Duration(far*float64(10*time.Millisecond)))
		close(w.done)
		a.mu.Lock()
	}
	a.moves = false
}

// disks says what the number of jobs that is chosen gains on disks that nothing is
// remembered of.
func (b *bench) disks() error {
	image := filepath.Join(b.dir, "disk.ext4")
	if err := b.diskImage(image); err != nil {
		fmt.Printf("| jobs on slow disks | not measured: %s | | |\n", err)
		return nil //nolint:nilerr // said in the table
	}
	info, err := os.Stat(image)
	if err != nil {
		return err
	}
	for _, disk := range []struct {
		name, rotates string
		wait          func(int64)
	}{
		{"a disk with 1 ms a read", "0", solid},
		{"a disk with an arm", "1", (&arm{size: info.Size()}).wait},
	} {
		root, eject, err := b.mountDisk(image, disk.rotates, disk.wait)
		if err != nil {
			fmt.Printf("| jobs on %s | not measured: %s | | |\n", disk.name, err)
			continue
		}
		drop := func() error { return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0) }
		for _, jobs := range []string{"1", "32"} {
			name := fmt.Sprintf("%s, cold: `gc -d` with %s jobs / as it chooses", disk.name, jobs)
			if err = b.pair(name, b.slow, drop, b.gc(root, "-d"), b.gc(root, "-d", "--jobs", jobs), true); err != nil {
				break
			}
		}
		if err = errors.Join(err, eject()); err != nil {
			return err
		}
	}
	return nil
}

// diskImage makes a filesystem with a store in a file.
func (b *bench) diskImage(image string) error {
	if _, err := os.Stat(image + ".done"); err == nil {
		return nil
	}
	at := image + ".at"
	if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(image, nil, 0o644), os.Truncate(image, 512<<20)); err != nil {
		return err
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, at}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command[0], err, out)
		}
	}
	_, err := layouttest.Build(filepath.Join(at, "registry"), "scale d repositories=10 images=40 layers=1 base=10", layouttest.Options{})
	if err = errors.Join(err, exec.Command("umount", at).Run()); err != nil {
		return err
	}
	return os.WriteFile(image+".done", nil, 0o644)
}

// mountDisk mounts the filesystem in a file as from a disk, which rotates if so told.
func (b *bench) mountDisk(image, rotates string, wait func(int64)) (root string, eject func() error, err error) {
	var undo []func() error
	eject = func() (err error) {
		for _, fn := range slices.Backward(undo) {
			err = errors.Join(err, fn())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, eject())
		}
	}()
	file, err := os.Open(image)
	if err != nil {
		return "", nil, err
	}
	undo = append(undo, file.Close)
	info, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	shown, at := filepath.Join(b.dir, "shown"), filepath.Join(b.dir, "disk")
	if err := errors.Join(os.MkdirAll(shown, 0o755), os.MkdirAll(at, 0o755)); err != nil {
		return "", nil, err
	}
	top := &fs.Inode{}
	server, err := fs.Mount(shown, top, &fs.Options{
		MountOptions: fuse.MountOptions{Name: "disk", DirectMount: true, MaxBackground: 256, ExtraCapabilities: fuse.CAP_ASYNC_DIO},
		OnAdd: func(ctx context.Context) {
			d := &slowDisk{file: file, size: info.Size(), wait: wait}
			top.AddChild("image", top.NewPersistentInode(ctx, d, fs.StableAttr{Mode: syscall.S_IFREG}), false)
		},
	})
	if err != nil {
		return "", nil, err
	}
	undo = append(undo, server.Unmount)
	out, err := exec.Command("losetup", "--find", "--show", "--read-only", "--direct-io=on", filepath.Join(shown, "image")).Output()
	if err != nil {
		return "", nil, fmt.Errorf("losetup: %w", err)
	}
	device := strings.TrimSpace(string(out))
	undo = append(undo, func() error { return exec.Command("losetup", "-d", device).Run() })
	if err := os.WriteFile("/sys/block/"+filepath.Base(device)+"/queue/rotational", []byte(rotates), 0o644); err != nil {
		return "", nil, err
	}
	if out, err := exec.Command("mount", "-o", "ro,noload", device, at).CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("mount: %w: %s", err, out)
	}
	undo = append(undo, func() error { return exec.Command("umount", at).Run() })
	return filepath.Join(at, "registry"), eject, nil
}
