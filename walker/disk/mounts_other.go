//go:build !linux

package disk

// Mounts knows no mounts: systems tell of them in many ways.
func (d *Dir) Mounts() (*Mounts, error) { return &Mounts{}, nil }

// MountsIn knows no mounts either.
func (d *Dir) MountsIn(func(name string) bool, ...string) (*Mounts, error) { return &Mounts{}, nil }
