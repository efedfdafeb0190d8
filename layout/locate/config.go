package locate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// DefaultRoot is the filesystem driver's root directory where nothing
	// names another (distribution v3.1.2 registry/storage/driver/filesystem).
	DefaultRoot = "/var/lib/registry"
	// MaxConfig is how large a configuration may be, in bytes.
	MaxConfig = 1 << 20

	// RootVariable overrides the root directory of every configuration.
	RootVariable = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"
	// ConfigVariable names the configuration file, for the registry and for us.
	ConfigVariable = "REGISTRY_CONFIGURATION_PATH"

	harborRealm = "harbor-registry-basic-realm"
)

// ErrDriver is wrapped by the errors about a configuration whose storage is
// not, or not only, the filesystem driver's.
var ErrDriver = errors.New("no filesystem storage")

// Config is what a registry's own configuration says that matters to us. The
// zero value is that of no configuration at all.
type Config struct {
	Path          string // the file that it was read from; empty if none
	RootDirectory string // as it is written there: a relative one is the registry's to resolve
	Cache         string // the blob descriptor cache: "inmemory", "redis" or what else is written; empty if none
	ReadOnly      bool   // storage.maintenance.readonly; false for a pull-through cache, which writes regardless
	Proxy         bool   // a pull-through cache
	HTTPAddr      string // where the registry listens, such as ":5000"
	Harbor        bool   // Harbor's registry, whose tags live in a database
	Database      bool   // GitLab's registry with its metadata in a database, in part or in whole
}

// ReadConfig reads a registry's configuration and applies the environment, as
// from os.Environ, in the way that the registry does. It validates only what it
// uses. With an empty file name the environment stands alone, over a filesystem
// driver with its default root.
//
// Source: distribution v3.1.2 configuration/parser.go, configuration.go and
// registry/handlers/app.go.
func ReadConfig(file string, environ []string) (Config, error) {
	content, source := []byte("storage: filesystem"), "the environment"
	if file != "" {
		var err error
		if content, err = readConfigFile(file); err != nil {
			return Config{}, err
		}
		source = fmt.Sprintf("%q", file)
	}
	var s settings
	if err := s.parse(content); err != nil {
		return Config{}, hint(fmt.Errorf("%s is not a registry configuration: %w", source, err),
			"correct it, or name the root directory with --root")
	}
	if err := s.override(environ); err != nil {
		return Config{}, err
	}
	c, err := s.config(source)
	c.Path = file
	return c, err
}

func readConfigFile(file string) ([]byte, error) {
	// Asked before it is opened, since opening a named pipe would wait for its writer.
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, hint(fmt.Errorf("configuration %q: %w", file, cause(err)),
			"name the registry's own configuration with --config, or its root directory with --root")
	case info.IsDir():
		return nil, hint(fmt.Errorf("configuration %q is a directory", file), "name a root directory with --root")
	case !info.Mode().IsRegular():
		return nil, hint(fmt.Errorf("configuration %q is not a regular file", file), "copy it to a file and name that with --config")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, hint(fmt.Errorf("configuration %q: %w", file, cause(err)),
			"run as a user who may read it, or name the root directory with --root")
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, MaxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("configuration %q: %w", file, cause(err))
	}
	if len(content) > MaxConfig {
		return nil, hint(fmt.Errorf("configuration %q is larger than %d bytes", file, MaxConfig),
			"name the registry's own configuration with --config")
	}
	return content, nil
}

// settings are the sections of a configuration that matter to us. The values of
// parameters stay YAML nodes until somebody wants them.
type settings struct {
	storage, auth map[string]parameters // by driver (or "cache", ...), and by type
	proxy, http   parameters
	database      parameters // of GitLab's registry
}

func (s *settings) parse(content []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return err
	}
	top, err := mapping(&doc)
	if err != nil {
		return err
	}
	for _, section := range []string{"storage", "auth", "proxy", "http", "database"} {
		if err := s.set(section, top[section]); err != nil {
			return fmt.Errorf("%s: %w", section, err)
		}
	}
	return nil
}

// set replaces a whole section.
func (s *settings) set(section string, node *yaml.Node) (err error) {
	switch section {
	case "storage":
		s.storage, err = choices(node)
	case "auth":
		s.auth, err = choices(node)
	case "proxy":
		s.proxy, err = mapping(node)
	case "http":
		s.http, err = mapping(node)
	case "database":
		s.database, err = mapping(node)
	}
	return err
}

