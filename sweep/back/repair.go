package back

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/manifest"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// Do is what a repair does about a finding.
type Do string

// What a repair does. The names are part of its JSON.
const (
	DoCopy  Do = "copied"   // verified data come from a source
	DoLink  Do = "linked"   // a link gets the digest of its path
	DoRetag Do = "retagged" // a tag's current link gets the newest entry of its history
	DoTrash Do = "trashed"  // damaged data move to the trash
	DoLeave Do = "left"
)

// Way is what else helps where a repair leaves something, or is needed after it.
type Way uint8

// The ways.
const (
	NoWay      Way = iota
	ByPush         // of the images that the finding breaks
	ByUndelete     // somebody deleted it
	ByTag          // somebody has to choose what a tag names
	ByGC           // nothing needs it
)

// Step is what a repair does about a finding, or a part of that.
type Step struct {
	Finding    walker.Problem
	Do         Do
	Path       string // that is written, or moved to the trash
	Digest     layout.Digest
	From       *Replica // that the data come from
	Reason     string
	Way        Way
	Repository string
	Tag        string
	History    []Entry // of a tag, the newest first
	Done       bool
	Err        error // why it was not done

	replaces  bool
	unread    bool      // the data cannot be read, and may be intact: they are only exchanged
	was       disk.Info // what is replaced
	temporary string    // what takes its place
	staged    string    // the link's directory, which is made elsewhere
}

// Entry is an entry of a tag's history.
type Entry struct {
	Digest layout.Digest
	Set    int64 // nanoseconds
	State  EntryState
}

// EntryState says whether a tag can name the image of an entry again. Of an entry
// that nobody has to choose it is not told.
type EntryState uint8

// The states.
const (
	EntryGone    EntryState = iota // it lacks something
	EntryDeleted                   // it is whole, and not linked any more
	EntryWhole
)

// Repair is a plan to put right what a check has found. Making it changes nothing.
type Repair struct {
	Steps   []*Step
	reader  reader
	sources []*Replica
	links   bool
	trusts  bool // data of layers are not read, unless that alone tells something
}

// NewRepair decides what to do about findings. links says that the store's links
// are the truth, and may be written.
func NewRepair(ctx context.Context, store *disk.Dir, findings []walker.Problem, sources []*Replica, links bool) (*Repair, error) {
	p := &Repair{reader: reader{store}, sources: sources, links: links}
	j := p.judge(ctx)
	about := map[string]bool{}
	for i := range findings {
		for _, s := range j.decide(&findings[i]) {
			// One path is written once.
			if s.Do != DoLeave && about[s.Path] {
				continue
			}
			about[s.Path] = about[s.Path] || s.Do != DoLeave
			p.Steps = append(p.Steps, s)
		}
		if err := stopped(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Foresee says what a repair without a replica would do about findings, as far as
// that can be told without reading all data: the first step about each, by its
// place in the list, or nil.
func Foresee(store *disk.Dir, findings []walker.Problem, links bool) []*Step {
	p := &Repair{reader: reader{store}, links: links, trusts: true}
	j := p.judge(context.Background())
	for i := range findings { // what a check has read
		if o, err := layout.Parse(findings[i].Path); err == nil && findings[i].Kind == walker.CorruptBlob {
			j.known[o.Digest] = true
		}
	}
	steps := make([]*Step, len(findings))
	for i := range findings {
		steps[i] = j.decide(&findings[i])[0]
	}
	return steps
}

// Doable is how many steps change something.
func (p *Repair) Doable() (n int) {
	for _, s := range p.Steps {
		if s.Do != DoLeave {
			n++
		}
	}
	return n
}

// judge decides about findings. It remembers what it has read.
func (p *Repair) judge(ctx context.Context) *judge {
	return &judge{reader: p.reader, ctx: ctx, p: p, blobs: map[layout.Digest]*blob{}, known: map[layout.Digest]bool{}, repositories: map[string]*traces{}}
}

type judge struct {
	reader
	ctx          context.Context // of the run that decides
	p            *Repair
	blobs        map[layout.Digest]*blob
	known        map[layout.Digest]bool // to be damaged
	repositories map[string]*traces
	foreseen     int64 // bytes that were read to foresee a repair
}

// mostForeseen is how many bytes are read to foresee a repair, which a sweep does
// for its report. What is beyond that is taken for damaged: the repair looks itself.
const mostForeseen = 64 << 20

// blob is the state of a blob's data.
type blob struct {
	info    disk.Info // of its name; not what a symbolic link leads to
	there   bool
	damaged bool // it was read twice, and has another digest, or cannot be read
	unread  bool // it is damaged since the disk cannot read it, and a source has it
}

// blob reads a blob whole. Where that is enough, a large one is believed to be intact.
func (j *judge) blob(d layout.Digest, enough bool) (*blob, error) {
	if b, ok := j.blobs[d]; ok {
		return b, nil
	}
	b := &blob{}
	path := layout.BlobDir(d) + "/" + layout.Data
	info, err := j.store.Stat(path)
	if disk.Gone(err) {
		info, err = j.store.Stat(path) // one wrong answer is not believed
	}
	switch {
	case disk.Gone(err):
		j.blobs[d] = b
		return b, nil
	case err != nil:
		return nil, err
	}
	b.info, b.there = info, true
	switch {
	case j.known[d]:
		b.damaged = true
		return b, nil
	case j.p.trusts && enough && info.Type == disk.File && info.Size > manifest.Max:
		return b, nil
	case j.p.trusts && info.Type == disk.File && j.foreseen+info.Size > mostForeseen:
		b.damaged = true
		return b, nil
	}
	j.foreseen += info.Size
	err = j.isIntact(j.ctx, d)
	if errors.Is(err, errDamaged) || isBadSector(err) {
		err = j.isIntact(j.ctx, d) // opened anew
	}
	b.unread = isBadSector(err) && j.source(d) != nil
	switch b.damaged = b.unread || errors.Is(err, errDamaged); {
	case errors.Is(err, errAbsent):
		b.there = false
	case err != nil && !b.damaged:
		return nil, err
	}
	j.blobs[d] = b
	return b, nil
}

// isBadSector reports whether an error is that a disk cannot read what it has, or
// that a filesystem has found its checksum to be wrong.
func isBadSector(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EBADMSG)
}

// traces reads a repository once.
func (j *judge) traces(repository string) (*traces, error) {
	if t := j.repositories[repository]; t != nil {
		return t, nil
	}
	t, err := j.reader.traces(repository)
	if err == nil {
		j.repositories[repository] = t
	}
	return t, err
}

// source is the first one that has a file for a blob.
func (j *judge) source(d layout.Digest) *Replica {
	at := slices.IndexFunc(j.p.sources, func(s *Replica) bool { return s.Has(d) })
	if at < 0 {
		return nil
	}
	return j.p.sources[at]
}

// isLinkedElsewhere reports whether the same repository of a source has a link.
func (j *judge) isLinkedElsewhere(path string, d layout.Digest) bool {
	return slices.ContainsFunc(j.p.sources, func(s *Replica) bool { return s.links(path, d) })
}
