package sweep

import (
	"errors"
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
)

// The reasons for which a plan is refused. A volume that is not mounted, or was
// restored in part, looks as if nothing kept what is on it.
var (
	errNoBlobs   = errors.New("there are links but no blobs: a volume that is not mounted looks like this")
	errNoLinks   = errors.New("there are blobs but no manifest links, and nothing shows that images were deleted: a volume that is not mounted, or was restored in part, looks like this")
	errAllDangle = errors.New("every tag names a manifest whose link is gone, though the manifest is stored: a store that was restored in part looks like this")
	// ErrNoTags is wrapped by the error about a plan that removes a manifest from
	// a store without a tag.
	ErrNoTags     = errors.New("there are manifests to remove, but there is no tag in the store: another program may keep the tags elsewhere, as OpenShift, GitLab and Harbor do")
	errLastTag    = errors.New("the store would have no tag left")
	errLastImages = errors.New("the store would have no manifest left")
)

// Refusal returns why the plan must not be carried out without a permission to
// empty the store; nil if it may. It judges what the plan does to the store,
// and not which command made it. Only names that were given exactly count as
// intended.
func (p *Plan) Refusal() error {
	t, blobs := &p.look.Totals, p.blobsInUse()
	switch e := p.effect(); {
	case t.Manifests+t.LayerLinks > 0 && p.total.Blobs == 0:
		return refusal(errNoBlobs)
	case p.cure || p.look.Selected().Exact():
		return nil
	case t.Manifests+t.Layered == 0 && blobs > 0 && (t.Emptied == 0 || t.Unexplained > 0):
		return refusal(errNoLinks)
	case t.Tags > 0 && t.Naming == 0 && t.Dangling > 0:
		return &layout.HintError{
			Err:  notRemoved(errAllDangle),
			Hint: "if the tags should be removed, give --allow-empty; repair writes the missing links", Command: []string{"repair"},
		}
	case t.Tags == 0 && e.manifests > 0:
		return refusal(ErrNoTags)
	case t.Tags > 0 && e.tags == t.Tags:
		return refusal(errLastTag)
	case e.manifests > 0 && e.manifests == t.Manifests-e.asideManifests && t.Layered == 0:
		return refusal(errLastImages)
	}
	return nil
}

func refusal(err error) error {
	return &layout.HintError{Err: notRemoved(err), Hint: "if the store is really like this, give --allow-empty"}
}

func notRemoved(err error) error { return fmt.Errorf("%w; nothing has been removed", err) }

// effect is what a plan removes of the store's tags and manifests.
type effect struct {
	tags, manifests int
	// asideManifests are those that a run before this one had set aside: what
	// becomes of them was decided then.
	asideManifests int
}

func (p *Plan) effect() (e effect) {
	for i := range p.items {
		switch item := &p.items[i]; {
		case item.Kind == mark.Tag && !item.Aside:
			e.tags++
		case item.Kind == mark.Manifest && item.Aside:
			e.asideManifests++
		case item.Kind == mark.Manifest:
			e.manifests++
		}
	}
	return e
}

// blobsInUse counts the blobs but those that a run before this one had set aside.
func (p *Plan) blobsInUse() int64 {
	n := p.total.Blobs
	for i := range p.items {
		if p.items[i].Kind == mark.Blob && p.items[i].Aside {
			n--
		}
	}
	return n
}
