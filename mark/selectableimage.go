package mark

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// ReadLabels reads the images' labels that have these names. Annotations of a
// manifest count like labels of its configuration. If both have a name, the label
// counts.
func (j *Selectable) ReadLabels(names []string) {
	p := j.in
	read := make([]ImageLabels, len(p.nodes))
	wanted := j.wanted()
	p.w.Each(p.ctx, len(p.nodes), func(i int) {
		if wanted[i] {
			read[i] = p.labels(int32(i), names, nesting)
		}
	})
	for i := range j.Tags {
		if t := &j.Tags[i]; t.Undecidable == "" {
			t.Labels = read[p.tags[t.at].node]
		}
	}
	for i := range j.Untagged {
		j.Untagged[i].Labels = read[j.Untagged[i].at]
	}
}

// wanted marks the nodes that somebody may want to remove.
func (j *Selectable) wanted() []bool {
	wanted := make([]bool, len(j.in.nodes))
	for i := range j.Tags {
		if t := &j.Tags[i]; t.Undecidable == "" {
			wanted[j.in.tags[t.at].node] = true
		}
	}
	for i := range j.Untagged {
		wanted[j.Untagged[i].at] = true
	}
	return wanted
}

// labels reads the labels of an image, or of all images of an index that are here.
func (p *selection) labels(at int32, names []string, depth int) (l ImageLabels) {
	var m labelled
	if depth == 0 || !p.s.document(p.w, p.s.Table.Digest(p.nodes[at].id), &m) {
		return ImageLabels{Unread: true}
	}
	own := chosen(m.Annotations, names)
	for i := range m.Manifests {
		part := &m.Manifests[i]
		child, err := layout.ParseDigest(part.Digest)
		if err != nil {
			return ImageLabels{Unread: true}
		}
		to := p.find(child)
		if to < 0 || part.attests() {
			continue // absent, as in a sparse index, or no image
		}
		below := p.labels(to, names, depth-1)
		l.Unread = l.Unread || below.Unread
		for _, labels := range below.Images {
			l.Images = append(l.Images, merged(labels, own))
		}
	}
	if len(m.Manifests) > 0 && (len(l.Images) > 0 || l.Unread) {
		return l
	}
	config, ok := p.s.configLabels(p.w, &m)
	return ImageLabels{Images: []map[string]string{merged(chosen(config, names), own)}, Unread: !ok}
}

// configLabels reads the labels of a configuration; ok is false if it cannot be read.
func (s *Store) configLabels(w *walker.Walker, m *labelled) (labels map[string]string, ok bool) {
	var c labelledConfig
	switch {
	case m.Config == nil && len(m.History) > 0:
		// What is no JSON there says nothing.
		_ = json.Unmarshal([]byte(m.History[0].V1Compatibility), &c)
	case m.Config == nil || !isImageConfig(m.Config.MediaType):
		return nil, true
	default:
		digest, err := layout.ParseDigest(m.Config.Digest)
		if err != nil || !s.document(w, digest, &c) {
			return nil, false
		}
	}
	if c.Config == nil {
		return nil, true
	}
	return c.Config.Labels, true
}

// chosen are those labels that have one of the names.
func chosen(labels map[string]string, names []string) map[string]string {
	some := map[string]string{}
	for _, name := range names {
		if value, ok := labels[name]; ok {
			some[name] = value
		}
	}
	return some
}

// merged are labels, and those of others whose names they lack.
func merged(labels, others map[string]string) map[string]string {
	all := maps.Clone(others)
	maps.Copy(all, labels)
	return all
}

// ReadHistories reads what the tags named before: the entries of their
// histories whose manifests are linked. Others can no longer be pulled, and gc
// removes them.
func (j *Selectable) ReadHistories() {
	p := j.in
	p.w.Each(p.ctx, len(j.Tags), func(i int) {
		one := &j.Tags[i]
		var mu sync.Mutex
		p.r.ReadHistory(p.ctx, p.tags[one.at].Tag, func(entries []walker.Revision) {
			mu.Lock()
			defer mu.Unlock()
			for e := range entries {
				entry := &entries[e]
				if entry.Link.State != walker.LinkMissing && p.find(entry.Digest) >= 0 {
					one.History = append(one.History, TagRevision{entry.Digest, time.Unix(0, entry.Link.MTime)})
				}
			}
		})
		slices.SortFunc(one.History, func(a, b TagRevision) int { return a.Digest.Compare(b.Digest) })
	})
}

// nesting is how deep indexes are followed for their times.
const nesting = 8
