package sweep

import (
	"sync"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// On a slow filesystem a dry run once spent most of its time on the sizes of a
// few dozen links, one after another.
func TestSizesOfSamplesAreAskedForAtATime(t *testing.T) {
	s := layouttest.New(t, "scale s repositories=1 images=40 layers=1 base=2")
	var begun sync.Once
	second, alone := make(chan struct{}), time.Minute
	asked := 0
	var mu sync.Mutex
	estimating := false
	files := &disk.FS{Fault: func(disk.Op, string) error {
		mu.Lock()
		if estimating {
			asked++
		}
		n := asked
		mu.Unlock()
		switch n {
		case 0:
		case 1:
			select { // the first waits for another
			case <-second:
			case <-time.After(alone):
				t.Error("one after another")
			}
		default:
			begun.Do(func() { close(second) })
		}
		return nil
	}}
	d, err := files.OpenStore(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w := walker.New(d, walker.Options{})
	defer w.Close()
	rules := mark.Rules{DeleteUntagged: true, Now: s.Now}
	plan := New(mark.Read(t.Context(), w, rules).Look(t.Context(), w, nil))
	mu.Lock()
	estimating = true
	mu.Unlock()
	if f := plan.Estimate(d); f.Inodes == 0 {
		t.Errorf("nothing would be freed: %+v", f)
	}
}
