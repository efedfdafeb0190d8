package verified

import (
	"bytes"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
)

func TestTableIsReadAsItWasWritten(t *testing.T) {
	one, two := layout.FromBytes(layout.SHA256, []byte("1")), layout.FromBytes(layout.SHA512, []byte("2"))
	at := time.Unix(1_800_000_000, 0)
	table := &Table{}
	table.Set(one, 1, at)
	table.Set(two, 2, at.Add(time.Hour))
	text := table.Marshal()
	got, err := Unmarshal(text)
	if err != nil || got.Len() != 2 {
		t.Fatalf("%v, %d entries of\n%s", err, got.Len(), text)
	}
	if !got.At(one, 1).Equal(at) || !got.At(two, 2).Equal(at.Add(time.Hour)) {
		t.Errorf("%s, %s", got.At(one, 1), got.At(two, 2))
	}
	if !got.At(one, 2).IsZero() {
		t.Error("a blob of another size counts as verified")
	}
	if !bytes.Equal(got.Marshal(), text) {
		t.Error("it is written in another way the second time")
	}
	got.Forget(two)
	got.Keep(func(d layout.Digest) bool { return d == one })
	if got.Len() != 1 || got.At(one, 1).IsZero() {
		t.Errorf("%d entries", got.Len())
	}
	for i := range text {
		if _, err := Unmarshal(text[:i]); err == nil {
			t.Fatalf("the first %d bytes of %d are a table", i, len(text))
		}
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if _, err := Unmarshal(changed); err == nil {
			t.Fatalf("byte %d is another one, and it is a table", i)
		}
	}
}
