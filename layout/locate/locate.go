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

// getenv takes the last of equal names, which is the one that wins in ReadConfig.
func (o Options) getenv(name string) (value string) {
	for _, variable := range o.Environ {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
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
