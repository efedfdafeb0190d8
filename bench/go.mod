module github.com/regsweep/regsweep/bench

go 1.26.0

require (
	github.com/hanwen/go-fuse/v2 v2.12.1
	github.com/regsweep/regsweep v0.0.0
	golang.org/x/sys v0.49.0
)

require github.com/opencontainers/go-digest v1.0.0 // indirect

replace github.com/regsweep/regsweep => ../
