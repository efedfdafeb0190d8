package main

import (
	"errors"
	"strconv"
)

// verbosity is the flag -v, which may be given twice.
type verbosity struct{ *common }

// Set is called for each -v, and for --verbose=false.
func (v *verbosity) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("neither true nor false")
	}
	v.veryVerbose = on && v.verbose
	v.verbose = on
	return nil
}

// String is whether the flag was given.
func (v *verbosity) String() string {
	if v.common == nil {
		return "false"
	}
	return strconv.FormatBool(v.verbose)
}

// Type is that of a flag without a value in help.
func (v *verbosity) Type() string { return "bool" }

// IsBoolFlag tells pflag that the flag needs no value.
func (v *verbosity) IsBoolFlag() bool { return true }
