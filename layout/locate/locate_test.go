package locate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine is a temporary directory with registries and configurations, in which
// paths begin with "@".
type machine struct {
	*testing.T
	dir string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir()) // a link on macOS
	if err != nil {
		t.Fatal(err)
	}
	return machine{t, dir}
}

func (m machine) path(s string) string { return strings.ReplaceAll(s, "@", m.dir+"/") }

func (m machine) registry(root string) {
	m.Helper()
	if err := os.MkdirAll(m.path(root)+"/docker/registry/v2/repositories", 0o755); err != nil {
		m.Fatal(err)
	}
}

func (m machine) write(file, content string) {
	m.Helper()
	writeFile(m.T, m.path(file), m.path(content))
}

func (m machine) link(target, name string) {
	m.Helper()
	if err := os.Symlink(m.path(target), m.path(name)); err != nil {
		m.Fatal(err)
	}
}

// options are those that a machine of its own would have.
func (m machine) options(o Options) Options {
	o.Root, o.ConfigFile, o.Arg = m.path(o.Root), m.path(o.ConfigFile), m.path(o.Arg)
	for i, v := range o.Environ {
		o.Environ[i] = m.path(v)
	}
	o.Defaults = Defaults{
		Configs: []string{m.path("@etc/distribution.yml"), m.path("@etc/docker.yml")},
		Root:    m.path("@var/lib/registry"),
		Others:  []string{m.path("@etc/harbor.yml")},
	}
	return o
}

func filesystemAt(dir string) string {
	return "storage: {cache: {blobdescriptor: redis}, filesystem: {rootdirectory: '" + dir + "'}}"
}

func TestFindOrder(t *testing.T) {
	type files map[string]string
	for name, test := range map[string]struct {
		files  files
		o      Options
		root   string
		origin string
		config string // the configuration that is believed
	}{
		"nothing but the default": {root: "@var/lib/registry", origin: "the default"},
		"the second standard configuration": {
			files: files{"@etc/docker.yml": filesystemAt("@a")},
			root:  "@a", origin: `"@etc/docker.yml"`, config: "@etc/docker.yml",
		},
		"the first standard configuration before the second": {
			files: files{"@etc/docker.yml": filesystemAt("@a"), "@etc/distribution.yml": filesystemAt("@b")},
			root:  "@b", origin: `"@etc/distribution.yml"`, config: "@etc/distribution.yml",
		},
		"the named configuration before the standard ones": {
			files: files{"@etc/docker.yml": filesystemAt("@a"), "@my.yml": filesystemAt("@b")},
			o:     Options{Environ: []string{ConfigVariable + "=@my.yml"}},
			root:  "@b", origin: `"@my.yml"`, config: "@my.yml",
		},
		"the root variable before configurations": {
			files: files{"@etc/docker.yml": "storage: s3", "@my.yml": "{"},
			o:     Options{Environ: []string{ConfigVariable + "=@missing.yml", RootVariable + "=@c"}},
			root:  "@c", origin: RootVariable,
		},
		"the root variable, and the configuration that it overrides": {
			files: files{"@etc/docker.yml": filesystemAt("@a")},
			o:     Options{Environ: []string{RootVariable + "=@c"}},
			root:  "@c", origin: RootVariable, config: "@etc/docker.yml",
		},
		"a whole storage in the environment": {
			o:    Options{Environ: []string{"REGISTRY_STORAGE={filesystem: {rootdirectory: '@a'}}"}},
			root: "@a", origin: "REGISTRY_STORAGE",
		},
		"--config before all variables but the root's": {
			files: files{"@etc/docker.yml": filesystemAt("@a"), "@my.yml": filesystemAt("@b")},
			o:     Options{ConfigFile: "@my.yml", Environ: []string{ConfigVariable + "=@etc/docker.yml"}},
			root:  "@b", origin: `"@my.yml"`, config: "@my.yml",
		},
		"the root variable overrides --config": {
			files: files{"@my.yml": filesystemAt("@b")},
			o:     Options{ConfigFile: "@my.yml", Environ: []string{RootVariable + "=@c"}},
			root:  "@c", origin: RootVariable, config: "@my.yml",
		},
		"--root before the root variable": {
			o:    Options{Root: "@a", Environ: []string{RootVariable + "=@c"}},
			root: "@a", origin: "the command line",
		},
		"--root for the place, --config for the rest": {
			files: files{"@my.yml": filesystemAt("@nowhere")},
			o:     Options{Root: "@a", ConfigFile: "@my.yml", Environ: []string{RootVariable + "=@c"}},
			root:  "@a", origin: "the command line", config: "@my.yml",
		},
		"--root with a standard configuration about it": {
			files: files{"@etc/docker.yml": filesystemAt("@link-to-a/.")},
			o:     Options{Root: "@a"},
			root:  "@a", origin: "the command line", config: "@etc/docker.yml",
		},
		"--root with a named configuration about it": {
			files: files{"@my.yml": filesystemAt("@a"), "@etc/docker.yml": filesystemAt("@a")},
			o:     Options{Root: "@a", Environ: []string{ConfigVariable + "=@my.yml"}},
			root:  "@a", origin: "the command line", config: "@my.yml",
		},
		"--root with Harbor's configuration about it": {
			files: files{"@etc/docker.yml": filesystemAt("@b"), "@etc/harbor.yml": filesystemAt("@a")},
			o:     Options{Root: "@a"},
			root:  "@a", origin: "the command line", config: "@etc/harbor.yml",
		},
		"--root with configurations about other places": {
			files: files{"@etc/docker.yml": filesystemAt("@b"), "@etc/harbor.yml": filesystemAt("@nowhere"), "@etc/distribution.yml": "storage: s3"},
			o:     Options{Root: "@a"},
			root:  "@a", origin: "the command line",
		},
		"Harbor's configuration never names the place": {
			files: files{"@etc/harbor.yml": filesystemAt("@a")},
			root:  "@var/lib/registry", origin: "the default",
		},
		"a directory as argument": {o: Options{Arg: "@a"}, root: "@a", origin: "the command line"},
		"a configuration as argument": {
			files: files{"@my.yml": filesystemAt("@b")},
			o:     Options{Arg: "@my.yml"},
			root:  "@b", origin: `"@my.yml"`, config: "@my.yml",
		},
		"a configuration as argument and --root": {
			files: files{"@my.yml": filesystemAt("@b")},
			o:     Options{Arg: "@my.yml", Root: "@a"},
			root:  "@a", origin: "the command line", config: "@my.yml",
		},
		"a directory as argument and --config": {
			files: files{"@my.yml": filesystemAt("@b")},
			o:     Options{Arg: "@a", ConfigFile: "@my.yml"},
			root:  "@a", origin: "the command line", config: "@my.yml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			for _, root := range []string{"@a", "@b", "@c", "@var/lib/registry"} {
				m.registry(root)
			}
			m.link("@a", "@link-to-a")
			for file, content := range test.files {
				m.write(file, content)
			}
			p, err := Find(m.options(test.o))
			if err != nil {
				t.Fatal(err)
			}
			got := []string{p.Root, p.Store, p.Origin, p.Config.Path}
			want := []string{m.path(test.root), m.path(test.root) + "/docker/registry/v2", m.path(test.origin), m.path(test.config)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if cached := p.Config.Cache == "redis"; cached != (test.config != "") {
				t.Errorf("configuration is %+v", p.Config)
			}
		})
	}
}

