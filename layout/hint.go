package layout

import "strings"

// HintError is an error with a hint: what the user can do next.
type HintError struct {
	Err  error
	Hint string
	// Command is what to call regsweep with next, or nil. Who prints it adds how
	// the registry was found.
	Command []string
}

// Error returns the error and the hint. A program that prints them apart uses the
// fields.
func (e *HintError) Error() string {
	text := e.Err.Error() + "; " + e.Hint
	if len(e.Command) > 0 {
		text += ": regsweep " + strings.Join(e.Command, " ")
	}
	return text
}

func (e *HintError) Unwrap() error { return e.Err }
