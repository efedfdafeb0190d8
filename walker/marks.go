package walker

import (
	"context"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Marks are the marks that a stopped run has left among the layer links of
// repositories, by their paths. It serves who does not list these: a look meets
// such a mark. What cannot be read is left to who reads it.
func (w *Walker) Marks(ctx context.Context) (paths []string, err error) {
	var mu sync.Mutex
	w.With(new(Findings)).Repositories(ctx, func(r *Repository) {
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
				mu.Lock()
				paths = append(paths, path)
				mu.Unlock()
			}
		}
	})
	return paths, context.Cause(ctx)
}
