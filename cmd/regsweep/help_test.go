package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/help"
	"github.com/regsweep/regsweep/layout/layouttest"
)

// eachCommand calls f for every command that help lists, the program first.
func eachCommand(f func(cmd *cobra.Command)) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		f(cmd)
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				walk(sub)
			}
		}
	}
	p := &program{voice: &term.Voice{}}
	walk(p.rootCommand())
}

func TestHelpFitsATerminal(t *testing.T) {
	n := 0
	eachCommand(func(cmd *cobra.Command) {
		n++
		words := strings.Fields(cmd.CommandPath())[1:]
		r := runProgram(t, "", append(words, "--help")...)
		if r.status != statusDone || r.stderr != "" {
			t.Errorf("%s: status %d %s", cmd.CommandPath(), r.status, r.stderr)
		}
		for line := range strings.Lines(r.stdout) {
			if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > help.Width {
				t.Errorf("%s: more than %d columns: %s", cmd.CommandPath(), help.Width, line)
			}
			if strings.TrimRight(line, " ") != line || strings.Contains(line, "\t") || strings.Contains(line, "`") {
				t.Errorf("%s: blanks or marks: %q", cmd.CommandPath(), line)
			}
		}
		if same := runProgram(t, "", append([]string{"help"}, words...)...); same.stdout != r.stdout {
			t.Errorf("%s: help and --help differ: %s", cmd.CommandPath(), cmp.Diff(r.stdout, same.stdout))
		}
	})
	if n < 20 {
		t.Errorf("only %d commands have been looked at", n)
	}
}

// Every example is one of the command that it belongs to.
func TestHelpHasExamples(t *testing.T) {
	eachCommand(func(cmd *cobra.Command) {
		examples := cmd.Example
		if !cmd.HasParent() {
			examples = cmd.Long
		}
		if !strings.Contains(examples, cmd.CommandPath()) && cmd.Name() != "trash" {
			t.Errorf("%s has no example: %q", cmd.CommandPath(), examples)
		}
		if !strings.Contains(runProgram(t, "", append(strings.Fields(cmd.CommandPath())[1:], "--help")...).stdout, strings.TrimSpace(examples)) {
			t.Errorf("%s does not show its examples", cmd.CommandPath())
		}
	})
}

func TestHelpIsGroupedByTask(t *testing.T) {
	r := runProgram(t, "", "--help")
	at := 0
	for _, want := range []string{
		"MOST USED\n", "  regsweep ls ", "  regsweep gc --dry-run ", "  regsweep gc -m ", "  regsweep rm ", "  regsweep prune ", "\nUsage:\n",
		"\nSee what is there:\n", "  ls ", "  why ", "\nFree space:\n", "  gc ", "\nDelete:\n", "  rm ", "  untag ",
		"\nKeep by policy:\n", "  prune ", "\nCheck and bring back:\n", "  check ", "  doctor ", "  repair ", "  tag ", "  trash ", "  undelete ", "\nOther:\n", "  completion ", "  help ", "  man ", "  version ", "\nFlags:\n",
	} {
		i := strings.Index(r.stdout[at:], want)
		if i < 0 {
			t.Fatalf("%q is not there, or not in this order:\n%s", want, r.stdout)
		}
		at += i
	}
	other := r.stdout[strings.Index(r.stdout, "\nOther:\n"):strings.Index(r.stdout, "\nFlags:\n")]
	eachCommand(func(cmd *cobra.Command) {
		known := slices.Contains([]string{"completion", "help", "man", "version"}, cmd.Name())
		if cmd.HasParent() && !cmd.Parent().HasParent() && !known && strings.Contains(other, "\n  "+cmd.Name()+" ") {
			t.Errorf("%s belongs to a task: see groupCommands", cmd.Name())
		}
	})
}

// The groups of commands that share flags.
const (
	reads   = "check, ls, why"
	removes = "apply, gc, prune, rm, untag"
	bins    = "trash empty, trash restore"
	locks   = "protect add, protect ls, protect rm, doctor"
	sweeps  = "apply, gc, prune, rm"
	planned = "gc, prune, rm, untag"
	backs   = "repair, tag, undelete"
	logged  = "pulls ls, pulls read"
)

