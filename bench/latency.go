package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// slowly is a filesystem that takes its time for everything that a walk asks of
// it. Nothing is cached, so that it is asked again for each part of each path.
type slowly struct {
	fuse.RawFileSystem
	delay time.Duration // of each operation
}

func (s slowly) Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Lookup(cancel, header, name, out)
}

func (s slowly) GetAttr(cancel <-chan struct{}, input *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.GetAttr(cancel, input, out)
}

func (s slowly) Open(cancel <-chan struct{}, input *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.Open(cancel, input, out)
}

func (s slowly) Read(cancel <-chan struct{}, input *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	time.Sleep(s.delay)
	return s.RawFileSystem.Read(cancel, input, buf)
}

func (s slowly) OpenDir(cancel <-chan struct{}, input *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.OpenDir(cancel, input, out)
}

func (s slowly) ReadDir(cancel <-chan struct{}, input *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.ReadDir(cancel, input, out)
}

func (s slowly) ReadDirPlus(cancel <-chan struct{}, input *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	time.Sleep(s.delay)
	return s.RawFileSystem.ReadDirPlus(cancel, input, out)
}

// mountSlowly shows a store at another place, where each operation takes its time.
func mountSlowly(root, at string, delay time.Duration) (unmount func() error, err error) {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return nil, err
	}
	loopback, err := fs.NewLoopbackRoot(root)
	if err != nil {
		return nil, err
	}
	never := time.Duration(0)
	nodes := fs.NewNodeFS(loopback, &fs.Options{EntryTimeout: &never, AttrTimeout: &never})
	server, err := fuse.NewServer(slowly{nodes, delay}, at, &fuse.MountOptions{
		Name: "slowly", DirectMount: true, MaxBackground: 256, Options: []string{"ro"},
	})
	if err != nil {
		return nil, err
	}
	go server.Serve()
	return server.Unmount, server.WaitMount()
}

// latency says what more jobs gain where each operation takes a millisecond, as on a
// network filesystem, or ten, as on one that is far away.
func (b *bench) latency() error {
	root, err := b.store("latency", "scale f repositories=10 images=30 layers=1 base=10")
	if err != nil {
		return err
	}
	for _, c := range []struct {
		delay time.Duration
		jobs  []string
	}{{time.Millisecond, []string{"1", "32"}}, {10 * time.Millisecond, []string{"32"}}} {
		if err := b.delayed(root, c.delay, c.jobs); err != nil {
			return err
		}
	}
	return nil
}

// delayed compares the number of jobs that is chosen with others.
func (b *bench) delayed(root string, delay time.Duration, jobs []string) error {
	slow := filepath.Join(b.dir, "slowly")
	unmount, err := mountSlowly(root, slow, delay)
	if err != nil {
		fmt.Printf("| jobs on a filesystem with %s an operation | not measured: %s | | |\n", delay, err)
		return nil
	}
	defer func() { _ = unmount() }()
	for _, flags := range [][]string{{"-d"}, {"-d", "-m"}} {
		for _, n := range jobs {
			name := fmt.Sprintf("%s an operation: `gc %s` with %s jobs / as it chooses", delay, strings.Join(flags, " "), n)
			fixed := b.gc(slow, append(slices.Clone(flags), "--jobs", n)...)
			if err := b.pair(name, b.slow, nil, b.gc(slow, flags...), fixed, true); err != nil {
				return err
			}
		}
	}
	return nil
}
