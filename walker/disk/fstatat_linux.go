//go:build linux && !portable && (amd64 || ppc64le || s390x)

package disk

import "golang.org/x/sys/unix"

// They fill in a unix.Stat_t.
const (
	sysFstatat = unix.SYS_NEWFSTATAT
	sysFstat   = unix.SYS_FSTAT
)
