package manifest

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/regsweep/regsweep/mark/digests"
)

// Summary is what is kept of a manifest that was read. The zero value is none.
// What its lists are in is the Summaries', and must not be changed.
type Summary struct {
	Kind     Kind
	Required []digests.ID // references whose absence is damage
	Optional []digests.ID // the others
	Subjects []digests.ID
	// Configs is how many of Required and of Optional, from the first on, are
	// the image's configurations.
	Configs [2]int
}

// EachConfig calls fn with every configuration.
func (m *Summary) EachConfig(fn func(digests.ID)) {
	for _, id := range m.Required[:m.Configs[0]] {
		fn(id)
	}
	for _, id := range m.Optional[:m.Configs[1]] {
		fn(id)
	}
}

// Beside its kind a manifest has, in one number, how many configurations it has
// of each sort. If there are more than that can tell, all references count.
const (
	configBits = 12
	maxConfigs = 1<<configBits - 1
)

func (m *Summary) head() digests.ID {
	return digests.ID(m.Kind) | digests.ID(min(m.Configs[0], maxConfigs))<<8 | digests.ID(min(m.Configs[1], maxConfigs))<<(8+configBits)
}

func (m *Summary) setHead(head digests.ID) {
	m.Kind = Kind(head & 0xff)
	m.Configs = [2]int{int(head >> 8 & maxConfigs), int(head >> (8 + configBits) & maxConfigs)}
	if m.Configs[0] == maxConfigs {
		m.Configs[0] = len(m.Required)
	}
	if m.Configs[1] == maxConfigs {
		m.Configs[1] = len(m.Optional)
	}
}

// EachRef calls fn with every reference.
func (m *Summary) EachRef(fn func(digests.ID)) {
	for _, id := range m.Required {
		fn(id)
	}
	for _, id := range m.Optional {
		fn(id)
	}
}

// arenaSize is how many numbers a part of a Summaries has: a million
// references need a few dozen parts.
const arenaSize = 1 << 15

// Summaries holds what is kept of all manifests, as numbers in a row: the
// kind with how many configurations there are, how many references of each sort
// follow, and these. That takes 16
// bytes a manifest and 4 a reference, and nothing that the garbage collector
// looks at. Its methods may be called concurrently.
type Summaries struct {
	mu    sync.Mutex // of who adds
	parts atomic.Pointer[[][]digests.ID]
	used  int         // of the last part
	about atomic.Bool // a manifest has a subject
}

const manifestHeader = 4

// Add keeps a manifest, whose lists stay the caller's, and returns its place, which is never 0.
func (a *Summaries) Add(m *Summary) uint32 {
	n := manifestHeader + len(m.Required) + len(m.Optional) + len(m.Subjects)
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.room(n)
	if len(m.Subjects) > 0 {
		a.about.Store(true)
	}
	to := (*a.parts.Load())[last][a.used:a.used]
	to = append(to, m.head(), digests.ID(len(m.Required)), digests.ID(len(m.Optional)), digests.ID(len(m.Subjects)))
	to = append(append(append(to, m.Required...), m.Optional...), m.Subjects...)
	place := uint32(last)*arenaSize + uint32(a.used) + 1
	a.used += len(to)
	return place
}

// room returns the number of the last part, which has room for n numbers. No part is
// larger than a place can tell, and a large manifest gets its own.
func (a *Summaries) room(n int) (last int) {
	old := a.parts.Load()
	if old != nil && a.used+n <= len((*old)[len(*old)-1]) {
		return len(*old) - 1
	}
	var parts [][]digests.ID
	if old != nil {
		parts = slices.Clip(*old)
	}
	parts = append(parts, make([]digests.ID, max(arenaSize, n)))
	if uint64(len(parts))*arenaSize > math.MaxUint32 {
		panic("manifest: more references than a place can tell")
	}
	a.parts.Store(&parts)
	a.used = 0
	return len(parts) - 1
}

// AnySubject reports whether a manifest that was added has a subject.
func (a *Summaries) AnySubject() bool { return a.about.Load() }

// At returns the manifest of a place, or none for place 0.
func (a *Summaries) At(place uint32) Summary {
	if place == 0 {
		return Summary{}
	}
	place--
	list := (*a.parts.Load())[place/arenaSize][place%arenaSize:]
	required, optional, subjects := list[1], list[2], list[3]
	m, head := Summary{}, list[0]
	list = list[manifestHeader:]
	m.Required, list = list[:required:required], list[required:]
	m.Optional, list = list[:optional:optional], list[optional:]
	m.Subjects = list[:subjects:subjects]
	m.setHead(head)
	return m
}
