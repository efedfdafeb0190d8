package mark

import (
	"slices"

	"github.com/regsweep/regsweep/walker"
)

// packing is the work for a Parcel in one repository.
type packing struct {
	*View
	referrers map[ID][]int32   // by the digest that they are about
	about     map[int32][]*tag // signatures' tags, by the manifest that they are about
	entries   map[parcelKey]bool
	images    []ParcelImage
	queue     []int32
	packed    map[int32]bool
	blobs     map[ParcelBlob]int64
	lacking   []Lacking
}

// parcelKey is an image by its tag, or by its manifest without one.
type parcelKey struct {
	tag  string
	node int32
}

// findAbout finds what is about manifests.
func (g *packing) findAbout() {
	g.referrers, g.about = map[ID][]int32{}, map[int32][]*tag{}
	for i := range g.nodes {
		for _, subject := range g.manifest(&g.manifests[i]).Subjects {
			g.referrers[subject] = append(g.referrers[subject], int32(i))
		}
	}
	for i := range g.tags {
		if t := &g.tags[i]; t.AsideName == "" {
			if subject := g.subjectOf(t.linkedTag); subject >= 0 {
				g.about[subject] = append(g.about[subject], t)
			}
		}
	}
}

// ask adds what somebody asked for.
func (g *packing) ask(a *Asked) {
	switch {
	case a.Tag == "" && a.Digest.IsZero():
		g.askAll()
	case a.Tag != "":
		for i := range g.tags {
			if t := &g.tags[i]; t.Name == a.Tag && t.AsideName == "" {
				g.addTag(t, false)
				return
			}
		}
		g.nothing(g.r.Name+":"+a.Tag, "the tag is not there any more")
	default:
		if at := g.find(a.Digest); at >= 0 && !g.nodes[at].link.has(linkPending) { // be it set aside by a stopped run
			g.add("", at, false)
			return
		}
		g.nothing(g.r.Name+"@"+a.Digest.String(), "the manifest is not linked any more")
	}
}

// askAll adds all tags, and the manifests that no tag, index or subject leads to.
func (g *packing) askAll() {
	led := map[int32]bool{}
	for i := range g.tags {
		if t := &g.tags[i]; t.AsideName == "" {
			g.addTag(t, false)
			led[t.node] = true
		}
	}
	for i := range g.nodes {
		for _, id := range g.refsOf(&g.manifests[i]) {
			if at, ok := g.linked(id); ok && at != int32(i) {
				led[at] = true
			}
		}
	}
	for subject, list := range g.referrers {
		if _, ok := g.linked(subject); ok {
			for _, at := range list {
				led[at] = true
			}
		}
	}
	for i := range g.nodes {
		if n := &g.nodes[i]; !led[int32(i)] && n.isHere() && !n.link.has(linkAsLayer) {
			g.add("", int32(i), false)
		}
	}
}

func (g *packing) addTag(t *tag, about bool) {
	if t.node < 0 || t.Half || !g.nodes[t.node].isHere() {
		g.nothing(g.r.Name+":"+t.Name, "the tag names no manifest that is linked here")
		return
	}
	g.add(t.Name, t.node, about)
}

// add lists a manifest, by a tag or without one.
func (g *packing) add(tag string, at int32, about bool) {
	key := parcelKey{tag, at}
	if g.entries[key] {
		return
	}
	g.entries[key] = true
	digest := g.s.Table.Digest(g.nodes[at].path)
	g.images = append(g.images, ParcelImage{Repository: g.r.Name, Tag: tag, Digest: digest, About: about})
	g.queue = append(g.queue, at)
}

func (g *packing) lack(image, detail string) {
	g.lacking = append(g.lacking, Lacking{Image: image, Detail: detail})
}

func (g *packing) nothing(image, detail string) {
	g.lacking = append(g.lacking, Lacking{image, detail, true})
}

// pack follows what has been added to all that belongs to it.
func (g *packing) pack() {
	for len(g.queue) > 0 {
		at := g.queue[len(g.queue)-1]
		g.queue = g.queue[:len(g.queue)-1]
		if g.packed[at] {
			continue
		}
		g.packed[at] = true
		g.packNode(at)
	}
	tagged := map[int32]bool{}
	for key := range g.entries {
		tagged[key.node] = tagged[key.node] || key.tag != ""
	}
	g.images = slices.DeleteFunc(g.images, func(i ParcelImage) bool {
		// A referrer with a tag is listed by that.
		return i.About && i.Tag == "" && tagged[g.find(i.Digest)]
	})
	for i := range g.images {
		g.images[i].Bytes = g.bytesOf(g.find(g.images[i].Digest))
	}
}

