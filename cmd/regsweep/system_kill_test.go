//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// interrupted judges a store after a run that was stopped; was is
// what it found.
func (k *killing) interrupted(t *testing.T, s *layouttest.Store, was []string, r ran, sig syscall.Signal) {
	t.Helper()
	whole(t, s, k.refs...)
	for hex := range lacks(t, s.Dir, "data", "data.regsweep") {
		if !k.dangling[hex] {
			t.Errorf("a manifest link reaches %s, which is gone", hex)
		}
	}
	list := files(s.Dir)
	left, aside := data(list, "data"), data(list, "data.regsweep")
	for hex := range aside {
		if !k.doomed[hex] {
			t.Errorf("%s is live and set aside", hex)
		}
	}
	k.mu.Lock()
	k.phases[k.phase(list, len(left), len(aside))]++
	k.mu.Unlock()
	if sig == syscall.SIGKILL || r.status == 0 {
		return
	}
	if r.status == -int(sig) && (slices.Equal(list, was) || slices.Equal(list, k.after)) {
		// It had only just begun, or was done: then the signal itself ends it,
		// which a shell cannot tell from 128 and its number.
		return
	}
	// It had the time to say what it did.
	if r.status != 128+int(sig) {
		t.Errorf("status %d, want %d\n%s", r.status, 128+int(sig), r.stderr)
	}
	if r.stdout == "" {
		if !strings.Contains(r.stderr, "nothing has been removed") || !slices.Equal(list, was) {
			t.Errorf("%d of %d files are left, and it says:\n%s", len(list), len(was), r.stderr)
		}
		return
	}
	if err := json.Unmarshal([]byte(r.stdout), &r.report); err != nil {
		t.Errorf("%v\n%s", err, r.stdout)
	}
	had := len(data(was, "data")) + len(data(was, "data.regsweep"))
	if took := had - len(left) - len(aside); took != int(r.report.Removed.Blobs) {
		t.Errorf("it says that it removed %d blobs, and did %d\n%s", r.report.Removed.Blobs, took, r.stderr)
	}
}

func count(s *layouttest.Store, name string) (n int64) {
	for _, path := range files(s.Dir) {
		if filepath.Base(path) == name {
			n++
		}
	}
	return n
}

// phase says how far a run has come.
func (k *killing) phase(list []string, left, aside int) string {
	links := slices.ContainsFunc(list, func(path string) bool { return filepath.Base(path) == "link.regsweep" })
	switch {
	case left == k.blobs && !links && len(list) == k.had:
		return "before"
	case left == k.blobs:
		return "links aside"
	case left+aside == k.blobs:
		return "blobs aside"
	case aside > 0 || links:
		return "removing"
	}
	return "after"
}

// completes lets the next runs finish: gc, then again the command for what is
// left of the names that it was given, then gc -m. It compares with a store
// where all went undisturbed.
func (k *killing) completes(t *testing.T, s *layouttest.Store, again bool) {
	t.Helper()
	var trash []string
	if slices.Contains(k.command, "--trash") {
		trash = []string{"--trash"}
	}
	if k.command[0] != "gc" {
		k.next(t, s, append([]string{"gc"}, trash...)...)
		if command := stillThere(s, k.command); command != nil {
			k.next(t, s, command...)
		}
	}
	k.next(t, s, append([]string{"gc", "-m"}, trash...)...)
	if left := files(s.Dir); !slices.Equal(left, k.after) {
		var list []string
		for _, path := range left {
			if !slices.Contains(k.after, path) {
				list = append(list, "stays: "+path)
			}
		}
		for _, path := range k.after {
			if !slices.Contains(left, path) {
				list = append(list, "gone: "+path)
			}
		}
		t.Errorf("compared with an undisturbed run: %q", list)
	}
	if again {
		if r := k.next(t, s, "gc", "-m"); len(r.report.Items) != 0 {
			t.Errorf("one more run removes %v", r.report.Items)
		}
	}
}

// next is a run that has to do its work.
func (k *killing) next(t *testing.T, s *layouttest.Store, command ...string) ran {
	t.Helper()
	r := system{}.removing(t, s, append(slices.Clone(command), "--config", k.readonly)...)
	if r.status != 0 || r.report.Failed.Items != 0 {
		t.Errorf("then %v: status %d, failed %+v, problems %+v\n%s", command, r.status, r.report.Failed, r.report.Problems, r.stderr)
	}
	whole(t, s, k.refs...)
	return r
}

