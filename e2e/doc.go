// Package e2e tests the regsweep binary as its users meet it: on stores that
// real registries wrote for real clients.
//
// It is a module of its own so that what it depends on stays out of regsweep's
// go.mod. It knows the contract (the design's layout, flags, exit codes and JSON
// names) and none of regsweep's packages: what may remain on a disk is worked
// out here once more, from a ledger of what was pushed and deleted.
//
// containers does what the documentation says in containers, with a Docker daemon
// of its own; deploy reads the files of deploy/ with the tools of their readers.
//
// The binary is built from the parent directory, or is what REGSWEEP names. The
// registries and clients come from .ci/parts; a test that lacks one of them is
// skipped, or fails where REGSWEEP_E2E_REQUIRE=1.
package e2e
