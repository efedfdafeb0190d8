package e2e

import (
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
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
const besideGrace = 3 * time.Second

// TestRegistryBeside sweeps again and again while a registry takes pushes and
// deletes, half of the time into the trash, which is emptied in between. Every push
// that it answered with 201, and nobody deleted, has to be there at the end, to the
// last byte: some hundreds of them, in four runs and, on a slow machine, some more;
// what pushes at each of a sweep's calls do is TestPushAtEveryStop's to show. A
// registry with a cache of blob descriptors is restarted after each sweep; between the
// sweep and the restart it would accept what has gone, so that nobody may rely on what
// it says is there. REGSWEEP_E2E_BESIDE sets how long one run takes.
func TestRegistryBeside(t *testing.T) {
	var all happened
	run := func(name string, version registry.Version, options registry.Options) {
		t.Run(name, func(t *testing.T) { all.add(testBeside(t, version, besideFor(t), options)) })
	}
	for _, version := range registry.Versions() {
		run(version.Name, version, registry.Options{})
		run(version.Name+" with a cache", version, registry.Options{InMemory: true})
	}
	for more := 1; !all.enough() && more <= 8 && !t.Failed() && !testing.Short(); more++ {
		for _, version := range registry.Versions() {
			run(fmt.Sprintf("%s once more %d", version.Name, more), version, registry.Options{})
		}
	}
	t.Logf("in all: %+v", all)
	if !all.enough() && !testing.Short() {
		t.Error("too little happened to show anything")
	}
}

// happened counts what has been tried in runs beside a registry.
type happened struct {
	images                                int // that were there at the end
	sweeps, emptied                       int
	removed, pushes, reused, mounts, slow int64
}

func (h *happened) add(more happened) {
	h.images += more.images
	h.sweeps, h.emptied = h.sweeps+more.sweeps, h.emptied+more.emptied
	h.removed, h.pushes, h.reused = h.removed+more.removed, h.pushes+more.pushes, h.reused+more.reused
	h.mounts, h.slow = h.mounts+more.mounts, h.slow+more.slow
}

// isLittle says that a run has not done what each has to do, be it on a slow machine.
func (h happened) isLittle() bool {
	return h.images < 25 || h.sweeps < 2 || h.removed < 10 || h.pushes < 50 || h.slow == 0
}

func (h happened) enough() bool {
	return h.images >= 300 && h.sweeps >= 40 && h.emptied >= 8 && h.removed >= 150 && h.pushes >= 500 &&
		h.reused >= 12 && h.mounts >= 40 && h.slow >= 12
}

func besideFor(t *testing.T) time.Duration {
	if text := os.Getenv("REGSWEEP_E2E_BESIDE"); text != "" {
		return must[time.Duration](t)(time.ParseDuration(text))
	}
	if testing.Short() {
		return 6 * time.Second
	}
	return 14 * time.Second
}

func testBeside(t *testing.T, version registry.Version, duration time.Duration, options registry.Options) happened {
	must[string](t)(build())
	r := registry.Start(t, version, t.TempDir(), options)
	b := newBeside(t, r, time.Now().UnixNano())
	var crew sync.WaitGroup
	for _, work := range []func(*rand.Rand){b.pushNew("a"), b.pushNew("b"), b.pushNew("c"), b.pushAgain, b.pushMounted, b.pushIndexes, b.pushSlowly, b.delete, b.delete, b.watch} {
		random := rand.New(rand.NewSource(rand.Int63()))
		crew.Go(func() { work(random) })
	}
	sweeps := b.sweepFor(duration)
	close(b.stop)
	crew.Wait()
	b.logCounts(sweeps)

	b.restart()
	b.verify(b.api(), "at the end")
	r.Stop()
	b.lastSweeps(r.Root)
	r.Run()
	b.verify(client.New(r.Addr()), "after a last sweep without grace")
	h := b.happened(&sweeps)
	if h.isLittle() && !testing.Short() {
		t.Errorf("too little happened in this run: %+v", h)
	}
	return h
}

func (b *beside) happened(s *sweeps) happened {
	images := 0
	b.album.each(func(i *picture) {
		if i.there {
			images++
		}
	})
	return happened{
		images: images, sweeps: s.runs, emptied: s.emptied, removed: s.removed["blobs"],
		pushes: b.pushes.Load(), reused: b.reused.Load(), mounts: b.mounts.Load(), slow: b.slow.Load(),
	}
}

// beside is what the pushers, the deleter and the sweeper share.
type beside struct {
	t        *testing.T
	registry *registry.Registry
	client   atomic.Pointer[client.Client] // a restarted registry has another address
	stop     chan struct{}
	album    *album
	// cached is held by who relies on what the registry says is there, and by a
	// sweep until the registry has forgotten it.
	cached sync.RWMutex
	// sweeping is held by a sweep while it is under way.
	sweeping sync.RWMutex
	hidden   hidden

	pushes, reused, mounts, slow, deletes, refused atomic.Int64
	kinds                                          sync.Map // of refusals: text -> *atomic.Int64
}

func newBeside(t *testing.T, r *registry.Registry, seed int64) *beside {
	b := &beside{t: t, registry: r, stop: make(chan struct{}), album: newAlbum(rand.New(rand.NewSource(seed)))}
	b.client.Store(client.New(r.Addr()))
	return b
}

func (b *beside) api() *client.Client { return b.client.Load() }

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
	emptied        int // how often the trash was
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

// sweepFor runs gc -m again and again, half of the time with --trash, on a slow
// machine for longer, until something has happened. Every run has to end, and find
// nothing wrong with the store but what a registry is about.
func (b *beside) sweepFor(duration time.Duration) sweeps {
	done := sweeps{removed: map[string]int64{}, problems: map[string]int{}, paths: map[string]bool{}}
	for deadline := time.Now().Add(duration); b.pushes.Load() < 5 && time.Now().Before(deadline); {
		b.pause(time.Second) // something to sweep, and tags
	}
	begin := time.Now()
	goesOn := func() bool {
		took := time.Since(begin)
		return done.failures < 10 && (took < duration || took < 8*duration && b.happened(&done).isLittle())
	}
	for ; goesOn(); b.pause(20 * time.Millisecond) {
		cached := b.registry.HasCache()
		if cached {
			b.cached.Lock()
		}
		b.sweep(&done)
		if cached {
			b.restart()
			b.cached.Unlock()
			b.pause(time.Second) // for those who had to wait
		}
		if done.runs%4 == 3 {
			b.empty(&done)
		}
	}
	return done
}

// restart makes the registry forget which blobs it has. Registry 2.8 does not finish
// what it writes when it is told to stop: a link may stay empty. It answers 500 to
// every HEAD of that blob from then on, so that the repository can never take it
// again. An administrator removes such a link; so does this.
func (b *beside) restart() {
	b.t.Helper()
	b.registry.Stop()
	for _, link := range emptyLinks(b.t, b.registry.Root) {
		b.t.Logf("the registry left an empty link when it was stopped: %s", link)
		if err := os.Remove(link); err != nil {
			b.t.Fatal(err)
		}
	}
	b.registry.Run()
	b.client.Store(client.New(b.registry.Addr()))
}

// emptyLinks finds the links of a stopped registry that hold nothing. regsweep
// writes none here: gc removes and renames only.
func emptyLinks(t *testing.T, root string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "link" || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() == 0 {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sweep is one run.
func (b *beside) sweep(done *sweeps) {
	args := []string{"gc", "-m", "--root", b.registry.Root, "--grace", besideGrace.String(), "--older-than", besideGrace.String(), "-y", "-o", "json"}
	if done.runs%2 == 1 {
		args = append(args, "--trash")
	}
	b.sweeping.Lock()
	begin := time.Now()
	got := regsweep(b.t, args...)
	b.sweeping.Unlock()
	done.longest = max(done.longest, time.Since(begin))
	done.runs++
	for field, n := range got.Report.Removed {
		done.removed[field] += n
	}
	if got.Status != 0 && got.Status != 3 || (got.Status == 3) != slices.ContainsFunc(got.Report.Problems, problem.left) {
		done.failures++
		b.t.Errorf("sweep %d: status %d, %d problems\n%.2000s", done.runs, got.Status, len(got.Report.Problems), got.Stderr)
	}
	for _, problem := range got.Report.Problems {
		if done.seen(problem) && !slices.Contains(transient, problem.Kind) {
			b.t.Errorf("sweep %d (%s): %+v", done.runs, time.Now().Format(clock), problem)
		}
	}
}

// empty removes for good what is in the trash.
func (b *beside) empty(done *sweeps) {
	got := regsweep(b.t, "trash", "empty", "--root", b.registry.Root, "-y")
	if got.Status != 0 {
		b.t.Errorf("trash empty: status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
		return
	}
	done.emptied++
}

// lastSweeps takes all that is not reachable, however young. A push that was refused
// leaves links to blobs that are gone, and a DELETE that registry 2.8 answers with 500
// (it has read a link that it was writing) leaves tags whose manifest's link is gone:
// these are problems, and go; then there is none. A registry that is stopped while it
// writes a new tag leaves half of one, which names nothing, and stays.
func (b *beside) lastSweeps(root string) {
	b.t.Helper()
	args := []string{"gc", "-m", "--root", root, "--grace", "0", "--older-than", "0", "-y", "-o", "json"}
	got := regsweep(b.t, args...)
	for _, problem := range got.Report.Problems {
		if !slices.Contains([]string{"missingBlob", "danglingTag", "halfTag"}, problem.Kind) {
			b.t.Errorf("with the registry stopped there is still a problem: %+v", problem)
		}
	}
	if got.Status != 0 && len(got.Report.Problems) == 0 {
		b.t.Errorf("the last sweep: status %d\n%s", got.Status, got.Stderr)
	}
	got = regsweep(b.t, args...)
	stays := func(p problem) bool { return p.Kind != "halfTag" }
	if got.Status != 0 && got.Status != 3 || slices.ContainsFunc(got.Report.Problems, stays) {
		b.t.Errorf("nothing but the last sweep touched the store, and it is not sound: status %d, %d problems\n%.2000s",
			got.Status, len(got.Report.Problems), got.Stderr)
	}
}

func (b *beside) logCounts(s sweeps) {
	b.t.Logf("%d sweeps (%d failed, the longest took %v) removed %v and saw %v; the trash was emptied %d times",
		s.runs, s.failures, s.longest.Round(time.Millisecond), s.removed, s.problems, s.emptied)
	b.t.Logf("%d pushes answered with 201, %d of them of deleted images whose blobs were still there, %d mounts, %d slow uploads; %d deletes; %d requests refused",
		b.pushes.Load(), b.reused.Load(), b.mounts.Load(), b.slow.Load(), b.deletes.Load(), b.refused.Load())
	times, longest := b.hidden.said()
	b.t.Logf("%d times an image was hidden, for %v at most", times, longest.Round(time.Millisecond))
	b.kinds.Range(func(kind, n any) bool {
		b.t.Logf("refused %d times: %s", n.(*atomic.Int64).Load(), kind)
		return true
	})
}

// verify pulls every image that is there by the album.
func (b *beside) verify(api *client.Client, when string) {
	b.t.Helper()
	all, lost := 0, 0
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
