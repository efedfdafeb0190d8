package planfile

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// What is wrong with a written plan.
var (
	ErrNoPlan   = errors.New("it is not a plan of regsweep")
	ErrSchema   = errors.New("it is a plan of another version")
	ErrCRLF     = errors.New("its lines end with a carriage return: something has converted it")
	ErrCut      = errors.New("it was cut short: it has no checksum at its end")
	ErrEdited   = errors.New("it was edited or damaged: its checksum is not that of its text")
	ErrTrailing = errors.New("there is something after its checksum")
)

// longest is how long a line can be: a path of 4096 bytes, each as four.
const longest = 1 << 15

// largestHeader is room for names of some hundred thousand repositories.
const largestHeader = 64 << 20

// Plan is a plan that was read from a file.
type Plan struct {
	Header
	Listing *mark.Listing
}

// Rules are those by which the plan was made, with its roots and without a
// clock. They serve one run.
func (p *Plan) Rules() mark.Rules {
	r := p.Header.Rules()
	r.Listed = p.Listing
	if p.Command != "gc" {
		r.Selected = p.Listing.Selected(p.Command == "untag", p.Command == "prune")
		r.Selected.Force, r.Selected.Globbed = p.Force, !p.Named
	}
	return r
}

// Read reads what Write has written and nothing else: any other text is
// an error that says what is wrong with it, with the line where it is about one.
func Read(in io.Reader) (*Plan, error) {
	r := &reader{
		in:   bufio.NewReaderSize(in, longest),
		plan: &Plan{Listing: mark.NewListing()},
	}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.plan, nil
}

// reader reads a plan line by line.
type reader struct {
	in      *bufio.Reader
	plan    *Plan
	number  int   // of the line
	wrong   error // what is wrong with a line, unless the checksum is, too
	counted Header
	header  []string
	size    int // of the header, in bytes
	inItems bool
	last    Item
}

func (r *reader) read() error {
	sum := sha256.New()
	for {
		line, err := r.next()
		if err != nil {
			return err
		}
		if text, ok := strings.CutPrefix(line, checksumPrefix); ok {
			return r.end(text, fmt.Sprintf("%x", sum.Sum(nil)))
		}
		_, _ = io.WriteString(sum, line+"\n") // a hash takes everything
		if r.wrong == nil {
			if err := r.take(line); err != nil {
				r.wrong = fmt.Errorf("line %d: %w", r.number, err)
			}
		}
	}
}

// next reads a line. The first one decides whether it is a plan at all.
func (r *reader) next() (string, error) {
	text, err := r.in.ReadSlice('\n')
	r.number++
	line := strings.TrimSuffix(string(text), "\n")
	if r.number == 1 {
		if len(text) == 0 && errors.Is(err, io.EOF) {
			return "", fmt.Errorf("%w: it is empty", ErrNoPlan)
		}
		if err := isPlan(line); err != nil {
			return "", err
		}
	}
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("line %d: %w: the line is longer than any can be", r.number, ErrNoPlan)
	case errors.Is(err, io.EOF):
		return "", ErrCut
	case err != nil:
		return "", err
	case strings.HasSuffix(line, "\r"):
		return "", ErrCRLF
	}
	return line, nil
}

func isPlan(line string) error {
	schema, ok := strings.CutPrefix(line, "schema ")
	switch family, _, _ := strings.Cut(Schema, "/v"); {
	case line == "schema "+Schema:
		return nil
	case line == "schema "+Schema+"\r":
		return ErrCRLF
	case ok && strings.HasPrefix(schema, family+"/"):
		return fmt.Errorf("%w: %q; this regsweep reads %s", ErrSchema, clip(schema), Schema)
	case ok:
		return fmt.Errorf("%w: its schema is %q", ErrNoPlan, clip(schema))
	}
	return ErrNoPlan
}

// end compares the checksum, and finishes the listing.
func (r *reader) end(said, is string) error {
	switch _, err := r.in.ReadByte(); {
	case said != is && r.wrong != nil:
		return fmt.Errorf("%w; %w", ErrEdited, r.wrong)
	case said != is:
		return ErrEdited
	case err == nil:
		return ErrTrailing
	case !errors.Is(err, io.EOF):
		return err
	case r.wrong != nil:
		return r.wrong
	case !r.inItems:
		return fmt.Errorf("%w: its header is not complete", ErrCut)
	}
	h, c := &r.plan.Header, &r.counted
	if h.Items != c.Items || h.Blobs != c.Blobs || h.Bytes != c.Bytes {
		return fmt.Errorf("%w: its counts are not those of its items", ErrEdited)
	}
	r.plan.Listing.Time, r.plan.Listing.Whole, r.plan.Listing.Sparse = h.Time, h.Whole, h.Sparse
	return r.plan.Listing.Sort()
}

