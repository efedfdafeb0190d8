package planfile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker/disk"
)

// Item is one line of a written plan. Bytes are those that its own removal frees.
type Item struct {
	mark.Listed
	Bytes int64
}

// appendTo appends the line: kind, repository, name, digest, bytes, time and
// part, with a dash for what there is not.
func (i *Item) appendTo(b []byte) []byte {
	b = append(b, i.Kind.String()...)
	b = appendName(append(b, ' '), i.Repository)
	b = appendName(append(b, ' '), i.Name)
	b = append(b, ' ')
	if i.Digest.IsZero() {
		b = append(b, '-')
	} else {
		b = append(b, i.Digest.Algorithm().String()...)
		b = i.Digest.AppendHex(append(b, ':'))
	}
	b = append(b, ' ')
	if i.Kind.Is(mark.Sized) {
		b = strconv.AppendInt(b, i.Bytes, 10)
	} else {
		b = append(b, '-')
	}
	b = append(b, ' ')
	if i.Kind.Is(mark.Timed) {
		b = appendTime(b, time.Unix(0, i.MTime))
	} else {
		b = append(b, '-')
	}
	return append(append(b, ' '), partNames()[i.Part]...)
}

func partNames() [3]string {
	return [...]string{mark.NoRoot: "-", mark.Root: "root", mark.Along: "along"}
}

func appendTime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, time.RFC3339Nano) }

// appendName writes a name from the disk as one word of a line: between quotes
// where it has anything but visible ASCII in it.
func appendName(b []byte, name string) []byte {
	plain := name != "-" && strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) < 0
	switch {
	case name == "":
		return append(b, '-')
	case plain:
		return append(b, name...)
	}
	return strconv.AppendQuoteToASCII(b, name)
}

// parseName is the inverse of appendName; rest is what follows the word.
func parseName(text string) (name, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		name, rest, _ = strings.Cut(text, " ")
		if name == "-" {
			return "", rest, nil
		}
		return name, rest, nil
	}
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", fmt.Errorf("a name has a quote at its beginning and none at its end")
	}
	if name, err = strconv.Unquote(quoted); err != nil {
		return "", "", err
	}
	return name, strings.TrimPrefix(text[len(quoted):], " "), nil
}

var errOrder = errors.New("it is not in the order of removal")

// follows checks that one line may come after another.
func (i *Item) follows(before *Item) error {
	none := func(name string) int { // what is in no repository comes last
		if name == "" {
			return 1
		}
		return 0
	}
	c := cmp.Or(cmp.Compare(before.Kind, i.Kind), cmp.Compare(none(before.Repository), none(i.Repository)), strings.Compare(before.Repository, i.Repository))
	if c == 0 && i.Kind != mark.Manifest { // of which parents come first
		c = cmp.Or(strings.Compare(before.Name, i.Name), before.Digest.Compare(i.Digest))
		if c == 0 {
			return mark.ErrTwice
		}
	}
	if c > 0 {
		return errOrder
	}
	return nil
}

// verify checks that an item has what its kind has.
func (i *Item) verify() error {
	switch {
	case i.Kind.Is(mark.InRepository) != (i.Repository != "") && i.Kind != mark.Temporary:
		return errors.New("it has a repository and should have none, or the other way round")
	case i.Kind.Is(mark.HasName) != (i.Name != ""):
		return errors.New("it has a name and should have none, or the other way round")
	case i.Kind.Is(mark.HasDigest) == i.Digest.IsZero() && i.Kind != mark.Tag:
		return errors.New("it has a digest and should have none, or the other way round")
	case i.Part != mark.NoRoot && !i.Kind.Is(mark.Removable):
		return errors.New("it cannot be a root")
	}
	return nil
}

// parseItem reads a line.
func parseItem(line string) (i Item, err error) {
	kind, rest, _ := strings.Cut(line, " ")
	var ok bool
	if i.Kind, ok = mark.KindNamed(kind); !ok {
		return i, fmt.Errorf("%q is not a kind of item", clip(kind))
	}
	if i.Repository, rest, err = parseName(rest); err != nil {
		return i, err
	}
	if i.Name, rest, err = parseName(rest); err != nil {
		return i, err
	}
	words := strings.Split(rest, " ")
	if len(words) != 4 {
		return i, errors.New("it does not have seven columns")
	}
	if words[0] != "-" {
		if i.Digest, err = layout.ParseDigest(words[0]); err != nil {
			return i, err
		}
	}
	if i.Kind.Is(mark.Sized) {
		if i.Bytes, err = parseCount(words[1]); err != nil {
			return i, err
		}
	}
	if i.Kind.Is(mark.Timed) {
		if i.MTime, err = parseTime(words[2]); err != nil {
			return i, err
		}
	}
	parts := partNames()
	at := slices.Index(parts[:], words[3])
	if at < 0 {
		return i, fmt.Errorf("%q is neither root nor along nor -", clip(words[3]))
	}
	i.Part = mark.Part(at)
	if string(i.appendTo(nil)) != line {
		return i, errors.New("it is not written as regsweep writes it")
	}
	return i, i.verify()
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a count", clip(text))
	}
	return n, nil
}

func parseTime(text string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time", clip(text))
	}
	return disk.Nanoseconds(t), nil
}

// clip keeps what may be anything short in messages.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
