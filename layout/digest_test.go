package layout

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
)

func TestParseDigestReadsWhatGoDigestWrites(t *testing.T) {
	for alg, theirs := range map[Algorithm]digest.Algorithm{SHA256: digest.SHA256, SHA384: digest.SHA384, SHA512: digest.SHA512} {
		content := []byte("content for " + alg.String())
		want := theirs.FromBytes(content)
		d, err := ParseDigest(want.String())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{d.String(), d.Algorithm().String(), d.Hex(), string(d.AppendHex(nil))}
		if diff := cmp.Diff([]string{want.String(), theirs.String(), want.Encoded(), want.Encoded()}, got); diff != "" {
			t.Error(diff)
		}
		if d != FromBytes(alg, content) || d != FromSum(alg, d.Sum()) || d.IsZero() {
			t.Errorf("%s is not equal to itself by other ways", d)
		}
		if len(d.Sum()) != alg.Size() || alg.Size() != theirs.Size() {
			t.Errorf("%s has %d bytes, want %d", d, len(d.Sum()), theirs.Size())
		}
	}
}

func TestParseDigestRefuses(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, text := range map[string]string{
		"nothing":                   "",
		"no algorithm":              hex,
		"an empty algorithm":        ":" + hex,
		"a colon alone":             ":",
		"no sum":                    "sha256:",
		"a sum too short":           "sha256:" + hex[2:],
		"a sum shorter by a nibble": "sha256:" + hex[1:],
		"a sum too long":            "sha256:" + hex + "0a",
		"the length of another":     "sha512:" + hex,
		"upper case in the sum":     "sha256:" + strings.ToUpper(hex),
		"upper case before it":      "SHA256:" + hex,
		"an unknown algorithm":      "md5:" + hex[:32],
		"a registered one not ours": "blake3:" + hex,
		"a component":               "sha256+b64:" + hex,
		"a separator that is none":  "sha256-" + hex,
		"space before":              " sha256:" + hex,
		"space behind":              "sha256:" + hex[1:] + " ",
		"no hexadecimal":            "sha256:" + hex[1:] + "g",
		"a path":                    "sha256:" + strings.Repeat("../", 21) + "a",
		"a zero byte":               "sha256:" + hex[1:] + "\x00",
		"more than ASCII":           "sha256:" + hex[2:] + "é",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDigest(text)
			if !errors.Is(err, ErrDigest) {
				t.Errorf("got error %v, want ErrDigest", err)
			}
			if d != (Digest{}) {
				t.Errorf("got %v beside the error", d)
			}
			if digest.Digest(text).Validate() == nil && !strings.HasPrefix(text, "blake3:") {
				t.Error("go-digest takes it")
			}
		})
	}
}

func TestErrorsOfHostileTextAreShort(t *testing.T) {
	_, err := ParseDigest(strings.Repeat("\x1b", 1<<20))
	if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%d bytes: %.50s", len(err.Error()), err)
	}
}

func TestTheZeroDigestIsNone(t *testing.T) {
	var d Digest
	if !d.IsZero() || d.String() != "" || d.Hex() != "" || d.Algorithm().Size() != 0 {
		t.Errorf("got %q", d)
	}
	if _, err := ParseHex(0, ""); !errors.Is(err, ErrDigest) {
		t.Errorf("got error %v, want ErrDigest", err)
	}
}

func TestFromSumWantsTheLengthOfTheAlgorithm(t *testing.T) {
	for _, length := range []int{0, 31, 33, 64, 65} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bytes for sha256: no panic", length)
				}
			}()
			FromSum(SHA256, make([]byte, length))
		}()
	}
}

func TestDigestsSortAsTheirTexts(t *testing.T) {
	var digests []Digest
	for _, alg := range Algorithms {
		for _, content := range []string{"a", "b", "c", "d"} {
			digests = append(digests, FromBytes(alg, []byte(content)))
		}
	}
	slices.SortFunc(digests, Digest.Compare)
	var texts []string
	for _, d := range digests {
		texts = append(texts, d.String())
	}
	if !slices.IsSorted(texts) {
		t.Errorf("not sorted: %q", texts)
	}
	if digests[0].Compare(digests[0]) != 0 {
		t.Error("a digest is not equal to itself")
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(FromBytes(SHA256, nil).String())
	f.Add(FromBytes(SHA384, nil).String())
	f.Add("sha512:" + strings.Repeat("0", 127))
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDigest(text)
		theirs := digest.Digest(text)
		valid := theirs.Validate() == nil && slices.Contains([]digest.Algorithm{digest.SHA256, digest.SHA384, digest.SHA512}, theirs.Algorithm())
		if valid != (err == nil) {
			t.Errorf("%q: %v, but go-digest says %v", text, err, theirs.Validate())
		}
		if err == nil && d.String() != text {
			t.Errorf("%q became %q", text, d)
		}
	})
}

// Characters are read several at a time: each one counts, wherever it is.
func TestEveryCharacterOfASumCounts(t *testing.T) {
	valid := strings.Repeat("0123456789abcdef", 4)
	for at := range valid {
		for c := range 256 {
			text := []byte(valid)
			text[at] = byte(c)
			d, err := ParseHex(SHA256, text)
			if good := strings.IndexByte("0123456789abcdef", byte(c)) >= 0; good != (err == nil) || good && d.Hex() != string(text) {
				t.Errorf("%q at %d: %v, %v", byte(c), at, d, err)
			}
		}
	}
}
