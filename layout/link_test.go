package layout

import (
	"errors"
	"strings"
	"testing"
)

func TestParseLink(t *testing.T) {
	want := FromBytes(SHA256, []byte("x"))
	for name, content := range map[string]string{
		"as registries write it": want.String(),
		"with a newline":         want.String() + "\n",
		"with a Windows newline": want.String() + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseLink([]byte(content)); err != nil || got != want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestParseLinkRefuses(t *testing.T) {
	d := FromBytes(SHA256, []byte("x")).String()
	for name, content := range map[string]string{
		"an empty file":          "", // registry 2.8 truncates in place
		"a newline alone":        "\n",
		"zeros of a power cut":   strings.Repeat("\x00", len(d)),
		"half a digest":          d[:40],
		"two newlines":           d + "\n\n",
		"space":                  d + " ",
		"two digests":            d + "\n" + d,
		"a digest without sha":   d[len("sha256:"):],
		"a byte order mark":      "\ufeff" + d,
		"more than MaxLink":      d + strings.Repeat("0", MaxLink),
		"a path out of the tree": "sha256:../../../../etc/passwd",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseLink([]byte(content)); !errors.Is(err, ErrDigest) || !got.IsZero() {
				t.Errorf("got %v, %v, want ErrDigest", got, err)
			}
		})
	}
}

func TestEveryLinkFitsInMaxLink(t *testing.T) {
	for _, alg := range Algorithms {
		if n := len(FromBytes(alg, nil).String() + "\r\n"); n > MaxLink {
			t.Errorf("%s needs %d bytes", alg, n)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	for _, alg := range Algorithms {
		f.Add([]byte(FromBytes(alg, nil).String() + "\n"))
	}
	f.Add([]byte("\r\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := ParseLink(content)
		if err != nil {
			if !d.IsZero() || !errors.Is(err, ErrDigest) {
				t.Errorf("%q: %v, %v", content, d, err)
			}
			return
		}
		if rest, ok := strings.CutPrefix(string(content), d.String()); !ok || strings.Trim(rest, "\r\n") != "" {
			t.Errorf("%q was taken for %s", content, d)
		}
	})
}
