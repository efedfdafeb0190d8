package sweep

import (
	"context"
	"time"
)

// Pace says how long the execution of a plan waits, and what its clock is.
type Pace struct {
	// Settle is how long a registry may take from when it has found something,
	// which a sweep then sets aside, to when it has linked that.
	Settle time.Duration
	// Batch is how long names are set aside before it is checked what has been
	// pushed meanwhile; a second if it is 0.
	Batch time.Duration
	// Alone says that nothing can be pushed.
	Alone bool
	// Behind is how far the file server's clock is behind this host's, at most.
	Behind time.Duration
	// Now and Wait are the clock. Wait returns early when ctx is done. Where they
	// are nil, the system's clock counts.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration)
}

func (p *Pace) batch() time.Duration {
	if p.Batch > 0 {
		return p.Batch
	}
	return time.Second
}

func (p *Pace) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

func (p *Pace) wait(ctx context.Context, d time.Duration) {
	if p.Wait != nil {
		p.Wait(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
