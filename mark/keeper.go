package mark

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/protect"
)

// KeeperKind says how a Keeper keeps.
type KeeperKind uint8

// The kinds of keepers, the most telling first.
const (
	KeptByTag        KeeperKind = iota + 1 // a tag leads to it
	KeptByManifest                         // a manifest without a tag does
	KeptByImage                            // it is a tag, and the image that it names is there
	KeptProtected                          // somebody said that it must be kept
	KeptBroken                             // its repository cannot be read in full
	KeptBySymlink                          // it is behind a symbolic link
	KeptDamaged                            // a link or tag that is damaged leads to it
	KeptInCircle                           // tags that are about each other's images lead to it
	KeptLate                               // it was written while regsweep read the store
	KeptRecentTag                          // a tag whose manifest is not linked, for its age
	KeptRecentUpload                       // a manifest, for its age
	KeptRecentLink                         // a layer link, for its age
	KeptRecentBlob                         // the blob itself, for its age
)

// Keeper is one of the reasons why a thing is kept.
type Keeper struct {
	Kind       KeeperKind
	Repository string
	Tag        string
	Digest     layout.Digest // of the manifest that it begins with; or zero
	Path       []string      // from there down to the thing
	By         *protect.Line // that protects it; or nil
	// Written is when the tag, link or file was written; the zero time if that says nothing.
	Written time.Time
	// Until is when it is too old to keep; the zero time: it keeps for good.
	Until time.Time

	at int32
}

// name is NAME:TAG, or NAME@DIGEST of a manifest.
func (k *Keeper) name() string {
	if k.Tag != "" {
		return k.Repository + ":" + k.Tag
	}
	return k.Repository + "@" + k.Digest.String()
}

func sortKeepers(list []Keeper) {
	slices.SortStableFunc(list, func(a, b Keeper) int {
		forever := func(k *Keeper) int {
			if k.Until.IsZero() {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(forever(&a), forever(&b)), cmp.Compare(a.Kind, b.Kind), b.Until.Compare(a.Until),
			strings.Compare(a.Repository, b.Repository), strings.Compare(a.Tag, b.Tag), a.Digest.Compare(b.Digest))
	})
}

// nanoseconds is a time in UTC, the zero time for 0.
func nanoseconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
