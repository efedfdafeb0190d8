package mark

import (
	"context"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker"
)

// pass is the work on one repository in one Look. What a manifest reaches is
// decided per repository: an index may be sparse in one and whole in another.
type pass struct {
	ctx context.Context
	l   *Look
	s   *Store
	w   *walker.Walker
	r   *walker.Repository

	owner  uint32
	others int // second names of the repository that are known
	guard  protect.Guard
	// keep, if not Dead, is why all that the repository links is live.
	keep Reason

	found    []walker.Tag // until they are tags
	tags     []tag
	nodes    []node
	here     heres                // what nodes, references and links name
	edges    []edge               // sorted by from
	aliases  map[ID]ID            // layer links that hold another digest than their path has
	failed   map[int32]*loadError // why nodes cannot be read
	extra    map[int32][]ID       // what nodes name besides: signatures, and referrers in their directories
	about    map[ID]bool          // whose directories have links to referrers
	layers   []walker.Revision
	badLinks []badLink // of manifests
	family   *family   // nil until it is asked for
	// layersGo are layer links that no live manifest references.
	layersGo []Item
	// away is what a Removal takes from the repository, or nil; held says that a
	// Look before this one found it.
	away *removalIn
	held bool
	// listed is what a plan that was written down lists of the repository.
	listed listing
	// used is what has been used since that was written.
	used usedSince
	// linkTimes are the times of layersGo's links, if anybody asks for them.
	linkTimes map[ID]int64
	// uploads are those that are there, if something is listed.
	uploads map[string]bool
	// judged is what a Judge has said, or nil; done is to be told what becomes of it.
	judged *Judged
	done   func()
	// keepers has, for each node, 1 + one that stays and names it, or 0; nil until it is asked for.
	keepers []int32
	// noted are layer links that keep what no manifest here may name.
	noted []notedLink
	// taken is what the manifests that go name, with the time of the newest of their links.
	taken map[ID]int64
	// protected are the manifests here that are protected, by a digest, that of
	// their configuration included, or by a tag, with the first line that says so.
	protected map[ID]*protect.Line

	repo      Repo
	totals    Totals
	items     []Item
	restore   []Item
	names     []Name
	history   bool  // manifest links go or are missing, so tags' histories may name such
	uploading bool  // something is being uploaded
	uploaded  int64 // when the newest file of an upload was written
	metAside  bool  // something has been set aside by a run that was stopped
	steps     int   // how often a manifest's names were gone through
	// inPlace are the names of the tags that are not set aside; nil until it is asked for.
	inPlace map[string]bool
	stays   bool // something stays in the repository
	deleted deletion
}

// tag is a tag with what it names.
type tag struct {
	walker.Tag
	node    int32 // -1 if no manifest is linked that it names
	subject ID    // of a tag that goes when its subject goes; 0 for any other
	is      tagState
	by      *protect.Line // that protects it by its name, or nil
}

const isNamed = 1 // the bit of here.reasons for whatever is named at all

func newPass(ctx context.Context, l *Look, r *walker.Repository) *pass {
	p := &pass{
		ctx: ctx, l: l, s: l.Store, w: l.w, r: r,
		owner:   l.owners.Add(1),
		away:    l.rules.Away.enter(r.Name),
		listed:  l.rules.Listed.within(r.Name),
		aliases: map[ID]ID{}, failed: map[int32]*loadError{}, extra: map[int32][]ID{}, about: map[ID]bool{},
		repo: Repo{Name: r.Name, Nested: r.Nested},
	}
	names := l.w.Shares().OtherNames(r.Name)
	p.others = len(names)
	p.guard = l.rules.Protect.Guard(append(names, r.Name)...)
	if m, ok := l.spare.Get().(*memory); ok {
		p.found, p.nodes, p.here = m.found, m.nodes, m.here
	}
	switch {
	case len(p.guard.Repository()) > 0:
		p.keep = Protected
	case r.Odd:
		p.keep = Broken
	}
	if l.rules.timed() {
		p.linkTimes = map[ID]int64{}
	}
	if p.lists() {
		p.uploads = map[string]bool{}
	}
	return p
}

// memory is what a pass leaves for the next one.
type memory struct {
	found []walker.Tag
	nodes []node
	here  heres
}

func (p *pass) release() {
	clear(p.found)
	clear(p.nodes)
	p.here.reset()
	p.l.spare.Put(&memory{p.found[:0], p.nodes[:0], p.here})
}

func (p *pass) run() {
	p.found = p.r.Tags(p.ctx, p.found)
	p.readRevisions()
	p.meetAside()
	p.readUploads()
	p.readAliases()
	p.addTags()
	p.load()
	p.addReferrers()
	if p.ctx.Err() != nil {
		return // nobody uses what was found so far
	}
	p.findProtected()
	p.takeAway()
	p.spareShared()
	p.addEdges()
	p.markLive()
	p.checkAside()
	p.takeNames()
	p.readLayers()
	p.l.addMarks(p.r.Marks)
	// Symbolic links are known only when all directories have been opened.
	if p.r.Linked {
		p.reach(Broken, func(*node) bool { return true })
	}
	if p.r.Opaque {
		p.keepAll()
	}
	if p.keep != Dead {
		p.markAll()
		p.spareTaken()
	}
	if p.totals.LayerLinks > 0 && p.totals.Manifests+p.totals.Emptied == 0 {
		p.totals.Unexplained++
	}
	p.dropJudged()
	p.countBytes()
	p.report()
	p.collect()
	switch {
	case p.l.rules.Listed != nil:
		p.pickListed()
	case p.l.rules.Away != nil:
		p.pickAway()
		p.tellJudged()
	}
	if p.l.rules.observer != nil {
		p.l.rules.observer.observe(p)
	}
}