// stillThere is a command without the tags that it has taken, or nil.
func stillThere(s *layouttest.Store, command []string) (left []string) {
	named, found := false, false
	for i, arg := range command {
		path := ""
		if name, tag, ok := strings.Cut(arg, ":"); ok && layout.IsTag(tag) {
			path = layout.TagDir(name, tag)
		} else if i > 0 && command[i-1] == "restore" {
			path = layout.Own + "/trash/" + arg
		}
		if path != "" {
			named = true
			if _, err := os.Stat(filepath.Join(s.Dir, filepath.FromSlash(path))); err != nil {
				continue
			}
			found = true
		}
		left = append(left, arg)
	}
	if named && !found {
		return nil
	}
	return left
}

// moment is a random one in a run: shortly after it began, or when something
// that goes is set aside or removed.
func (k *killing) moment(t *testing.T, rnd *rand.Rand, s *layouttest.Store) func(<-chan struct{}) {
	t.Helper()
	if rnd.IntN(8) == 0 || k.took < 500*time.Millisecond && rnd.IntN(2) == 0 { // it does not wait for anything
		return func(done <-chan struct{}) {
			select {
			case <-done:
			case <-time.After(time.Duration(rnd.Float64() * float64(min(k.took, 50*time.Millisecond)))):
			}
		}
	}
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(filepath.Join(s.Dir, k.goes[rnd.IntN(len(k.goes))]))
	if filepath.Base(dir) == "current" { // a tag goes as a whole
		dir = filepath.Dir(filepath.Dir(dir))
	}
	event := []uint32{syscall.IN_MOVED_FROM, syscall.IN_DELETE}[rnd.IntN(2)]
	if _, err := syscall.InotifyAddWatch(fd, dir, event); err != nil && !errors.Is(err, syscall.ENOENT) {
		t.Fatal(err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	return func(done <-chan struct{}) {
		defer events.Close()
		came := make(chan struct{})
		go func() {
			defer close(came)
			_, _ = events.Read(make([]byte, 4096)) // closed when the run is done
		}()
		select {
		case <-done:
		case <-came:
		}
	}
}

// stop runs gc and stops it, and reports whether it was stopped.
func (k *killing) stop(t *testing.T, rnd *rand.Rand, s *layouttest.Store, sig syscall.Signal) bool {
	t.Helper()
	was := files(s.Dir)
	r := system{signal: sig, moment: k.moment(t, rnd, s)}.removing(t, s, append(slices.Clone(k.command), "--jobs", []string{"1", "2", "32"}[rnd.IntN(3)])...)
	k.interrupted(t, s, was, r, sig)
	stopped := r.status == -int(sig) || r.status == 128+int(sig)
	if !stopped && r.status != 0 {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	return stopped
}

// TestKills stops 200 runs at random moments: most by SIGKILL, some by SIGTERM,
// SIGINT and SIGHUP.
func TestKills(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	k := newKilling(t, killText(16), "gc", "-m")
	if n := len(k.doomed); n < 100 {
		t.Fatalf("only %d blobs go", n)
	}
	kills := layouttest.Samples(200)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var hit atomic.Int64
	severalOf(24, kills, func(i int) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		sig := syscall.SIGKILL
		switch {
		case i%20 < 5:
			sig = syscall.SIGTERM
		case i%20 < 7:
			sig = syscall.SIGINT
		case i%20 < 9:
			sig = syscall.SIGHUP
		}
		t.Run(fmt.Sprintf("%d/%s", i, sig), func(t *testing.T) {
			s := k.copy(t)
			// A moment that does not come, or comes too late, is chosen again.
			for try := 0; !k.stop(t, rnd, s, sig); try++ {
				if try == 20 {
					t.Fatal("no run was stopped")
				}
				os.RemoveAll(s.Root)
				s = k.copy(t)
			}
			hit.Add(1)
			if i%4 == 0 && k.stop(t, rnd, s, sig) { // the run that completes may be stopped, too
				hit.Add(1)
			}
			k.completes(t, s, i%10 == 0)
			os.RemoveAll(s.Root)
		})
	})
	t.Logf("%d runs were stopped: %v", hit.Load(), k.phases)
}
