package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/parts"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

// stopsStride is how many of a sweep's calls are passed over between two at which
// TestPushAtEveryStop stops it. REGSWEEP_E2E_STOPS=1 stops it after each of them.
const stopsStride = 7

// TestPushAtEveryStop stops a sweep after each of its calls that change something,
// and has a registry accept a push, in six ways, that relies on what goes. What is
// accepted has to be whole in the end, and the store sound. It must not be hidden
// for a moment if it came before the first name in its repository was set aside.
// Otherwise the check after the batch gives it back, and all names of a repository,
// or all blobs, are one batch here: at the latest when the links have been synced,
// or before the last look begins. A tracer makes all of that long, so that no time
// is asserted.
func TestPushAtEveryStop(t *testing.T) {
	stride := stopsStride
	if text := os.Getenv("REGSWEEP_E2E_STOPS"); text != "" {
		stride = must[int](t)(strconv.Atoi(text))
	}
	must[string](t)(build())
	parts.Need(t, "strace")
	for _, version := range registry.Versions() {
		for i, way := range waysToPush {
			t.Run(version.Name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				newStops(t, version).all(1+i%stride, stride, way)
			})
		}
		for i, command := range otherSweeps {
			t.Run(version.Name+"/"+command.name, func(t *testing.T) {
				t.Parallel()
				s := newStops(t, version)
				s.command = command.of(s)
				s.all(otherFirst+2*i, otherStride*stride, waysToPush[command.way])
			})
		}
	}
}

// Of other commands than gc fewer calls are tried, since they sweep by the same
// code: every so manieth of gc's, from the first on that sets a name aside.
const (
	otherFirst  = 4
	otherStride = 2
)

// otherSweeps are commands that remove the same images as gc -m, each with one of
// waysToPush. rm takes the image that it names whatever its tags are when it
// begins, so another one is pushed there.
var otherSweeps = []struct {
	name string
	way  int
	of   func(s *stops) []string
}{
	{"rm", 4, func(s *stops) []string {
		return []string{"rm", stopsFrom + "@" + s.image.digest, stopsFrom + "@" + s.index.digest}
	}},
	{"prune", 0, func(*stops) []string {
		return []string{"prune", "--untagged-only", "--filter", ".*:.*", "--ago", "1d"}
	}},
	{"apply", 0, func(s *stops) []string {
		plan := filepath.Join(s.t.TempDir(), "plan")
		ok(s.t, "gc", "-m", "--dry-run", "--plan", plan, "--root", s.registry.Root)
		return []string{"apply", plan}
	}},
}

// all stops a sweep after each of its calls from one on, but those passed over.
func (s *stops) all(first, stride int, way way) {
	s.t.Helper()
	calls := first // as far as is known
	for n := first; n <= calls; n += stride {
		calls = s.stopAt(n, way)
	}
	s.t.Logf("of %d calls it was stopped after %d; %d pushes were accepted, %d of them hidden for some calls", calls, s.runs, s.accepted, s.hidden)
	if s.accepted == 0 {
		s.t.Error("no push was accepted")
	}
}

// stops is a registry over a store with garbage, which is made anew for each sweep.
type stops struct {
	t        *testing.T
	registry *registry.Registry
	api      *client.Client
	template string
	// what is garbage: an image, and an index of another
	image, child, index plate
	command             []string // what sweeps

	runs, accepted, hidden int
}

const (
	stopsFrom = "stops/from" // has the garbage
	stopsTo   = "stops/to"   // has some of its own
)

func newStops(t *testing.T, version registry.Version) *stops {
	s := &stops{t: t, command: []string{"gc", "-m"}, registry: registry.Start(t, version, t.TempDir(), registry.Options{}), template: filepath.Join(t.TempDir(), "template")}
	s.api = client.New(s.registry.Addr())
	s.image, s.child = smallPlate("image"), smallPlate("child")
	index := client.Manifest{SchemaVersion: 2, MediaType: ociIndex}
	index.Manifests = append(index.Manifests, describe(s.child.mediaType, "sha256", s.child.manifest))
	s.index = finish(ociIndex, index, nil)
	live := smallPlate("live")
	for repository, garbage := range map[string][]plate{stopsFrom: {s.image, s.child, s.index}, stopsTo: {smallPlate("other")}} {
		for _, p := range append(garbage, live) {
			s.upload(repository, p)
			s.put(repository, "v1", p)
		}
	}
	disk.Age(t, s.registry.Root, month, nil)
	s.copy(disk.V2(s.registry.Root), s.template)
	return s
}

// smallPlate is an image of one layer.
func smallPlate(name string) plate {
	config, layer := newBlob(fmt.Appendf(nil, `{"os":"linux","author":%q}`, name)), newBlob([]byte("the layer of "+name))
	manifest := manifestOf(describe(ociConfig, "sha256", config.data))
	manifest.Layers = append(manifest.Layers, describe(ociLayer, "sha256", layer.data))
	return finish(ociManifest, manifest, []blob{layer, config})
}

func (s *stops) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stops) upload(repository string, p plate) {
	s.t.Helper()
	for _, b := range p.blobs {
		s.check(s.api.Upload(repository, b.digest, b.data))
	}
}

func (s *stops) put(repository, reference string, p plate) {
	s.t.Helper()
	s.check(s.api.PutManifest(repository, reference, p.mediaType, p.manifest))
}

func (s *stops) copy(from, to string) {
	s.t.Helper()
	output, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
}

// pushed is what a registry has accepted.
type pushed struct {
	repository, reference string
	digest                string
}

