package main

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// shellWords are the words of a command line, as a shell has them.
func shellWords(t testing.TB, line string) (words []string) {
	t.Helper()
	word, quoted, begun := strings.Builder{}, false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			quoted, begun = !quoted, true
		case c == '\\' && !quoted:
			i++
			word.WriteByte(line[i])
			begun = true
		case c == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quoted {
		t.Fatalf("%s: a quote is open", line)
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// adviceIn are the commands at the ends of lines.
func adviceIn(text string) (commands []string) {
	for _, found := range regexp.MustCompile(`(?m)(?:^|: )(regsweep [a-z].*)$`).FindAllStringSubmatch(text, -1) {
		commands = append(commands, found[1])
	}
	return commands
}

// asking are the commands that ask, and are told yes.
var asking = []string{"apply", "gc", "prune", "repair", "rm", "undelete", "untag", "trash restore", "trash empty"}

// obey runs a command that was printed. It must be complete.
func obey(t *testing.T, command string) result {
	t.Helper()
	args := shellWords(t, command)[1:]
	verb := args[0]
	if verb == "trash" {
		verb += " " + args[1]
	}
	if (slices.Contains(asking, verb) || verb == "tag" && slices.Contains(args, "--force")) && !slices.Contains(args, "--dry-run") {
		args = append(args, "--yes")
	}
	return runProgram(t, "", args...)
}

// canBePulled are the references that can be pulled in full.
func canBePulled(s *layouttest.Store, refs []string) map[string]bool {
	m := map[string]bool{}
	for _, ref := range refs {
		if s.Missing(ref) == nil {
			m[ref] = true
		}
	}
	return m
}

// referencesOf are all tags of a store, and all manifests by digest.
func referencesOf(t *testing.T, s *layouttest.Store) (refs []string) {
	t.Helper()
	root := filepath.Join(s.Dir, "repositories")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		name, below, ok := strings.Cut(filepath.ToSlash(rel), "/_manifests/")
		switch parts := strings.Split(below, "/"); {
		case !ok:
		case parts[0] == "tags" && len(parts) == 2:
			refs = append(refs, name+":"+parts[1])
		case parts[0] == "revisions" && len(parts) == 4 && parts[3] == "link":
			refs = append(refs, name+"@"+parts[1]+":"+parts[2])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func copyStore(t *testing.T, s *layouttest.Store) *layouttest.Store {
	t.Helper()
	c := *s
	c.Root = filepath.Join(t.TempDir(), "registry")
	if out, err := exec.Command("cp", "-a", s.Root, c.Root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rel, err := filepath.Rel(s.Root, s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Dir = filepath.Join(c.Root, rel)
	return &c
}

// damagedText is a store with some images and, at random, some damage of every
// kind that check finds.
func damagedText(rnd *rand.Rand) string {
	var b strings.Builder
	b.WriteString(`age 30d
image a/app:v1 layers=base,l1 as=x1
image a/app:v2 layers=base,l2 as=x2
image a/app as=x3 layers=base,l3
index a/app:multi of=x1,x3 as=i
image b/app:v1 layers=base,m1 as=y1
copy c/app:v1 y1
image d/app:old layers=n1 as=z1
image d/app:new layers=n2 as=z2
referrer a/app of=x2 as=r
orphan as=o
layer e stray
`)
	lines := []string{
		"damage missing blob l1", "damage wrong-digest blob l2", "damage missing layer a/app base", "damage zero layer a/app l3",
		"damage missing blob x2", "damage truncated blob y1", "damage zero revision a/app x3", "damage garbage revision b/app y1",
		"delete-manifest d/app z1\ntag d/app:old z1", "damage zero tag a/app:v2", "damage half-tag tag d/app:new", "damage missing blob stray",
		"damage wrong-digest blob o", "damage huge blob m1 size=1k", "delete-manifest a/app x3", "delete-blob a/app base",
		"remove repositories/c/app/_layers/sha256/{m1}/link",
	}
	rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	b.WriteString(strings.Join(lines[:1+rnd.IntN(4)], "\n"))
	return b.String()
}

// Every cure and last resort that check prints is a complete command, after
// which its problem is gone. It loses no image but those that it says.
func TestAdviceOfCheckIsTrue(t *testing.T) {
	layouttest.Long(t)
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	kinds, ran := map[string]int{}, 0
	const stores = 8
	for range layouttest.Samples(stores) {
		text := damagedText(rnd)
		s, err := layouttest.Build(filepath.Join(t.TempDir(), "registry"), text, layouttest.Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		first := parseCheck(t, runProgram(t, "", "check", "--read-data", "--root", s.Root, "-o", "json"))
		for _, p := range first.Problems {
			kinds[p.Kind]++
			for _, command := range []string{p.Cure, p.LastResort} {
				if command == "" {
					continue
				}
				ran++
				c := copyStore(t, s)
				before := canBePulled(c, referencesOf(t, c))
				r := obey(t, strings.ReplaceAll(command, s.Root, c.Root))
				if r.status != 0 && r.status != 3 {
					t.Errorf("%s: %s: status %d\n%s%s", text, command, r.status, r.stdout, r.stderr)
				}
				again := parseCheck(t, runProgram(t, "", "check", "--read-data", "--root", c.Root, "-o", "json"))
				for _, q := range again.Problems {
					// In a broken repository blobs stay, though nothing needs them.
					stays := q.Kind == "corruptBlob" && q.Breaks == nil && len(again.Problems) > 1
					if q.Kind == p.Kind && q.Path == p.Path && !stays {
						t.Errorf("%s: %s: the problem is still there: %s %s", text, command, q.Kind, q.Path)
					}
				}
				for ref := range before {
					if c.Missing(ref) != nil && !slices.Contains(p.Loses, ref) {
						t.Errorf("%s: %s loses %s, and does not say so", text, command, ref)
					}
				}
				if command == p.Cure {
					for ref := range before {
						if c.Missing(ref) != nil {
							t.Errorf("%s: the cure %s loses %s", text, command, ref)
						}
					}
				}
			}
		}
	}
	t.Logf("%d commands for %v", ran, kinds)
	if layouttest.Samples(stores) == stores && (ran < 12 || len(kinds) < 6) {
		t.Errorf("only %d commands for %v", ran, slices.Sorted(maps.Keys(kinds)))
	}
}

// Every next step that a run prints is a complete command, which works on that
// store and does what is said of it.
func TestNextStepsWork(t *testing.T) {
	t.Parallel()
	const text = `age 30d
image a/app:v1 layers=base,l1 as=x
image a/app:v2 layers=base,l2 as=y
image a/app layers=base,l3 as=z
orphan as=old size=5k
orphan as=recent size=5k age=10m
upload a/app kind=patched size=100
`
	for name, args := range map[string][]string{
		"gc -d":          {"gc", "--dry-run"},
		"gc -d -m":       {"gc", "--dry-run", "-m", "--older-than", "1h", "--max-remove", "50GiB"},
		"gc":             {"gc"},
		"gc --trash":     {"gc", "--trash"},
		"gc -d --trash":  {"gc", "--trash", "-d"},
		"rm -d":          {"rm", "-d", "a/app:v1"},
		"rm":             {"rm", "-y", "a/app:v1"},
		"untag":          {"untag", "-y", "a/app:v1"},
		"untag -d":       {"untag", "-d", "a/app:v1"},
		"prune -d":       {"prune", "-d", "--filter", "a/app:v1", "--ago", "1d"},
		"an unknown tag": {"rm", "-y", "a/app:nothing-like-it"},
		"no repository":  {"rm", "-y", "elsewhere:v1"},
		"no run":         {"trash", "restore", "-y", "20200101T000000Z-gc"},
		"why":            {"why", "a/app:nothing-like-it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, text)
			plan := filepath.Join(t.TempDir(), "it's a plan")
			full := append(slices.Clone(args), "--root", s.Root)
			if strings.HasSuffix(name, "gc -d") {
				full = append(full, "--plan", plan)
			}
			first := runProgram(t, "", full...)
			advice := adviceIn(first.stdout + first.stderr)
			if len(advice) == 0 {
				t.Errorf("no next step in\n%s%s", first.stdout, first.stderr)
			}
			for _, command := range advice {
				c := copyStore(t, s)
				r := obey(t, strings.ReplaceAll(command, s.Root, c.Root))
				if r.status != 0 && !strings.Contains(command, "apply") { // whose root is another one in the copy
					t.Errorf("%s: status %d\n%s%s", command, r.status, r.stdout, r.stderr)
				}
				if !strings.Contains(command, s.Root) {
					t.Errorf("%s does not say where", command)
				}
			}
			if slices.Contains(args, "-d") || slices.Contains(args, "--dry-run") {
				doesTheSame(t, s, args, first.stdout)
			}
		})
	}
}

// doesTheSame runs what a dry run says and compares what is gone.
func doesTheSame(t *testing.T, s *layouttest.Store, args []string, said string) {
	t.Helper()
	at := strings.Index(said, "to remove this: ")
	if at < 0 {
		return // a plan was written
	}
	command, _, _ := strings.Cut(said[at+len("to remove this: "):], "\n")
	dry := runProgram(t, "", append(slices.Clone(args), "--root", s.Root, "-o", "json")...)
	var want, got struct{ Removed, Kept, Live any }
	if err := json.Unmarshal([]byte(dry.stdout), &want); err != nil {
		t.Fatal(err)
	}
	run := obey(t, command+" -o json")
	if err := json.Unmarshal([]byte(run.stdout), &got); err != nil {
		t.Fatalf("%v\n%s%s", err, run.stdout, run.stderr)
	}
	same(t, "what "+command+" did", want, got)
}
