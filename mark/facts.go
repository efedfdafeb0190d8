package mark

import (
	"context"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker"
)

// facts are what a repository links, as it was read. Reading makes them, and nothing
// changes them after it.
type facts struct {
	*visit
	guard    protect.Guard
	found    []walker.Tag // until they are tagLinks
	tagLinks []linkedTag
	linkedManifests
	naming
	layers  []walker.Revision
	uploads uploads
	past
	lacking  bool    // links of manifests are missing, so tags' histories may name such
	metAside bool    // something has been set aside by a run that was stopped
	family   *family // nil until it is asked for
}

// linkedManifests are the manifests that a repository links.
type linkedManifests struct {
	manifests []linkedManifest
	here      heres                // what manifests, references and links name
	failed    map[int32]*loadError // why some cannot be read
	badLinks  []badLink
}

// naming is what names something besides manifests' own references.
type naming struct {
	aliases   map[ID]ID      // layer links that hold another digest than their path has
	extra     map[int32][]ID // what manifests name besides: signatures, and referrers in their directories
	about     map[ID]bool    // whose directories have links to referrers
	referrers []edge         // that such directories link, and that are linked as manifests, too
}

// past is what a repository shows of what it had.
type past struct {
	emptied []emptied
	losses  losses
}

// uploads are what is being uploaded to a repository.
type uploads struct {
	ids    map[string]bool // nil unless a written plan asks for them
	going  bool            // one is going on
	newest int64           // when the newest file of one was written
}

// linkedTag is a tag with what it names, as reading found it.
type linkedTag struct {
	walker.Tag
	node int32 // -1 if no manifest is linked that it names
}

// read reads a repository.
func (l *Look) read(ctx context.Context, r *walker.Repository) *facts {
	p := &facts{
		visit: &visit{
			ctx: ctx, l: l, s: l.Store, w: l.w, r: r, memory: l.spareMemory(),
			away: l.rules.Away.enter(r.Name),
			repo: Repo{Name: r.Name, Nested: r.Nested, owner: l.owners.Add(1)},
		},
		linkedManifests: linkedManifests{failed: map[int32]*loadError{}},
		naming:          naming{aliases: map[ID]ID{}, extra: map[int32][]ID{}, about: map[ID]bool{}},
	}
	names := l.w.Shares().OtherNames(r.Name)
	p.repo.others = len(names)
	p.guard = l.rules.Protect.Guard(append(names, r.Name)...)
	p.found, p.manifests, p.here = p.memory.found, p.memory.manifests, p.memory.here
	switch {
	case len(p.guard.Repository()) > 0:
		p.keep = Protected
	case r.Odd:
		p.keep = Broken
	}
	if l.rules.Listed != nil {
		p.uploads.ids = map[string]bool{}
	}
	p.found = r.Tags(ctx, p.found)
	p.readRevisions()
	p.meetAside()
	p.readUploads()
	p.readAliases()
	p.addTags()
	p.load()
	p.addReferrers()
	return p
}

// problemOf records what is wrong with a manifest, which is gone without it.
func (p *facts) problemOf(kind, path, detail string, at int32, absent ...string) {
	problem := walker.Problem{Kind: kind, Path: path, Detail: detail, Remedy: walker.Remedy{Absent: absent}}
	if kind == walker.BrokenLink || kind == walker.LinkMismatch {
		// It is only the link that is bad, if the blob of its path is there.
		if p.s.Table.At(p.manifests[at].path).has(hasBlob) {
			problem.Flags |= walker.Whole
		}
	}
	p.blame(&problem, at)
	p.w.Findings.Add(problem)
}

// readUploads decides about the uploads, and whether one is going on.
func (p *facts) readUploads() {
	for _, u := range p.r.Uploads(p.ctx) {
		p.totals.Uploads++
		if p.uploads.ids != nil {
			p.uploads.ids[u.ID] = true
		}
		p.totals.UploadBytes += u.Bytes
		if !u.Linked && !u.Rest && u.MTime <= p.l.rules.cutoff(p.uploadsOlderThan()) {
			p.items = append(p.items, Item{Kind: Upload, Extra: p.name(u.ID, u.Bytes)})
			continue
		}
		p.stays = true
		p.uploads.going = p.uploads.going || p.l.rules.fresh(u.MTime)
		p.uploads.newest = max(p.uploads.newest, u.MTime)
	}
}

// freshLayer reports whether a layer link of this age keeps its blob: while
// something is uploaded, links of the same push may be older than the grace.
func (p *facts) freshLayer(mtime int64) bool {
	return p.l.rules.fresh(mtime) || p.uploads.going && mtime > p.l.rules.cutoff(p.l.rules.UploadsOlderThan)
}

// readAliases reads the layer links that may hold a digest of another
// algorithm; after a run that was stopped, all of them.
func (p *facts) readAliases() {
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
func (p *facts) readsAllLayers() bool { return p.l.rules.Resumed || p.s.hasLong || p.metAside }
