package layouttest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

const day = 24 * time.Hour

// command says how the lines of a verb are read.
type command struct {
	least, most int    // how many words stand after the verb; most < 0 is any number
	options     string // the known keys; one with ? behind it may stand alone, for yes
	body        bool   // after the words and options, the rest of the line is content
	run         func(*Store, *line) error
}

// line is one line of the text.
type line struct {
	verb    string
	words   []string
	options map[string]string
	body    string
	at      time.Time // the modification time of what the line writes
	err     error     // the first bad value that an accessor met
}

// Apply adds what further text describes. What is known by name stays known.
func (s *Store) Apply(text string) error {
	verbs := commands()
	for i, raw := range strings.Split(text, "\n") {
		raw = strings.TrimSpace(raw)
		if raw == "" || raw[0] == '#' {
			continue
		}
		if err := s.run(verbs, raw); err != nil {
			err = fmt.Errorf("layouttest: line %d: %w", i+1, err)
			return errors.Join(err, s.settle())
		}
	}
	return s.settle()
}

func (s *Store) run(verbs map[string]command, raw string) error {
	verb, rest := cutWord(raw)
	c, ok := verbs[verb]
	if !ok {
		return fmt.Errorf("unknown verb %q", verb)
	}
	l, err := parseLine(c, verb, rest)
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	l.at = s.Now.Add(-l.duration("age", s.age))
	if l.err == nil {
		err = c.run(s, l)
	}
	if l.err != nil { // a bad value explains whatever came of it
		err = l.err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

func parseLine(c command, verb, rest string) (*line, error) {
	l := &line{verb: verb, options: map[string]string{}}
	known := strings.Fields(c.options)
	for rest != "" {
		word, after := cutWord(rest)
		key, value, found := strings.Cut(word, "=")
		switch {
		case slices.Contains(known, word+"?"):
			l.options[word] = "yes"
		case found && (slices.Contains(known, key) || slices.Contains(known, key+"?")):
			l.options[key] = value
		case c.body && len(l.words) == c.least:
			l.body, after = rest, ""
		case word[0] == '#':
			after = ""
		case found && !c.body && isKey(key):
			return nil, fmt.Errorf("unknown option %q, known are: %s", key, c.options)
		default:
			l.words = append(l.words, word)
		}
		rest = after
	}
	if len(l.words) < c.least {
		return nil, fmt.Errorf("%d words where at least %d are needed", len(l.words), c.least)
	}
	if c.most >= 0 && len(l.words) > c.most {
		return nil, fmt.Errorf("%q is too much", l.words[c.most])
	}
	return l, nil
}

func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func (l *line) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// text is an option's value.
func (l *line) text(key, absent string) string {
	if v, ok := l.options[key]; ok {
		return v
	}
	return absent
}

func (l *line) flag(key string) bool {
	v := l.options[key]
	if v != "" && v != "yes" && v != "no" {
		l.fail(fmt.Errorf("%s=%q is neither yes nor no", key, v))
	}
	return v == "yes"
}

func (l *line) size(key string, absent int64) int64 {
	v, ok := l.options[key]
	if !ok {
		return absent
	}
	n, err := parseSize(v)
	if err != nil {
		l.fail(fmt.Errorf("%s: %w", key, err))
	}
	return n
}

func (l *line) count(key string, absent int) int {
	v, ok := l.options[key]
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		l.fail(fmt.Errorf("%s=%q is not a count", key, v))
		return 0
	}
	return n
}

func (l *line) duration(key string, absent time.Duration) time.Duration {
	v, ok := l.options[key]
	if !ok {
		return absent
	}
	d, err := parseAge(v)
	if err != nil {
		l.fail(fmt.Errorf("%s: %w", key, err))
	}
	return d
}

func (l *line) algorithm(key string) layout.Algorithm {
	alg, ok := layout.ParseAlgorithm(l.text(key, "sha256"))
	if !ok {
		l.fail(fmt.Errorf("%s=%q is no algorithm", key, l.options[key]))
		return layout.SHA256
	}
	return alg
}

// parseSize reads a number of bytes; k, m and g are powers of 1024.
func parseSize(s string) (int64, error) {
	digits, shift := s, 0
	if i := len(s) - 1; i > 0 {
		if unit := strings.IndexByte("kmg", s[i]); unit >= 0 {
			digits, shift = s[:i], 10*(unit+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<(62-shift) {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return n << shift, nil
}

// parseAge reads 0, Go's durations, and whole numbers of d and w. Files from
// the future have a negative age.
func parseAge(s string) (time.Duration, error) {
	if i := len(s) - 1; i > 0 && (s[i] == 'd' || s[i] == 'w') {
		n, err := strconv.Atoi(s[:i])
		if err != nil {
			return 0, fmt.Errorf("%q is no age", s)
		}
		if s[i] == 'w' {
			n *= 7
		}
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no age", s)
	}
	return d, nil
}

// ref is a repository with the tags behind it, as in a/b:v1,v2.
type ref struct {
	repository string
	tags       []string
}

// nowhere is the repository of what gets a name but is not stored.
const nowhere = "-"

func (s *Store) ref(word string) (ref, error) {
	r := ref{repository: word}
	if i := strings.LastIndexByte(word, ':'); i > strings.LastIndexByte(word, '/') {
		r.repository, r.tags = word[:i], splitList(word[i+1:])
	}
	if s.anyNames || word == nowhere {
		return r, nil
	}
	if !layout.IsRepository(r.repository) {
		return r, fmt.Errorf("%q is no repository", r.repository)
	}
	for _, tag := range r.tags {
		if !layout.IsTag(tag) {
			return r, fmt.Errorf("%q is no tag", tag)
		}
	}
	return r, nil
}
