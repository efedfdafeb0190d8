package protect

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/glob"
)

// A line is PATTERN [until=YYYY-MM-DD] [# NOTE], with blanks between. Whatever
// is not that is refused: a line that is read as something else than its author
// meant protects nothing, and says so only when the image is gone.

// The parts of a line that are not the pattern.
const (
	untilKey = "until="
	noteMark = "#"
)

// parseLine reads one line; nil is a blank line or a note alone.
func parseLine(text string) (*protected, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	text = strings.Trim(text, " \t")
	if text == "" || strings.HasPrefix(text, noteMark) {
		return nil, nil
	}
	pattern, rest := cutBlank(text)
	e, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	e.Pattern = pattern
	if strings.HasPrefix(rest, untilKey) {
		var date string
		date, rest = cutBlank(rest)
		if e.Until, err = ParseUntil(date[len(untilKey):]); err != nil {
			return nil, err
		}
	}
	switch {
	case rest == "":
	case strings.HasPrefix(rest, noteMark):
		e.Note = strings.Trim(rest[len(noteMark):], " \t")
	default:
		return nil, fmt.Errorf("there is more after %q: write one name a line, and # before a note", pattern)
	}
	return e, nil
}

func cutBlank(text string) (before, after string) {
	at := strings.IndexAny(text, " \t")
	if at < 0 {
		return text, ""
	}
	return text[:at], strings.TrimLeft(text[at:], " \t")
}

// ParseUntil reads the last day of a line, in UTC.
func ParseUntil(text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1981 {
		return t, fmt.Errorf("%q is not a day such as 2026-12-31", text)
	}
	return t, nil
}

// Bytes of a list in UTF-16 and UTF-8 that are no text.
const byteOrderMark = "\ufeff"

// checkText refuses what is in no line: characters that a file has if it is in
// another coding, or whose lines end as on another system.
func checkText(text string) error {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\r':
			return errors.New("it has a carriage return within: end lines with a line feed")
		case c == 0:
			return errors.New("it has a zero byte: the list has to be UTF-8, not UTF-16")
		case c < ' ' && c != '\t' || c == 0x7f:
			return fmt.Errorf("it has the control character %#x", c)
		}
	}
	return nil
}

// schemes are before images in what clusters report, and mean nothing.
var schemes = [...]string{"docker://", "docker-pullable://"}

// parsePattern reads NAME, NAME:TAG, NAME@DIGEST, NAME:TAG@DIGEST, a glob of
// these, or a digest.
func parsePattern(text string) (*protected, error) {
	e := &protected{}
	name := text
	for _, scheme := range schemes {
		if rest, ok := strings.CutPrefix(name, scheme); ok {
			name = rest
			break
		}
	}
	if err := checkCharacters(name); err != nil {
		return nil, err
	}
	if meantAsDigest(name) {
		d, err := parseDigest(name)
		e.digest = d
		return e, err
	}
	name, digest, ok := strings.Cut(name, "@")
	if ok {
		d, err := parseDigest(digest)
		if err != nil {
			return nil, err
		}
		e.digest = d
	}
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		if err := e.parseTag(name[at+1:]); err != nil {
			return nil, err
		}
		name = name[:at]
	}
	return e, e.parseNames(name)
}

// checkCharacters refuses what is in no name, digest or glob.
func checkCharacters(text string) error {
	const names = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@"
	const globs = `*?[]{}!^,\`
	depth := 0
	for _, c := range text {
		switch {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ',' && depth <= 0:
			return fmt.Errorf("%q has a comma: write one name a line, or {a,b} for either", text)
		case c == '"' || c == '\'' || c == '`':
			return fmt.Errorf("%q has a quote: names have none", text)
		case !strings.ContainsRune(names+globs, c):
			return fmt.Errorf("%q has the character %q, which is in no name", text, c)
		}
	}
	return nil
}

