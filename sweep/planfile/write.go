// Package planfile writes a plan down as text, and reads what it has written and
// nothing else.
package planfile

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/regsweep/regsweep/mark"
)

// Schema names the version of written plans.
const Schema = "regsweep/plan/v1"

// Header says what a written plan is for and how it was made.
type Header struct {
	Root    string // the registry's root directory, without symbolic links
	Store   string // the store's directory, the same way
	Command string // gc, rm, untag or prune
	Time    time.Time

	Grace            time.Duration
	UploadsOlderThan time.Duration
	DeleteUntagged   bool // of gc
	OlderThan        time.Duration
	Force            bool // of rm
	Named            bool // of rm and untag: whatever is removed was named exactly
	Whole            []string
	Sparse           []mark.Sparse
	// Pulls are, of a plan from a rule about pulls, where it is known from what is
	// used: "table", or "log" and the name of an access log, or "ignore" and a glob of
	// what pulls and does not count.
	Pulls []Source

	Items, Blobs, Bytes int64
}

// Source is where a plan knows from what is used, or a part of that.
type Source struct{ Kind, Name string }

// Write writes a plan as text, in the order of its items, with a checksum as its
// last line. each calls its argument for every item; it is asked twice. The
// header's counts are filled in.
func Write(w io.Writer, h Header, each func(func(*Item))) error {
	each(func(i *Item) {
		h.Items++
		if i.Kind == mark.Blob {
			h.Blobs++
			h.Bytes += i.Bytes
		}
	})
	out := &writer{sum: sha256.New(), out: bufio.NewWriterSize(w, 1<<16)}
	for _, line := range h.lines() {
		out.line([]byte(line))
	}
	var buf []byte
	each(func(i *Item) {
		buf = i.appendTo(buf[:0])
		out.line(buf)
	})
	return out.close()
}

// writer adds up what it writes.
type writer struct {
	sum hash.Hash
	out *bufio.Writer
}

func (w *writer) line(text []byte) {
	// bufio remembers its first error until Flush.
	_, _ = w.out.Write(text)
	_ = w.out.WriteByte('\n')
	w.sum.Write(text)
	w.sum.Write([]byte{'\n'})
}

func (w *writer) close() error {
	fmt.Fprintf(w.out, "%s%x\n", checksumPrefix, w.sum.Sum(nil))
	return w.out.Flush()
}

const checksumPrefix = "checksum sha256:"

// lines are the header's lines.
func (h *Header) lines() []string {
	list := []string{
		"schema " + Schema,
		"root " + string(appendName(nil, h.Root)),
		"store " + string(appendName(nil, h.Store)),
		"command " + h.Command,
	}
	switch h.Command {
	case "gc":
		list = append(list, fmt.Sprintf("delete-untagged %t", h.DeleteUntagged), "older-than "+h.OlderThan.String())
	case "rm":
		list = append(list, fmt.Sprintf("force %t", h.Force))
	}
	if h.Named {
		list = append(list, "named true")
	}
	list = append(list, "grace "+h.Grace.String(), "uploads-older-than "+h.UploadsOlderThan.String(), "time "+string(appendTime(nil, h.Time)))
	for _, s := range h.Pulls {
		list = append(list, "pulls "+s.Kind+" "+string(appendName(nil, s.Name)))
	}
	for _, name := range h.Whole {
		list = append(list, "repository "+string(appendName(nil, name)))
	}
	for _, s := range h.Sparse {
		list = append(list, "sparse "+string(appendName(nil, s.Repository))+" "+s.Digest.String()+" "+string(appendTime(nil, time.Unix(0, s.MTime))))
	}
	return append(list, fmt.Sprintf("items %d", h.Items), fmt.Sprintf("blobs %d", h.Blobs), fmt.Sprintf("bytes %d", h.Bytes))
}

// Rules are those by which the plan was made, without a clock and without roots.
func (h *Header) Rules() mark.Rules {
	return mark.Rules{Grace: h.Grace, UploadsOlderThan: h.UploadsOlderThan, DeleteUntagged: h.DeleteUntagged, OlderThan: h.OlderThan}
}
