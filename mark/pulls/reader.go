package pulls

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
)

// Log says how a log is read.
type Log struct {
	// Oldest and Now are between which a line's time has to be: those of the
	// store's oldest file, and of the run.
	Oldest, Now time.Time
	// Tell is called for each request. It reports whether it is a pull that counts.
	Tell func(*Request) bool
}

// Counts are how many lines of a log there are. Each event of a notification
// counts as one, and so does a line that is wrapped in parts.
type Counts struct {
	Lines      int64 // all of them
	Requests   int64 // with a time that can be right
	Used       int64 // of pulls; the other requests and other services' lines are Ignored
	Ignored    int64
	Unreadable int64 // broken, of the future, or older than the store
}

// Add adds up the lines of several logs.
func (c *Counts) Add(o Counts) {
	c.Lines += o.Lines
	c.Requests += o.Requests
	c.Used += o.Used
	c.Ignored += o.Ignored
	c.Unreadable += o.Unreadable
}

// ahead is how far a registry's clock may be ahead of ours.
const ahead = time.Minute

const (
	longestLine     = 1 << 20
	longestDocument = 8 << 20
)

// Read reads a log, which may be gzipped. A log that was cut off is read as far
// as it goes. The error is about the reader alone.
func (l *Log) Read(in io.Reader) (Counts, error) {
	r := &reader{Log: l, parts: map[string][]byte{}}
	buffered := bufio.NewReaderSize(in, 1<<16)
	var from io.Reader = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return r.counts, err
		}
		from = z
	}
	err := r.lines(bufio.NewReaderSize(from, 1<<16))
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || isFlate(err) {
		r.counts.Lines++
		r.counts.Unreadable++
		err = nil
	}
	return r.counts, err
}

// reader reads one log.
type reader struct {
	*Log
	counts Counts
	parts  map[string][]byte // of a line that is in several, by how it is wrapped
	doc    document
}

// lines reads line by line. Those that are too long are passed over.
func (r *reader) lines(in *bufio.Reader) error {
	var line []byte
	long := false
	for {
		piece, err := in.ReadSlice('\n')
		if len(line)+len(piece) > longestLine {
			long = true
		} else {
			line = append(line, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		switch text := bytes.TrimRight(line, "\r\n"); {
		case long:
			r.count(errBroken)
		case len(text) > 0:
			r.text(string(text), 0)
		}
		line, long = line[:0], false
		if err != nil {
			r.finish()
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// finish reads what has no end.
func (r *reader) finish() {
	r.lose(r.doc.drop())
	for how, part := range r.parts {
		delete(r.parts, how)
		r.text(string(part), deepest)
	}
}

// deepest is how often a line may be wrapped: in CRI by the container's engine,
// and in JSON by journald.
const deepest = 4

// text reads a line as a service wrote it, or as something has wrapped it.
func (r *reader) text(line string, depth int) {
	if depth < deepest {
		if inner, stream, part, ok := criLine(line); ok {
			r.wrapped("CRI "+stream, inner, part, depth)
			return
		}
		if objects(line, func(f fields) bool {
			inner, part, ok, err := f.jsonWrapped()
			switch {
			case !ok:
				return r.fields(f)
			case err != nil:
				r.count(err)
				return true
			}
			r.wrapped(f.text("stream"), inner, part, depth)
			return true
		}) {
			return
		}
	}
	if r.doc.open() && r.request(line) {
		return // it is not of the document, which has been cut off, or is on its way
	}
	part, whole, lost := r.doc.take(line)
	r.lose(lost)
	if whole != "" {
		r.single(whole)
	}
	if !part {
		r.single(line)
	}
}

// lose reads the lines of a document that has no end, one by one: requests may
// be among them.
func (r *reader) lose(lost string) {
	if lost == "" {
		return
	}
	r.count(errBroken)
	for line := range strings.Lines(lost) {
		r.request(strings.TrimRight(line, "\n"))
	}
}

// single reads a line that is not wrapped, or a document.
func (r *reader) single(line string) {
	if r.request(line) {
		return
	}
	err := errOther
	if _, broken := combined(line); errors.Is(broken, errBroken) || strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
		err = errBroken
	}
	r.count(err)
}

// fields reports whether an object is a request or a notification, which it tells.
func (r *reader) fields(f fields) bool {
	if events, ok := f["events"]; ok {
		r.events(events)
		return true
	}
	request, err := f.request()
	if errors.Is(err, errOther) {
		return false
	}
	r.tell(&request, err)
	return true
}

// request reports whether a line is a request, or several, which it tells.
func (r *reader) request(line string) bool {
	if objects(line, r.fields) {
		return true
	}
	list, _ := combined(line)
	for i := range list {
		r.tell(&list[i], nil)
	}
	return len(list) > 0
}

// wrapped puts the parts of a line together. Where the first part is one that has
// been cut off, another line follows.
func (r *reader) wrapped(how, text string, part bool, depth int) {
	before := string(r.parts[how])
	if len(before)+len(text) > longestLine {
		delete(r.parts, how)
		r.text(before, deepest)
		before = ""
	}
	if part && !wholeRequest(text) {
		r.parts[how] = append(r.parts[how], text...)
		return
	}
	delete(r.parts, how)
	if list, _ := combined(text); before != "" && (len(list) > 0 || objects(text, func(fields) bool { return true })) {
		r.text(before, deepest)
		before = ""
	}
	r.text(before+text, depth+1)
}

// wholeRequest reports whether a text is a request in JSON. Collectors of logs write
// json-file without line feeds, so that each line looks like a part of one.
func wholeRequest(text string) bool {
	return objects(text, func(f fields) bool {
		_, err := f.request()
		return err == nil || f.has("events")
	})
}

// events reads those of a notification.
func (r *reader) events(raw json.RawMessage) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		r.count(errBroken)
		return
	}
	for _, one := range list {
		var e event
		if json.Unmarshal(one, &e) != nil {
			r.count(errBroken)
			continue
		}
		request, err := e.request()
		r.tell(&request, err)
	}
}

// tell counts a line, and passes on the request in it.
func (r *reader) tell(request *Request, err error) {
	if err == nil && (request.At.After(r.Now.Add(ahead)) || request.At.Before(r.Oldest)) {
		err = errBroken
	}
	if err != nil {
		r.count(err)
		return
	}
	r.counts.Lines++
	r.counts.Requests++
	if r.Tell(request) {
		r.counts.Used++
	} else {
		r.counts.Ignored++
	}
}

// count counts a line with no request.
func (r *reader) count(err error) {
	r.counts.Lines++
	if errors.Is(err, errBroken) {
		r.counts.Unreadable++
	} else {
		r.counts.Ignored++
	}
}
