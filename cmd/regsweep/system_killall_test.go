//go:build linux

package main

import (
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

// namedCommands take something away that is named, and sweep what only that kept;
// of prune's pattern the colon does not separate a tag's name.
var namedCommands = [][]string{
	{"rm", "-y", "a/app:multi", "h/hist:v2", "r3/app:v1", "r4/app:v1", "r5/app:v1"},
	{"prune", "-y", "--filter", "r[0-5]/app:v.*", "--ago", "1d", "--untagged", "--allow-empty"},
	{"untag", "-y", "a/app:multi", "h/hist:v2", "r1/app:v1", "r5/app:v1", "r2/app:v1", "r3/app:v1"},
}

// TestKillsOfCommands ends runs of the other commands by SIGKILL.
func TestKillsOfCommands(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	for _, command := range namedCommands {
		t.Run(command[0], func(t *testing.T) {
			t.Parallel()
			newKilling(t, killText(6), command...).kills(t, 50)
		})
	}
}

// kills ends n runs by SIGKILL, each on a store of its own, and a quarter of
// the runs after them, too.
func (k *killing) kills(t *testing.T, n int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	all := k.all(t)
	n = min(n, max(4, len(layouttest.Steps(n)))) // the moments are other ones each time
	var hit atomic.Int64
	severalOf(12, n, func(i int) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			jobs := []string{"1", "2", "32"}[rnd.IntN(3)]
			s := k.copy(t)
			for try := 0; !k.kill(t, s, k.command, jobs, rnd.Int64N(all)); try++ {
				if try == 20 {
					t.Fatal("no run was killed")
				}
				os.RemoveAll(s.Root)
				s = k.copy(t)
			}
			hit.Add(1)
			if command := stillThere(s, k.command); i%4 == 0 && command != nil && k.kill(t, s, command, jobs, rnd.Int64N(all)) {
				hit.Add(1)
			}
			k.finish(t, rnd, s)
			os.RemoveAll(s.Root)
		})
	})
	t.Logf("%d runs of %s were killed: %v", hit.Load(), strings.Join(k.command, " "), k.phases)
}

// changing are the system calls that give and take names, make directories for
// them, and wait for the disk.
const changing = "renameat,renameat2,unlinkat,mkdirat,linkat,fsync,syncfs"

// slowed is strace, which delays the changes of a program, and tells by the size
// of its log how far that has come.
type slowed struct {
	before []string
	log    string
}

func slowly(t *testing.T, each time.Duration) slowed {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	return slowed{[]string{
		need(t, "strace", "strace"), "-f", "--seccomp-bpf", "-qq", "-o", log, "-e", "trace=" + changing,
		"-e", fmt.Sprintf("inject=%s:delay_enter=%d", changing, each.Microseconds()),
	}, log}
}

func (w slowed) progress() int64 {
	info, err := os.Stat(w.log)
	if err != nil {
		return 0 // it has not begun
	}
	return info.Size()
}

// comes waits until a program has come that far, or has ended.
func (w slowed) comes(far int64, done <-chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.progress() < far {
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// all is how far an undisturbed run of the command comes.
func (k *killing) all(t *testing.T) int64 {
	t.Helper()
	s, w := k.copy(t), slowly(t, max(k.slow, time.Millisecond))
	r := system{before: w.before}.run(t, append(slices.Clone(k.command), "--root", s.Root, "--config", k.readonly)...)
	if r.status != k.ends || w.progress() == 0 {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	return w.progress()
}

// kill runs a command and ends it after a part of its changes, and reports
// whether it came to that.
func (k *killing) kill(t *testing.T, s *layouttest.Store, command []string, jobs string, far int64) bool {
	t.Helper()
	w := slowly(t, max(k.slow, time.Millisecond))
	y := system{before: w.before, signal: syscall.SIGKILL, moment: func(done <-chan struct{}) { w.comes(far, done) }}
	was := files(s.Dir)
	r := y.run(t, append(slices.Clone(command), "--root", s.Root, "--jobs", jobs)...)
	if r.status == k.ends {
		return false
	}
	if r.status != -int(syscall.SIGKILL) {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	k.interrupted(t, s, was, r, syscall.SIGKILL)
	return true
}
