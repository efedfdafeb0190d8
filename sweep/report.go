package sweep

import (
	"slices"
	"time"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/walker"
)

// Schema names the version of Report's JSON.
const Schema = "regsweep/report/v1"

// Report is what a run did, or would do. Sizes are bytes. Live, Removed and
// Failed add up to Store, for blobs, bytes and disk bytes.
type Report struct {
	Schema         string           `json:"schema"`
	Command        string           `json:"command"`
	DryRun         bool             `json:"dryRun"`
	Root           string           `json:"root"`
	Started        time.Time        `json:"started"`
	ElapsedSeconds float64          `json:"elapsedSeconds"`
	Store          StoreCount       `json:"store"`
	Live           Amount           `json:"live"`
	Kept           Kept             `json:"kept"`
	Removed        RemovedCount     `json:"removed"`
	Failed         FailedCount      `json:"failed"`
	Freed          FreedCount       `json:"freed"` // known to the caller
	Filesystem     Filesystem       `json:"filesystem"`
	Repositories   []RepositoryLine `json:"repositories"`
	Items          []ItemLine       `json:"items,omitzero"`
	Problems       []walker.Problem `json:"problems"`
	EndedImages    int              `json:"endedImages,omitempty"` // deleted before, and now for good
	Trashed        string           `json:"trashed,omitempty"`     // the run in the trash that what was removed is in
	Shared         KeptAmount       `json:"shared,omitzero"`       // of what rm or prune removes, what others need
	Retention      *Retention       `json:"retention,omitempty"`
	Fit            *Fitted          `json:"fit,omitempty"`
	Decisions      []DecisionLine   `json:"decisions,omitzero"`
	Error          string           `json:"error,omitempty"`  // why the run failed, or was stopped
	Skipped        []SkippedLine    `json:"leftOut,omitzero"` // of apply
}

// StoreCount is what there was before the run.
type StoreCount struct {
	Repositories int   `json:"repositories"`
	Tags         int   `json:"tags"`
	Manifests    int   `json:"manifests"`
	LayerLinks   int   `json:"layerLinks"`
	Uploads      int   `json:"uploads"`
	UploadBytes  int64 `json:"uploadBytes"`
	Amount
}

// Kept counts the live blobs by the reason that keeps them. If several reasons
// keep a blob, the first one counts.
type Kept struct {
	Recent           KeptAmount `json:"fresh"`
	Protected        KeptAmount `json:"protected"`
	BrokenRepository KeptAmount `json:"brokenRepository"`
}

// RemovedCount is what was removed, or would be.
type RemovedCount struct {
	Tags         int   `json:"tags"`
	Manifests    int   `json:"manifests"`
	LayerLinks   int   `json:"layerLinks"`
	TagHistory   int   `json:"tagHistory"`
	Uploads      int   `json:"uploads"`
	UploadBytes  int64 `json:"uploadBytes"`
	Repositories int   `json:"repositories"`
	Amount
}

// FailedCount counts what was planned and not removed: items that could not be
// removed, what they keep, and what a stopped run did not reach.
type FailedCount struct {
	Items int `json:"items"`
	Amount
}

// Filesystem is the space that is free for ordinary users, in bytes. After a
// dry run FreeAfter is what it would be.
type Filesystem struct {
	FreeBefore int64 `json:"freeBefore"`
	FreeAfter  int64 `json:"freeAfter"`
}

// RepositoryLine is a repository before the plan, and how much the plan removes of
// the blobs that it links.
type RepositoryLine struct {
	Name             string `json:"name"`
	Tags             int    `json:"tags"`
	Manifests        int    `json:"manifests"`
	Bytes            int64  `json:"bytes"`
	UniqueBytes      int64  `json:"uniqueBytes"`
	ReclaimableBytes int64  `json:"reclaimableBytes"`
}

