package tree

import "errors"

// Failure is an item that could not be removed, or given its name back.
type Failure struct {
	Path string
	Err  error
	Gone bool // the item is gone, and something that belonged to it is left
}

// ErrUnreadable is wrapped when the store could not be read in full once more.
var ErrUnreadable = errors.New("the store could not be read")
