package mark

import (
	"github.com/regsweep/regsweep/mark/protect"
	"github.com/regsweep/regsweep/walker"
)

// linkState is what a manifest's link was found to be. Reading sets it.
type linkState uint8

const (
	linkAside   linkState = 1 << iota // it has been set aside
	linkPinned                        // it cannot be removed
	linkPending                       // it is being written
	linkAsLayer                       // it is a layer link only, as registry 2.1.0 made it
	linkUnread                        // it holds no digest
	linkForced                        // it is a root whatever the rules say: it, or a tag's, is damaged
)

// has reports whether any of these is set.
func (s linkState) has(some linkState) bool { return s&some != 0 }

func (s *linkState) put(one linkState, on bool) {
	*s &^= one
	if on {
		*s |= one
	}
}

// rootState says whether a manifest is a root. The selection of a run and the rules
// set it, before anything is marked.
type rootState uint8

const (
	rootTagged   rootState = 1 << iota // a tag makes it one
	rootForced                         // it is one whatever the rules say
	rootSelected                       // the selection has it: it is not one
	rootAlong                          // it is removed with what is selected, unless something keeps it
)

// has reports whether any of these is set.
func (s rootState) has(some rootState) bool { return s&some != 0 }

func (s *rootState) set(one rootState) { *s |= one }

func (s *rootState) unset(some rootState) { *s &^= some }

func (s *rootState) put(one rootState, on bool) {
	*s &^= one
	if on {
		*s |= one
	}
}

// tagState is what is decided about a tag.
type tagState uint8

const (
	tagSelected       tagState = 1 << iota // the selection has it
	tagNamed                               // the command named it
	tagAlong                               // it is removed with what is selected, if that is removed
	tagWithoutSymlink                      // no symbolic link is in it
)

// has reports whether any of these is set.
func (s tagState) has(some tagState) bool { return s&some != 0 }

func (s *tagState) set(one tagState) { *s |= one }

func (s *tagState) unset(one tagState) { *s &^= one }

func (s *tagState) put(one tagState, on bool) {
	*s &^= one
	if on {
		*s |= one
	}
}

// linkedTag is a tag with what it names, as reading found it.
type linkedTag struct {
	*walker.Tag
	node   int32 // -1 if no manifest is linked that it names
	target ID    // what its link names; 0 if that is no digest
}

// linkedManifest is a manifest that the repository links, as reading found it.
type linkedManifest struct {
	id    ID     // of the link's content
	path  ID     // of the link's path
	place uint32 // of its manifest among Store.manifests; 0 if it cannot be read
	link  linkState
	mtime int64
}

// isHere reports whether a manifest can be pulled: its link has not been set
// aside, and is not just being written.
func (n *linkedManifest) isHere() bool { return !n.link.has(linkAside | linkPending) }

// tag is a linkedTag with what is decided about it.
type tag struct {
	*linkedTag
	subject ID // of a tag that is removed with its subject; 0 for any other
	is      tagState
	by      *protect.Line // that protects it by its name, or nil
}

// node is a linkedManifest with what is decided about it.
type node struct {
	*linkedManifest
	why  Reason
	role Role // why it is removed
	root rootState
}
