//go:build !linux

package sweep_test

import "errors"

func mountBind(_, _ string) error { return errors.ErrUnsupported }

func unmountBind(string) error { return nil }
