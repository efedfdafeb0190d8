//go:build linux

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
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
	for _, command := range namedCommands {
		t.Run(command[0], func(t *testing.T) { newKilling(t, killText(6), command...).kills(t, 80) })
	}
}

// kills ends n runs by SIGKILL, each on a store of its own, and a quarter of
// the runs after them, too.
func (k *killing) kills(t *testing.T, n int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var hit atomic.Int64
	severalOf(12, n, func(i int) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := k.copy(t)
			for try := 0; !k.kill(t, rnd, s, k.command); try++ {
				if try == 20 {
					t.Fatal("no run was killed")
				}
				os.RemoveAll(s.Root)
				s = k.copy(t)
			}
			hit.Add(1)
			if command := stillThere(s, k.command); i%4 == 0 && command != nil && k.kill(t, rnd, s, command) {
				hit.Add(1)
			}
			k.completes(t, s, i%10 == 0)
			os.RemoveAll(s.Root)
		})
	})
	t.Logf("%d runs of %s were killed: %v", hit.Load(), strings.Join(k.command, " "), k.phases)
}

// changing are the system calls that take names away.
const changing = "renameat,renameat2,unlinkat"

// kill runs a command and ends it at some call that takes a name away, which
// may happen or not, and reports whether it came to that: a thread may make fewer.
func (k *killing) kill(t *testing.T, rnd *rand.Rand, s *layouttest.Store, command []string) bool {
	t.Helper()
	call := 1 + int(math.Pow(float64(3*len(k.goes)), rnd.Float64()))
	y := system{before: []string{need(t, "strace", "strace"), "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + changing,
		"-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", changing, call)}}
	was := files(s.Dir)
	r := y.removing(t, s, append(slices.Clone(command), "--jobs", []string{"1", "2", "32"}[rnd.IntN(3)])...)
	if r.status == 0 {
		return false
	}
	if r.status != -int(syscall.SIGKILL) {
		t.Errorf("status %d\n%s", r.status, r.stderr)
	}
	k.interrupted(t, s, was, r, syscall.SIGKILL)
	return true
}
