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

	"github.com/regsweep/regsweep/layout/layouttest"
)

// interrupted judges a store after a run that was stopped; was is
// what it found.
func (k *killing) interrupted(t *testing.T, s *layouttest.Store, was []string, r ran, sig syscall.Signal) {
	t.Helper()
	whole(t, s, k.refs...)
	for hex := range lacks(t, s.Dir) {
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
	case left == k.blobs && !links && len(list) == len(k.goes)+len(k.after):
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

// completes lets the next run finish, and compares with an undisturbed one.
func (k *killing) completes(t *testing.T, s *layouttest.Store, again bool) {
	t.Helper()
	r := system{}.gc(t, s, "-m")
	if r.status != 0 || r.report.Failed.Items != 0 {
		t.Errorf("the next run: status %d, failed %+v\n%s", r.status, r.report.Failed, r.stderr)
	}
	whole(t, s, k.refs...)
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
		t.Errorf("compared with an undisturbed run: %q\n%s", list, r.stderr)
	}
	if !again {
		return
	}
	if r = (system{}).gc(t, s, "-m"); r.status != 0 || len(r.report.Items) != 0 {
		t.Errorf("one more run: status %d, %v\n%s", r.status, r.report.Items, r.stderr)
	}
}

// moment is a random one in a run: shortly after it began, or when something
// that goes is set aside or removed.
func (k *killing) moment(t *testing.T, rnd *rand.Rand, s *layouttest.Store) func(<-chan struct{}) {
	t.Helper()
	if rnd.IntN(8) == 0 {
		return func(done <-chan struct{}) {
			select {
			case <-done:
			case <-time.After(time.Duration(rnd.Float64() * float64(50*time.Millisecond))):
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
	r := system{signal: sig, moment: k.moment(t, rnd, s)}.gc(t, s, "-m", "--jobs", []string{"1", "2", "32"}[rnd.IntN(3)])
	k.interrupted(t, s, was, r, sig)
	stopped := r.status == -int(sig) || r.status == 128+int(sig)
	if !stopped && r.status != 0 {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	return stopped
}

// TestKills stops 200 runs at random moments: most by SIGKILL, some by SIGTERM and SIGINT.
func TestKills(t *testing.T) {
	k := newKilling(t)
	const kills = 200
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
