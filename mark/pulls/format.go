package pulls

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// What a line can be besides a request.
var (
	errOther  = errors.New("a line of something else")
	errBroken = errors.New("a request that cannot be read")
)

// combined reads the combined log of Apache, which distribution and nginx
// write, wherever in the line it begins: syslog and others put something before
// it, and of a line that a crash has cut off the next one follows on the same
// line. There may be several requests, also if some of the line is broken.
func combined(line string) (list []Request, err error) {
	const clock = "02/Jan/2006:15:04:05 -0700"
	err = errOther
	for rest := line; ; {
		at := strings.IndexByte(rest, '[')
		if at < 0 {
			break
		}
		rest = rest[at+1:]
		if len(rest) < len(clock)+3 || rest[len(clock):len(clock)+3] != `] "` {
			continue
		}
		r := Request{}
		if r.At, err = time.Parse(clock, rest[:len(clock)]); err != nil {
			err = errBroken
			continue
		}
		if err = r.combined(rest[len(clock)+2:]); err == nil {
			list = append(list, r)
		}
	}
	if err == nil || errors.Is(err, errBroken) {
		return list, err
	}
	for _, method := range [...]string{`"GET /`, `"HEAD /`} {
		if strings.Contains(line, method) && strings.Contains(line, " HTTP/") {
			return nil, errBroken
		}
	}
	return nil, errOther
}

// combined reads what follows the time.
func (r *Request) combined(rest string) error {
	request, rest, ok := quotedText(rest)
	if !ok {
		return errBroken
	}
	words := strings.Split(request, " ")
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/") {
		return errBroken
	}
	r.Method, r.Path = words[0], words[1]
	fields := strings.SplitN(strings.TrimPrefix(rest, " "), " ", 3)
	if len(fields) < 2 {
		return errBroken // cut off: the status may be, too
	}
	status, err := strconv.Atoi(fields[0])
	if err != nil || len(fields[0]) != 3 {
		return errBroken
	}
	r.Status = status
	if len(fields) == 3 {
		if _, rest, ok = quotedText(fields[2]); ok {
			r.Agent, _, _ = quotedText(strings.TrimPrefix(rest, " "))
		}
	}
	return nil
}

// quotedText reads a text in quotation marks, in which a backslash hides the next byte.
func quotedText(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			text, rest = s[1:i], s[i+1:]
			if strings.IndexByte(text, '\\') >= 0 {
				if plain, err := strconv.Unquote(`"` + text + `"`); err == nil {
					text = plain
				}
			}
			return text, rest, true
		}
	}
	return "", s, false
}

// fields are those of a JSON object.
type fields map[string]json.RawMessage

func (f fields) text(key string) (s string) {
	if json.Unmarshal(f[key], &s) != nil {
		return ""
	}
	return s
}

func (f fields) number(key string) int {
	n, err := strconv.Atoi(string(f[key]))
	if err != nil {
		return 0
	}
	return n
}

func (f fields) has(keys ...string) bool {
	for _, key := range keys {
		if _, ok := f[key]; !ok {
			return false
		}
	}
	return true
}

// request reads the JSON of Traefik, of Caddy, or of nginx in the form that the
// guide prints.
func (f fields) request() (r Request, err error) {
	switch {
	case f.has("RequestMethod", "RequestPath"):
		r = Request{Method: f.text("RequestMethod"), Path: f.text("RequestPath"), Status: f.number("DownstreamStatus"), Agent: f.text("request_User-Agent")}
		if r.Status == 0 {
			r.Status = f.number("OriginStatus")
		}
		if r.At, err = time.Parse(time.RFC3339, f.text("StartUTC")); err != nil {
			r.At, err = time.Parse(time.RFC3339, f.text("time"))
		}
	case f.has("request", "status"):
		var of struct {
			Method, URI string
			Headers     map[string][]string
		}
		if json.Unmarshal(f["request"], &of) != nil {
			return r, errBroken
		}
		r = Request{Method: of.Method, Path: of.URI, Status: f.number("status")}
		for _, agent := range of.Headers["User-Agent"] {
			r.Agent = agent
		}
		r.At, err = moment(f["ts"])
	case f.has("method", "path", "status"):
		r = Request{Method: f.text("method"), Path: f.text("path"), Status: f.number("status"), Agent: f.text("agent")}
		r.At, err = time.Parse(time.RFC3339, f.text("time"))
	default:
		return r, errOther
	}
	if err != nil || r.Method == "" || r.Status == 0 {
		return r, errBroken
	}
	return r, nil
}

// moment reads a time as Caddy can be told to write it.
func moment(raw json.RawMessage) (time.Time, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		for _, form := range [...]string{time.RFC3339, "2006-01-02T15:04:05.000Z0700", "02/Jan/2006:15:04:05 -0700"} {
			if t, err := time.Parse(form, text); err == nil {
				return t, nil
			}
		}
		return time.Time{}, errBroken
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil || math.IsNaN(seconds) || math.IsInf(seconds, 0):
		return time.Time{}, errBroken
	case seconds > 1e17:
		seconds /= 1e9
	case seconds > 1e11:
		seconds /= 1e3
	}
	if seconds < 0 || seconds > 1e11 {
		return time.Time{}, errBroken
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), nil
}

// event is what a registry says in a notification, as far as pulls need it.
// Source: distribution v3.1.2 notifications/event.go Event.
type event struct {
	Timestamp time.Time
	Action    string
	Target    struct {
		MediaType, Digest, Repository, URL, Tag string
	}
	Request struct {
		Method, UserAgent string
	}
}

// request is what an event tells of, as if a log had a line about it.
func (e *event) request() (r Request, err error) {
	if e.Action == "" || e.Timestamp.IsZero() || e.Target.Repository == "" {
		return r, errBroken
	}
	r = Request{At: e.Timestamp, Method: e.Request.Method, Path: e.Target.URL, Agent: e.Request.UserAgent, Status: 200}
	named := false
	if r.places(func(*place) { named = true }); !named {
		part := "/blobs/"
		if isManifestType(e.Target.MediaType) {
			part = "/manifests/"
		}
		r.Path = "/v2/" + e.Target.Repository + part + e.Target.Digest
	}
	if e.Action != "pull" {
		r.Method = "PUT"
		return r, nil
	}
	if r.Method == "" {
		r.Method = "GET"
	}
	r.Tag = e.Target.Tag
	if d, err := layout.ParseDigest(e.Target.Digest); err == nil {
		r.Digest = d
	}
	return r, nil
}

// isManifestType reports whether a media type is that of a manifest or an index.
func isManifestType(mediaType string) bool {
	return strings.Contains(mediaType, "manifest") || strings.Contains(mediaType, "image.index")
}
