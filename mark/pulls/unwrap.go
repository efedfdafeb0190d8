package pulls

import (
	"encoding/json"
	"strings"
	"time"
)

// criLine reads a line as containerd and CRI-O write it: a time, a stream, and
// F for the end of a line or P for a part of one.
func criLine(line string) (text, stream string, part, ok bool) {
	at, rest, found := strings.Cut(line, " ")
	if !found || len(at) < len("2006-01-02T15:04:05Z") || at[4] != '-' {
		return line, "", false, false
	}
	stream, rest, found = strings.Cut(rest, " ")
	if !found || stream != "stdout" && stream != "stderr" {
		return line, "", false, false
	}
	tags, rest, found := strings.Cut(rest, " ")
	if !found {
		tags, rest = rest, ""
	}
	tag, _, _ := strings.Cut(tags, ":")
	if tag != "F" && tag != "P" {
		return line, "", false, false
	}
	if _, err := time.Parse(time.RFC3339, at); err != nil {
		return line, "", false, false
	}
	return rest, stream, tag == "P", true
}

// jsonWrapped reads what Docker's json-file or journald has put into JSON. A part
// of a line of json-file lacks the line feed at its end. The error is that there
// is no text: journalctl writes null in place of a line that is long, unless it is
// called with --all.
func (f fields) jsonWrapped() (text string, part, ok bool, err error) {
	switch {
	case f.has("log", "time") || f.has("log", "stream"):
		text = f.text("log")
		return strings.TrimRight(text, "\r\n"), text != "" && !strings.HasSuffix(text, "\n"), true, nil
	case f.has("MESSAGE"):
		text, err = journaled(f["MESSAGE"])
		return text, false, true, err
	}
	return "", false, false, nil
}

// journaled reads a text as journald writes it: what is not UTF-8 is a list of bytes.
func journaled(raw json.RawMessage) (string, error) {
	var text *string
	if json.Unmarshal(raw, &text) == nil && text != nil {
		return *text, nil
	}
	var numbers []int
	if json.Unmarshal(raw, &numbers) != nil || numbers == nil {
		return "", errBroken
	}
	var bytes []byte
	for _, n := range numbers {
		bytes = append(bytes, byte(n))
	}
	return string(bytes), nil
}

// objects calls fn for the JSON object that a line is, or ends in, and returns
// what that does: syslog puts something before the object, and so does a line
// that was cut off.
func objects(line string, fn func(fields) bool) bool {
	if !strings.HasSuffix(strings.TrimRight(line, " \t\r"), "}") {
		return false
	}
	for range mostObjects {
		at := strings.IndexByte(line, '{')
		if at < 0 {
			return false
		}
		var f fields
		if json.Unmarshal([]byte(line[at:]), &f) == nil {
			return fn(f) // what is in an object does not end the line
		}
		line = line[at+1:]
	}
	return false
}

// mostObjects is how many beginnings of an object in a line are tried.
const mostObjects = 64
