//go:build !linux || portable

package disk

// lose makes all calls on a directory fail, until the function is called.
func lose(d *Dir) (back func()) {
	at := d.real
	d.real += "-that-is-gone"
	return func() { d.real = at }
}
