package layouttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/regsweep/regsweep/layout"
)

// scale writes a store of a given size, for benchmarks. Half of the manifests
// have lost their tag to a later one. Nothing of it gets a name.
func (s *Store) scale(l *line) error {
	g := &generator{
		s: s, at: l.at, prefix: l.words[0],
		images: l.count("images", 10), layers: l.count("layers", 1), base: l.count("base", 10),
		manifest: int(l.size("manifest", 2048)), size: l.size("size", 512),
	}
	repositories := l.count("repositories", 1)
	if l.err != nil {
		return l.err
	}
	errs := make([]error, repositories)
	var wg sync.WaitGroup
	turn := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	for i := range repositories {
		turn <- struct{}{}
		wg.Go(func() {
			errs[i] = g.repository(i)
			<-turn
		})
	}
	wg.Wait()
	return errors.Join(append(errs, g.settle())...)
}

// generator writes the repositories of one scale line. Its methods are called
// concurrently, one repository each.
type generator struct {
	s                    *Store
	at                   time.Time
	prefix               string
	images, layers, base int
	manifest             int
	size                 int64
}

func (g *generator) repository(i int) error {
	name := fmt.Sprintf("%s/team%d/app%d", g.prefix, i%10, i)
	var shared []string
	for k := range g.base {
		d, err := g.layer(name, fmt.Sprintf("base%d", k))
		if err != nil {
			return err
		}
		shared = append(shared, d)
	}
	for k := range g.images {
		if err := g.image(name, k, shared); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) layer(repository, what string) (string, error) {
	content := filler(g.s.seed, repository+" "+what, g.size)
	d, err := g.blob(content)
	if err != nil {
		return "", err
	}
	to := layout.Object{Kind: layout.LayerLink, Repository: repository, Digest: d}
	return d.String(), g.write(to.Path(), []byte(d.String()))
}

func (g *generator) blob(content []byte) (layout.Digest, error) {
	d := layout.FromBytes(layout.SHA256, content)
	return d, g.write(layout.Object{Kind: layout.BlobData, Digest: d}.Path(), content)
}

func (g *generator) image(repository string, k int, shared []string) error {
	config, err := g.layer(repository, fmt.Sprintf("config%d", k))
	if err != nil {
		return err
	}
	m := manifest{SchemaVersion: 2, MediaType: ociManifest, Annotations: map[string]string{}}
	m.Config = &descriptor{MediaType: "application/vnd.oci.image.config.v1+json", Digest: config, Size: g.size}
	layers := []descriptor{}
	for _, d := range shared {
		layers = append(layers, descriptor{MediaType: ociLayer, Digest: d, Size: g.size})
	}
	for j := range g.layers {
		d, err := g.layer(repository, fmt.Sprintf("layer%d.%d", k, j))
		if err != nil {
			return err
		}
		layers = append(layers, descriptor{MediaType: ociLayer, Digest: d, Size: g.size})
	}
	m.Layers = &layers
	for n := 0; len(encode(m, false)) < g.manifest; n++ {
		m.Annotations[fmt.Sprintf("com.example.label-%d", n)] = "what a build leaves in annotations, more or less, a hundred characters of it"
	}
	d, err := g.blob(encode(m, false))
	if err != nil {
		return err
	}
	tag := fmt.Sprintf("v%d", k/2)
	for _, o := range []layout.Object{
		{Kind: layout.RevisionLink, Repository: repository, Digest: d},
		{Kind: layout.TagHistory, Repository: repository, Tag: tag, Digest: d},
		{Kind: layout.TagCurrent, Repository: repository, Tag: tag},
	} {
		if err := g.write(o.Path(), []byte(d.String())); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) write(path string, content []byte) error {
	file := g.s.abs(path)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return os.Chtimes(file, g.at, g.at)
}

// settle sets the times of all directories.
func (g *generator) settle() error {
	return filepath.WalkDir(g.s.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chtimes(path, g.at, g.at)
	})
}
