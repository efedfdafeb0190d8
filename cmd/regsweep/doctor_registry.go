package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/sweep/trash"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/walker/disk"
)

// process is a registry that runs on this host.
type process struct {
	id     int
	config locate.Config // its Path is one of this host's
	ours   bool          // it has this store
	err    error         // why its store is not known
}

// lookAtConfiguration looks at what the registry's own configuration says of
// caches and of writing.
func (e *examination) lookAtConfiguration(context.Context) error {
	c := &e.place.Config
	if c.Path == "" && *c == (locate.Config{}) {
		e.find("cache", levelOK, "", "no configuration of this registry is known (--config names it): if it caches blob descriptors, restart it after each sweep")
		e.find("readOnly", levelOK, "", "no configuration of this registry is known: it may write at any time")
		return nil
	}
	e.judgeCache(c)
	if c.ReadOnly {
		e.find("readOnly", levelOK, "", "the configuration makes the registry read-only, if it was restarted since: nothing is pushed during a sweep")
	} else {
		e.find("readOnly", levelOK, "", "the registry may write at any time: what is pushed during a sweep is kept, or the push fails and has to be repeated")
	}
	return nil
}

func (e *examination) judgeCache(c *locate.Config) {
	if c.Cache == "" {
		e.find("cache", levelOK, "", "the registry caches no blob descriptors")
		return
	}
	command := strings.TrimSpace("REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR= registry serve " + c.Path)
	if text, err := os.ReadFile(c.Path); err == nil && cacheLine.Match(text) && e.variable(cacheVariable) == "" {
		command = `sed -i -E 's/^([[:space:]]*(blobdescriptor|layerinfo):).*/\1 ""/' ` + term.ShellWord(c.Path)
	}
	e.find("cache", levelWarning, command, "the registry caches blob descriptors (%s): after each sweep it accepts manifests whose blobs are gone until it is restarted or the cache is flushed; the command switches the cache off, from the registry's next start", c.Cache)
}

const cacheVariable = "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR"

var cacheLine = regexp.MustCompile(`(?m)^[ \t]*(blobdescriptor|layerinfo):`)

// lookAtRegistries looks for registries that run on this host.
func (e *examination) lookAtRegistries(context.Context) error {
	list, known := e.registries("/proc")
	if !known {
		e.find("registry", levelOK, "", "it is not known here whether a registry runs")
		return nil
	}
	var ours, unknown, others []string
	for i := range list {
		one := &list[i]
		id := strconv.Itoa(one.id)
		switch {
		case one.ours:
			ours = append(ours, id)
			if e.place.Config.Path == "" && one.config.Cache != "" {
				e.judgeCache(&one.config)
			}
		case one.err != nil:
			unknown = append(unknown, id)
		default:
			others = append(others, id)
		}
	}
	detail := "no running registry is visible on this host"
	switch {
	case len(ours) > 0:
		detail = "a registry runs on this store: process " + english.WordSeries(ours, "and")
	case len(unknown) > 0:
		detail = "a registry runs, and it is not known whether on this store: process " + english.WordSeries(unknown, "and")
	case len(others) > 0:
		detail = "no registry that runs on this host has this store"
	}
	e.find("registry", levelOK, "", "%s", detail)
	return nil
}

// registries are the processes of registries that this host shows below proc.
func (e *examination) registries(proc string) (list []process, known bool) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, false
	}
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil || id == os.Getpid() {
			continue
		}
		known = true
		dir := filepath.Join(proc, entry.Name())
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		words := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if err != nil || !isRegistry(words) {
			continue
		}
		one := process{id: id}
		one.config, one.ours, one.err = e.storeOf(dir, words)
		list = append(list, one)
	}
	return list, known
}

// isRegistry reports whether a command line is that of a registry that serves.
func isRegistry(words []string) bool {
	return strings.Contains(filepath.Base(words[0]), "registry") && slices.Contains(words[1:], "serve")
}

// storeOf reads the configuration of a registry as the process sees it.
func (e *examination) storeOf(dir string, words []string) (c locate.Config, ours bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		return c, false, err
	}
	environ := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	file := ""
	if at := slices.Index(words, "serve"); at+1 < len(words) {
		file = words[at+1]
	}
	for _, variable := range environ {
		if v, ok := strings.CutPrefix(variable, locate.ConfigVariable+"="); ok && file == "" {
			file = v
		}
	}
	inside := func(path string) string {
		if filepath.IsAbs(path) {
			return filepath.Join(dir, "root", path)
		}
		return filepath.Join(dir, "cwd", path)
	}
	if file != "" {
		file = inside(file)
	}
	if c, err = locate.ReadConfig(file, environ); err != nil {
		return c, false, err
	}
	theirs, err := os.Stat(inside(c.RootDirectory))
	if errors.Is(err, os.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	here, err := os.Stat(e.place.Root)
	return c, err == nil && os.SameFile(theirs, here), err
}

// lockHolder names the process that has the store's lock, if it can be seen.
func lockHolder(dir *disk.Dir) string {
	info, err := dir.Info()
	if err != nil {
		return ""
	}
	table, err := os.Open("/proc/locks")
	if err != nil {
		return ""
	}
	defer table.Close()
	text, err := io.ReadAll(table)
	if err != nil {
		return ""
	}
	inode := fmt.Sprintf(":%d", info.ID.Ino)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], inode) {
			continue
		}
		words, err := os.ReadFile(filepath.Join("/proc", fields[4], "cmdline"))
		if err != nil || len(words) == 0 {
			continue // it is of another container, or has ended
		}
		return fmt.Sprintf(" (process %s: %s)", fields[4], bytes.ReplaceAll(bytes.TrimRight(words, "\x00"), []byte{0}, []byte(" ")))
	}
	return ""
}

// oldTrash is how long a run may stay in the trash until that is worth a look.
const oldTrash = 30 * 24 * time.Hour

// lookAtTrash looks at what the trash holds, and at restores that were stopped.
func (e *examination) lookAtTrash(context.Context) error {
	bins, err := trash.Bins(e.dir)
	if err != nil {
		e.find("trash", levelError, e.where.Command("trash", "ls"), "the trash cannot be read: %s", told(err))
		return nil
	}
	if len(bins) == 0 {
		e.find("trash", levelOK, "", "the trash is empty")
		return nil
	}
	total, old := int64(0), 0
	for _, b := range bins {
		if b.Restoring() || b.Emptying() {
			e.find("stoppedRun", levelWarning, e.where.Command("gc"), "putting back %s from the trash was stopped half-way: the next run that removes completes it first", b.Name)
		}
		_, bytes, err := b.Size(e.dir)
		if err != nil {
			return err
		}
		total += bytes
		if time.Since(b.Started) > oldTrash {
			old++
		}
	}
	detail := fmt.Sprintf("the trash holds %s, %s", english.Plural(len(bins), "run", ""), term.Size(total))
	if old == 0 {
		e.find("trash", levelOK, e.where.Command("trash", "ls"), "%s", detail)
		return nil
	}
	e.find("trash", levelWarning, e.where.Command("trash", "empty", "--older-than", "30d", "--yes"), "%s; %s older than 30 days, whose space is not freed yet", detail, english.Plural(old, "run is", "runs are"))
	return nil
}
