// Package containers does in containers what the README, the guide and deploy/
// promise about them: it has no code of its own.
//
// Its Docker daemon is started and ended by the test, in namespaces of its own:
// no other process of the machine sees its mounts, networks and containers, and
// all of them end with one process. So it is with Podman. Images come from files of this machine, since
// there may be no network.
package containers
