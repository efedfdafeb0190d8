// Package locate finds the registry that is meant, and reads its configuration.
package locate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
)

func hint(err error, next string) error { return &layout.HintError{Err: err, Hint: next} }

// cause is what went wrong, without the name that the message already has.
func cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// ErrAmbiguous is wrapped by errors about arguments that name one thing twice.
var ErrAmbiguous = errors.New("named twice")

// Defaults is where a registry is looked for when nothing names it.
type Defaults struct {
	Configs []string // configuration files, the first that exists counts
	Root    string   // where there is no configuration either
	// Others are configuration files that never say where the registry is; but
	// if they are about its directory, what they say about it is believed.
	Others []string
}

// StandardDefaults are those of the registries' images and packages.
func StandardDefaults() Defaults {
	return Defaults{
		Configs: []string{"/etc/distribution/config.yml", "/etc/docker/registry/config.yml"},
		Root:    DefaultRoot,
		// In Harbor's image, and in GitLab's packages.
		Others: []string{"/etc/registry/config.yml", "/var/opt/gitlab/registry/config.yml"},
	}
}

// Options say where the registry is. Empty fields say nothing.
type Options struct {
	Root       string   // --root: the root directory, or docker/registry/v2 in it
	ConfigFile string   // --config: the registry's own configuration
	Arg        string   // gc's argument: either of them
	Environ    []string // as from os.Environ
	Defaults   Defaults // StandardDefaults, except in tests
}

// Place is where a registry is and what its configuration says.
type Place struct {
	Root   string // the registry's root directory, absolute; symbolic links stay
	Store  string // docker/registry/v2 in it
	Origin string // what named the root directory, for messages
	Config Config // the zero value if no configuration is known to be about Root

	// Unread are configurations that may be about Root, but could not be read.
	Unread []error
}

// Find finds the registry: by Root, else by ConfigFile (as RootVariable
// overrides it), else by RootVariable alone, else by the file that
// ConfigVariable names, else by the defaults. An explicit
// ConfigFile is believed whatever directory it names; where only the directory
// is named, a configuration is believed if it names the same one. Errors have a
// next step; see layout.HintError.
func Find(o Options) (Place, error) {
	o, err := o.withArg()
	if err != nil {
		return Place{}, err
	}
	p, err := o.choose()
	if err != nil {
		return Place{}, err
	}
	if err := p.resolve(); err != nil {
		return Place{}, err
	}
	if p.Config.Path == "" {
		o.describe(&p)
	}
	return p, nil
}

// withArg puts gc's argument in the field that it belongs in.
func (o Options) withArg() (Options, error) {
	if o.Arg == "" {
		return o, nil
	}
	info, err := os.Stat(o.Arg)
	switch {
	case err != nil:
		return o, hint(fmt.Errorf("%q: %w", o.Arg, cause(err)), "give the registry's configuration or its root directory")
	case info.IsDir() && o.Root != "":
		return o, hint(fmt.Errorf("root directory %w: %q and --root %q", ErrAmbiguous, o.Arg, o.Root), "give one of them")
	case !info.IsDir() && o.ConfigFile != "":
		return o, hint(fmt.Errorf("configuration %w: %q and --config %q", ErrAmbiguous, o.Arg, o.ConfigFile), "give one of them")
	case info.IsDir():
		o.Root = o.Arg
	default:
		o.ConfigFile = o.Arg
	}
	return o, nil
}

// choose follows the order of Find. Config stays empty where a directory is named alone.
func (o Options) choose() (p Place, err error) {
	file := o.ConfigFile
	switch {
	case o.Root != "" && file == "":
		return Place{Root: o.Root, Origin: "the command line"}, nil
	case file != "":
	case o.getenv(RootVariable) != "":
		c, err := ReadConfig("", o.Environ)
		return Place{Root: c.RootDirectory, Origin: RootVariable}, err
	default:
		if file, err = o.standardConfig(); err != nil {
			return Place{}, err
		}
	}
	if p.Config, err = ReadConfig(file, o.Environ); err != nil {
		return Place{}, err
	}
	switch {
	case o.Root != "":
		p.Root, p.Origin = o.Root, "the command line"
	case o.getenv(RootVariable) != "":
		p.Root, p.Origin = p.Config.RootDirectory, RootVariable // which ReadConfig let override the file
	case file != "":
		p.Root, p.Origin = p.Config.RootDirectory, fmt.Sprintf("%q", file)
	case p.Config.RootDirectory != DefaultRoot:
		p.Root, p.Origin = p.Config.RootDirectory, "REGISTRY_STORAGE"
	default:
		p.Root, p.Origin = o.Defaults.Root, "the default"
	}
	return p, nil
}

// standardConfig is the configuration that the registry itself would read; empty if there is none.
func (o Options) standardConfig() (string, error) {
	if file := o.getenv(ConfigVariable); file != "" {
		return file, nil
	}
	for _, file := range o.Defaults.Configs {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", hint(fmt.Errorf("configuration %q: %w", file, cause(err)), "name the root directory with --root")
		}
	}
	return "", nil
}

