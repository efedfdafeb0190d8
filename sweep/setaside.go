package sweep

import (
	"fmt"
	"slices"

	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/digests"
)

// setAside takes the names of all that goes, looks at the repositories again,
// and gives back those that became live. If it cannot look, it gives back all.
func (r *run) setAside() error {
	r.progress.enter(SettingAside)
	r.clearTags()
	r.each(mark.Tag, planned, taken, r.takeTag)
	r.takeManifests()
	r.each(mark.TagHistory, planned, removed, r.removeHistory)
	r.takeMarks()
	r.each(mark.LayerLink, planned, taken, r.takeLayer)
	r.lastName = r.pace.now()
	r.each(mark.Upload, planned, removed, r.removeUpload)
	r.each(mark.Temporary, planned, removed, r.removeTemporary)
	err := r.sync()
	if err == nil && !r.stopped() {
		if r.each(mark.Blob, planned, taken, r.takeBlob); r.tookAny(mark.Blob) {
			r.lastName = r.pace.now()
		}
		r.progress.enter(Waiting)
		r.wait()
		r.progress.enter(LookingOnceMore)
		err = r.giveBackLive()
	}
	if err != nil || r.stopped() {
		r.giveBack(r.taken())
	}
	return err
}

// wait gives a registry that has found something, just before it was set aside,
// the time to link what it found. It may have found any of them: the data of a
// blob or of a manifest as late as the last of these was renamed.
func (r *run) wait() {
	if !r.tookAny(mark.Manifest, mark.LayerLink, mark.Blob) {
		return
	}
	if left := r.pace.Settle - r.pace.now().Sub(r.lastName); left > 0 {
		r.pace.wait(r.ctx, left)
	}
}

// tookAny reports whether anything of some kinds may have been set aside. A
// renaming that failed may have been done all the same.
func (r *run) tookAny(kinds ...mark.Kind) bool {
	for i := range r.items {
		if (r.done[i] == taken || r.done[i] == failed) && slices.Contains(kinds, r.items[i].Kind) {
			return true
		}
	}
	return false
}

// sync waits until the removal of links is on the disk: no power cut may bring
// a link back whose blob is gone.
func (r *run) sync() error {
	for _, path := range r.devices {
		d, err := r.lock.Open(path...)
		if err != nil {
			return err
		}
		err = d.Sync()
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// giveBackLive looks at the repositories once more.
func (r *run) giveBackLive() error {
	aside := &mark.Aside{Layers: map[string][]digests.ID{}, Tags: map[string][]string{}, Cut: map[string][]string{}}
	for i := range r.items {
		if item := &r.items[i]; item.Kind == mark.Tag && r.done[i] == failed {
			name := r.look.RepositoryOf(item)
			aside.Tags[name] = append(aside.Tags[name], r.look.NameOf(item))
		} else if item.Kind == mark.Tag && r.done[i] == planned {
			name := r.look.RepositoryOf(item)
			aside.Cut[name] = append(aside.Cut[name], r.look.NameOf(item))
		}
		// A failed one may have been renamed all the same.
		if item := &r.items[i]; item.Kind == mark.LayerLink && (r.done[i] == taken || r.done[i] == failed) {
			name := r.look.RepositoryOf(item)
			aside.Layers[name] = append(aside.Layers[name], item.ID)
		}
	}
	later, err := r.readAgain(aside)
	if err != nil {
		return fmt.Errorf("%w; images and layers that were to be removed have been given their names again", err)
	}
	if !r.stopped() {
		r.giveBack(restored(later))
	}
	return nil
}
