#!/bin/sh
# Scales the registry to zero, runs both CronJobs now, and then starts the registry
# again, even if something fails. That also empties its cache of blob descriptors.
#
#   deploy/kubernetes/maintenance.sh [NAMESPACE]
#
# It assumes the CronJobs of cronjob.yaml, a Deployment "registry", and a kubectl that
# may scale the Deployment and create jobs from the CronJobs. Pushes and pulls fail while
# it runs. Each job has a limit of four hours.
set -eu

namespace=${1:-default}
now=$(date -u +%Y%m%d%H%M%S)
k() { kubectl --namespace "$namespace" "$@"; }

replicas=$(k get deployment/registry -o 'jsonpath={.spec.replicas}')
if [ "$replicas" -eq 0 ]; then
	echo "maintenance: the registry is already scaled to zero: start it, or run the job by hand" >&2
	exit 1
fi
trap 'k scale deployment/registry --replicas="$replicas"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

k scale deployment/registry --replicas=0
k wait --for=delete pod --selector app=registry --timeout=10m
result=0
for name in regsweep-prune regsweep-gc; do
	job=$name-$now
	k create job "$job" --from="cronjob/$name"
	# A job that fails never becomes complete: look for both.
	until k wait --for=condition=complete "job/$job" --timeout=5s 2>/dev/null; do
		if k wait --for=condition=failed "job/$job" --timeout=5s 2>/dev/null; then
			result=1
			break
		fi
	done
	k logs "job/$job" --prefix
done
exit "$result"
