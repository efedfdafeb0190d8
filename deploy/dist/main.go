// Command dist makes the archives of a release: for each target the static
// binary with its manual pages, completions and documents, a list of what is
// built into it (CycloneDX), and the checksums of all.
//
// Whatever the directory, the machine and the time, the same source, stamps and
// Go version give the same bytes.
//
//	go run ./deploy/dist -version v1.2.3 -commit HASH -time 1700000000 -o dist [-targets linux/amd64,...] [-bill cyclonedx-gomod]
//
// With -nfpm it makes packages for Debian's and Red Hat's families instead:
//
//	go run ./deploy/dist -version v1.2.3 -commit HASH -time 1700000000 -o dist/packages -targets linux/amd64 -nfpm nfpm
//
// With -images it makes one container image for all targets, as an OCI image layout:
//
//	go run ./deploy/dist -version v1.2.3 -commit HASH -time 1700000000 -o dist/images -targets linux/amd64,linux/arm64 -images
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const allTargets = "linux/amd64,linux/arm64,linux/arm,linux/ppc64le,linux/s390x,darwin/amd64,darwin/arm64,windows/amd64,freebsd/amd64"

// release is what is built, and from what.
type release struct {
	version string
	commit  string
	time    time.Time // of the commit; every file gets it
	out     string
	work    string   // a directory that is removed at the end
	biller  []string // the command that lists what a binary is made of
}

func main() {
	r := release{}
	seconds := flag.Int64("time", 0, "the commit's `SECONDS` since 1970")
	targets := flag.String("targets", allTargets, "`OS/ARCH` and so on, with commas between them")
	flag.StringVar(&r.version, "version", "devel", "the `VERSION` that the program says it is")
	flag.StringVar(&r.commit, "commit", "unknown", "the `COMMIT` that the program says it is")
	flag.StringVar(&r.out, "o", "dist", "the `DIR` for the archives; what is in it goes")
	biller := flag.String("bill", "cyclonedx-gomod", "the `COMMAND` that makes bills of materials")
	nfpm := flag.String("nfpm", "", "make packages instead of archives, by this `COMMAND`")
	images := flag.Bool("images", false, "make an OCI image layout instead of archives")
	flag.Parse()
	r.time = time.Unix(*seconds, 0).UTC()
	if r.biller = strings.Fields(*biller); len(r.biller) == 0 {
		fmt.Fprintln(os.Stderr, "dist: -bill is empty")
		os.Exit(2)
	}
	build := r.archives
	if *images {
		build = r.images
	} else if command := strings.Fields(*nfpm); len(command) > 0 {
		build = func(ctx context.Context, targets []string) error { return r.packages(ctx, command, targets) }
	}
	if err := r.make(context.Background(), strings.Split(*targets, ","), build); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// make empties the directory for what is made, and has that made.
func (r *release) make(ctx context.Context, targets []string, each func(context.Context, []string) error) (err error) {
	if strings.ContainsAny(r.version, `/\ `) {
		return fmt.Errorf("%q cannot be part of a file's name", r.version)
	}
	if r.work, err = os.MkdirTemp("", "regsweep-dist-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.work) }()
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o777); err != nil {
		return err
	}
	return each(ctx, targets)
}

// archives makes an archive for each target, and their checksums.
func (r *release) archives(ctx context.Context, targets []string) error {
	files, err := r.documents(ctx)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if err := r.archive(ctx, target, files); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return r.checksums()
}

// file is one file of an archive.
type file struct {
	name       string // in the archive's directory
	content    []byte
	executable bool
}

// archive builds for a target, and packs that with the documents.
func (r *release) archive(ctx context.Context, target string, documents []file) error {
	system, arch, ok := strings.Cut(target, "/")
	if !ok {
		return fmt.Errorf("a target is OS/ARCH")
	}
	program := "regsweep"
	if system == "windows" {
		program += ".exe"
	}
	binary := filepath.Join(r.work, system+"-"+arch, program)
	if err := r.build(ctx, system, arch, binary); err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	base := fmt.Sprintf("regsweep-%s-%s-%s", r.version, system, arch)
	bom, err := r.bill(ctx, binary, content)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, base+".cdx.json"), bom, 0o666); err != nil {
		return err
	}
	files := append(slices.Clone(documents), file{program, content, true})
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	if system == "windows" {
		return r.zip(base, files)
	}
	return r.tar(base, files)
}

// build compiles for a target. Nothing of this machine's settings goes into it.
func (r *release) build(ctx context.Context, system, arch, binary string) error {
	stamps := fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s -X main.date=%s", r.version, r.commit, r.time.Format(time.DateOnly))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", stamps, "-o", binary, "./cmd/regsweep")
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=",
		"GOAMD64=v1", "GOARM64=v8.0", "GOARM=6", "GOPPC64=power8")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// documents are the files that are the same for every target. The program
// itself writes its manual pages and completions.
func (r *release) documents(ctx context.Context) (files []file, err error) {
	for _, pattern := range []string{"README.md", "CHANGELOG.md", "LICENSE", "docs/*.md", "docs/schemas/*", "deploy/*", "deploy/*/*", "deploy/kubernetes/*/*", "deploy/kubernetes/*/*/*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if files, err = r.add(files, name, filepath.ToSlash(name)); err != nil {
				return nil, err
			}
		}
	}
	program := filepath.Join(r.work, "here")
	if err := r.build(ctx, runtime.GOOS, runtime.GOARCH, program); err != nil {
		return nil, err
	}
	pages := filepath.Join(r.work, "man1")
	if out, err := exec.CommandContext(ctx, program, "man", pages).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("manual pages: %w: %s", err, out)
	}
	names, err := os.ReadDir(pages)
	if err != nil {
		return nil, err
	}
	for _, e := range names {
		if files, err = r.add(files, filepath.Join(pages, e.Name()), "man/man1/"+e.Name()); err != nil {
			return nil, err
		}
	}
	for shell, name := range map[string]string{"bash": "regsweep.bash", "zsh": "_regsweep", "fish": "regsweep.fish", "powershell": "regsweep.ps1"} {
		script, err := exec.CommandContext(ctx, program, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("completion %s: %w", shell, err)
		}
		files = append(files, file{name: "completions/" + name, content: script})
	}
	return files, nil
}

// add appends a file, if it is one and is for users.
func (r *release) add(files []file, path, name string) ([]file, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || strings.HasSuffix(name, ".go") {
		return files, err
	}
	content, err := os.ReadFile(path)
	return append(files, file{name: name, content: content, executable: strings.HasSuffix(name, ".sh")}), err
}
