package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// call is one call on a directory, and the name that an error of it has to tell.
type call struct {
	name string
	make func(*Locked) error
}

// calls are all that can be asked of a directory. Each is about the name x, or
// about the directory itself.
func calls() []call {
	buf := make([]byte, 10)
	nothing := func(Entry) error { return nil }
	ignore := func([]byte) error { return nil }
	second := func(_ any, err error) error { return err }
	return []call{
		{"x", func(d *Locked) error { return second(d.Open("x")) }},
		{"x", func(d *Locked) error { return second(d.OpenBelow("x")) }},
		{"x", func(d *Locked) error { return second(d.OpenStraight("x")) }},
		{"x", func(d *Locked) error { return second(d.Walk("x")) }},
		{"", func(d *Locked) error { return second(d.Walk()) }},
		{"", func(d *Locked) error { return second(d.Info()) }},
		{"", func(d *Locked) error { return d.List(nothing) }},
		{"x", func(d *Locked) error { return second(d.Stat("x")) }},
		{"x", func(d *Locked) error { return second(d.Follow("x")) }},
		{"x", func(d *Locked) error { _, _, err := d.ReadFile("x", buf); return err }},
		{"x", func(d *Locked) error { return second(d.ReadRegular("x", buf)) }},
		{"x", func(d *Locked) error { return d.Stream("x", buf, ignore) }},
		{"x", func(d *Locked) error { return second(d.OpenSource("x")) }},
		{"", func(d *Locked) error { return second(d.Lock()) }},
		{"", func(d *Locked) error { return second(d.Touch()) }},
		{"", func(d *Locked) error { return d.SyncHere() }},
		{"x", func(d *Locked) error { return d.Mkdir("x", d.Dir) }},
		{"x", func(d *Locked) error { return d.Write("x", buf) }},
		{"x", func(d *Locked) error { return d.Create("x") }},
		{"x", func(d *Locked) error { return d.Unlink("x") }},
		{"x", func(d *Locked) error { return d.Rmdir("x") }},
		{"x", func(d *Locked) error { return d.Rename("x", d, "y") }},
		{"x", func(d *Locked) error { return d.RenameNoReplace("x", d, "y") }},
		{"x", func(d *Locked) error { return d.Link("x", d, "y") }},
		{"x", func(d *Locked) error { return d.LinkFrom(d.Dir, "x", "y") }},
		{"x", func(d *Locked) error { return second(d.Replace("x", "y", Info{})) }},
		{"x", func(d *Locked) error { return second(d.Access("x")) }},
	}
}

// onPaths are what can be asked of a path below the store's own directory.
func onPaths() []call {
	second := func(_ any, err error) error { return err }
	return []call{
		{"x", func(d *Locked) error { return second(d.Resolve("x")) }},
		{"x", func(d *Locked) error { return second(d.Target("x")) }},
		{"x", func(d *Locked) error { return d.Publish("x", "y", nil) }},
		{"x", func(d *Locked) error { return d.PublishNow("x", "y", func(io.Writer, time.Time) error { return nil }) }},
	}
}

// nameless is an error text in which nothing stands where a name should.
var nameless = regexp.MustCompile(`(^|\s)[a-z]+ :|: :|""`)

// namesWhat complains about an error that does not say what failed.
func namesWhat(t *testing.T, about string, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s does not fail", about)
		return
	}
	if errors.Is(err, ErrOneHost) {
		return
	}
	var pe *fs.PathError
	if !strings.Contains(err.Error(), "no path") && (!errors.As(err, &pe) || pe.Path == "") || !strings.Contains(err.Error(), want) || nameless.MatchString(err.Error()) {
		t.Errorf("%s: the error does not name %q: %v", about, want, err)
	}
}

// TestErrorsNameWhatFailed holds that whatever fails, the error says of which name:
// where the system refuses a call, and where a test does.
func TestErrorsNameWhatFailed(t *testing.T) {
	wrong, refusals := errors.New("wrong"), 0
	for i, c := range calls() {
		for where, path := range map[string][]string{".": {}, "a": {"a"}} {
			root, d := tempStore(t, &FS{}, "x", "a/x")
			own, err := (&Lock{store: d}).Open(path...)
			if err != nil {
				t.Fatal(err)
			}
			if len(path) > 0 {
				t.Cleanup(func() { own.Close() })
			}
			at := func(fault func(Op, string) error) *Locked {
				for _, dir := range []string{root, root + "/a"} {
					_ = os.Remove(dir + "/y") // which a call may have made of x
					if err := os.WriteFile(dir+"/x", nil, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				own.fs = &FS{Fault: fault}
				return own
			}
			want := c.name
			if want == "" {
				want = where
			} else if where != "." {
				want = where + "/" + want
			}
			lost := at(nil)
			back := lose(lost.Dir)
			namesWhat(t, fmt.Sprintf("call %d on %s, which is lost", i, where), c.make(lost), want)
			back()
			for _, op := range Ops {
				refused := false
				err := c.make(at(func(o Op, _ string) error {
					if o != op {
						return nil
					}
					refused = true
					return wrong
				}))
				if refused && err != nil && errors.Is(err, wrong) {
					refusals++
					namesWhat(t, fmt.Sprintf("call %d on %s, where %s is refused", i, where, op), err, want)
				}
			}
		}
	}
	if refusals < 50 {
		t.Errorf("only %d refusals came out", refusals)
	}
}

// TestErrorsOfPathsNameThem is the same for what is asked of paths, in a store in
// which links lead in a circle or to nothing.
func TestErrorsOfPathsNameThem(t *testing.T) {
	for name, to := range map[string]string{"a circle": "x", "nothing": "absent/absent/absent"} {
		root, d := tempStore(t, &FS{}, "a/")
		symlink(t, to, root+"/x")
		lock, err := d.Lock()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range onPaths() {
			namesWhat(t, name, c.make(lock.Store()), c.name)
		}
		lock.Release()
	}
}