// packNode adds the blobs of a manifest, and queues its parts and what is about it.
func (g *packing) packNode(at int32) {
	n := &g.nodes[at]
	digest := g.s.Table.Digest(n.path)
	if err := g.failed[at]; err != nil || n.place == 0 {
		detail := "its manifest cannot be read"
		if err != nil {
			detail += ": " + err.Error()
		}
		g.lack(g.r.Name+"@"+digest.String(), detail)
		return
	}
	g.blobs[ParcelBlob{digest, g.s.Table.Digest(n.id)}] = g.s.Table.At(n.id).size
	g.eachPart(at, func(id ID, required bool) {
		part, ok := g.linked(id)
		switch {
		case ok && part != at && g.nodes[part].isHere():
			g.queue = append(g.queue, part)
		case part == at && ok:
		default:
			g.packBlob(at, id, required)
		}
	})
	for _, id := range slices.Compact([]ID{n.path, n.id}) {
		for _, referrer := range g.referrers[id] {
			if g.nodes[referrer].isHere() {
				g.add("", referrer, true)
			}
		}
	}
	for _, t := range g.about[at] {
		g.addTag(t, true)
	}
}

// packBlob adds a blob that is no manifest here.
func (g *packing) packBlob(at int32, id ID, required bool) {
	b, size, ok := g.stored(id)
	name := g.s.Table.Digest(id)
	switch {
	case ok && (required || g.r.HasLayer(g.ctx, name).State == walker.LinkGood):
		g.blobs[b] = size
	case required:
		g.lack(g.r.Name+"@"+g.s.Table.Digest(g.nodes[at].path).String(), "the blob "+name.String()+" is not in the store")
	}
}

// stored finds the blob that a digest means, behind an alias too.
func (g *packing) stored(id ID) (b ParcelBlob, size int64, ok bool) {
	for _, at := range []ID{id, g.aliases[id]} {
		if at != 0 && g.s.stat(g.w, at) {
			return ParcelBlob{g.s.Table.Digest(id), g.s.Table.Digest(at)}, g.s.Table.At(at).size, true
		}
	}
	return b, 0, false
}

// eachPart calls fn for what a manifest names. Without what is required the
// manifest is worth nothing.
func (g *packing) eachPart(at int32, fn func(id ID, required bool)) {
	m := g.manifest(&g.manifests[at])
	seen := map[ID]bool{}
	each := func(list []ID, required bool) {
		for _, id := range list {
			if !seen[id] && !slices.Contains(m.Subjects, id) {
				seen[id] = true
				fn(id, required)
			}
		}
	}
	each(m.Required, true)
	each(g.extra[at], false)
	each(m.Optional, false)
}

// bytesOf is what a pull of a manifest transfers.
func (g *packing) bytesOf(at int32) (n int64) {
	blobs, seen, queue := map[ParcelBlob]int64{}, map[int32]bool{}, []int32{at}
	for len(queue) > 0 {
		at := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if at < 0 || seen[at] {
			continue
		}
		seen[at] = true
		node := &g.nodes[at]
		blobs[ParcelBlob{g.s.Table.Digest(node.path), g.s.Table.Digest(node.id)}] = g.s.Table.At(node.id).size
		g.eachPart(at, func(id ID, _ bool) {
			if part, ok := g.linked(id); ok && g.nodes[part].isHere() {
				queue = append(queue, part)
			} else if b, size, ok := g.stored(id); ok {
				if _, packed := g.blobs[b]; packed {
					blobs[b] = size
				}
			}
		})
	}
	for _, size := range blobs {
		n += size
	}
	return n
}

// Observe is called by a Look.
func (p *Parcel) Observe(in *View) {
	asked := p.asked[in.r.Name]
	if len(asked) == 0 {
		return
	}
	g := &packing{View: in, entries: map[parcelKey]bool{}, blobs: map[ParcelBlob]int64{}, packed: map[int32]bool{}}
	g.findAbout()
	for i := range asked {
		g.ask(&asked[i])
	}
	g.pack()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.images = append(p.images, g.images...)
	p.lacking = append(p.lacking, g.lacking...)
	for b, size := range g.blobs {
		p.blobs[b] = size
	}
}