// offered are all flags, what each does, and the commands that offer it.
var offered = map[string]string{
	"ago: remove only tags and manifests that are older than this AGE, or a date":                                                                    "prune",
	"all: list everything that keeps it, not only the nearest":                                                                                       "why",
	"allow-empty: run even if the store looks like a volume that is not mounted, would lose its last tag or image, or --protect names nothing":       removes,
	"config: the registry's own configuration FILE":                                                                                                  reads + ", trash ls, " + bins + ", " + locks + ", " + removes + ", export" + ", " + backs + ", " + logged,
	"delete-untagged: also remove manifests without a tag, unless something else keeps them":                                                         "gc",
	"dry-run: report what would be removed, and remove nothing (-n is the same)":                                                                     removes,
	"dry-run: report what would be done, and do nothing (-n is the same)":                                                                            bins + ", export, protect add, protect rm" + ", " + backs,
	"exclude: keep tags whose whole name matches REPO_REGEX:TAG_REGEX, whatever --filter says; can be repeated":                                      "prune",
	"filter: remove only tags whose whole name matches REPO_REGEX:TAG_REGEX; can be repeated":                                                        "prune",
	"force: delete a child of an index that is kept, and leave the index incomplete":                                                                 "rm",
	"grace: keep what is younger than this AGE":                                                                                                      sweeps,
	"archive: before removing images, export them to DIR on another filesystem; see regsweep export --help":                                          "prune, rm",
	"hard-link: make hard links to the files of the store instead of copies; damage to one is damage to both":                                        "export",
	"tag-names: list images only by their tag, without the repository's name":                                                                        "export",
	"history: list what each tag named, and when it was last set to it":                                                                              "ls",
	"index: HOW to remember what was read for the next run: auto (in .regsweep/index) or none (read everything)":                                     reads + ", " + removes + ", export, pulls read",
	"jobs: run N file operations at a time; auto chooses a number that suits the filesystem":                                                         reads + ", " + bins + ", " + removes + ", export" + ", undelete, repair, pulls read",
	"keep: keep the N newest of the tags that any filter matches in a repository":                                                                    "prune",
	"keep-deleted: keep images that were deleted, or lost their last tag, less than this AGE ago, for undelete and tag":                              sweeps,
	"max-remove: refuse to remove more than this LIMIT of the store's blob bytes, such as 30% or 50GiB":                                              sweeps,
	"target-free: remove only as much as is needed to have this SPACE free, such as 20% or 100GiB; the least recently used images are removed first": "prune",
	"max-used: remove only as much as is needed for the store to use at most SIZE on the disk, such as 500GiB":                                       "prune",
	"no-color: disable colors":                                                                                                      "apply, doctor, gc, prune, rm, untag, why",
	"no-descriptions: complete without descriptions":                                                                                "completion bash, completion fish, completion powershell, completion zsh",
	"no-trunc: print whole digests and names, even on a terminal":                                                                   "ls",
	"older-than: -m keeps what is younger than AGE":                                                                                 "gc",
	"older-than: list only images that were pushed longer ago than this AGE":                                                        "ls",
	"older-than: remove only runs that are older than this AGE, or a date":                                                          "trash empty",
	"output: FORMAT of the list: table, json or tsv":                                                                                "ls, " + logged,
	"output: FORMAT of the report: table or json":                                                                                   "apply, check, gc, prune, rm, trash empty, trash ls, trash restore, untag, why" + ", " + locks + ", export" + ", " + backs,
	"plan: with --dry-run: write the plan to FILE, for regsweep apply":                                                              planned,
	"policy: say what prune would do with this policy FILE; - is standard input":                                                    "why",
	"policy: the FILE of the policy; - is standard input":                                                                           "prune",
	"print-policy: print the policy of the file or the flags, and do nothing else":                                                  "prune",
	"progress: HOW to show progress on stderr: auto (a live line on a terminal, otherwise plain), plain (a line every 30s) or none": reads + ", " + removes + ", export, repair, pulls read",
	"protect: keep what FILE names: on each line a NAME, NAME:TAG, NAME@DIGEST, a glob of these, or a DIGEST; - is standard input":  removes,
	"quiet: print only names, as rm takes them":                                                                                     "ls",
	"quiet: print no table and no warnings":                                                                                         "apply, check, doctor, gc, prune, rm, trash empty, trash restore, untag" + ", protect add, protect rm" + ", export" + ", repair, tag",
	"pulls: read from the access log FILE which images are used, for rules about pulls; more FILEs can follow":                      "prune",
	"quiet: print only names":                                                                                                       logged,
	"quiet: print only the patterns":                                                                                                "protect ls",
	"quiet: print nothing; the status says whether it exists":                                                                       "why",
	"quiet: print only the names of the runs":                                                                                       "trash ls",
	"quiet: print nothing about a valid policy":                                                                                     "policy check",
	"shard: read only part I of N, from 0 to N-1; /N takes I from JOB_COMPLETION_INDEX":                                             "check",
	"merge: make one report of the JSON reports of all shards":                                                                      "check",
	"for: stop reading after this TIME; the next check continues there":                                                             "check",
	"max-age: skip what was read and found intact less than this AGE ago":                                                           "check",
	"read-data-subset: read a SHARE of the bytes of the blobs, such as 10% or 5GiB; another share every day":                        "check",
	"read-data: read all blobs and compare their digests":                                                                           "check",
	"report: also write the result to FILE; its name ends in .json":                                                                 "ls, trash empty, trash ls, trash restore, why" + ", " + locks + ", export" + ", " + backs + ", " + logged,
	"report: also write the whole report to FILE; its name ends in .json, .html or .prom":                                           "apply, check, gc, prune, rm, untag",
	"repository: delete the repository NAME with everything in it; more NAMEs can follow":                                           "rm",
	"resume: look at every link for items that a stopped run has set aside, even if there is no other sign of such a run":           "gc",
	"reverse: reverse the order":                                                                                                    "ls",
	"root: the registry's root DIR, which holds docker/registry/v2":                                                                 reads + ", trash ls, " + bins + ", " + locks + ", " + removes + ", export" + ", " + backs + ", " + logged,
	"since: with --all: only images that were deleted in the last AGE, or since a date":                                             "undelete",
	"sort: order by KEY: name, size, unique, reclaimable, pushed or created; the largest and the newest come first":                 "ls",
	"tags: print a line for each tag of the named repositories":                                                                     "ls",
	"trash: move items to the trash instead of removing them; see regsweep trash --help":                                            removes,
	"untagged-only: remove untagged manifests and no tags; in every repository if there is no --filter":                             "prune",
	"untagged: also remove untagged manifests, if they are older than --ago":                                                        "prune",
	"untagged: list only manifests without a tag, or repositories with such manifests":                                              "ls",
	"uploads-older-than: remove uploads older than this AGE":                                                                        "apply, gc",
	"uploads-older-than: while a push is under way, keep its layers up to this AGE":                                                 "prune, rm",
	"verbose: also list the tags that are kept, and why; -vv also lists blobs":                                                      "prune",
	"verbose: list all problems, and everything that they break":                                                                    "check",
	"verbose: list all tags that are put back":                                                                                      "trash restore",
	"verbose: list everything that is put back":                                                                                     "trash empty",
	"verbose: list each item":                                                                                                       "apply, gc, rm, untag" + ", export",
	"version: print the version, the commit and the Go version":                                                                     "regsweep",
	"verbose: list all images that are brought back":                                                                                "undelete",
	"quiet: print no table; for a list, print only NAME@DIGEST":                                                                     "undelete",
	"all: bring back all images of the repository that were deleted through the API":                                                "undelete",
	"deleted: list the images that were deleted and are still stored, as undelete does":                                             "ls",
	"force: move the tag if it names another image; asks first":                                                                     "tag",
	"overwritten: with --all: also images that only the history of a tag names":                                                     "undelete",
	"partial: also bring back images with missing blobs, as far as they exist":                                                      "undelete",
	"tag: also give the image this TAG, which must not exist yet":                                                                   "undelete",
	"from: copy blobs from DIR, a registry's root directory or an OCI image layout; can be repeated":                                "repair",
	"quick: do not read the data of all blobs":                                                                                      "repair",
	"verbose: list everything that is repaired or left":                                                                             "repair",
	"yes: do not ask": bins + ", " + removes + ", " + backs,
}

