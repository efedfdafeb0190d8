package mark

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// manifest is what is kept of a manifest that was read. The zero value is none.
// What its lists are in is the Store's, and must not be changed.
type manifest struct {
	kind     kind
	required []ID // references whose absence is damage
	optional []ID // the others
	subjects []ID
}

// eachRef calls fn with every reference.
func (m *manifest) eachRef(fn func(ID)) {
	for _, id := range m.required {
		fn(id)
	}
	for _, id := range m.optional {
		fn(id)
	}
}

// arenaSize is how many numbers a part of a manifests has: a million
// references need a few dozen parts.
const arenaSize = 1 << 15

// manifests holds what is kept of all manifests, as numbers in a row: the
// kind, how many references of each sort follow, and these. That takes 16
// bytes a manifest and 4 a reference, and nothing that the garbage collector
// looks at. Its methods may be called concurrently.
type manifests struct {
	mu    sync.Mutex // of who adds
	parts atomic.Pointer[[][]ID]
	used  int // of the last part
}

const manifestHeader = 4

// add keeps a manifest, whose lists stay the caller's, and returns its place, which is never 0.
func (a *manifests) add(m *manifest) uint32 {
	n := manifestHeader + len(m.required) + len(m.optional) + len(m.subjects)
	a.mu.Lock()
	defer a.mu.Unlock()
	var parts [][]ID
	if p := a.parts.Load(); p != nil {
		parts = *p
	}
	// No part is larger than a place can tell, and a large manifest gets its own.
	if len(parts) == 0 || a.used+n > len(parts[len(parts)-1]) {
		parts = append(slices.Clip(parts), make([]ID, max(arenaSize, n)))
		a.parts.Store(&parts)
		a.used = 0
	}
	last := len(parts) - 1
	if uint64(len(parts))*arenaSize > math.MaxUint32 {
		panic("mark: more references than a place can tell")
	}
	to := parts[last][a.used:a.used:len(parts[last])]
	to = append(to, ID(m.kind), ID(len(m.required)), ID(len(m.optional)), ID(len(m.subjects)))
	to = append(append(append(to, m.required...), m.optional...), m.subjects...)
	place := uint32(last)*arenaSize + uint32(a.used) + 1
	a.used += len(to)
	return place
}

// at returns the manifest of a place, or none for place 0.
func (a *manifests) at(place uint32) manifest {
	if place == 0 {
		return manifest{}
	}
	place--
	list := (*a.parts.Load())[place/arenaSize][place%arenaSize:]
	required, optional, subjects := list[1], list[2], list[3]
	m := manifest{kind: kind(list[0])}
	list = list[manifestHeader:]
	m.required, list = list[:required:required], list[required:]
	m.optional, list = list[:optional:optional], list[optional:]
	m.subjects = list[:subjects:subjects]
	return m
}
