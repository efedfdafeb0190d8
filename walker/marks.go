package walker

import (
	"context"
	"sync/atomic"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// HasMarks reports whether a stopped run has left a mark among the layer links of
// any repository. It serves who does not list these: a look meets such a mark.
// What cannot be read is left to who reads it.
func (w *Walker) HasMarks(ctx context.Context) (bool, error) {
	walk, end := context.WithCancel(ctx)
	defer end()
	var found atomic.Bool
	w.With(new(Findings)).Repositories(walk, func(r *Repository) {
		if r.layers == nil {
			return
		}
		for _, alg := range r.LayerAlgorithms() {
			path := r.layers.Join(alg.String() + "/" + layout.Unfinished)
			_, err := w.store.Stat(path)
			if disk.Gone(err) {
				_, err = w.store.Stat(path) // one wrong answer is not believed
			}
			if err == nil {
				found.Store(true)
				end() // of the others nothing need be known
			}
		}
	})
	if found.Load() {
		return true, nil
	}
	return false, context.Cause(ctx)
}
