//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the commands in README.md and docs/ print into them")

// The commands in the console blocks of the documents are run, and print what
// the documents say, but for times, free space and the like.
//
// Each heading begins with a new store (testdata/sample.store) in a new
// directory with the files of testdata/docs; the blocks below a heading go on
// where the one before ended. "$ " is before a command, and a line "..." stands
// for any lines. A command without output is run, and has to succeed; one that
// fails has to show its error. A comment before a block changes that:
//
//	<!-- docs: store=NAME -->     another store, testdata/docs/NAME.store
//	<!-- docs: terminal=100 -->   stdout is a terminal of so many columns
//	<!-- docs: not run, REASON -->
//
// The programs in testdata/docs/bin stand for docker, kubectl and others.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		t.Run(strings.TrimPrefix(name, "../../"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			d := &docs{t: t}
			text := d.check(string(content))
			if !*update || text == string(content) {
				return
			}
			if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// documents are the texts that are for users.
func documents(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../deploy/*.md", "../../e2e/*.md", "../../bench/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if len(names) < 4 {
		t.Fatalf("only %q", names)
	}
	return names
}

// docs is one document while it is checked.
type docs struct {
	t     *testing.T
	scene *scene // where commands run; nil until there is one
}

var comment = regexp.MustCompile(`^<!-- docs: (.*) -->$`)

// check runs the commands of a document, and returns the document as it should be.
func (d *docs) check(text string) string {
	lines := strings.Split(text, "\n")
	var out []string
	how := ""
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out = append(out, line)
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```console") && line != "```console":
			d.t.Errorf("line %d: a block that is indented is not checked", i+1)
		case strings.HasPrefix(line, "#"):
			d.scene = nil
		case comment.MatchString(line):
			how = comment.FindStringSubmatch(line)[1]
			continue
		case strings.HasPrefix(line, "```") && line != "```":
			end := i + 1
			for end < len(lines) && lines[end] != "```" {
				end++
			}
			block := lines[i+1 : end]
			switch line {
			case "```console":
				block = d.console(i+2, block, how)
			case "```yaml":
				d.yaml(i+2, block)
			}
			out = append(append(out, block...), "```")
			i = end
		}
		if line != "" {
			how = ""
		}
	}
	return strings.Join(out, "\n")
}

// console runs the commands of a block.
func (d *docs) console(at int, block []string, how string) []string {
	d.t.Helper()
	if reason, ok := strings.CutPrefix(how, "not run, "); ok && reason != "" {
		return block
	}
	d.prepare(how)
	var out []string
	for i := 0; i < len(block); {
		command, ok := strings.CutPrefix(block[i], "$ ")
		if !ok {
			d.t.Errorf("line %d is not a command: %q", at+i, block[i])
			return block
		}
		from := i
		for i++; strings.HasSuffix(command, "\\") && i < len(block); i++ {
			command += "\n" + block[i]
		}
		out = append(out, block[from:i]...)
		from = i
		for i < len(block) && !strings.HasPrefix(block[i], "$ ") {
			i++
		}
		out = append(out, d.command(at+from, command, block[from:i])...)
	}
	return out
}

// command runs one command, and returns the output that the document should have.
func (d *docs) command(at int, command string, want []string) []string {
	d.t.Helper()
	got, status := d.scene.run(d.t, command)
	if status == statusUsage && len(want) == 0 && strings.Contains(strings.Join(got, "\n"), "there is no terminal") {
		return want // on a terminal it asks
	}
	if shown := strings.Join(want, "\n"); status != 0 && status != 3 && !strings.Contains(shown, "regsweep: ") {
		d.t.Errorf("line %d: %s ends with status %d:\n%s", at-1, command, status, strings.Join(got, "\n"))
		return want
	}
	// An empty line before the next command is the document's.
	gap := 0
	for gap < len(want) && want[len(want)-1-gap] == "" {
		gap++
	}
	body := want[:len(want)-gap]
	if len(body) == 0 || matches(body, got) {
		return want
	}
	if *update {
		if fitted, ok := refit(body, got); ok {
			return append(fitted, want[len(body):]...)
		}
	}
	d.t.Errorf("line %d: %s prints something else (-documented +printed):\n%s", at-1, command, cmp.Diff(normal(body), normal(got)))
	return want
}

// yaml holds that what looks like a policy is one.
func (d *docs) yaml(at int, block []string) {
	d.t.Helper()
	if len(block) == 0 || block[0] != "version: 1" {
		return
	}
	file := filepath.Join(d.t.TempDir(), "policy.yml")
	if err := os.WriteFile(file, []byte(strings.Join(block, "\n")+"\n"), 0o666); err != nil {
		d.t.Fatal(err)
	}
	if r := runProgram(d.t, "", "policy", "check", file); r.status != 0 {
		d.t.Errorf("line %d: %s", at, r.stderr)
	}
}

// prepare makes what a block needs.
func (d *docs) prepare(how string) {
	d.t.Helper()
	store, columns := "", 0
	for setting := range strings.FieldsSeq(how) {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "store":
			store = value
		case "terminal":
			if _, err := fmt.Sscan(value, &columns); err != nil {
				d.t.Fatalf("%s: %v", how, err)
			}
		default:
			d.t.Fatalf("a comment says %q", how)
		}
	}
	if d.scene == nil || store != "" {
		d.scene = newScene(d.t, store)
	}
	d.scene.columns = columns
}
