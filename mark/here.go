package mark

import "math/bits"

// here is what a repository has to do with a digest.
type here struct {
	node    int32 // 1 + index of the manifest that it links by that digest, or 0
	reasons uint8 // why something live names it: a bit for each, and isNamed
}

const isNamed = 1 // the bit of reasons for whatever is named at all

// heres is what a repository has to do with each digest that anything in it
// names. It is a map with open addressing, of 12 bytes a slot: every reference
// of every manifest is looked up in it.
type heres struct {
	ids   []ID
	heres []here
	n     int
}

// slot is where an ID is, or would be.
func (h *heres) slot(id ID) int {
	mask := len(h.ids) - 1
	// Knuth's multiplier spreads numbers that follow one another.
	at := int(uint32(id) * 2654435769 >> (32 - bits.Len(uint(mask))))
	for h.ids[at] != 0 && h.ids[at] != id {
		at = (at + 1) & mask
	}
	return at
}

// get is what is known of an ID, which must not be 0.
func (h *heres) get(id ID) here {
	if h.n == 0 {
		return here{}
	}
	return h.heres[h.slot(id)]
}

// at is get for changing it. The pointer is valid until the next call of at.
func (h *heres) at(id ID) *here {
	if 2*h.n >= len(h.ids) {
		h.grow()
	}
	slot := h.slot(id)
	if h.ids[slot] == 0 {
		h.ids[slot] = id
		h.n++
	}
	return &h.heres[slot]
}

func (h *heres) grow() {
	old := *h
	size := max(64, 2*len(old.ids))
	h.ids, h.heres = make([]ID, size), make([]here, size)
	for i, id := range old.ids {
		if id != 0 {
			slot := h.slot(id)
			h.ids[slot], h.heres[slot] = id, old.heres[i]
		}
	}
}

// reset forgets everything but the memory.
func (h *heres) reset() {
	clear(h.ids)
	clear(h.heres)
	h.n = 0
}
