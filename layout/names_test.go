package layout

import (
	"strings"
	"testing"
)

func TestIsRepository(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "library/alpine": true, "a/b/c/d/e": true, "a.b": true, "a_b": true, "a__b": true, "a-b": true, "a---b": true, "0": true,
		"example.com/a": true, "Example.COM/a": true, "localhost:5000/a": true, "A/b": true,
		"A": false, "a/B": false, "a/B/c": false, "localhost:5000": false, "a:5000/b:1/c": false,
		"": false, "/": false, "a/": false, "/a": false, "a//b": false, ".": false, "..": false, "a/..": false, "../a": false, "a/./b": false,
		"-a": false, "a-": false, "_a": false, "a_": false, "a___b": false, ".a": false, "a.": false, "a..b": false, "a._b": false,
		"a/_manifests": false, "_manifests": false, "a b": false, "a\n": false, "a\x00": false, "a\\b": false, "é": false, "a@b": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if got := IsRepository(name); got != want {
			t.Errorf("IsRepository(%q) is %v", name, got)
		}
	}
}

func TestIsNamespace(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "a/b": true, "Example.com": true, "localhost:5000": true, "A": true,
		"a/B": false, "": false, "a/": false, ".snapshot": false, "_uploads": false, "a b": false, "..": false,
	} {
		if got := IsNamespace(name); got != want {
			t.Errorf("IsNamespace(%q) is %v", name, got)
		}
	}
}

func TestIsTag(t *testing.T) {
	for name, want := range map[string]bool{
		"latest": true, "v1.0": true, "A": true, "_": true, "0": true, "a..b": true, "a-": true, "sha256-00.sig": true,
		strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		"": false, ".": false, "..": false, "-a": false, ".DS_Store": false, ".regsweep-a": false, "a/b": false, "a:b": false, "a+b": false,
		"a\n": false, "a b": false, "é": false,
	} {
		if got := IsTag(name); got != want {
			t.Errorf("IsTag(%q) is %v", name, got)
		}
	}
}

func TestIsTemporary(t *testing.T) {
	const uuid = "0190b0c8-6c2e-7b4e-9c6f-0123456789ab"
	for name, want := range map[string]bool{
		"link." + uuid + ".tmp": true, "data." + uuid + ".tmp": true, "startedat." + uuid + ".tmp": true, "0." + uuid + ".tmp": true, "104857600." + uuid + ".tmp": true,
		"link": false, "link.tmp": false, "link." + uuid: false, "other." + uuid + ".tmp": false, "." + uuid + ".tmp": false, uuid + ".tmp": false,
		"link." + strings.ToUpper(uuid) + ".tmp": false, "link." + uuid[1:] + ".tmp": false, "link." + uuid + ".tmp\n": false, "-1." + uuid + ".tmp": false,
		"scheduler-state.json." + uuid + ".tmp": false,
	} {
		if got := IsTemporary(name); got != want {
			t.Errorf("IsTemporary(%q) is %v", name, got)
		}
	}
}

func TestIsForeign(t *testing.T) {
	for name, want := range map[string]bool{
		".snapshot": true, ".zfs": true, "@eaDir": true, "#recycle": true, "$RECYCLE.BIN": true, "~snapshot": true, "+a": true, "lost+found": true, "": true, ".": true,
		"a": false, "A": false, "lost": false, "_manifests": false, "a.b": false, "0": false, "-a": false,
	} {
		if got := IsForeign(name); got != want {
			t.Errorf("IsForeign(%q) is %v", name, got)
		}
		if IsForeign(name) && IsNamespace(name) {
			t.Errorf("%q is not entered, but a repository's name can begin with it", name)
		}
	}
}

func TestReferrerTag(t *testing.T) {
	for _, alg := range Algorithms {
		want := FromBytes(alg, []byte("subject"))
		tag := alg.String() + "-" + want.Hex()
		for _, suffix := range []string{"", ".sig", ".att", ".sbom"} {
			got, ok := ReferrerTag(tag + suffix)
			if !ok || got != want {
				t.Errorf("ReferrerTag(%q) is %v, %v", tag+suffix, got, ok)
			}
		}
	}
	hex := FromBytes(SHA256, nil).Hex()
	for _, tag := range []string{
		"latest", "", "sha256-", "sha256-" + hex[2:], "sha256-" + hex + "00", "sha512-" + hex, "md5-" + hex, "sha256-" + strings.ToUpper(hex),
		"sha256-" + hex + ".other", "sha256-" + hex + ".sig.sig", "sha256-" + hex + ".", "asha256-" + hex, "sha256:" + hex, "sha256-" + hex + "\n",
	} {
		if got, ok := ReferrerTag(tag); ok || !got.IsZero() {
			t.Errorf("ReferrerTag(%q) is %v, %v", tag, got, ok)
		}
	}
}
