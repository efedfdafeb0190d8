package layouttest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// Options are what a text does not say itself.
type Options struct {
	// Now is what ages are counted back from; the zero value is the present, to the second.
	Now time.Time
	// Seed changes every generated content and so every digest.
	Seed string
}

// Store is a store on disk and the names that its text gave to what is in it.
// It is not for concurrent use.
type Store struct {
	Root string    // the registry's root directory
	Dir  string    // the store's directory, Root/docker/registry/v2
	Now  time.Time // what ages were counted back from

	seed     string
	objects  map[string]*object
	names    map[layout.Digest]string // the first name of each content
	fallback map[string][]*object     // repository@subject: the referrers in its fallback index
	age      time.Duration            // of lines that do not say
	dialect  int                      // 28 or 31
	anyNames bool
	serial   int                  // makes ids unique
	newest   map[string]time.Time // of each directory, by its absolute path
	dirty    map[string]bool      // directories whose time is not yet set
	locked   []string             // what was made unreadable
}

// object is a content that has a name, whether it is on disk or not.
type object struct {
	name      string
	digest    layout.Digest // what it is stored under
	alias     layout.Digest // what manifests call it instead, if not zero
	size      int64
	mediaType string // of manifests, and of plain blobs that say so
	content   func() []byte
	path      string // of what is no blob: an upload's directory

	manifest   bool
	absent     bool // foreign or embedded: neither stored nor linked
	urls       []string
	data       []byte
	artifact   string // artifactType, for the descriptors of referrers
	platform   *platform
	note       map[string]string // annotations of descriptors
	parts      []*object         // what a manifest needs linked as layers
	children   []*object         // what an index needs linked as manifests
	signatures []*object         // of schema 1
}

// ref is the digest that manifests use.
func (o *object) ref() layout.Digest {
	if !o.alias.IsZero() {
		return o.alias
	}
	return o.digest
}

// Build makes the store that the text describes below the directory root,
// which may exist. An error names the line.
func Build(root, text string, opts Options) (*Store, error) {
	if opts.Now.IsZero() {
		opts.Now = time.Now().Truncate(time.Second)
	}
	s := &Store{
		Root:     root,
		Dir:      filepath.Join(root, filepath.FromSlash(layout.Store)),
		Now:      opts.Now,
		seed:     opts.Seed,
		objects:  map[string]*object{},
		names:    map[layout.Digest]string{},
		fallback: map[string][]*object{},
		age:      30 * day,
		dialect:  31,
		newest:   map[string]time.Time{},
		dirty:    map[string]bool{},
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("layouttest: %w", err)
	}
	return s, s.Apply(text)
}

// New is Build in a directory that goes with the test. Errors end the test.
func New(t testing.TB, text string) *Store {
	t.Helper()
	s, err := Build(t.TempDir(), text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Unlock)
	return s
}

// MustApply is Apply for tests.
func (s *Store) MustApply(t testing.TB, text string) {
	t.Helper()
	if err := s.Apply(text); err != nil {
		t.Fatal(err)
	}
}

// Unlock makes readable again what "damage unreadable" locked, so that
// ordinary users can remove the store.
func (s *Store) Unlock() {
	for _, path := range s.locked {
		_ = os.Chmod(path, 0o755) // it may be gone by now
	}
	s.locked = nil
}

// Digest is what the named content is stored under. An unknown name panics: it
// is a mistake in the test.
func (s *Store) Digest(name string) layout.Digest { return s.mustObject(name).digest }

// Alias is the digest that manifests use for the named content, where that is
// another than the one it is stored under; else it is Digest.
func (s *Store) Alias(name string) layout.Digest { return s.mustObject(name).ref() }

// Path is the absolute path of the named content's data, or of the named
// upload's directory, whether it is there or not.
func (s *Store) Path(name string) string { return s.abs(s.mustObject(name).where()) }

func (o *object) where() string {
	if o.path != "" {
		return o.path
	}
	return layout.Object{Kind: layout.BlobData, Digest: o.digest}.Path()
}

func (s *Store) mustObject(name string) *object {
	o, err := s.object(name)
	if err != nil {
		panic("layouttest: " + err.Error())
	}
	return o
}

// Names lists every name, sorted.
func (s *Store) Names() []string { return slices.Sorted(maps.Keys(s.objects)) }

// Name is the first name that was given to the content, or "".
func (s *Store) Name(d layout.Digest) string { return s.names[d] }

// Stored lists the names of what is on disk at this moment, sorted.
func (s *Store) Stored() []string {
	return slices.DeleteFunc(s.Names(), func(name string) bool {
		_, err := os.Stat(s.Path(name))
		return err != nil
	})
}

// object looks a name up; a digest names itself.
func (s *Store) object(name string) (*object, error) {
	if o := s.objects[name]; o != nil {
		return o, nil
	}
	if d, err := layout.ParseDigest(name); err == nil {
		return &object{name: name, digest: d}, nil
	}
	return nil, fmt.Errorf("unknown name %q", name)
}

func (s *Store) objectList(names string) (list []*object, err error) {
	for _, name := range splitList(names) {
		o, err := s.object(name)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

// claim finds the name for what a line makes: that of as=, or the default with
// a number behind it if it is taken.
func (s *Store) claim(l *line, fallback string) (string, error) {
	if as := l.options["as"]; as != "" {
		if s.objects[as] != nil {
			return "", fmt.Errorf("the name %q is taken", as)
		}
		return as, nil
	}
	return s.unique(fallback), nil
}

func (s *Store) unique(name string) string {
	free := name
	for i := 2; s.objects[free] != nil; i++ {
		free = fmt.Sprintf("%s#%d", name, i)
	}
	return free
}

// add makes an object known under its name.
func (s *Store) add(o *object) *object {
	s.objects[o.name] = o
	if s.names[o.digest] == "" {
		s.names[o.digest] = o.name
	}
	return o
}

// addContent makes fixed content known, as a manifest or config.
func (s *Store) addContent(name string, alg layout.Algorithm, content []byte) *object {
	return s.add(&object{
		name:    name,
		digest:  layout.FromBytes(alg, content),
		size:    int64(len(content)),
		content: func() []byte { return content },
	})
}

// addFiller makes generated content known. Large content is generated again
// when it is written, so that a store of many megabytes needs no memory.
func (s *Store) addFiller(name string, alg layout.Algorithm, size int64) *object {
	content := func() []byte { return filler(s.seed, name, size) }
	what := filling{alg, s.seed, name, size}
	digest, known := fillings.Load(what)
	if !known {
		digest = layout.FromBytes(alg, content())
		fillings.Store(what, digest)
	}
	return s.add(&object{name: name, digest: digest.(layout.Digest), size: size, content: content})
}

// filling is what generated content follows from, and how its digest is computed.
type filling struct {
	alg        layout.Algorithm
	seed, name string
	size       int64
}

// fillings are the digests of generated content: many tests make the same stores.
var fillings sync.Map

// filler is content that follows from seed and name alone.
func filler(seed, name string, size int64) []byte {
	key := sha256.Sum256([]byte(seed + "\x00" + name))
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails, it says
	return b
}

func splitList(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}
