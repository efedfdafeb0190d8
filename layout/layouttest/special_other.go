//go:build !unix

package layouttest

import "errors"

func mkfifo(string) error { return errors.New("no FIFOs on this system") }
