//go:build !portable

package disk

// lose makes all calls on a directory fail, until the function is called.
func lose(d *Dir) (back func()) {
	fd := d.fd
	d.fd = -1
	return func() { d.fd = fd }
}