// ItemLine is one item that was removed, or would be. Bytes is what its own
// removal frees, if it is a blob, an upload or an interrupted write.
type ItemLine struct {
	Kind       string `json:"kind"`
	Repository string `json:"repository"`
	Name       string `json:"name"`
	Digest     string `json:"digest"`
	Bytes      int64  `json:"bytes"`
}

// Report returns the counts of the plan: what it would remove or, if it has
// been executed, what it did remove. The caller fills in what only it knows.
func (p *Plan) Report(executed bool) Report {
	want := planned
	if executed {
		want = removed
	}
	rep := Report{Schema: Schema, DryRun: !executed, Store: p.store(), Problems: []walker.Problem{}}
	for i := range p.items {
		switch {
		case p.done[i] == want:
			p.countRemoved(&rep.Removed, &p.items[i])
		case p.done[i] != kept:
			p.countFailed(&rep.Failed, &p.items[i])
		}
	}
	p.countStore(&rep)
	rep.Kept = Kept{p.keptFor(mark.Recent), p.keptFor(mark.Protected), p.keptFor(mark.Broken)}
	rep.Shared.Blobs, rep.Shared.Bytes = p.look.Shared()
	rep.Repositories = p.repositories(want)
	if p.bin == nil { // what is in the trash can come back
		rep.EndedImages = p.Ended(executed)
	}
	return rep
}

func (p *Plan) keptFor(why mark.Reason) KeptAmount {
	return KeptAmount{Blobs: p.kept[why].Blobs, Bytes: p.kept[why].Bytes}
}

func (p *Plan) store() StoreCount {
	t := &p.look.Totals
	return StoreCount{
		Repositories: len(p.look.Repositories),
		Tags:         t.Tags, Manifests: t.Manifests, LayerLinks: t.LayerLinks,
		Uploads: t.Uploads, UploadBytes: t.UploadBytes,
	}
}

// countStore makes the parts add up: whatever is neither removed nor failed is live.
func (p *Plan) countStore(rep *Report) {
	rep.Store.Amount = p.total
	rep.Live = Amount{
		Blobs:     p.total.Blobs - rep.Removed.Blobs - rep.Failed.Blobs,
		Bytes:     p.total.Bytes - rep.Removed.Bytes - rep.Failed.Bytes,
		DiskBytes: p.total.DiskBytes - rep.Removed.DiskBytes - rep.Failed.DiskBytes,
	}
}

func (p *Plan) countRemoved(c *RemovedCount, i *mark.Item) {
	switch i.Kind {
	case mark.Tag:
		// Of a tag that a stopped run had set aside, that run has told.
		if !i.Aside {
			c.Tags++
		}
	case mark.Manifest:
		c.Manifests++
	case mark.TagHistory:
		c.TagHistory++
	case mark.LayerLink:
		c.LayerLinks++
	case mark.Upload:
		c.Uploads++
		c.UploadBytes += p.look.BytesOf(i)
	case mark.Blob:
		c.add(p.look.Store.Blob(i.ID))
	case mark.Repository:
		c.Repositories++
	}
}

func (p *Plan) countFailed(c *FailedCount, i *mark.Item) {
	if i.Kind.Is(mark.Reported) {
		c.Items++
	}
	if i.Kind == mark.Blob {
		c.add(p.look.Store.Blob(i.ID))
	}
}

func (p *Plan) repositories(want outcome) []RepositoryLine {
	lines := make([]RepositoryLine, len(p.look.Repositories))
	for i := range lines {
		r := &p.look.Repositories[i]
		lines[i] = RepositoryLine{Name: r.Name, Tags: r.Tags, Manifests: r.Manifests, Bytes: r.Bytes, UniqueBytes: r.UniqueBytes}
	}
	dead := p.blobsThat(want)
	manifests, layers := p.ofKind(mark.Manifest), p.ofKind(mark.LayerLink)
	var ids []digests.ID
	for at := range lines {
		ids = ids[:0]
		for ; len(manifests) > 0 && manifests[0].Repo == uint32(at); manifests = manifests[1:] {
			ids = append(ids, manifests[0].ID)
		}
		for ; len(layers) > 0 && layers[0].Repo == uint32(at); layers = layers[1:] {
			ids = append(ids, digests.ID(layers[0].Extra))
		}
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			if dead.Has(id) {
				lines[at].ReclaimableBytes += p.look.Store.Blob(id).Size
			}
		}
	}
	return lines
}