// way is a way to push what is garbage. It returns what was accepted, or an error
// if something was not: the client sees that.
type way struct {
	name string
	to   string // the repository
	push func(s *stops) (pushed, error)
}

var waysToPush = []way{
	{"found by HEAD", stopsFrom, func(s *stops) (pushed, error) { return s.pushImage("found", s.image, false) }},
	{"uploaded in full", stopsFrom, func(s *stops) (pushed, error) { return s.pushImage("whole", s.image, true) }},
	{"mounted", stopsTo, func(s *stops) (pushed, error) {
		for _, b := range s.image.blobs {
			if err := s.api.MountOrUpload(stopsTo, b.digest, stopsFrom, b.data); err != nil {
				return pushed{}, err
			}
		}
		return s.accept(stopsTo, "mounted", s.image)
	}},
	{"an index again", stopsFrom, func(s *stops) (pushed, error) {
		if _, err := s.api.Manifest(stopsFrom, s.child.digest); err != nil { // else a client leaves it at that
			if _, err := s.pushImage(s.child.digest, s.child, false); err != nil {
				return pushed{}, err
			}
		}
		return s.accept(stopsFrom, "multi", s.index)
	}},
	{"a new manifest of old layers", stopsFrom, func(s *stops) (pushed, error) {
		p := s.image
		p.manifest = bytes.Replace(p.manifest, []byte("{"), []byte(`{"annotations":{"new":"yes"},`), 1)
		p.digest = client.DigestOf("sha256", p.manifest)
		return s.pushImage("new", p, false)
	}},
	{"a tag moved", stopsFrom, func(s *stops) (pushed, error) { return s.pushImage("v1", s.image, false) }},
}

// pushImage pushes an image, whose blobs are uploaded unless the registry says that
// it has them.
func (s *stops) pushImage(reference string, p plate, blind bool) (pushed, error) {
	for _, b := range p.blobs {
		_, ok, err := s.api.HasBlob(stopsFrom, b.digest)
		if err == nil && (!ok || blind) {
			err = s.api.Upload(stopsFrom, b.digest, b.data)
		}
		if err != nil {
			return pushed{}, err
		}
	}
	return s.accept(stopsFrom, reference, p)
}

func (s *stops) accept(repository, reference string, p plate) (pushed, error) {
	return pushed{repository, reference, p.digest}, s.api.PutManifest(repository, reference, p.mediaType, p.manifest)
}

// whole pulls what was pushed.
func (s *stops) whole(p pushed) error {
	digest, err := s.api.Pull(p.repository, p.reference)
	if err == nil && digest != p.digest {
		err = fmt.Errorf("it is %s", digest)
	}
	return err
}

// hides reports whether something that was pushed answers 404.
func (s *stops) hides(p pushed) bool {
	err := s.whole(p)
	if err != nil && !isNotFound(err) {
		s.t.Errorf("a pull of %s:%s failed: %v", p.repository, p.reference, err)
	}
	return err != nil
}

// changing are the calls after which a sweep is stopped. When it unlinks all is
// decided, so of these calls only some are tried.
const (
	changing = "renameat,renameat2,linkat,syncfs,fsync,utimensat,mkdirat"
	removing = "unlinkat"
)

// stopAt sweeps, and pushes when the sweep stands after the n-th of its calls. It
// returns how many there are.
func (s *stops) stopAt(n int, way way) (calls int) {
	s.check(os.RemoveAll(disk.V2(s.registry.Root)))
	s.copy(s.template, disk.V2(s.registry.Root))
	sweep := s.startSweep()
	defer sweep.end()
	var got pushed
	err := errors.New("not pushed")
	early, hides, was := false, false, false
	before := 0 // the looks when the sweep began to set names aside
	for sweep.next() {
		if calls++; calls == n {
			early = !setAside(s.t, s.registry.Root, way.to)
			got, err = way.push(s)
		}
		if before == 0 && sweep.last() == "fsync" {
			before = sweep.looks()
		}
		is := err == nil && s.hides(got)
		hides = hides || is
		if (is || was) && sweep.looks() > before {
			s.t.Errorf("pushed when the sweep had made %d calls: hidden until it looked for the last time, when it had made %d\n%s", n, calls, sweep.traced())
		}
		if is && sweep.last() == "syncfs" {
			s.t.Errorf("pushed when the sweep had made %d calls: hidden when it had made %d and synced the links\n%s", n, calls, sweep.traced())
		}
		was = is
		sweep.goOn()
	}
	if status := sweep.status(); status != 0 {
		s.t.Errorf("stopped after call %d: %s ended with status %d\n%s", n, s.command[0], status, sweep.stderr.String())
	}
	if s.runs++; err != nil {
		return calls
	}
	s.accepted++
	where := fmt.Sprintf("pushed when the sweep had made %d calls of %d", n, calls)
	if err := s.whole(got); err != nil {
		s.t.Errorf("%s: LOST: %v", where, err)
	}
	ok(s.t, "check", "--root", s.registry.Root)
	if hides {
		s.hidden++
	}
	if early && hides {
		s.t.Errorf("%s, before the first name in %s was set aside: it was hidden\n%s", where, way.to, sweep.traced())
	}
	return calls
}

// setAside reports whether a name in a repository is set aside.
func setAside(t *testing.T, root, repository string) bool {
	t.Helper()
	for path := range disk.List(t, root) {
		if strings.HasPrefix(path, "repositories/"+repository+"/") && strings.Contains(filepath.Base(path), ".regsweep") {
			return true
		}
	}
	return false
}
