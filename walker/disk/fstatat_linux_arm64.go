//go:build !portable

package disk

import "golang.org/x/sys/unix"

// sysFstatat fills in a unix.Stat_t.
const sysFstatat = unix.SYS_FSTATAT
