package sweep_test

import "golang.org/x/sys/unix"

func mountBind(what, where string) error { return unix.Mount(what, where, "", unix.MS_BIND, "") }

func unmountBind(where string) error {
	return unix.Unmount(where, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
}
