package layout

// HintError is an error with the next step for whoever reads it.
type HintError struct {
	Err  error
	Hint string
}

// Error has both; a program that prints them apart takes the fields.
func (e *HintError) Error() string { return e.Err.Error() + "; " + e.Hint }

func (e *HintError) Unwrap() error { return e.Err }
