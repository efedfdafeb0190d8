package disk

// Medium is what a store is on, as far as that decides how many calls are worth
// making at a time.
type Medium uint8

// The media.
const (
	// Solid is a disk of this host that serves all of its places alike. So is
	// memory, and whatever nobody knows better.
	Solid Medium = iota + 1
	// Rotating is a disk of this host with an arm, which has to move between places.
	Rotating
	// Network is what another host or a program answers for: each call takes time,
	// and none takes a processor.
	Network
)

// String names the medium for people.
func (m Medium) String() string {
	return [...]string{"unknown", "a solid disk", "a rotating disk", "a network"}[m]
}

// Medium is what the directory is on.
func (d *Dir) Medium() Medium {
	switch {
	case d.fs.On != 0:
		return d.fs.On
	case d.Distant():
		return Network
	case d.rotates():
		return Rotating
	}
	return Solid
}

// CountCalls begins to count the calls about the store. Before that they are not
// counted, which saves what two processors pay for one number.
func (d *Dir) CountCalls() { d.fs.counts.Store(true) }

// Calls is how many calls have been made since CountCalls.
func (d *Dir) Calls() int64 { return d.fs.calls.Load() }