// meantAsDigest reports whether a text is a digest, or was to be one: it begins
// with an algorithm, or has the digits of a digest, or of a short one as clients
// print it, and nothing else.
func meantAsDigest(text string) bool {
	alg, _, ok := strings.Cut(text, ":")
	if _, known := layout.ParseAlgorithm(strings.ToLower(alg)); known && ok {
		return true
	}
	const digits, letters = "0123456789", "abcdefABCDEF"
	if strings.Trim(text, digits+letters) != "" || !strings.ContainsAny(text, digits) || !strings.ContainsAny(text, letters) {
		return false
	}
	const short, long = 12, 32
	return len(text) == short || len(text) >= long
}

func parseDigest(text string) (layout.Digest, error) {
	d, err := layout.ParseDigest(text)
	if err == nil {
		return d, nil
	}
	alg, hex, ok := strings.Cut(text, ":")
	a, known := layout.ParseAlgorithm(alg)
	switch {
	case text != strings.ToLower(text):
		return d, fmt.Errorf("%q is not a digest: its letters have to be lower case", text)
	case !ok:
		return d, fmt.Errorf("%q is not a digest: write its algorithm before it, as in sha256:%s", text, text)
	case !known:
		return d, fmt.Errorf("%q is not a digest of an algorithm that registries store", text)
	case glob.Has(hex):
		return d, fmt.Errorf("%q is not a digest: a glob cannot stand for digests", text)
	case len(hex) < 2*a.Size():
		return d, fmt.Errorf("%q is not a whole digest: it has %d of %d digits", text, len(hex), 2*a.Size())
	}
	return d, fmt.Errorf("%q is not a digest", text)
}

func (e *protected) parseTag(text string) (err error) {
	if !glob.Has(text) && !layout.IsTag(text) {
		return fmt.Errorf("%q is not a tag that a registry accepts", text)
	}
	if e.tag, err = parseGlob(text); err == nil {
		e.tagged = true
	}
	return err
}

// parseNames reads a repository's name or a glob of names. What begins with a
// host may as well be the repository without it.
func (e *protected) parseNames(name string) error {
	if err := e.addName(name); err != nil {
		return err
	}
	if host, rest, ok := strings.Cut(name, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return e.addName(rest)
	}
	return nil
}

func (e *protected) addName(name string) error {
	switch {
	case name == "":
		return errors.New("it names no repository")
	case name[0] == '/':
		return fmt.Errorf("%q begins with a slash: names do not", name)
	case strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		return fmt.Errorf("%q has a slash with nothing after it", name)
	case !glob.Has(name) && !layout.IsRepository(name):
		return fmt.Errorf("%q is not a name that a repository can have", name)
	case glob.Has(name):
		if err := checkNameGlob(name); err != nil {
			return err
		}
	}
	g, err := parseGlob(name)
	e.names = append(e.names, g)
	return err
}

// checkNameGlob refuses capitals in a glob but before its first slash, where a
// host may stand: no repository's name has any.
func checkNameGlob(name string) error {
	host, rest, ok := strings.Cut(name, "/")
	if !ok {
		host, rest = "", name
	}
	if rest != strings.ToLower(rest) {
		return fmt.Errorf("%q has capital letters: names of repositories have none", name)
	}
	if ok && host != strings.ToLower(host) && !strings.ContainsAny(host, ".:") {
		return fmt.Errorf("%q has capital letters: names of repositories have none", name)
	}
	return nil
}

func parseGlob(text string) (glob.Glob, error) {
	for at := range len(text) {
		// As in a regular expression, where \d and \w are classes.
		if text[at] == '\\' && at+1 < len(text) && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", rune(text[at+1])) {
			return glob.Glob{}, fmt.Errorf("%q is not a glob: it looks like a regular expression", text)
		}
	}
	g, err := glob.Parse(text)
	if err != nil {
		return g, fmt.Errorf("%q is not a glob: %w", text, err)
	}
	return g, nil
}
