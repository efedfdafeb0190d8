package disk

import (
	"bytes"
	"errors"
	"os"
)

// mountTable is where the kernel tells of the mounts that this process sees.
const mountTable = "/proc/self/mountinfo"

// tableReadings is how often the table of mounts is read at most until two readings
// are equal. One takes less than a millisecond.
const tableReadings = 100

// errTableChanges says that no two readings of the table of mounts were equal.
var errTableChanges = errors.New("it changes all the time")

// Mounts reads the table of mounts. Where the system does not tell, none are known.
func (d *Dir) Mounts() (*Mounts, error) {
	if err := d.fs.check(OpRead, "", mountTable); err != nil {
		return nil, err
	}
	text, err := readMountTable()
	if os.IsNotExist(err) || os.IsPermission(err) {
		return &Mounts{}, nil // as in a container without /proc
	}
	if err != nil {
		return nil, err
	}
	return parseMounts(string(text)), nil
}

// readMountTable reads the table of mounts.
func readMountTable() ([]byte, error) {
	return readSettled(func() ([]byte, error) { return os.ReadFile(mountTable) })
}

// readSettled reads something until two readings are equal. The kernel gives out a
// table in parts, and finds the next part by counting: before Linux 5.8 it left out a
// mount if another one, listed before it, was unmounted between two parts.
func readSettled(read func() ([]byte, error)) ([]byte, error) {
	before, err := read()
	for range tableReadings {
		if err != nil {
			return nil, err
		}
		var again []byte
		if again, err = read(); err == nil && bytes.Equal(before, again) {
			return again, nil
		}
		before = again
	}
	return nil, pathError(OpRead, "", mountTable, errTableChanges)
}
