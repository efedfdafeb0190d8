package mark

import (
	"sync"

	"github.com/regsweep/regsweep/mark/digests"
	"github.com/regsweep/regsweep/walker"
)

// Inspection asks a Look about everything that gc need not know. It reads every
// layer link and every entry of the tags' histories, and compares the sizes that
// manifests state with the blobs. It adds what is wrong to the walker's findings.
type Inspection struct {
	sizes sizeClaims

	mu    sync.Mutex
	aside []walker.Problem // without a cure
	InspectionCount
}

// InspectionCount is what an Inspection has looked at.
type InspectionCount struct {
	LayerLinks, HistoryEntries int
	// UnknownTypes are manifests of types that are not known here: of these
	// only the digests that their text contains are known, not which they need.
	UnknownTypes int
	// Aside says that something has been set aside by a run that was stopped.
	Aside bool
}

// inspector is the inspection of one repository.
type inspector struct {
	*View
	sizes *sizeClaims
	count InspectionCount

	links digests.Set // layer links
	had   digests.Set // what the tags' histories name
	// bad are layer links that lead astray, and those that lack, by the digest
	// by which manifests name them.
	bad map[ID]*walker.Problem
	// aside are live names that are set aside.
	aside []walker.Problem
}
