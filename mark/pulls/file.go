package pulls

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// FileSchema is the first line of a table's file.
const FileSchema = "regsweep/pulls-table/v1"

const fileSum = "checksum sha256:"

// Marshal writes the table as text, the same for the same pulls.
func (t *Table) Marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, FileSchema)
	for _, s := range t.spans {
		fmt.Fprintf(&b, "covered\t%s\t%s\n", fileTime(s.From), fileTime(s.To))
	}
	keys := make([]key, 0, len(t.rows))
	for k := range t.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.repository, b.repository), cmp.Compare(a.tag, b.tag), a.digest.Compare(b.digest), cmp.Compare(a.agent, b.agent))
	})
	for _, k := range keys {
		digest := ""
		if !k.digest.IsZero() {
			digest = k.digest.String()
		}
		r := t.rows[k]
		fmt.Fprintf(&b, "pull\t%s\t%s\t%s\t%s\t%d\t%s\n", k.repository, k.tag, digest, fileTime(r.last), r.count, strconv.Quote(k.agent))
	}
	fmt.Fprintf(&b, "%s%x\n", fileSum, sha256.Sum256(b.Bytes()))
	return b.Bytes()
}

func fileTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// What is wrong with a table's file.
var (
	ErrNoTable = errors.New("it is not a table of pulls that this version knows")
	ErrDamaged = errors.New("it was cut short, edited or damaged: its checksum is not that of its text")
)

// Unmarshal reads what Marshal has written and nothing else.
func Unmarshal(text []byte) (*Table, error) {
	if !bytes.HasPrefix(text, []byte(FileSchema+"\n")) {
		return nil, ErrNoTable
	}
	at := bytes.LastIndex(text, []byte("\n"+fileSum))
	if at < 0 || string(text[at+1:]) != fmt.Sprintf("%s%x\n", fileSum, sha256.Sum256(text[:at+1])) {
		return nil, ErrDamaged
	}
	t := NewTable()
	number := 0
	for line := range strings.Lines(string(text[:at+1])) {
		if number++; number == 1 {
			continue
		}
		if err := t.line(strings.Split(strings.TrimSuffix(line, "\n"), "\t")); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	t.spans = joined(t.spans)
	return t, nil
}

// line takes one line of a file.
func (t *Table) line(f []string) error {
	switch {
	case f[0] == "covered" && len(f) == 3:
		from, err1 := time.Parse(time.RFC3339Nano, f[1])
		to, err2 := time.Parse(time.RFC3339Nano, f[2])
		if err1 != nil || err2 != nil || to.Before(from) {
			return ErrNoTable
		}
		t.spans = append(t.spans, Span{from, to})
		return nil
	case f[0] == "pull" && len(f) == 7:
		k := key{repository: f[1], tag: f[2]}
		var errs [4]error
		if f[3] != "" {
			k.digest, errs[0] = layout.ParseDigest(f[3])
		}
		var last time.Time
		var count int64
		last, errs[1] = time.Parse(time.RFC3339Nano, f[4])
		count, errs[2] = strconv.ParseInt(f[5], 10, 64)
		k.agent, errs[3] = strconv.Unquote(f[6])
		if errors.Join(errs[:]...) != nil || count < 1 || !t.put(k, last, count) {
			return ErrNoTable
		}
		return nil
	}
	return ErrNoTable
}
