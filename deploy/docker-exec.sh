#!/bin/sh
# Runs regsweep in the container of a running registry, with its volume, its
# configuration and its user, and restarts the registry afterwards if that is needed.
#
#   deploy/docker-exec.sh CONTAINER [COMMAND [FLAG ...]]      by default gc --dry-run
#   deploy/docker-exec.sh registry gc -m --older-than 7d --yes
#
# It assumes docker (or DOCKER=podman), and a program for the container's platform
# in ./bin/regsweep, REGSWEEP, or the container. What it copies goes with the container.
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

said=$(mktemp)
trap 'rm -f "$said"' EXIT
status=0
"$docker" exec "$container" regsweep "$@" 2>"$said" || status=$?
cat "$said" >&2
# Status 3 is done, with problems in the store.
if { [ "$status" -eq 0 ] || [ "$status" -eq 3 ]; } && grep -q 'caches blob descriptors' "$said"; then
	echo "docker-exec: restarting $container, which caches blob descriptors" >&2
	"$docker" restart "$container" >/dev/null
fi
exit "$status"
