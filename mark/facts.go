package mark

import (
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker"
)

// facts are what a repository links, as it was read. Reading makes them. After that
// nothing changes them, with two exceptions: here also gets the reasons that marking
// finds, and family, losses and histories are made when somebody asks for them.
type facts struct {
	*visit
	guard    protect.Guard
	found    []walker.Tag // what tagLinks are made of
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
	// histories are what the tags' histories name, by the tags' places, where reading the
	// losses has listed them.
	histories [][]ID
}

// uploads are what is being uploaded to a repository.
type uploads struct {
	ids    map[string]bool // nil unless a written plan asks for them
	active bool            // one is under way
	newest int64           // when the newest file of one was written
}

// recentLayer reports whether a layer link of this age keeps its blob: while
// something is uploaded, links of the same push may be older than the grace.
func (p *facts) recentLayer(mtime int64) bool {
	return p.l.rules.recent(mtime) || p.uploads.active && mtime > p.l.rules.cutoff(p.l.rules.UploadsOlderThan)
}

// family is what names the manifests of a repository: tags and indexes.
type family struct {
	tags    map[int32][]string
	parents map[ID][]int32 // who names what is linked as a manifest
	// referrers are the untagged manifests about one, and signatures the tags.
	referrers  map[ID][]int32
	signatures map[ID][]string
}

// emptied is a directory that lacks the link of its manifest, as a deletion leaves it.
type emptied struct {
	id    ID
	mtime int64
}

// losses are the tags that manifests have lost, as histories show it.
type losses struct {
	// at is when a tag that named a digest got another one, the last of them; nil
	// until it is asked for.
	at    map[ID]int64
	named map[int32]bool // manifests that a tag names now
}

// eachName calls fn with every digest that a manifest names, its own first, behind
// aliases too.
func (p *facts) eachName(i int32, fn func(ID)) {
	n := &p.manifests[i]
	p.steps++
	fn(n.id)
	if n.path != n.id {
		fn(n.path)
	}
	each := func(id ID) {
		fn(id)
		if to, ok := p.aliases[id]; ok {
			fn(to)
		}
	}
	m := p.manifest(n)
	m.EachRef(each)
	for _, id := range p.extra[i] {
		each(id)
	}
}

// references are the names under which a manifest is pulled.
func (p *facts) references(n *linkedManifest) (found []string) {
	for i := range p.tagLinks {
		if t := &p.tagLinks[i]; t.node >= 0 && &p.manifests[t.node] == n {
			found = append(found, p.r.Name+":"+t.Name)
		}
	}
	if found == nil {
		found = []string{p.r.Name + "@" + p.s.Table.Digest(n.path).String()}
	}
	return found
}

// badLink is a manifest's link that holds no digest, or not the one of its path.
type badLink struct {
	kind, detail string
	node         int32
}

// edge says that a live digest keeps a manifest: a referrer of it, or the
// manifest of a tag that is about it.
type edge struct {
	from ID
	to   int32
}

// addManifest makes a manifest known by both of its digests. A link at the
// digest's own path goes before one from elsewhere.
func (p *facts) addManifest(n linkedManifest) int32 {
	p.manifests = append(p.manifests, n)
	number := int32(len(p.manifests))
	p.here.at(n.path).node = number
	if other := p.here.at(n.id); other.node == 0 {
		other.node = number
	}
	return number - 1
}

// linked returns the manifest that is linked by a digest.
func (p *facts) linked(id ID) (at int32, ok bool) {
	at = p.here.get(id).node - 1
	return at, at >= 0
}

// distinctNames returns what a node names, each digest once.
func (p *facts) distinctNames(i int32) (names []ID) {
	p.eachName(i, func(id ID) { names = append(names, id) })
	slices.Sort(names)
	return slices.Compact(names)
}

// tagsOf returns the names of the tags of every node, sorted.
func (p *facts) tagsOf() map[int32][]string {
	names := map[int32][]string{}
	for i := range p.tagLinks {
		if t := &p.tagLinks[i]; t.node >= 0 && t.AsideName == "" {
			names[t.node] = append(names[t.node], t.Name)
		}
	}
	for _, list := range names {
		slices.SortFunc(list, strings.Compare)
	}
	return names
}

func (p *facts) find(d layout.Digest) int32 {
	at, _ := p.linked(p.s.Table.Lookup(d))
	return at
}

// aboutEdge leads from a manifest to one that is about it.
type aboutEdge struct {
	to   int32
	role Role
}

// whatIsAbout finds the referrers of every manifest and the manifests of the
// tags about it.
func (p *facts) whatIsAbout() map[int32][]aboutEdge {
	about := map[int32][]aboutEdge{}
	for i := range p.manifests {
		for _, subject := range p.manifest(&p.manifests[i]).Subjects {
			if at, ok := p.linked(subject); ok && at != int32(i) {
				about[at] = append(about[at], aboutEdge{int32(i), Referrer})
			}
		}
	}
	for i := range p.tagLinks {
		if subject := p.subjectOf(&p.tagLinks[i]); subject >= 0 {
			about[subject] = append(about[subject], aboutEdge{p.tagLinks[i].node, Signature})
		}
	}
	return about
}

// subjectOf is the manifest that a tag is about, or -1.
func (p *facts) subjectOf(t *linkedTag) int32 {
	if t.node < 0 || t.Odd || t.Half || t.Linked || !strings.HasPrefix(t.Name, "sha") {
		return -1
	}
	d, ok := layout.ReferrerTag(t.Name)
	if !ok {
		return -1
	}
	if at := p.find(d); at != t.node {
		return at
	}
	return -1
}
