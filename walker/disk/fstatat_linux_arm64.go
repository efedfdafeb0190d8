//go:build !portable

package disk

import "golang.org/x/sys/unix"

// They fill in a unix.Stat_t.
const (
	sysFstatat = unix.SYS_FSTATAT
	sysFstat   = unix.SYS_FSTAT
)
