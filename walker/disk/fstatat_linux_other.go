//go:build linux && !portable && !amd64 && !arm64 && !ppc64le && !s390x

package disk

// They are 0 where the system's structure is not a unix.Stat_t.
const (
	sysFstatat = 0
	sysFstat   = 0
)
