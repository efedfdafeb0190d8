package disk

import "sync"

// devices says of devices whether they are on a disk of this host, once that has
// been asked.
type devices struct{ local sync.Map } // bool by uint64

// Local reports whether a file that was read in this run is on a filesystem of this
// host that changes a file's time, by this host's clock, whenever it changes the
// file. It is false for a device that nobody has asked about with LearnLocal, and
// where the system cannot tell.
func (d *Dir) Local(device uint64) bool {
	local, ok := d.fs.devices.local.Load(device)
	return ok && local.(bool)
}

// LearnLocal asks whether the filesystem that a directory is on is as Local says.
// A directory and what is in it have one device, unless something is mounted there. It
// returns false if the directory itself cannot be looked at.
func (d *Dir) LearnLocal() (local bool) {
	info, err := d.Info()
	if err != nil {
		return false
	}
	if _, known := d.fs.devices.local.Load(info.ID.Dev); !known {
		d.fs.devices.local.Store(info.ID.Dev, d.isLocal())
	}
	return d.Local(info.ID.Dev)
}
