package term

import (
	"errors"
	"io"
	"slices"
	"syscall"
)

// Output is where results go. It remembers the first error: what is written
// piece by piece need not look at each.
type Output struct {
	W   io.Writer
	err error
}

// Write fails for good once it has failed.
func (o *Output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.W.Write(b)
	if err != nil {
		o.err = &outputError{err}
	}
	return n, o.err
}

// Fold makes what is written from now on fit a terminal.
func (o *Output) Fold() { o.W = &Folding{W: o.W} }

// Flush writes the last line, if it lacks its end.
func (o *Output) Flush() {
	if f, ok := o.W.(*Folding); ok && o.err == nil {
		if err := f.Flush(); err != nil {
			o.err = &outputError{err}
		}
	}
}

// outputError says that a result could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string {
	return "the result cannot be written to standard output: " + e.err.Error()
}

func (e *outputError) Unwrap() error { return e.err }

// Failure is the error of the run, and of what it wrote.
func (o *Output) Failure(run error) error {
	if o.err == nil || errors.As(run, new(*outputError)) {
		return run
	}
	return errors.Join(run, o.err)
}

// IsUnread reports whether an error says only that nobody reads the result any
// more, as of "regsweep ls | head". No other program says that either.
func IsUnread(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(several.Unwrap(), func(e error) bool { return !IsUnread(e) })
	}
	return HasNoReader(err)
}

// HasNoReader reports whether one of several errors is that nobody reads the
// result any more.
func HasNoReader(err error) bool {
	failed := new(outputError)
	return errors.As(err, &failed) && errors.Is(failed, syscall.EPIPE)
}
