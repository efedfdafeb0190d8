#!/bin/sh
# Disables the timer when the package is removed, but not when another version replaces
# it. dpkg passes "remove" or "upgrade", and rpm passes the number of versions that are
# left. There is no script that runs after the removal: with one, dpkg would keep the
# package in its list until it is purged.
set -e
case ${1-} in
remove | 0)
	if command -v systemctl >/dev/null; then
		systemctl --no-reload disable regsweep.timer >/dev/null 2>&1 || true
		if [ -d /run/systemd/system ]; then
			# A run that is stopped gives back what it has set aside.
			systemctl stop regsweep.timer regsweep.service || true
		fi
	fi
	;;
esac