// A flag is offered by those commands alone to which it means something. A new
// one needs a line above.
func TestHelpOffersFlagsThatMeanSomething(t *testing.T) {
	got := map[string][]string{}
	eachCommand(func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), "regsweep ")
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if _, what := pflag.UnquoteUsage(f); !f.Hidden && f.Name != "help" {
				key := f.Name + ": " + what
				got[key] = append(got[key], path)
			}
		})
	})
	want := map[string][]string{}
	for key, paths := range offered {
		want[key] = strings.Split(paths, ", ")
		slices.Sort(want[key])
	}
	for key := range maps.Keys(got) {
		slices.Sort(got[key])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is accepted and not offered changes nothing.
func TestFlagsWithoutMeaningChangeNothing(t *testing.T) {
	t.Parallel()
	values := map[string][]string{
		"verbose": {"--verbose"}, "no-color": {"--no-color"}, "progress": {"--progress", "plain"}, "jobs": {"--jobs", "3"}, "index": {"--index", "none"},
		"grace": {"--grace", "400d"}, "uploads-older-than": {"--uploads-older-than", "1s"}, "max-remove": {"--max-remove", "0%"},
	}
	arguments := map[string][]string{
		"why": {"a/b:v1"}, "untag": {"a/b:v3", "--dry-run"}, "trash empty": {"--dry-run"}, "trash restore": {"--dry-run"},
		"export":   {"--dry-run", "a/b:v1", "/nowhere/at/all"},
		"undelete": {"a/b"}, "repair": {"--dry-run"}, "tag": {"a/b:v1", "v9", "--dry-run"},
		"protect add": {"--dry-run", "a/b:v1"}, "protect rm": {"--dry-run", "a/b:v1"},
	}
	s := layouttest.New(t, "image a/b:v1 as=x age=10d\nimage a/b:v2 as=y age=10d\nimage a/b:v3 as=z age=10d")
	if r := runProgram(t, "", "rm", "--root", s.Root, "--trash", "--yes", "a/b:v2"); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	if r := runProgram(t, "", "protect", "add", "--root", s.Root, "a/b:v1"); r.status != statusDone {
		t.Fatal(r.stderr)
	}
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, []byte(time.Now().Format("[02/Jan/2006:15:04:05 -0700]")+` "GET /v2/ HTTP/1.1" 200 2 "" "a"`), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments["pulls read"] = []string{log}
	run := strings.TrimSpace(runProgram(t, "", "trash", "ls", "--root", s.Root, "-q").stdout)
	arguments["trash restore"] = append(arguments["trash restore"], run)
	n := 0
	eachCommand(func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), "regsweep ")
		for _, name := range withoutMeaning(cmd.CommandPath()) {
			n++
			args := slices.Concat(strings.Fields(path), []string{"--root", s.Root}, arguments[path])
			plain, with := runProgram(t, "", args...), runProgram(t, "", append(args, values[name]...)...)
			if values[name] == nil || plain.status != statusDone || with.status != plain.status || unhurried(with.stdout) != unhurried(plain.stdout) {
				t.Errorf("%s --%s: status %d and %d\n%s%s%s", path, name, plain.status, with.status, with.stderr, plain.stdout, with.stdout)
			}
		}
	})
	if n < 12 {
		t.Errorf("only %d flags have been tried", n)
	}
}

// unhurried is a text without what differs from run to run, and without the
// command of the run itself, which is repeated with its flags.
func unhurried(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "free space") && !strings.Contains(line, "free inodes") && !strings.Contains(line, "checked in ") && !strings.Contains(line, "to remove this: ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestHelpOfAnUnknownCommand(t *testing.T) {
	for _, args := range [][]string{{"help", "klingon"}, {"help", "gc", "now"}, {"help", "trash", "undo"}} {
		if r := runProgram(t, "", args...); r.status != statusUsage || r.stdout != "" || !strings.Contains(r.stderr, "there is no command") {
			t.Errorf("%q: status %d: %s%s", args, r.status, r.stdout, r.stderr)
		}
	}
}
