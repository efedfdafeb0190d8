package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sumOf(text string) Sum { return sha256.Sum256([]byte(text)) }

// example is an index with a bit of everything, what is in it, and its digests.
func example() (text []byte, contents []Content, links []Link, sums []Sum) {
	b := NewBuilder(func(to []byte, digest uint32) []byte { return append(to, sums[digest][:]...) })
	for _, name := range []string{"m", "config", "layer", "child", "subject"} {
		sums = append(sums, sumOf(name))
		b.Digest()
	}
	contents = []Content{
		{Digest: 0, Times: Times{527, 1e18, 2e18}, Kind: 1, Configs: [2]int{1, 0}, Required: []uint32{1, 2}, Optional: []uint32{}, Subjects: []uint32{4}},
		{Digest: 1, Times: Times{2, 3, 4}, Required: []uint32{}, Optional: []uint32{}, Subjects: []uint32{}, Text: []byte(`{"created":"x"}`)},
		{Digest: 2, Times: Times{2, 3, 4}, Required: []uint32{}, Optional: []uint32{}, Subjects: []uint32{}, Text: []byte(`{"created":"x"}`)},
		{Digest: 4, Times: Times{2, 3, 4}, Kind: 1, Required: []uint32{}, Optional: []uint32{}, Subjects: []uint32{}, Text: []byte{}},
		{Digest: 3, Times: Times{1, -5, 6}, Kind: 2, Required: []uint32{}, Optional: []uint32{0, 3, 0}, Subjects: []uint32{}},
	}
	links = []Link{
		{Key: 1, Device: 7, Inode: 8, MTime: 9, CTime: 10, Target: 0, Moment: 11},
		{Key: 1 << 60, Device: 1 << 40, Inode: 1 << 50, MTime: -1, CTime: 3e18, Target: 3, Moment: 11},
		{Key: 17, Device: 7, Inode: 9, MTime: 0, CTime: 0, Target: 4, Moment: 12},
	}
	for i := range contents {
		b.Content(&contents[i])
	}
	for i := range links {
		b.Link(&links[i])
	}
	return b.Bytes(5), contents, links, sums
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	text, contents, links, sums := example()
	x, err := Parse(text, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, sum := range sums {
		if x.Sum(uint32(i)) != sum {
			t.Errorf("digest %d is another one", i)
		}
	}
	for _, want := range contents {
		sum := sums[want.Digest]
		at, ok := x.Find(sum[:], want.Times)
		var got Content
		if !ok || !x.Content(at, &got) {
			t.Fatalf("manifest %d is not found", want.Digest)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || (want.Text == nil) != (got.Text == nil) {
			t.Errorf("%s; %q", diff, got.Text)
		}
		if string(x.Text(at)) != string(want.Text) {
			t.Errorf("the text is %q", x.Text(at))
		}
		for _, change := range []func(*Times){func(o *Times) { o.Size++ }, func(o *Times) { o.MTime++ }, func(o *Times) { o.CTime-- }} {
			other := want.Times
			if change(&other); true {
				if _, ok := x.Find(sum[:], other); ok {
					t.Errorf("manifest %d is found with other times: %+v", want.Digest, other)
				}
			}
		}
	}
	other := sumOf("other")
	if _, ok := x.At(other[:]); ok {
		t.Error("a document is found, and was not put in")
	}
	if n := strings.Count(string(text), "created"); n != 1 {
		t.Errorf("a text that two documents have is there %d times", n)
	}
	for _, want := range links {
		at := x.FindLink(want.Key)
		if at < 0 {
			t.Fatalf("link %d is not found", want.Key)
		}
		if diff := cmp.Diff(want, x.Link(at)); diff != "" {
			t.Error(diff)
		}
	}
	if x.FindLink(2) >= 0 || x.Latest() != 12 {
		t.Errorf("link 2 is %d, and the latest moment is %d", x.FindLink(2), x.Latest())
	}
}

func TestWhatIsNotWholeIsNotRead(t *testing.T) {
	text, _, _, _ := example()
	for i := range text {
		for bit := range 8 {
			bad := slices.Clone(text)
			bad[i] ^= 1 << bit
			if _, err := Parse(bad, 5); err == nil {
				t.Fatalf("bit %d of byte %d is another one, and it is read", bit, i)
			}
		}
		if _, err := Parse(text[:i], 5); err == nil {
			t.Fatalf("it is read, and is only %d bytes long", i)
		}
	}
	if _, err := Parse(append(slices.Clone(text), 0), 5); err == nil {
		t.Error("it is read, and is a byte longer")
	}
	if _, err := Parse(slices.Clone(text), 6); err == nil {
		t.Error("it is read by a parser of another version")
	}
}

func TestNothingIsKnownWithoutAnIndex(t *testing.T) {
	var x *Index
	sum := sumOf("m")
	if _, ok := x.Find(sum[:], Times{}); ok || x.FindLink(1) >= 0 || x.Contents()+x.Links()+x.Digests() != 0 {
		t.Error("something is known")
	}
	x, err := Parse((&Builder{}).Bytes(1), 1)
	if _, ok := x.At(sum[:]); err != nil || ok || x.FindLink(0) >= 0 {
		t.Errorf("an empty index: %v", err)
	}
}

// A manifest takes at most 96 bytes beside its references, and a blob 64 with one
// reference to it, however few there are.
func TestAnIndexIsCompact(t *testing.T) {
	if n := sha256.Size + contentSize + 4*contentHead; n > 96 {
		t.Errorf("a manifest takes %d bytes", n)
	}
	if n := sha256.Size + 4; n > 64 {
		t.Errorf("a blob takes %d bytes", n)
	}
}

// FuzzParse changes an index and gives it a checksum that is right. Whatever it says
// then, nobody may fall over it.
func FuzzParse(f *testing.F) {
	text, _, _, _ := example()
	f.Add(text[:len(text)-sha256.Size], uint16(0), uint32(0))
	f.Add(text[:len(text)-sha256.Size], uint16(20), uint32(1<<31))
	f.Add((&Builder{}).Bytes(5)[:headerSize], uint16(0), uint32(9))
	f.Fuzz(func(t *testing.T, text []byte, at uint16, value uint32) {
		text = slices.Clone(text)
		if int(at)+4 <= len(text) {
			binary.LittleEndian.PutUint32(text[at:], value)
		}
		sum := sha256.Sum256(text)
		x, err := Parse(append(text, sum[:]...), 5)
		if err != nil {
			return
		}
		var c Content
		for i := range x.Contents() {
			sum := x.SumOf(i)
			if _, ok := x.At(sum[:]); !ok {
				t.Error("a manifest is not found")
			}
			if !x.Content(i, &c) {
				continue
			}
			if string(c.Text) != string(x.Text(i)) {
				t.Error("it has two texts")
			}
			for _, d := range slices.Concat(c.Required, c.Optional, c.Subjects, []uint32{c.Digest}) {
				x.Sum(d)
			}
		}
		for i := range x.Links() {
			l := x.Link(i)
			if x.Sum(l.Target); x.FindLink(l.Key) < 0 {
				t.Error("a link is not found")
			}
		}
		x.Latest()
	})
}

// Whoever writes an index knows before how large it is.
func TestAnIndexHasTheSizeThatWasSaid(t *testing.T) {
	b := NewBuilder(func(to []byte, digest uint32) []byte {
		sum := sumOf(string(rune('a' + digest)))
		return append(to, sum[:]...)
	})
	for range 3 {
		b.Digest()
		b.Content(&Content{Digest: 1, Times: Times{Size: 5}, Required: []uint32{0, 2}, Text: []byte("text")})
		b.Link(&Link{Key: 7, Device: 1, Moment: 2})
		if text := b.Bytes(1); int64(len(text)) != b.Size() {
			t.Errorf("%d bytes, not %d", len(text), b.Size())
		}
	}
	full := errors.New("full")
	if err := b.Write(failing{full}, 1); !errors.Is(err, full) {
		t.Errorf("the disk is full, and: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
