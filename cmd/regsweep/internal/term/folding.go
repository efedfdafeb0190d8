package term

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Folding writes for people, line by line. On a terminal it folds what is wider
// than that; anywhere else it changes nothing.
type Folding struct {
	W    io.Writer
	line []byte // without its end so far
}

// Write keeps back what is after the last end of a line.
func (f *Folding) Write(b []byte) (int, error) {
	end := bytes.LastIndexByte(b, '\n') + 1
	if end == 0 {
		f.line = append(f.line, b...)
		return len(b), nil
	}
	width := Width(f.W)
	var text strings.Builder
	for line := range strings.Lines(string(f.line) + string(b[:end])) {
		text.WriteString(Fold(strings.TrimSuffix(line, "\n"), width))
		text.WriteString("\n")
	}
	f.line = append(f.line[:0], b[end:]...)
	if _, err := io.WriteString(f.W, text.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Flush writes the last line, if it lacks its end.
func (f *Folding) Flush() error {
	if len(f.line) == 0 {
		return nil
	}
	text := Fold(string(f.line), Width(f.W))
	f.line = f.line[:0]
	_, err := io.WriteString(f.W, text)
	return err
}

// Unfolded is a stream for somebody who folds what he writes himself.
func Unfolded(stream io.Writer) io.Writer {
	if o, ok := stream.(*Output); ok {
		if f, ok := o.W.(*Folding); ok {
			return f.W
		}
	}
	return stream
}

// hang is by how much the rest of a line is indented.
const hang = "  "

// Fold breaks a line for a terminal of a width; 0 leaves it as it is. Prose is
// wrapped. A command at the line's end stands on a line of its own and is never
// broken, so that it can be pasted.
func Fold(line string, width int) string {
	if width <= 0 {
		return line
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	prose, command := CutCommand(line)
	if prose == "" {
		return line
	}
	lines := Wrap(shortNames(prose, width-len(indent+hang)), width, indent+hang)
	if command != "" {
		lines = append(lines, indent+hang+command)
	}
	return strings.Join(lines, "\n")
}

// CutCommand divides a line into prose and the command that can be pasted: by the
// rule for messages, the command is all that follows the last colon.
func CutCommand(line string) (prose, command string) {
	for _, name := range []string{"regsweep ", "touch "} {
		if strings.HasPrefix(strings.TrimLeft(line, " "), name) {
			return "", line
		}
		if at := strings.LastIndex(line, ": "+name); at >= 0 {
			return line[:at+1], line[at+2:]
		}
	}
	return line, ""
}

// shortNames cuts the digests in words that are too long for any line to what ls
// shows of them; all commands take that, too.
func shortNames(prose string, room int) string {
	if ColumnsOf(prose) <= room {
		return prose
	}
	words := strings.Split(prose, " ")
	for i := range words {
		words[i] = ShortDigests(words[i], max(room, 1))
	}
	return strings.Join(words, " ")
}

// Wrap breaks a text into lines of a width, at spaces; 0 is as long as it gets.
// All lines but the first begin with an indent. A word that is too long for a
// line stays whole.
func Wrap(text string, width int, indent string) (lines []string) {
	for width > 0 {
		at := breakAt(text, width)
		if at < 0 {
			break
		}
		lines = append(lines, strings.TrimRight(text[:at], " "))
		text = indent + strings.TrimLeft(text[at:], " ")
	}
	return append(lines, text)
}

// breakAt is the space at which a text that is too wide is broken, or -1. Codes of
// colours take no room.
func breakAt(text string, width int) int {
	column, space, word := 0, -1, false
	for at := 0; at < len(text); {
		if n := CodeLength(text[at:]); n > 0 {
			at += n
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case r != ' ':
			if column >= width && space >= 0 {
				return space
			}
			word = true
		case word && (space < 0 || column <= width) && !isNumber(text[:at]):
			space = at
		}
		column++
		at += size
	}
	return -1
}

// isNumber reports whether a text ends with a number, which stays beside what it
// counts.
func isNumber(text string) bool {
	last := text[strings.LastIndexByte(text, ' ')+1:]
	return last != "" && strings.Trim(last, "0123456789.,(") == "" && last[len(last)-1] >= '0'
}

// CodeLength is how long the code for a colour is with which a text begins.
func CodeLength(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		return 0
	}
	return strings.IndexByte(text, 'm') + 1
}

// wideLetters knows how many columns a letter takes: two those of Chinese, Japanese
// and Korean, none those that combine with the one before. What depends on the
// terminal's font is taken for one.
var wideLetters = &runewidth.Condition{StrictEmojiNeutral: true}

// ColumnsOf is how many columns of a terminal a text takes.
func ColumnsOf(text string) (n int) {
	for at := 0; at < len(text); {
		if code := CodeLength(text[at:]); code > 0 {
			at += code
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		at += size
		n += wideLetters.RuneWidth(r)
	}
	return n
}
