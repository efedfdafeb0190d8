package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// besideGrace is how old things have to be before the sweeps of TestRegistryBeside
// take them; pushers finish what they begin within it.
const besideGrace = 2 * time.Second

// TestRegistryBeside sweeps again and again while a registry takes pushes and
// deletes. Every push that it answered with 201, and nobody deleted, has to be
// there at the end, to the last byte. REGSWEEP_E2E_BESIDE sets how long it runs.
func TestRegistryBeside(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) { testBeside(t, version, besideFor(t)) })
	}
}

func besideFor(t *testing.T) time.Duration {
	if text := os.Getenv("REGSWEEP_E2E_BESIDE"); text != "" {
		return must[time.Duration](t)(time.ParseDuration(text))
	}
	if testing.Short() {
		return 6 * time.Second
	}
	return 25 * time.Second
}

func testBeside(t *testing.T, version registry.Version, duration time.Duration) {
	must[string](t)(build())
	r := registry.Start(t, version, t.TempDir(), registry.Options{})
	b := &beside{t: t, api: client.New(r.Addr()), stop: make(chan struct{})}
	b.album = newAlbum(rand.New(rand.NewSource(time.Now().UnixNano())))
	var crew sync.WaitGroup
	for _, work := range []func(*rand.Rand){b.pushNew, b.pushAgain, b.pushMounted, b.pushIndexes, b.delete} {
		random := rand.New(rand.NewSource(rand.Int63()))
		crew.Go(func() { work(random) })
	}
	sweeps := b.sweepFor(r.Root, duration)
	close(b.stop)
	crew.Wait()
	b.logCounts(sweeps)

	r.Restart()
	b.verify(client.New(r.Addr()), "at the end")
	r.Stop()
	b.lastSweeps(r.Root)
	r.Run()
	b.verify(client.New(r.Addr()), "after a last sweep without grace")
}

// beside is what the pushers, the deleter and the sweeper share.
type beside struct {
	t     *testing.T
	api   *client.Client
	stop  chan struct{}
	album *album

	pushes, reused, mounts, deletes, refused atomic.Int64
	kinds                                    sync.Map // of refusals: text -> *atomic.Int64
}

func (b *beside) stopped() bool {
	select {
	case <-b.stop:
		return true
	default:
		return false
	}
}

// pause waits, but not beyond the end.
func (b *beside) pause(d time.Duration) {
	select {
	case <-b.stop:
	case <-time.After(d):
	}
}

// sweeps is what all runs of regsweep did together.
type sweeps struct {
	runs, failures int
	removed        map[string]int64
	problems       map[string]int // by kind, each path once
	paths          map[string]bool
	longest        time.Duration
}

// seen counts a problem, and tells whether it is new.
func (s *sweeps) seen(p problem) bool {
	if s.paths[p.Kind+p.Path] {
		return false
	}
	s.paths[p.Kind+p.Path] = true
	s.problems[p.Kind]++
	return true
}

const clock = "15:04:05.000"

// transient are the problems that a push or a delete in the middle looks like; they
// are status 3. 2.8 writes its links in place, so that one may be empty for a moment.
// Once the registry is idle there must be none.
var transient = []string{"halfTag", "danglingTag", "missingBlob", "brokenLink"}

// sweepFor runs gc -m again and again. Every run has to end, and find nothing wrong
// with the store but what a registry is about.
func (b *beside) sweepFor(root string, duration time.Duration) sweeps {
	done := sweeps{removed: map[string]int64{}, problems: map[string]int{}, paths: map[string]bool{}}
	b.pause(time.Second) // something to sweep, and tags
	for end := time.Now().Add(duration); time.Now().Before(end) && done.failures < 10; b.pause(20 * time.Millisecond) {
		begin := time.Now()
		got := regsweep(b.t, "gc", "-m", "--root", root, "--grace", besideGrace.String(),
			"--older-than", besideGrace.String(), "-y", "-o", "json")
		done.longest = max(done.longest, time.Since(begin))
		done.runs++
		for field, n := range got.Report.Removed {
			done.removed[field] += n
		}
		if got.Status != 0 && got.Status != 3 || (got.Status == 3) != (len(got.Report.Problems) > 0) {
			done.failures++
			b.t.Errorf("sweep %d: status %d, %d problems\n%.2000s", done.runs, got.Status, len(got.Report.Problems), got.Stderr)
		}
		for _, problem := range got.Report.Problems {
			if done.seen(problem) && !slices.Contains(transient, problem.Kind) {
				b.t.Errorf("sweep %d (%s): %+v", done.runs, time.Now().Format(clock), problem)
			}
		}
	}
	return done
}

// lastSweeps takes all that is not reachable, however young. A push that was refused
// leaves links to blobs that are gone, and a DELETE that registry 2.8 answers with 500
// (it has read a link that it was writing) leaves tags whose manifest's link is gone:
// these are problems, and go; then there is none.
func (b *beside) lastSweeps(root string) {
	b.t.Helper()
	args := []string{"gc", "-m", "--root", root, "--grace", "0", "--older-than", "0", "-y", "-o", "json"}
	got := regsweep(b.t, args...)
	for _, problem := range got.Report.Problems {
		if problem.Kind != "missingBlob" && problem.Kind != "danglingTag" {
			b.t.Errorf("with the registry stopped there is still a problem: %+v", problem)
		}
	}
	if got.Status != 0 && len(got.Report.Problems) == 0 {
		b.t.Errorf("the last sweep: status %d\n%s", got.Status, got.Stderr)
	}
	got = regsweep(b.t, args...)
	if got.Status != 0 {
		b.t.Errorf("nothing but the last sweep touched the store, and it is not sound: status %d, %d problems\n%.2000s",
			got.Status, len(got.Report.Problems), got.Stderr)
	}
}

func (b *beside) logCounts(s sweeps) {
	b.t.Logf("%d sweeps (%d failed, the longest took %v) removed %v and saw %v",
		s.runs, s.failures, s.longest.Round(time.Millisecond), s.removed, s.problems)
	b.t.Logf("%d pushes answered with 201, %d of them of deleted images whose blobs were still there, %d mounts; %d deletes; %d requests refused",
		b.pushes.Load(), b.reused.Load(), b.mounts.Load(), b.deletes.Load(), b.refused.Load())
	b.kinds.Range(func(kind, n any) bool {
		b.t.Logf("refused %d times: %s", n.(*atomic.Int64).Load(), kind)
		return true
	})
	enough := s.runs >= 20 && s.removed["blobs"] >= 50 && b.pushes.Load() >= 100 && b.reused.Load() >= 10 && b.mounts.Load() >= 10
	if !enough && !testing.Short() {
		b.t.Error("too little happened to show anything")
	}
}

// verify pulls every image that is there by the album.
func (b *beside) verify(api *client.Client, when string) {
	b.t.Helper()
	lost, all := 0, 0
	b.album.each(func(i *picture) {
		if !i.there {
			return
		}
		all++
		digest, err := api.Pull(i.repository, i.tag)
		if err == nil && digest != i.digest {
			err = fmt.Errorf("it is %s now", digest)
		}
		if err != nil {
			lost++
			b.t.Errorf("%s, LOST %s:%s (%s, pushed %s, %s): %v", when, i.repository, i.tag, i.digest,
				i.pushed.Format(clock), i.kind, err)
		}
	})
	b.t.Logf("%s: %d of %d images are whole", when, all-lost, all)
}
