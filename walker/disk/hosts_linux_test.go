//go:build linux && !portable

package disk

import (
	"errors"
	"os"
	"testing"
)

func TestWhichLocksOfNFSBindOtherHosts(t *testing.T) {
	const table = `36 25 0:40 / /a rw,relatime shared:1 - nfs4 host:/a rw,vers=4.2,hard,local_lock=none,addr=10.0.0.1
37 25 0:41 / /b rw,relatime - nfs host:/b rw,vers=3,nolock,local_lock=all,addr=10.0.0.1
38 25 8:1 / /c rw - ext4 /dev/sda1 rw
`
	for device, want := range map[string]bool{"0:40": true, "0:41": false, "8:1": false, "0:4": false} {
		if got := nfsAsksServer(table, device); got != want {
			t.Errorf("%s: %v", device, got)
		}
	}
}

// TestLockOfAFileThatIsRemoved holds that who removes the file of a lock removes
// the lock, and that a lock of a file which has lost its name is none.
func TestLockOfAFileThatIsRemoved(t *testing.T) {
	_, d := tempStore(t, &FS{}, "own/")
	lock, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	own, err := lock.Open("own")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	held, err := own.lockFile("lock")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := own.lockFile("lock"); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if named, err := isNamed(own.Dir, "lock", held); !named || err != nil {
		t.Errorf("the file has its name: %v, %v", named, err)
	}
	if err := own.Unlink("lock"); err != nil {
		t.Fatal(err)
	}
	if named, err := isNamed(own.Dir, "lock", held); named || err != nil {
		t.Errorf("the file has no name: %v, %v", named, err)
	}
	again, err := own.lockFile("lock")
	if err != nil {
		t.Fatalf("after the file was removed: %v", err)
	}
	if named, err := isNamed(own.Dir, "lock", held); named || err != nil {
		t.Errorf("another file has the name: %v, %v", named, err)
	}
	if err := unlockFile(again); err != nil {
		t.Error(err)
	}
}

// TestLocksOfThisHostAreKnown holds that a lock of which this kernel keeps
// account is not taken for one of a file server.
func TestLocksOfThisHostAreKnown(t *testing.T) {
	_, d := tempStore(t, &FS{}, "own/")
	lock, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if err := lock.BindHosts(lock.Store(), "lock"); !errors.Is(err, ErrOneHost) || lock.Hosts {
		t.Errorf("%v, binds other hosts: %v", err, lock.Hosts)
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Skip("needs /proc/locks")
	}
	if hasField(string(table), "ff:ff:0") {
		t.Error("a lock that nobody has is listed")
	}
}
