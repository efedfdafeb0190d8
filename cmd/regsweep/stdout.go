package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
)

// output is where results go. It remembers the first error: what is written
// piece by piece need not look at each.
type output struct {
	w   io.Writer
	err error
}

// Write fails for good once it has failed.
func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	if err != nil {
		o.err = newOutputError(err)
	}
	return n, o.err
}

// fold makes what is written from now on fit a terminal.
func (o *output) fold() { o.w = &folding{w: o.w} }

// flush writes the line that has not ended.
func (o *output) flush() {
	if f, ok := o.w.(*folding); ok && o.err == nil {
		if err := f.flush(); err != nil {
			o.err = newOutputError(err)
		}
	}
}

// outputError says that a result could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string {
	return "the result cannot be written to standard output: " + e.err.Error()
}

func (e *outputError) Unwrap() error { return e.err }

func newOutputError(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		// Whoever read it wants no more: its writer ends as by the signal.
		err = &signalError{syscall.SIGPIPE}
	}
	return &outputError{err}
}

// failure is the error of the run, and of what it wrote.
func (o *output) failure(run error) error {
	if o.err == nil || errors.As(run, new(*outputError)) {
		return run
	}
	return errors.Join(run, o.err)
}

// isUnread reports whether an error says only that nobody reads the result any
// more, as of "regsweep ls | head". No other program says that either.
func isUnread(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(several.Unwrap(), func(e error) bool { return !isUnread(e) })
	}
	return errors.As(err, new(*outputError)) && errors.As(err, new(*signalError))
}

// fileOf is the file behind a stream, or nil.
func fileOf(stream any) *os.File {
	if o, ok := stream.(*output); ok {
		stream = o.w
	}
	if f, ok := stream.(*folding); ok {
		stream = f.w
	}
	f, _ := stream.(*os.File)
	return f
}
