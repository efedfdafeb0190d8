package walker

import (
	"context"
	"sync"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker/disk"
)

// Marks returns the paths of the marks that a stopped run has left among the
// layer links of repositories. It is for callers that do not list these links;
// a look finds such a mark itself. It ignores what cannot be read.
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