// config reads the settings, once all of them are known.
func (s *settings) config(source string) (c Config, err error) {
	if err := s.checkDriver(source); err != nil {
		return c, err
	}
	if c.RootDirectory, err = s.rootDirectory(source); err != nil {
		return c, err
	}
	cache, ok := s.storage["cache"]["blobdescriptor"]
	if !ok {
		cache = s.storage["cache"]["layerinfo"] // its name in old configurations
	}
	c.Cache = text(cache)
	c.HTTPAddr = text(s.http["addr"])
	c.Proxy = text(s.proxy["remoteurl"]) != ""
	c.Database = wanted(s.database["enabled"])
	c.ReadOnly = !c.Proxy && enabled(s.storage["maintenance"]["readonly"])
	for _, p := range s.auth {
		c.Harbor = c.Harbor || text(p["realm"]) == harborRealm
	}
	return c, nil
}

// checkDriver refuses all but the filesystem driver alone.
func (s *settings) checkDriver(source string) error {
	var drivers []string
	for name := range s.storage {
		switch name {
		case "maintenance", "cache", "delete", "redirect", "tag":
		default:
			drivers = append(drivers, name)
		}
	}
	slices.Sort(drivers)
	switch {
	case len(drivers) == 0:
		return hint(fmt.Errorf("%w: %s names no storage driver", ErrDriver, source),
			"is it a registry's configuration? name that with --config, or the root directory with --root")
	case len(drivers) > 1:
		return hint(fmt.Errorf("%w: %s names more than one storage driver: %q", ErrDriver, source, drivers),
			"leave only filesystem in storage, and look for REGISTRY_STORAGE variables in the environment")
	case drivers[0] != "filesystem":
		return hint(fmt.Errorf("%w: %s has the storage driver %q", ErrDriver, source, drivers[0]),
			"only the filesystem driver's storage can be read here; collect this one with the registry's own garbage-collect")
	}
	return nil
}

// rootDirectory is the driver's. What is written but empty is refused: the
// registry takes that for a directory named "<nil>", or for /.
func (s *settings) rootDirectory(source string) (string, error) {
	node, ok := s.storage["filesystem"]["rootdirectory"]
	if !ok {
		return DefaultRoot, nil
	}
	dir := text(node)
	if dir == "" {
		return "", hint(fmt.Errorf("storage.filesystem.rootdirectory is empty in %s", source),
			"correct it or unset "+RootVariable+", or name the root directory with --root")
	}
	if !isName(node) {
		return "", hint(fmt.Errorf("storage.filesystem.rootdirectory is %s in %s, which the registry does not read as a name", dir, source),
			"put it in quotes, or name the root directory with --root")
	}
	return dir, nil
}

// override applies the variables that begin with REGISTRY_. In the order of
// their names a section comes before what is in it.
func (s *settings) override(environ []string) error {
	environ = slices.Clone(environ)
	slices.SortStableFunc(environ, func(a, b string) int { return strings.Compare(before(a), before(b)) })
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		path, ok := strings.CutPrefix(name, "REGISTRY_")
		if !ok {
			continue
		}
		if err := s.overrideOne(strings.Split(path, "_"), value); err != nil {
			return hint(fmt.Errorf("environment variable %s: %w", name, err), "correct or unset it")
		}
	}
	return nil
}

func before(variable string) string {
	name, _, _ := strings.Cut(variable, "=")
	return name
}

func (s *settings) overrideOne(path []string, value string) error {
	switch path[0] {
	case "STORAGE", "AUTH", "PROXY", "HTTP", "DATABASE":
	default:
		return nil // Kubernetes sets REGISTRY_PORT and the like beside a service named registry
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(value), &node); err != nil {
		return err
	}
	if len(path) == 1 {
		return s.set(strings.ToLower(path[0]), &node)
	}
	switch path[0] {
	case "STORAGE":
		return overrideChoice(&s.storage, path[1:], &node)
	case "AUTH":
		return overrideChoice(&s.auth, path[1:], &node)
	case "PROXY":
		return s.proxy.override(path[1:], &node)
	case "DATABASE":
		return s.database.override(path[1:], &node)
	default:
		return s.http.override(path[1:], &node)
	}
}

func overrideChoice(choices *map[string]parameters, path []string, node *yaml.Node) (err error) {
	if *choices == nil {
		*choices = map[string]parameters{}
	}
	key := strings.ToLower(path[0])
	if len(path) == 1 {
		(*choices)[key], err = mapping(node)
		return err
	}
	for k, p := range *choices {
		if strings.ToUpper(k) == path[0] && p != nil {
			return p.override(path[1:], node)
		}
	}
	p := parameters{}
	(*choices)[key] = p
	return p.override(path[1:], node)
}