// take takes a line in.
func (r *reader) take(line string) error {
	if !r.inItems {
		if r.size += len(line); r.size > largestHeader {
			return errors.New("the header is larger than any can be")
		}
		r.header = append(r.header, line)
		if !strings.HasPrefix(line, "bytes ") {
			return nil
		}
		r.inItems = true
		return r.plan.parseHeader(r.header)
	}
	i, err := parseItem(line)
	if err != nil {
		return err
	}
	if r.counted.Items > 0 {
		if err := i.follows(&r.last); err != nil {
			return err
		}
	}
	if i.Part != mark.NoRoot && r.plan.Command == "gc" {
		return errors.New("gc removes no roots")
	}
	r.last = i
	r.counted.Items++
	if i.Kind == mark.Blob {
		r.counted.Blobs++
		r.counted.Bytes += i.Bytes
	}
	r.plan.Listing.Add(i.Listed)
	return nil
}

// parseHeader reads the header's lines, which must be all of those that its
// command has, in their order.
func (h *Header) parseHeader(lines []string) error {
	for _, line := range lines {
		key, value, _ := strings.Cut(line, " ")
		if err := h.set(key, value); err != nil {
			return fmt.Errorf("%s: %w", clip(key), err)
		}
	}
	want := h.lines()
	for i, line := range lines {
		if i >= len(want) || want[i] != line {
			return fmt.Errorf("%q is not expected in the header here", clip(line))
		}
	}
	if len(want) != len(lines) {
		return fmt.Errorf("the header lacks %q", clip(want[len(lines)]))
	}
	return nil
}

func (h *Header) set(key, value string) (err error) {
	switch key {
	case "schema":
	case "root":
		h.Root, _, err = parseName(value)
	case "store":
		h.Store, _, err = parseName(value)
	case "command":
		switch h.Command = value; value {
		case "gc", "rm", "untag", "prune":
		default:
			err = fmt.Errorf("%q makes no plans", clip(value))
		}
	case "delete-untagged":
		h.DeleteUntagged, err = strconv.ParseBool(value)
	case "force":
		h.Force, err = strconv.ParseBool(value)
	case "named":
		if h.Named, err = strconv.ParseBool(value); h.Command != "rm" && h.Command != "untag" {
			err = errors.New("the command takes no names")
		}
	case "older-than":
		h.OlderThan, err = parseAge(value)
	case "grace":
		h.Grace, err = parseAge(value)
	case "uploads-older-than":
		h.UploadsOlderThan, err = parseAge(value)
	case "time":
		h.Time, err = time.Parse(time.RFC3339Nano, value)
	case "repository":
		var name string
		name, _, err = parseName(value)
		h.Whole = append(h.Whole, name)
	case "sparse":
		err = h.addSparse(value)
	case "pulls":
		err = h.addPulls(value)
	case "items":
		h.Items, err = parseCount(value)
	case "blobs":
		h.Blobs, err = parseCount(value)
	case "bytes":
		h.Bytes, err = parseCount(value)
	default:
		err = errors.New("the header has no such line")
	}
	return err
}

// parseAge refuses what would make things that do not exist yet too old.
func parseAge(value string) (time.Duration, error) {
	age, err := time.ParseDuration(value)
	if err == nil && age < 0 {
		err = errors.New("it is below 0")
	}
	return age, err
}

func (h *Header) addPulls(value string) (err error) {
	kind, rest, _ := strings.Cut(value, " ")
	s := Source{Kind: kind}
	if s.Name, _, err = parseName(rest); err == nil && (kind != "table" && kind != "log" && kind != "ignore" || h.Command != "prune") {
		err = errors.New("that is not a source of pulls")
	}
	h.Pulls = append(h.Pulls, s)
	return err
}

func (h *Header) addSparse(value string) error {
	name, rest, err := parseName(value)
	if err != nil {
		return err
	}
	digest, at, _ := strings.Cut(rest, " ")
	s := mark.Sparse{Repository: name}
	if s.Digest, err = layout.ParseDigest(digest); err != nil {
		return err
	}
	if s.MTime, err = parseTime(at); err != nil {
		return err
	}
	h.Sparse = append(h.Sparse, s)
	return nil
}
