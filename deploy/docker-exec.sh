#!/bin/sh
# Runs regsweep in the container of a running registry, with its volume, its
# configuration and its user. It restarts the registry after a run that may have
# removed something, because the official images cache in memory which blobs exist, and
# would accept images whose blobs are gone. Dry runs, ls, why and check do not
# restart it.
#
#   deploy/docker-exec.sh CONTAINER [COMMAND [FLAG ...]]      by default gc --dry-run
#   deploy/docker-exec.sh registry gc -m --older-than 7d --yes
#   RESTART=never deploy/docker-exec.sh registry gc --yes     if it has no cache
#
# It assumes docker (or DOCKER=podman), and a program for the container's platform
# in ./bin/regsweep, REGSWEEP, or the container. The copy is removed with the container.
# If you stop this script, it also stops regsweep in the container.
set -eu

docker=${DOCKER:-docker}
regsweep=${REGSWEEP:-bin/regsweep}

if [ $# -lt 1 ]; then
	echo "usage: $0 CONTAINER [COMMAND [FLAG ...]]" >&2
	exit 2
fi
container=$1
shift
[ $# -gt 0 ] || set -- gc --dry-run

if ! "$docker" exec "$container" regsweep version >/dev/null 2>&1; then
	if [ ! -x "$regsweep" ]; then
		echo "docker-exec: there is no $regsweep: make build, or name one with REGSWEEP" >&2
		exit 1
	fi
	"$docker" cp "$regsweep" "$container:/usr/local/bin/regsweep"
fi

# Whether a run with these arguments can remove anything.
removes() {
	for arg; do
		case $arg in
		-n | -d | --dry-run | --dry-run=true | -h | --help) return 1 ;;
		esac
	done
	case $1 in
	ls | why | check | doctor | version | help | completion | man | export | protect | pulls) return 1 ;;
	trash) [ "${2-ls}" != ls ] ;;
	esac
}

# If the client is killed, the process that it started in the container keeps running.
# So the run has a mark by which it can be found.
mark=REGSWEEP_CLIENT=$$.$(date +%s)
# shellcheck disable=SC2016 # for the shell in the container
stop='for p in /proc/[0-9]*; do if tr "\0" "\n" <"$p/environ" 2>/dev/null | grep -qx "$1"; then kill -"$2" "${p#/proc/}"; fi; done'
# shellcheck disable=SC2317 # called by traps
forward() {
	"$docker" exec "$container" sh -c "$stop" sh "$mark" "$1" >/dev/null 2>&1 || true
}

terminal=
[ ! -t 0 ] || [ ! -t 1 ] || terminal=t
"$docker" exec "-i$terminal" -e "$mark" "$container" regsweep "$@" <&0 &
client=$!
trap 'forward INT' INT
trap 'forward TERM' TERM
trap 'forward HUP' HUP
status=0
while :; do
	wait "$client" && status=0 || status=$?
	# A trap ends the wait before the client has ended.
	kill -0 "$client" 2>/dev/null || break
done
trap - INT TERM HUP

# A run with status 1 may have removed something; a run with status 2 has not begun.
if [ "$status" -ne 2 ] && [ "${RESTART-}" != never ] && removes "$@"; then
	echo "docker-exec: restarting $container, which may cache what has been removed" >&2
	"$docker" restart "$container" >/dev/null
fi
exit "$status"
