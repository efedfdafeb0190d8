package e2e

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/sirupsen/logrus"

	"github.com/regsweep/regsweep/layout/locate"
)

// What a registry reads from a configuration and its environment is what regsweep
// reads from them: the registry's own parser says so, over random ones.
func TestConfigurationIsReadAsTheRegistryReadsIt(t *testing.T) {
	const rounds = 800
	random := rand.New(rand.NewPCG(1, 2))
	compared, refused := 0, 0
	file := filepath.Join(t.TempDir(), "config.yml")
	for range rounds {
		text, environ := randomConfiguration(random)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		want, isName, err := parsedByRegistry(t, text, environ)
		got, gerr := locate.ReadConfig(file, environ)
		switch {
		case err != nil:
			refused++ // and no registry runs by it
			continue
		case want.RootDirectory == "" || want.RootDirectory == "<nil>":
			if gerr == nil {
				t.Errorf("it has no root directory that anybody meant, and is read as %q\n%s%q", got.RootDirectory, text, environ)
			}
			continue
		case gerr != nil && !isName:
			refused++ // by regsweep: what is a number or a boolean is no name
			continue
		case gerr != nil:
			t.Errorf("the registry reads it: %v\n%s%q", gerr, text, environ)
			continue
		}
		compared++
		got.Path = ""
		if got != want {
			t.Errorf("read as\n%+v, and by the registry as\n%+v\n%s%q", got, want, text, environ)
		}
		if t.Failed() {
			break
		}
	}
	if compared < rounds/4 || refused == 0 {
		t.Errorf("only %d of %d were compared, and %d refused", compared, rounds, refused)
	}
	t.Logf("%d compared, %d refused by the registry", compared, refused)
}

var errNoFilesystem = errors.New("another driver, or none")

// parsedByRegistry is what the registry makes of a configuration, and whether that
// has the root directory as a text.
// Source: distribution v3.1.2 registry/handlers/app.go and
// registry/storage/driver/filesystem/driver.go.
func parsedByRegistry(t *testing.T, text string, environ []string) (c locate.Config, isName bool, err error) {
	logrus.SetOutput(io.Discard) // it warns of variables that it does not know
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
		defer os.Unsetenv(name)
	}
	defer func() {
		if said := recover(); said != nil {
			err = fmt.Errorf("the registry panics: %v", said)
		}
	}()
	parsed, err := configuration.Parse(strings.NewReader(text))
	if err != nil {
		return c, false, err
	}
	if parsed.Storage.Type() != "filesystem" {
		return c, false, errNoFilesystem
	}
	c.RootDirectory, isName = locate.DefaultRoot, true
	if root, ok := parsed.Storage.Parameters()["rootdirectory"]; ok {
		c.RootDirectory = fmt.Sprint(root)
		_, isName = root.(string)
	}
	cache, ok := parsed.Storage["cache"]["blobdescriptor"]
	if !ok {
		cache = parsed.Storage["cache"]["layerinfo"]
	}
	if cache != nil {
		c.Cache = fmt.Sprint(cache)
	}
	if v, ok := parsed.Storage["maintenance"]["readonly"]; ok {
		enabled, ok := v.(map[any]any)["enabled"] // or it panics, as the registry does
		if ok {
			c.ReadOnly = enabled.(bool)
		}
	}
	c.HTTPAddr = parsed.HTTP.Addr
	if c.Proxy = parsed.Proxy.RemoteURL != ""; c.Proxy {
		c.ReadOnly = false
	}
	return c, isName, nil
}

// randomConfiguration returns a configuration and variables for it.
func randomConfiguration(random *rand.Rand) (text string, environ []string) {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	root := func() string { return one("/data", "/a b", "12", "0x10", "~", "''", "yes", "1e3", "'/q#'", "./x") }
	storage := []string{}
	for _, part := range []string{
		one("filesystem: {rootdirectory: "+root()+"}", "filesystem:", "filesystem: {}", "filesystem: {maxthreads: 7}", "s3: {bucket: b}", "", "filesystem: {<<: *a, maxthreads: 8}"),
		one("cache: {blobdescriptor: "+one("inmemory", "redis", "''", "~", "other")+"}", "cache: {layerinfo: inmemory}", "cache:", "", ""),
		one("maintenance: {readonly: {enabled: "+one("true", "false", "yes", "'true'", "~")+"}}", "maintenance:", "maintenance: {readonly: true}", "", ""),
		one("delete: {enabled: true}", "redirect: {disable: true}", "tag: {concurrencylimit: 4}", "", ""),
	} {
		if part != "" {
			storage = append(storage, "  "+part+"\n")
		}
	}
	random.Shuffle(len(storage), func(i, j int) { storage[i], storage[j] = storage[j], storage[i] })
	text = "version: 0.1\nx: &a {rootdirectory: /anchored}\n" + one("storage:\n"+strings.Join(storage, ""), "storage: filesystem\n", "storage: "+one("inmemory", "filesystem")+"\n", "")
	text += one("http: {addr: ':5000'}\n", "http:\n  addr: localhost:5000\n  secret: s\n", "")
	text += one("proxy: {remoteurl: https://registry-1.docker.io}\n", "proxy: {remoteurl: ''}\n", "", "")
	for _, variable := range []string{
		"REGISTRY_STORAGE=" + one("filesystem", "{filesystem: {rootdirectory: /whole}}", "inmemory"),
		"REGISTRY_STORAGE_FILESYSTEM=" + one("{rootdirectory: /driver}", "{}", ""),
		"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + root(),
		"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=" + one("redis", "", "inmemory"),
		"REGISTRY_STORAGE_CACHE=" + one("{blobdescriptor: redis}", ""),
		"REGISTRY_STORAGE_MAINTENANCE_READONLY=" + one("{enabled: true}", `{"enabled":false}`, "true", ""),
		"REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=" + one("true", "false"),
		"REGISTRY_STORAGE_DELETE_ENABLED=true",
		"REGISTRY_HTTP_ADDR=" + one("0.0.0.0:5001", ":80"),
		"REGISTRY_PROXY_REMOTEURL=" + one("https://quay.io", ""),
		"REGISTRY_PORT=tcp://10.0.0.1:5000",
		"registry_storage=s3",
	} {
		if random.IntN(6) == 0 {
			environ = append(environ, variable)
		}
	}
	return text, environ
}
