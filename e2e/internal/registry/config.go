package registry

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Options are what differs between the configurations of two tests. The zero
// value has no cache, takes deletes and is writable.
type Options struct {
	ReadOnly bool
	InMemory bool // storage.cache.blobdescriptor: inmemory
	// AccessLog has every request written to the log.
	AccessLog bool
}

func writeConfig(tb testing.TB, path, root, addr string, version Version, options Options) {
	tb.Helper()
	text := config(root, addr, options)
	if version == V2 { // v3 has no schema 1
		text += "compatibility:\n  schema1:\n    enabled: true\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func config(root, addr string, options Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: %t\nstorage:\n", !options.AccessLog)
	fmt.Fprintf(&b, "  filesystem:\n    rootdirectory: %s\n  delete:\n    enabled: true\n", root)
	if options.InMemory {
		fmt.Fprintf(&b, "  cache:\n    blobdescriptor: inmemory\n")
	}
	// without its own purge of old uploads, so that all that vanishes was swept by us
	fmt.Fprintf(&b, "  maintenance:\n    uploadpurging:\n      enabled: false\n")
	fmt.Fprintf(&b, "    readonly:\n      enabled: %t\n", options.ReadOnly)
	fmt.Fprintf(&b, "http:\n  addr: %s\n  secret: e2e\n", addr)
	return b.String()
}