// problem records what is wrong with a path of the repository.
func (p *pass) problem(kind, path, detail string) {
	p.w.Findings.Add(walker.Problem{Kind: kind, Path: path, Detail: detail})
}

// problemOf records what is wrong with a manifest, which is gone without it.
func (p *pass) problemOf(kind, path, detail string, at int32, absent ...string) {
	problem := walker.Problem{Kind: kind, Path: path, Detail: detail, Remedy: walker.Remedy{Absent: absent}}
	if kind == walker.BrokenLink || kind == walker.LinkMismatch {
		// It is only the link that is bad, if the blob of its path is there.
		if p.s.Table.At(p.nodes[at].path).has(hasBlob) {
			problem.Flags |= walker.Whole
		}
	}
	p.blame(&problem, at)
	p.w.Findings.Add(problem)
}

// keepAll is what happens when the repository cannot be understood in full.
func (p *pass) keepAll() {
	if p.keep == Dead {
		p.keep = Broken
	}
}

// breakLink records a link that holds no digest.
func (p *pass) breakLink(path string, l walker.Link) {
	p.problem(walker.BrokenLink, path, l.Detail)
	p.keepAll()
}

func (p *pass) name(text string, bytes int64) uint32 {
	p.names = append(p.names, Name{text, bytes})
	return uint32(len(p.names) - 1)
}

// readUploads decides about the uploads, and whether one is going on.
func (p *pass) readUploads() {
	for _, u := range p.r.Uploads(p.ctx) {
		p.totals.Uploads++
		if p.uploads != nil {
			p.uploads[u.ID] = true
		}
		p.totals.UploadBytes += u.Bytes
		if !u.Linked && !u.Rest && u.MTime <= p.l.rules.cutoff(p.uploadsOlderThan()) {
			p.items = append(p.items, Item{Kind: Upload, Extra: p.name(u.ID, u.Bytes)})
			continue
		}
		p.stays = true
		p.uploading = p.uploading || p.l.rules.fresh(u.MTime)
		p.uploaded = max(p.uploaded, u.MTime)
	}
}

// freshLayer reports whether a layer link of this age keeps its blob: while
// something is uploaded, links of the same push may be older than the grace.
func (p *pass) freshLayer(mtime int64) bool {
	return p.l.rules.fresh(mtime) || p.uploading && mtime > p.l.rules.cutoff(p.l.rules.UploadsOlderThan)
}

// readAliases reads the layer links that may hold a digest of another
// algorithm; after a run that was stopped, all of them.
func (p *pass) readAliases() {
	for _, alg := range p.r.LayerAlgorithms() {
		if alg == layout.SHA256 && !p.readsAllLayers() {
			continue
		}
		var digests []layout.Digest
		p.listLayers(alg, func(d layout.Digest) { digests = append(digests, d) })
		read := p.r.ReadLayers(p.ctx, alg, digests)
		for i := range read {
			if l := &read[i].Link; l.State == walker.LinkGood && l.Target != read[i].Digest {
				p.aliases[p.s.Table.Intern(read[i].Digest)] = p.s.Table.Intern(l.Target)
			}
		}
		p.layers = append(p.layers, read...)
	}
}

// readsAllLayers reports whether layer links of sha256 have to be read even if
// a live manifest references them: one may have been set aside by a stopped
// run, or, where blobs are stored under other algorithms, hold such a digest.
func (p *pass) readsAllLayers() bool { return p.l.rules.Resumed || p.s.hasLong || p.metAside }

func (p *pass) listLayers(alg layout.Algorithm, fn func(layout.Digest)) {
	p.r.Layers(alg, func(d layout.Digest, linked bool) {
		if linked {
			p.r.Linked = true
		}
		fn(d)
	})
}

// old reports whether a time is beyond the grace.
func (p *pass) old(mtime int64) bool { return !p.l.rules.fresh(mtime) }

// conditional decides whether a tag goes when the image goes that it is about,
// and sets its subject.
func (p *pass) conditional(t *tag) bool {
	if p.isUnlisted(t) || p.holdsTag(t.Name) {
		return false
	}
	if p.away != nil && p.goesWithSubject(t) {
		return true
	}
	if t.node < 0 || t.Odd || t.Half || t.is.has(tagSelected) {
		return false
	}
	taken := t.Taken != ""
	if !taken && (p.l.aside != nil || !p.l.rules.DeleteUntagged || !p.old(t.Link.MTime) || p.protectsTag(t)) {
		return false
	}
	d, ok := layout.ReferrerTag(t.Name)
	if !ok {
		return false
	}
	subject := p.find(d)
	if subject < 0 || subject == t.node {
		return false
	}
	t.subject = p.s.Table.Lookup(d)
	return true
}
