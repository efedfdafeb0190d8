package disk

import "os"

// mountTable is where the kernel tells of the mounts that this process sees.
const mountTable = "/proc/self/mountinfo"

// Mounts reads the table of mounts. Where the system does not tell, none are known.
func (d *Dir) Mounts() (*Mounts, error) {
	if err := d.fs.check(OpRead, "", mountTable); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(mountTable)
	if os.IsNotExist(err) || os.IsPermission(err) {
		return &Mounts{}, nil // as in a container without /proc
	}
	if err != nil {
		return nil, err
	}
	return parseMounts(string(text)), nil
}