// blobsThat returns the blobs of the plan that have an outcome.
func (p *Plan) blobsThat(want outcome) (dead digests.Set) {
	lo, hi := p.kindRange(mark.Blob)
	for i := lo; i < hi; i++ {
		if p.done[i] == want {
			dead.Add(p.items[i].ID)
		}
	}
	return dead
}

// EachLine calls fn for every item that was removed, or would be, in the order
// of the plan.
func (p *Plan) EachLine(executed bool, fn func(ItemLine)) {
	want := planned
	if executed {
		want = removed
	}
	for i := range p.items {
		item := &p.items[i]
		if !item.Kind.Is(mark.Reported) || p.done[i] != want || item.Kind == mark.Tag && item.Aside {
			continue
		}
		line := ItemLine{Kind: item.Kind.String(), Repository: p.look.RepositoryOf(item), Name: p.look.NameOf(item), Bytes: p.look.BytesOf(item)}
		if item.ID != 0 && item.Kind != mark.Temporary {
			line.Digest = p.look.Digest(item.ID).String()
		}
		if item.Kind == mark.Blob {
			line.Bytes = p.look.Store.Blob(item.ID).Size
		}
		fn(line)
	}
}

// Untagged returns, as NAME@DIGEST, the manifests that a stop has left without
// tags: the tags were removed, and the manifests were not.
func (p *Plan) Untagged() (left []string) {
	tagged := map[image]bool{}
	for i := range p.items {
		// One that was set aside and not given back is as good as removed.
		if p.items[i].Kind == mark.Tag && (p.done[i] == removed || p.done[i] == setAside) {
			tagged[image{p.items[i].Repo, p.items[i].ID}] = true
		}
	}
	for i := range p.items {
		item := &p.items[i]
		if item.Kind == mark.Manifest && (p.done[i] == planned || p.done[i] == setAside) && tagged[image{item.Repo, item.ID}] {
			left = append(left, p.look.RepositoryOf(item)+"@"+p.look.Digest(item.ID).String())
		}
	}
	return left
}

// Mark sets to true the paths, relative to the store, of what was removed, or
// would be. It leaves out directories whose content is missing.
func (p *Plan) Mark(executed bool, paths map[string]bool) {
	want := planned
	if executed {
		want = removed
	}
	for i := range p.items {
		switch p.items[i].Kind {
		case mark.RevisionDir, mark.LayerDir, mark.BlobDir, mark.Namespace:
			continue
		}
		if p.done[i] != want {
			continue
		}
		path := p.path(&p.items[i])
		if _, asked := paths[path]; asked {
			paths[path] = true
		}
	}
}

// Ended returns how many images that were deleted earlier can no longer be brought
// back after this plan. The plan removes a blob that they need, or the trace that
// the repository had them.
func (p *Plan) Ended(executed bool) (n int) {
	want := planned
	if executed {
		want = removed
	}
	type trace struct {
		repo uint32
		id   digests.ID
	}
	var blobs digests.Set
	var traces map[trace]bool
	p.look.EachLost(func(repo uint32, id mark.ID, needs []mark.ID) {
		if traces == nil {
			blobs, traces = p.blobsThat(want), map[trace]bool{}
			for i := range p.items {
				if k := p.items[i].Kind; p.done[i] == want && (k == mark.RevisionDir || k == mark.TagHistory) {
					traces[trace{p.items[i].Repo, p.items[i].ID}] = true
				}
			}
		}
		if traces[trace{repo, id}] || blobs.Has(id) || slices.ContainsFunc(needs, blobs.Has) {
			n++
		}
	})
	return n
}

// image is a manifest in a repository.
type image struct {
	repo uint32
	id   digests.ID
}
