package locate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/regsweep/regsweep/layout"
)

func writeFile(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const exampleConfig = `version: 0.1
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: /data}
  tag: {concurrencylimit: 8}
  delete: {enabled: true}
  redirect: {disable: true}
  maintenance:
    readonly: {enabled: true}
http: {addr: ":5000"}
auth:
  htpasswd: {realm: basic-realm, path: /etc/registry}
unknown: {key: [1, 2]}
`

func TestReadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		yaml string
		env  []string
		want Config
	}{
		"everything is read": {
			yaml: exampleConfig,
			want: Config{RootDirectory: "/data", Cache: "inmemory", ReadOnly: true, HTTPAddr: ":5000"},
		},
		"a plain driver name has the default root":    {yaml: "storage: filesystem", want: Config{RootDirectory: DefaultRoot}},
		"a driver without parameters has it too":      {yaml: "storage: {filesystem: }", want: Config{RootDirectory: DefaultRoot}},
		"a driver with other parameters has it too":   {yaml: "storage: {filesystem: {maxthreads: 5}}", want: Config{RootDirectory: DefaultRoot}},
		"the file system root is a directory as well": {yaml: "storage: {filesystem: {rootdirectory: /}}", want: Config{RootDirectory: "/"}},
		"a number is a name":                          {yaml: "storage: {filesystem: {rootdirectory: 12}}", want: Config{RootDirectory: "12"}},
		"the cache's old name counts": {
			yaml: "storage: {filesystem: , cache: {layerinfo: redis}}",
			want: Config{RootDirectory: DefaultRoot, Cache: "redis"},
		},
		"the cache's new name hides the old one": {
			yaml: "storage: {filesystem: , cache: {layerinfo: redis, blobdescriptor: ''}}",
			want: Config{RootDirectory: DefaultRoot},
		},
		"a null cache is none":    {yaml: "storage: {filesystem: , cache: }", want: Config{RootDirectory: DefaultRoot}},
		"an old boolean is one":   {yaml: "storage: {filesystem: , maintenance: {readonly: {enabled: yes}}}", want: Config{RootDirectory: DefaultRoot, ReadOnly: true}},
		"read-only can be off":    {yaml: "storage: {filesystem: , maintenance: {readonly: {enabled: false}}}", want: Config{RootDirectory: DefaultRoot}},
		"read-only needs its key": {yaml: "storage: {filesystem: , maintenance: {readonly: true}}", want: Config{RootDirectory: DefaultRoot}},
		"a remote makes a proxy":  {yaml: "storage: filesystem\nproxy: {remoteurl: https://registry-1.docker.io}", want: Config{RootDirectory: DefaultRoot, Proxy: true}},
		"a proxy is never read-only": {
			yaml: exampleConfig + "proxy: {remoteurl: https://registry-1.docker.io}",
			want: Config{RootDirectory: "/data", Cache: "inmemory", Proxy: true, HTTPAddr: ":5000"},
		},
		"a proxy without a remote is none": {yaml: "storage: filesystem\nproxy: {remoteurl: ''}", want: Config{RootDirectory: DefaultRoot}},
		"Harbor is known by its realm": {
			yaml: "storage: {filesystem: {rootdirectory: /storage}}\nauth: {htpasswd: {realm: harbor-registry-basic-realm}}",
			want: Config{RootDirectory: "/storage", Harbor: true},
		},
		"Harbor is known under any authorization": {
			yaml: "storage: filesystem\nauth: {token: {realm: harbor-registry-basic-realm}}",
			want: Config{RootDirectory: DefaultRoot, Harbor: true},
		},
		"GitLab's database is known":         {yaml: "storage: filesystem\ndatabase: {enabled: true, host: db}", want: Config{RootDirectory: DefaultRoot, Database: true}},
		"GitLab may prefer it":               {yaml: "storage: filesystem\ndatabase: {enabled: prefer, host: db}", want: Config{RootDirectory: DefaultRoot, Database: true}},
		"what is not known is taken for one": {yaml: "storage: filesystem\ndatabase: {enabled: maybe, host: db}", want: Config{RootDirectory: DefaultRoot, Database: true}},
		"GitLab's database can be off":       {yaml: "storage: filesystem\ndatabase: {enabled: false, host: db}", want: Config{RootDirectory: DefaultRoot}},
		"and off in another word":            {yaml: "storage: filesystem\ndatabase: {enabled: 'no', host: db}", want: Config{RootDirectory: DefaultRoot}},
		"no word is off":                     {yaml: "storage: filesystem\ndatabase: {enabled: , host: db}", want: Config{RootDirectory: DefaultRoot}},
		"anchors and merge keys work": {
			yaml: "x: &x {rootdirectory: /a, maxthreads: 7}\nstorage: {filesystem: {<<: *x, rootdirectory: /b}, cache: &c {blobdescriptor: redis}}",
			want: Config{RootDirectory: "/b", Cache: "redis"},
		},
		"merge keys in a list: the first wins": {
			yaml: "x: [&x {rootdirectory: /a}, &y {rootdirectory: /b}]\nstorage: {filesystem: {<<: [*y, *x]}}",
			want: Config{RootDirectory: "/b"},
		},
		"of equal keys the last counts": {yaml: "storage: inmemory\nstorage: {filesystem: {rootdirectory: /a, rootdirectory: /b}}", want: Config{RootDirectory: "/b"}},
		"of documents the first counts": {yaml: "storage: filesystem\n---\nstorage: s3\n", want: Config{RootDirectory: DefaultRoot}},

		"a variable overrides the root": {
			yaml: exampleConfig, env: []string{"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/other"},
			want: Config{RootDirectory: "/other", Cache: "inmemory", ReadOnly: true, HTTPAddr: ":5000"},
		},
		"a variable is YAML": {
			yaml: "storage: filesystem", env: []string{`REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/quoted" # it is`},
			want: Config{RootDirectory: "/quoted"},
		},
		"a variable adds the driver": {
			yaml: "version: 0.1", env: []string{"REGISTRY_STORAGE=filesystem"},
			want: Config{RootDirectory: DefaultRoot},
		},
		"a variable replaces the whole storage": {
			yaml: exampleConfig, env: []string{"REGISTRY_STORAGE={filesystem: {rootdirectory: /new}}"},
			want: Config{RootDirectory: "/new", HTTPAddr: ":5000"},
		},
		"a variable replaces another driver": {
			yaml: "storage: {s3: {bucket: b}}", env: []string{"REGISTRY_STORAGE=filesystem"},
			want: Config{RootDirectory: DefaultRoot},
		},
		"wholes come before their parts": {
			yaml: exampleConfig, env: []string{
				"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/part", "REGISTRY_STORAGE_FILESYSTEM={rootdirectory: /driver}", "REGISTRY_STORAGE=filesystem",
			},
			want: Config{RootDirectory: "/part", HTTPAddr: ":5000"},
		},
		"of equal variables the last counts": {
			yaml: exampleConfig, env: []string{"REGISTRY_STORAGE=filesystem", "REGISTRY_STORAGE={filesystem: {rootdirectory: /last}}"},
			want: Config{RootDirectory: "/last", HTTPAddr: ":5000"},
		},
		"a variable sets the cache": {
			yaml: "storage: filesystem", env: []string{"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=redis"},
			want: Config{RootDirectory: DefaultRoot, Cache: "redis"},
		},
		"an empty variable unsets the cache": {
			yaml: exampleConfig, env: []string{"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR="},
			want: Config{RootDirectory: "/data", ReadOnly: true, HTTPAddr: ":5000"},
		},
		"a variable sets read-only as YAML": {
			yaml: "storage: {filesystem: , maintenance: {readonly: {enabled: false}}}", env: []string{`REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled": true}`},
			want: Config{RootDirectory: DefaultRoot, ReadOnly: true},
		},
		"a variable sets read-only where the file does not": {
			yaml: "storage: {filesystem: , maintenance: {readonly: }}", env: []string{"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=true"},
			want: Config{RootDirectory: DefaultRoot, ReadOnly: true},
		},
		"a variable reaches no deeper than the registry lets it": {
			yaml: "storage: {filesystem: , maintenance: {readonly: {enabled: false}}}", env: []string{"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=true"},
			want: Config{RootDirectory: DefaultRoot},
		},
		"variables set the proxy, the address and the realm": {
			yaml: "storage: filesystem", env: []string{
				"REGISTRY_PROXY_REMOTEURL=https://registry-1.docker.io", "REGISTRY_HTTP_ADDR=0.0.0.0:5001", "REGISTRY_AUTH_HTPASSWD_REALM=" + harborRealm,
			},
			want: Config{RootDirectory: DefaultRoot, Proxy: true, HTTPAddr: "0.0.0.0:5001", Harbor: true},
		},
		"a whole proxy and authorization are replaced": {
			yaml: exampleConfig + "proxy: {remoteurl: https://a}", env: []string{"REGISTRY_PROXY={username: u}", "REGISTRY_AUTH=silly"},
			want: Config{RootDirectory: "/data", Cache: "inmemory", ReadOnly: true, HTTPAddr: ":5000"},
		},
		"other variables are nobody's business": {
			yaml: "storage: filesystem", env: []string{"REGISTRY_PORT=tcp://10.0.0.1:5000", "REGISTRY_LOG={", "REGISTRY=", "REGISTRY_", "STORAGE=s3", "PATH", ""},
			want: Config{RootDirectory: DefaultRoot},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Path = writeFile(t, filepath.Join(t.TempDir(), "config.yml"), test.yaml)
			got, err := ReadConfig(test.want.Path, test.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadConfigRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		yaml   string
		env    []string
		want   string // in the message, <file> for the file
		driver bool   // is an ErrDriver
	}{
		"s3":                       {yaml: "storage: {s3: {bucket: b}}", want: `<file> has the storage driver "s3"; only`, driver: true},
		"gcs":                      {yaml: "storage: {gcs: {bucket: b}, cache: {blobdescriptor: inmemory}}", want: `"gcs"`, driver: true},
		"azure":                    {yaml: "storage: {azure: {}}", want: `"azure"`, driver: true},
		"inmemory":                 {yaml: "storage: inmemory", want: `"inmemory"`, driver: true},
		"another letter case":      {yaml: "storage: Filesystem", want: `"Filesystem"`, driver: true},
		"no driver":                {yaml: "storage: {cache: {blobdescriptor: inmemory}}", want: "<file> names no storage driver; ", driver: true},
		"no storage":               {yaml: "version: 0.1", want: "no storage driver", driver: true},
		"null storage":             {yaml: "storage:", want: "no storage driver", driver: true},
		"an empty file":            {yaml: "", want: "no storage driver", driver: true},
		"nothing but a comment":    {yaml: "# nothing\n", want: "no storage driver", driver: true},
		"two drivers":              {yaml: "storage: {s3: {}, filesystem: {}}", want: `more than one storage driver: ["filesystem" "s3"]; `, driver: true},
		"a second driver by env":   {yaml: "storage: {s3: {}}", env: []string{RootVariable + "=/data"}, want: `["filesystem" "s3"]`, driver: true},
		"another driver by env":    {yaml: "storage: filesystem", env: []string{"REGISTRY_STORAGE=s3"}, want: `"s3"`, driver: true},
		"no YAML":                  {yaml: "storage:\n  filesystem: {\n  a: b: c\n", want: "<file> is not a registry configuration: yaml: line "},
		"no mapping":               {yaml: "- a\n", want: "<file> is not a registry configuration: line 1: not a mapping; "},
		"a text":                   {yaml: "hello", want: "line 1: not a mapping"},
		"storage that is a list":   {yaml: "version: 0.1\nstorage: [filesystem]", want: "storage: line 2: not a mapping"},
		"a driver that is a list":  {yaml: "storage:\n  filesystem: [a]", want: `storage: "filesystem": line 2: not a mapping`},
		"a null root directory":    {yaml: "storage: {filesystem: {rootdirectory: }}", want: "rootdirectory is empty in <file>; "},
		"an empty root directory":  {yaml: "storage: {filesystem: {rootdirectory: ''}}", want: "rootdirectory is empty"},
		"a nested root directory":  {yaml: "storage: {filesystem: {rootdirectory: {a: b}}}", want: "rootdirectory is empty"},
		"a number in other digits": {yaml: "storage: {filesystem: {rootdirectory: 0x10}}", want: "rootdirectory is 0x10 in <file>, which the registry does not read as a name; put it in quotes"},
		"a word for true":          {yaml: "storage: {filesystem: {rootdirectory: yes}}", want: "rootdirectory is yes"},
		"an empty variable":        {yaml: exampleConfig, env: []string{RootVariable + "="}, want: "unset " + RootVariable},
		"a variable without YAML":  {yaml: exampleConfig, env: []string{"REGISTRY_STORAGE={"}, want: "environment variable REGISTRY_STORAGE: yaml: line 1: "},
		"a variable of wrong kind": {yaml: exampleConfig, env: []string{"REGISTRY_STORAGE_FILESYSTEM=/data"}, want: "environment variable REGISTRY_STORAGE_FILESYSTEM: line 1: not a mapping; "},
		"an alias to itself":       {yaml: "storage: &s {filesystem: {<<: *s}, s3: }", want: "more than one", driver: true},
		"too much":                 {yaml: "#" + strings.Repeat("x", MaxConfig), want: "<file> is larger than 1048576 bytes; "},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, filepath.Join(t.TempDir(), "config.yml"), test.yaml)
			_, err := ReadConfig(file, test.env)
			wantHint(t, err, strings.ReplaceAll(test.want, "<file>", `"`+file+`"`))
			if got := errors.Is(err, ErrDriver); got != test.driver {
				t.Errorf("is an ErrDriver: %v, want %v", got, test.driver)
			}
		})
	}
}

func TestReadConfigRefusesFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadConfig(dir, nil)
	wantHint(t, err, `configuration "`+dir+`" is a directory; `)
	_, err = ReadConfig(dir+"/missing", nil)
	wantHint(t, err, `configuration "`+dir+`/missing": no such file or directory; `)
	_, err = ReadConfig("/dev/null", nil)
	wantHint(t, err, `configuration "/dev/null" is not a regular file; `)
}

func TestReadConfigOfTheEnvironmentAlone(t *testing.T) {
	got, err := ReadConfig("", []string{RootVariable + "=/data", "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{RootDirectory: "/data", Cache: "inmemory"}, got); diff != "" {
		t.Error(diff)
	}
	_, err = ReadConfig("", []string{"REGISTRY_STORAGE=s3"})
	wantHint(t, err, `the environment has the storage driver "s3"; `)
}

// wantHint checks the program's voice as well: a next step, and no full stop.
func wantHint(t *testing.T, err error, want string) {
	t.Helper()
	var h *layout.HintError
	switch {
	case err == nil:
		t.Fatalf("no error, want %q", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("got  %q\nwant %q in it", err, want)
	case !errors.As(err, &h) || h.Hint == "" || strings.HasSuffix(h.Hint, "."):
		t.Errorf("no next step in %q", err)
	case err.Error() != h.Error():
		t.Errorf("%q wraps its hint, which a program could not print apart", err)
	}
}

// FuzzConfig holds that no configuration makes us panic or is taken for one
// without a root directory, and that the variable for it always wins.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(exampleConfig), "REGISTRY_STORAGE", "filesystem")
	f.Add([]byte("a: &a {<<: [*a, *a]}\nstorage: *a"), RootVariable, "/data")
	f.Add([]byte("storage: {filesystem: , maintenance: }"), "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "&a [*a]")
	f.Add([]byte("? [a, b]\n: c\n"), "REGISTRY_STORAGE__", "? ")
	f.Add([]byte{0xff, 0xfe, 0}, "REGISTRY_HTTP_A_B_C", "\x00")
	f.Fuzz(func(t *testing.T, content []byte, name, value string) {
		var s settings
		if s.parse(content) != nil || s.override([]string{name + "=" + value}) != nil {
			return
		}
		c, err := s.config("fuzz")
		if err == nil && c.RootDirectory == "" {
			t.Error("no root directory, and no error")
		}
		var named settings
		if named.parse(content) != nil || named.override([]string{RootVariable + "=/data"}) != nil {
			return
		}
		if c, err := named.config("fuzz"); err == nil && c.RootDirectory != "/data" {
			t.Errorf("the root is %q, and the variable says /data", c.RootDirectory)
		}
	})
}
