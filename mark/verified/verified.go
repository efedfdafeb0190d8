// Package verified remembers which blobs a check has read whole, and when, so that
// a check of a large store can go on where the last one ended.
//
// Nothing is kept or removed for it: whoever loses it reads all data again.
package verified

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Table says of blobs when their data were last found to have their digest. The
// zero value says nothing; it is not for concurrent use.
type Table struct {
	entries map[layout.Digest]entry
}

type entry struct {
	size int64 // in bytes, as it was then
	at   int64 // seconds since 1970
}

// At is when a blob of this size was last verified; zero if it was not.
func (t *Table) At(d layout.Digest, size int64) time.Time {
	e, ok := t.entries[d]
	if !ok || e.size != size {
		return time.Time{}
	}
	return time.Unix(e.at, 0)
}

// Set notes that a blob has been verified.
func (t *Table) Set(d layout.Digest, size int64, at time.Time) {
	if t.entries == nil {
		t.entries = map[layout.Digest]entry{}
	}
	t.entries[d] = entry{size, at.Unix()}
}

// Add takes over what another table says, where that is newer.
func (t *Table) Add(other *Table) {
	for d, e := range other.entries {
		if e.at >= t.entries[d].at {
			t.Set(d, e.size, time.Unix(e.at, 0))
		}
	}
}

// Forget notes that a blob's data are not what they were.
func (t *Table) Forget(d layout.Digest) { delete(t.entries, d) }

// Len is of how many blobs it says something.
func (t *Table) Len() int { return len(t.entries) }

// Keep drops what keep does not want.
func (t *Table) Keep(keep func(layout.Digest) bool) {
	for d := range t.entries {
		if !keep(d) {
			delete(t.entries, d)
		}
	}
}

// schema begins the file; the checksum of what follows ends its first line.
const schema = "regsweep/verified/v1 "

var errDamaged = errors.New("it is not complete")

// Marshal writes the table: a line with a checksum, and one of each blob.
func (t *Table) Marshal() []byte {
	digests := make([]layout.Digest, 0, len(t.entries))
	for d := range t.entries {
		digests = append(digests, d)
	}
	slices.SortFunc(digests, layout.Digest.Compare)
	var text []byte
	for _, d := range digests {
		e := t.entries[d]
		text = fmt.Appendf(text, "%s %d %d\n", d, e.size, e.at)
	}
	sum := sha256.Sum256(text)
	return slices.Concat([]byte(schema), []byte(hex.EncodeToString(sum[:])), []byte("\n"), text)
}

// Unmarshal reads what Marshal has written. Anything else is an error.
func Unmarshal(text []byte) (*Table, error) {
	head, rest, ok := bytes.Cut(text, []byte("\n"))
	sum := sha256.Sum256(rest)
	if !ok || string(head) != schema+hex.EncodeToString(sum[:]) {
		return nil, errDamaged
	}
	t := &Table{}
	for line := range strings.Lines(string(rest)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, errDamaged
		}
		d, err := layout.ParseDigest(fields[0])
		size, serr := strconv.ParseInt(fields[1], 10, 64)
		at, aerr := strconv.ParseInt(fields[2], 10, 64)
		if err := errors.Join(err, serr, aerr); err != nil {
			return nil, err
		}
		t.Set(d, size, time.Unix(at, 0))
	}
	return t, nil
}
