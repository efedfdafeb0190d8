package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError says that a signal stopped the run.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return "stopped by signal: " + e.signal.String() }

// withSignals returns a context that ends when the process is asked to stop. A
// second SIGINT or SIGTERM ends the process at once. SIGHUP and SIGPIPE come in
// numbers when a terminal or a reader has gone: they never do.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	asked, gone := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	signal.Notify(gone, syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(gone, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		select {
		case s := <-asked:
			signal.Stop(asked)
			cancel(&signalError{s.(syscall.Signal)})
		case s := <-gone:
			cancel(&signalError{s.(syscall.Signal)})
			select {
			case <-asked:
				signal.Stop(asked)
			case <-done:
			}
		case <-done:
		}
	}()
	return ctx, func() {
		// Signals stay caught: one that comes now must not change the status.
		close(done)
		cancel(nil)
	}
}
