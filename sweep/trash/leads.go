package trash

import (
	"context"
	"fmt"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/tree"
	"github.com/regsweep/regsweep/walker"
)

// Names in the store may lead into the trash: a program that finds files with
// the same content may leave a live blob's data as a symbolic link to one there.
// If that were moved or removed, the name would lead nowhere.

// findLeads finds the names in the store that lead to what is in the trash, after
// a look at the store. Links that a look does not look at could only lead to a
// link there that holds the same digest.
func findLeads(ctx context.Context, w *walker.Walker, look *mark.Look, restores ...*Restore) error {
	wanted := map[layout.Digest]bool{}
	for _, r := range restores {
		for _, t := range r.things {
			if err := r.addDigests(t, wanted); err != nil {
				return err
			}
		}
	}
	if len(wanted) > 0 {
		names := make([]string, len(look.Repositories))
		for i := range names {
			names[i] = look.Repositories[i].Name
		}
		w.FindLeads(ctx, names, func(d layout.Digest) bool { return wanted[d] }, true)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := unreadable(w); err != nil {
		return err
	}
	_, err := w.Shares().Settle()
	return err
}

// unreadable is what a walker could not read, or nil: nobody knows where it leads.
func unreadable(w *walker.Walker) error {
	for _, p := range w.Findings.Problems() {
		if p.Kind == walker.IOError {
			return fmt.Errorf("%w: %s: %s", tree.ErrUnreadable, p.Path, p.Detail)
		}
	}
	return nil
}

// addDigests adds the digests that a link in the trash may be one for.
func (r *Restore) addDigests(t *thing, wanted map[layout.Digest]bool) error {
	from := t.from
	switch t.kind {
	case layerThing, manifestThing, signatureThing, historyThing:
		wanted[t.digest] = true
	case tagThing:
		from += "/" + layout.Current + "/" + layout.Link
	default:
		return nil
	}
	d, err := r.target(from, t.digest)
	wanted[d] = true
	return err
}

// leadsTo is a name in the store that leads to a thing in the trash, or "".
func (r *Restore) leadsTo(t *thing) string {
	if r.shares == nil || t.inPlace || !r.shares.Any() {
		return ""
	}
	if others := r.shares.Others(t.from); len(others) > 0 {
		return others[0]
	}
	return ""
}

func leadsThere(by string) string { return by + " leads to it: replace that with a copy first" }
