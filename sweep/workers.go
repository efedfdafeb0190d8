package sweep

import "github.com/regsweep/regsweep/sweep/work"

// chunks calls fn for all i below n, concurrently.
func (r *run) chunks(n int, fn func(c *cache, i int)) {
	work.InChunks(r.w.Jobs(), n, func() *cache { return &cache{r: r} }, fn)
}
