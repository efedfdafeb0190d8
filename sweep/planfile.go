package sweep

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/regsweep/regsweep/mark"
)

// PlanSchema names the version of written plans.
const PlanSchema = "regsweep/plan/v1"

// PlanHeader says what a written plan is for and how it was made.
type PlanHeader struct {
	Root    string // the registry's root directory, without symbolic links
	Store   string // the store's directory, the same way
	Command string // gc, rm, untag or prune
	Time    time.Time

	Grace            time.Duration
	UploadsOlderThan time.Duration
	DeleteUntagged   bool // of gc
	OlderThan        time.Duration
	Force            bool // of rm
	Whole            []string
	Sparse           []mark.Sparse

	Items, Blobs, Bytes int64
}

// WriteFile writes the plan as text, sorted in the order of removal, with a
// checksum as its last line. The header's counts are filled in. The rules of
// the plan's look had Times.
func (p *Plan) WriteFile(w io.Writer, h PlanHeader) error {
	h.Sparse = p.look.Sparse()
	p.eachFileItem(func(i *fileItem) {
		h.Items++
		if i.Kind == mark.Blob {
			h.Blobs++
			h.Bytes += i.bytes
		}
	})
	out := &planWriter{sum: sha256.New(), out: bufio.NewWriterSize(w, 1<<16)}
	for _, line := range h.lines() {
		out.line([]byte(line))
	}
	var buf []byte
	p.eachFileItem(func(i *fileItem) {
		buf = i.appendTo(buf[:0])
		out.line(buf)
	})
	return out.close()
}

// planWriter adds up what it writes.
type planWriter struct {
	sum hash.Hash
	out *bufio.Writer
}

func (w *planWriter) line(text []byte) {
	// bufio remembers its first error until Flush.
	_, _ = w.out.Write(text)
	_ = w.out.WriteByte('\n')
	w.sum.Write(text)
	w.sum.Write([]byte{'\n'})
}

func (w *planWriter) close() error {
	fmt.Fprintf(w.out, "%s%x\n", checksumPrefix, w.sum.Sum(nil))
	return w.out.Flush()
}

const checksumPrefix = "checksum sha256:"

// eachFileItem calls fn for everything in the plan, directories included. Of
// tags of one name, one of which a stopped run has taken, it has one.
func (p *Plan) eachFileItem(fn func(*fileItem)) {
	for k := range p.items {
		item := &p.items[k]
		if item.Kind == mark.Tag && item.Aside && p.hasTagBeside(k) {
			continue
		}
		i := fileItem{Listed: p.look.Describe(item), bytes: p.look.BytesOf(item)}
		if item.Kind == mark.Blob {
			i.bytes = p.look.Store.Blob(item.ID).Size
		}
		fn(&i)
	}
}

// hasTagBeside reports whether the item before or behind a tag is a tag of its
// name that is still there.
func (p *Plan) hasTagBeside(at int) bool {
	item := &p.items[at]
	for _, k := range [...]int{at - 1, at + 1} {
		if k < 0 || k >= len(p.items) {
			continue
		}
		if o := &p.items[k]; o.Kind == mark.Tag && o.Repo == item.Repo && p.look.NameOf(o) == p.look.NameOf(item) {
			return !o.Aside || k < at
		}
	}
	return false
}

// lines are the header's lines.
func (h *PlanHeader) lines() []string {
	list := []string{
		"schema " + PlanSchema,
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
	list = append(list, "grace "+h.Grace.String(), "uploads-older-than "+h.UploadsOlderThan.String(), "time "+string(appendTime(nil, h.Time)))
	for _, name := range h.Whole {
		list = append(list, "repository "+string(appendName(nil, name)))
	}
	for _, s := range h.Sparse {
		list = append(list, "sparse "+string(appendName(nil, s.Repository))+" "+s.Digest.String()+" "+string(appendTime(nil, time.Unix(0, s.MTime))))
	}
	return append(list, fmt.Sprintf("items %d", h.Items), fmt.Sprintf("blobs %d", h.Blobs), fmt.Sprintf("bytes %d", h.Bytes))
}

// Rules are those by which the plan was made, without a clock and without roots.
func (h *PlanHeader) Rules() mark.Rules {
	return mark.Rules{Grace: h.Grace, UploadsOlderThan: h.UploadsOlderThan, DeleteUntagged: h.DeleteUntagged, OlderThan: h.OlderThan}
}