func TestFindBelievesTheEnvironmentAlone(t *testing.T) {
	m := newMachine(t)
	m.registry("@a")
	m.registry("@b")
	environ := []string{RootVariable + "=@a", "REGISTRY_PROXY_REMOTEURL=https://registry-1.docker.io"}
	for root, proxy := range map[string]bool{"": true, "@a": true, "@b": false} {
		p, err := Find(m.options(Options{Root: root, Environ: environ}))
		if err != nil {
			t.Fatal(err)
		}
		if p.Config.Proxy != proxy {
			t.Errorf("--root %q: proxy is %v, want %v", root, p.Config.Proxy, proxy)
		}
	}
}

func TestFindTellsOfUnreadConfigurations(t *testing.T) {
	m := newMachine(t)
	m.registry("@a")
	m.write("@etc/distribution.yml", "{")
	m.write("@etc/docker.yml", filesystemAt("@a"))
	p, err := Find(m.options(Options{Root: "@a"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Unread) != 1 || !strings.Contains(p.Unread[0].Error(), "distribution.yml") {
		t.Errorf("unread: %v", p.Unread)
	}
	if p.Config.Cache != "redis" {
		t.Error("the readable configuration was passed over")
	}
}

func TestFindAcceptsRoots(t *testing.T) {
	for name, test := range map[string]struct{ give, want string }{
		"the root":                          {"@a", "@a"},
		"with a slash":                      {"@a/", "@a"},
		"with dots":                         {"@b/.././a/.", "@a"},
		"through a symbolic link":           {"@link", "@link"},
		"the inner directory":               {"@a/docker/registry/v2", "@a"},
		"the inner directory with a slash":  {"@a/docker/registry/v2/", "@a"},
		"the inner directory below a link":  {"@link/docker/registry/v2", "@link"},
		"a link to the inner directory":     {"@inner", "@a"},
		"an inner directory that is a link": {"@moved/docker/registry/v2", "@moved"},
		"below docker/ of another kind":     {"@docker/a", "@docker/a"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.registry("@a")
			m.registry("@docker/a")
			m.link("@a", "@link")
			m.link("@a/docker/registry/v2", "@inner")
			m.write("@b/file", "")
			m.write("@moved/docker/registry/file", "")
			m.write("@elsewhere/blobs/file", "")
			m.link("@elsewhere", "@moved/docker/registry/v2")
			p, err := Find(m.options(Options{Root: test.give}))
			if err != nil {
				t.Fatal(err)
			}
			if want := m.path(test.want); p.Root != want || p.Store != want+"/docker/registry/v2" {
				t.Errorf("got %q and %q, want %q", p.Root, p.Store, want)
			}
		})
	}
}

func TestFindTakesRelativePaths(t *testing.T) {
	m := newMachine(t)
	m.registry("@a")
	for dir, root := range map[string]string{"@": "a", "@a": ".", "@a/docker/registry/v2": "."} {
		t.Chdir(m.path(dir))
		p, err := Find(m.options(Options{Root: root}))
		if err != nil {
			t.Fatal(err)
		}
		if p.Root != m.path("@a") {
			t.Errorf("%q in %q: got %q", root, dir, p.Root)
		}
	}
}

func TestStandardDefaults(t *testing.T) {
	d := StandardDefaults()
	for _, path := range append(append(d.Configs, d.Others...), d.Root) {
		if !filepath.IsAbs(path) {
			t.Errorf("%q is relative", path)
		}
	}
}
