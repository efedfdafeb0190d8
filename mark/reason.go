package mark

// Reason says why something is live. If there are several reasons, the smallest
// counts.
type Reason uint8

// The reasons, in the order in which they win.
const (
	Dead      Reason = iota
	Rooted           // a tag or a retained manifest reaches it
	Recent           // it, or a link to it, is younger than the grace
	Protected        // it was named as to be kept
	Broken           // its repository cannot be understood in full
	Reasons          // how many there are
)

// mark records that a digest's blob is live.
func (r *record) mark(why Reason) { r.set(1 << (reasonShift0 + uint32(why))) }

// reason is the least reason for which the digest is live, or Dead.
func (r *record) reason() Reason {
	bits := r.bits.Load() >> reasonShift0
	for why := Rooted; why < Reasons; why++ {
		if bits&(1<<why) != 0 {
			return why
		}
	}
	return Dead
}

// unmark forgets all reasons.
func (r *record) unmark() { r.bits.And(1<<reasonShift0 - 1) }
