package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// packaged is what nfpm reads: its configuration is YAML, of which JSON is a part.
type packaged struct {
	Name        string            `json:"name"`
	Arch        string            `json:"arch"`
	Platform    string            `json:"platform"`
	Version     string            `json:"version"`
	Schema      string            `json:"version_schema"`
	Section     string            `json:"section"`
	Priority    string            `json:"priority"`
	Maintainer  string            `json:"maintainer"`
	Description string            `json:"description"`
	Homepage    string            `json:"homepage"`
	License     string            `json:"license"`
	MTime       string            `json:"mtime"`
	Contents    []packedFile      `json:"contents"`
	Scripts     map[string]string `json:"scripts"`
	RPM         packagedRPM       `json:"rpm"`
}

type packagedRPM struct {
	BuildHost string `json:"buildhost"` // or it has the name of the host that makes it
}

type packedFile struct {
	Source   string     `json:"src,omitempty"`
	Path     string     `json:"dst"`
	Info     packedInfo `json:"file_info"`
	Packager string     `json:"packager,omitempty"` // the only kind of package that has the file
	Type     string     `json:"type,omitempty"`     // dir, or a file
}

type packedInfo struct {
	Mode  int64  `json:"mode"`
	MTime string `json:"mtime"`
}

const (
	share = "/usr/share"
	units = "/usr/lib/systemd/system/"
	about = share + "/doc/regsweep/"

	zshScript = "completions/_regsweep"
)

// packagePath says where a package has a document of the archives. Most stay
// out: they are for other ways to run the program.
func packagePath(name string) (string, bool) {
	for prefix, dir := range map[string]string{"man/man1/": share + "/man/man1/", "docs/": about, "deploy/systemd/": units} {
		if base, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(base, "/") {
			return dir + base, true
		}
	}
	to, ok := map[string]string{
		"completions/regsweep.bash":            share + "/bash-completion/completions/regsweep",
		"completions/regsweep.fish":            share + "/fish/vendor_completions.d/regsweep.fish",
		"README.md":                            about + "README.md",
		"CHANGELOG.md":                         about + "CHANGELOG.md",
		"LICENSE":                              about + "copyright",
		"deploy/policy.yml":                    about + "examples/policy.yml",
		"deploy/prometheus/regsweep.rules.yml": about + "examples/regsweep.rules.yml",
		"deploy/grafana/regsweep.json":         about + "examples/regsweep.json",
	}[name]
	return to, ok
}

// packages makes a deb and an rpm for each target. nfpm is the command line of
// the program that packs them.
func (r *release) packages(ctx context.Context, nfpm, targets []string) error {
	documents, err := r.documents(ctx)
	if err != nil {
		return err
	}
	for _, target := range targets {
		arch, ok := strings.CutPrefix(target, "linux/")
		if !ok {
			return fmt.Errorf("%s: packages are for linux", target)
		}
		config, err := r.stage(ctx, arch, documents)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		for _, kind := range []string{"deb", "rpm"} {
			args := append(slices.Clone(nfpm[1:]), "package", "--config", config, "--packager", kind, "--target", r.out+"/")
			cmd := exec.CommandContext(ctx, nfpm[0], args...)
			cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.time.Unix()))
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %s: %w: %s", target, kind, err, out)
			}
		}
	}
	return r.checksums()
}

// stage writes the files of a package below the work directory, and returns the
// configuration that names them.
func (r *release) stage(ctx context.Context, arch string, documents []file) (string, error) {
	dir := filepath.Join(r.work, "package-"+arch)
	program := filepath.Join(dir, "regsweep")
	if err := r.build(ctx, "linux", arch, program); err != nil {
		return "", err
	}
	at := r.time.Format(time.RFC3339)
	p := &packaged{
		Name: "regsweep", Arch: packageArch(arch), Platform: "linux", Version: packageVersion(r.version), Schema: "none",
		Section: "admin", Priority: "optional", Maintainer: "The regsweep authors <regsweep@users.noreply.github.com>",
		Description: "Garbage collection, deletion and retention for the files of a container registry",
		Homepage:    "https://github.com/regsweep/regsweep", License: "Apache-2.0", MTime: at,
		Contents: []packedFile{{Source: program, Path: "/usr/bin/regsweep", Info: packedInfo{0o755, at}}},
		Scripts:  map[string]string{},
		RPM:      packagedRPM{"regsweep"},
	}
	for _, when := range []string{"postinstall", "preremove"} {
		script, err := filepath.Abs(filepath.Join("deploy/dist/scripts", when+".sh"))
		if err != nil {
			return "", err
		}
		p.Scripts[when] = script
	}
	for _, f := range documents {
		if err := p.add(dir, f, packedInfo{0o644, at}); err != nil {
			return "", err
		}
	}
	// rpm leaves a directory that no package lists; dpkg removes what is empty.
	for _, dir := range []string{about, about + "examples/"} {
		p.Contents = append(p.Contents, packedFile{Path: strings.TrimSuffix(dir, "/"), Info: packedInfo{0o755, at}, Packager: "rpm", Type: "dir"})
	}
	slices.SortFunc(p.Contents, func(a, b packedFile) int { return strings.Compare(a.Path, b.Path) })
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return "", err
	}
	config := filepath.Join(dir, "nfpm.yaml")
	return config, os.WriteFile(config, text, 0o666)
}

// add writes a file below dir and lists it, if a package has it.
func (p *packaged) add(dir string, f file, info packedInfo) error {
	to, ok := packagePath(f.name)
	if !ok && f.name != zshScript {
		return nil
	}
	content := f.content
	if strings.HasPrefix(to, units) {
		content = []byte(strings.ReplaceAll(string(content), "/usr/local/bin/", "/usr/bin/"))
	}
	source := filepath.Join(dir, filepath.FromSlash(f.name))
	if err := os.MkdirAll(filepath.Dir(source), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(source, content, 0o666); err != nil {
		return err
	}
	if f.name == zshScript { // the one file that the two families look for in two places
		p.Contents = append(p.Contents, packedFile{Source: source, Path: share + "/zsh/vendor-completions/_regsweep", Info: info, Packager: "deb"},
			packedFile{Source: source, Path: share + "/zsh/site-functions/_regsweep", Info: info, Packager: "rpm"})
		return nil
	}
	p.Contents = append(p.Contents, packedFile{Source: source, Path: to, Info: info})
	return nil
}

// packageArch is what nfpm calls an architecture of Go's.
func packageArch(arch string) string {
	if arch == "arm" {
		return "arm6" // as build says
	}
	return arch
}

var (
	described = regexp.MustCompile(`^v?([0-9]+(?:\.[0-9]+)+)(.*)$`)
	commits   = regexp.MustCompile(`-([0-9]+)-(g[0-9a-f]+)`)
	notOfOne  = regexp.MustCompile(`[^0-9A-Za-z.+~]`)
)

// packageVersion is a version of git's as dpkg and rpm sort it: a release comes
// after its candidates and before what was committed since. What has no release
// before it comes before all.
func packageVersion(version string) string {
	m := described.FindStringSubmatch(version)
	if m == nil || m[2] != "" && m[2][0] != '-' && m[2][0] != '+' {
		return "0~" + notOfOne.ReplaceAllString(version, ".")
	}
	rest, dirty := strings.CutSuffix(m[2], "-dirty")
	rest = commits.ReplaceAllString(rest, "+$1.$2")
	if dirty {
		rest += "+dirty"
	}
	if candidate, ok := strings.CutPrefix(rest, "-"); ok {
		rest = "~" + candidate
	}
	return m[1] + notOfOne.ReplaceAllString(rest, ".")
}