// describe looks for a configuration that is about the directory which was
// named without one; last the environment alone, with the default root.
func (o Options) describe(p *Place) {
	var files []string
	if file := o.getenv(ConfigVariable); file != "" {
		files = append(files, file)
	}
	files = slices.Concat(files, o.Defaults.Configs, o.Defaults.Others, []string{""})
	for _, file := range files {
		c, err := ReadConfig(file, o.Environ)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDriver) {
			continue
		}
		same := false
		if err == nil {
			same, err = sameDirectory(c.RootDirectory, p.Root)
		}
		if err != nil {
			p.Unread = append(p.Unread, err)
		}
		if same {
			p.Config = c
			return
		}
	}
}

func sameDirectory(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	if err != nil {
		return false, err
	}
	return os.SameFile(x, y), nil
}

// getenv takes the last of equal names, which is the one that wins in ReadConfig.
func (o Options) getenv(name string) (value string) {
	for _, variable := range o.Environ {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
}

// resolve makes Root absolute and finds Store, or says what to give instead.
func (p *Place) resolve() error {
	refuse := func(problem error, next string) error {
		return hint(fmt.Errorf("root directory %q (from %s) %w", p.Root, p.Origin, problem), next)
	}
	root, err := filepath.Abs(p.Root)
	if err != nil {
		return refuse(fmt.Errorf("has no absolute path: %w", err), "give an absolute path with --root")
	}
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse(errors.New("does not exist"),
			"is its volume mounted here? name the root directory with --root, or the registry's configuration with --config")
	case err != nil:
		return refuse(fmt.Errorf("cannot be read: %w", cause(err)), "run as the user who owns the storage")
	case !info.IsDir():
		return refuse(errors.New("is not a directory"), "a configuration is named with --config")
	}
	store := storeBelow(root)
	switch is, err := isDirectory(store); {
	case err != nil:
		return refuse(fmt.Errorf("cannot be read: %w", cause(err)), "run as the user who owns the storage")
	case is:
		p.Root, p.Store = root, store
		return nil
	}
	above := rootAbove(root)
	if above != "" && isSame(storeBelow(above), root) {
		p.Root, p.Store = above, storeBelow(above)
		return nil
	}
	return refuse(errors.New("has no "+layout.Store+" below it"), whatToGive(root, above))
}

// whatToGive is the next step for a directory that is no registry's root.
func whatToGive(dir, above string) string {
	if above != "" {
		return fmt.Sprintf("it is inside of a registry's storage; give the root directory, %q", above)
	}
	for _, name := range []string{layout.Repositories, layout.Blobs} {
		if is, _ := isDirectory(filepath.Join(dir, name)); is {
			// Not accepted: what says who owns the tags lies above it, out of reach.
			return "it looks like " + layout.Store + " under another name; mount and give the directory that holds " + layout.Store
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		below := filepath.Join(dir, entry.Name())
		if is, _ := isDirectory(storeBelow(below)); is {
			return fmt.Sprintf("perhaps you mean %q", below)
		}
	}
	return "a registry makes it at its first push; if there was one, name the directory that holds it with --root"
}

func storeBelow(root string) string { return filepath.Join(root, filepath.FromSlash(layout.Store)) }

// rootAbove is the root directory of the storage that dir is in, by its path as
// given or without symbolic links; empty if it is in none.
func rootAbove(dir string) string {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		resolved = dir
	}
	for _, path := range []string{dir, resolved} {
		for path != filepath.Dir(path) {
			name := filepath.Base(path)
			path = filepath.Dir(path)
			if is, _ := isDirectory(storeBelow(path)); is && name == "docker" {
				return path
			}
		}
	}
	return ""
}

func isDirectory(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

func isSame(a, b string) bool {
	same, err := sameDirectory(a, b)
	return err == nil && same
}

// GitLabDatabase reports whether a GitLab metadata database is in use, which
// makes the links on disk something else than the truth: by the configuration,
// or by the lock file that need not be there. Source: GitLab's container registry,
// registry/storage DatabaseInUseLocker, configuration Database.Enabled.
func (p Place) GitLabDatabase() (bool, error) {
	if p.Config.Database {
		return true, nil
	}
	return exists(filepath.Join(p.Root, "docker", "registry", "lockfiles", "database-in-use"))
}

// PullThrough reports whether this is a pull-through cache, by its configuration
// or by the scheduler's state in the root directory (distribution v3.1.2
// registry/proxy/proxyregistry.go).
func (p Place) PullThrough() (bool, error) {
	if p.Config.Proxy {
		return true, nil
	}
	return exists(filepath.Join(p.Root, "scheduler-state.json"))
}

// exists counts a dangling symbolic link as well.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Named returns what the options name as the root directory, and by what,
// whether or not a registry is there: only Root, Origin and Config are known.
func Named(o Options) (Place, error) {
	o, err := o.withArg()
	if err != nil {
		return Place{}, err
	}
	return o.choose()
}

// Near returns the root directories of registries that are right above or right
// below a directory which is none.
func Near(dir string) (roots []string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	if above := rootAbove(dir); above != "" {
		roots = append(roots, above)
	}
	entries, _ := os.ReadDir(dir) // what cannot be read is not proposed
	for _, entry := range entries {
		below := filepath.Join(dir, entry.Name())
		if is, _ := isDirectory(storeBelow(below)); is {
			roots = append(roots, below)
		}
	}
	return roots
}
