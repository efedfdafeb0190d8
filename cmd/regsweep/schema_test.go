package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// readSchema is one of docs/schemas.
func readSchema(t testing.TB, name string) *jsonschema.Resolved {
	t.Helper()
	text, err := os.ReadFile("../../docs/schemas/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return resolved
}

// conforms holds JSON against a schema of docs/schemas.
func conforms(t testing.TB, name, text string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("this is not JSON: %v\n%s", err, text)
	}
	if err := readSchema(t, name).Validate(v); err != nil {
		t.Errorf("it is not as docs/schemas/%s.schema.json says: %v\n%s", name, err, text)
	}
}

const schemaStore = everything + `
raw repositories/README x
image team/app:v1,v2 layers=base,x as=app
index team/app:multi of=app
referrer team/app of=app
image team/app:alias layers=2 alias=1 as=aliased
image broken:ok as=ok
raw repositories/broken/_manifests/revisions/sha256/0000000000000000000000000000000000000000000000000000000000000000/link this is not a digest
layer broken junk size=8k
orphan as=young age=5m size=1k
image odd:v1 as=gone
damage missing blob gone
`

// Every object that a command prints is as its schema says, which allows no
// other field. A field that is new has to be documented there.
func TestJSONIsAsItsSchemaSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schema string
		args   []string
	}{
		{"report", []string{"gc", "-d"}},
		{"report", []string{"gc", "-d", "-m", "-v"}},
		{"report", []string{"gc", "-m", "-v"}},
		{"report", []string{"rm", "-d", "-v", "team/app:multi"}},
		{"report", []string{"rm", "-y", "team/app:multi"}},
		{"report", []string{"untag", "-y", "-v", "team/app:v1"}},
		{"report", []string{"prune", "-y", "-v", "--filter", "team/.*:.*", "--keep", "1"}},
		{"ls", []string{"ls"}},
		{"ls-repository", []string{"ls", "team/app"}},
		{"ls-repository", []string{"ls", "broken"}},
		{"ls-repository", []string{"ls", "team/*", "broken"}},
		{"ls-image", []string{"ls", "team/app:multi"}},
		{"ls-tags", []string{"ls", "--tags", "team/app"}},
		{"ls-tags", []string{"ls", "--tags", "**"}},
		{"ls-history", []string{"ls", "--history", "team/app"}},
		{"ls-history", []string{"ls", "--history", "team/*"}},
		{"check", []string{"check"}},
		{"check", []string{"check", "--read-data"}},
		{"why", []string{"why", "@app"}},
		{"why", []string{"why", "@young"}},
		{"why", []string{"why", "@junk"}},
		{"why", []string{"why", "--all", "@app"}},
		{"why", []string{"why", "team/app:*"}},
		{"why", []string{"why", "team/app:v1", "@young"}},
	} {
		t.Run(filepath.Join(c.args...), func(t *testing.T) {
			t.Parallel()
			s := newStore(t, schemaStore)
			args := append([]string{}, c.args...)
			if last := &args[len(args)-1]; (*last)[0] == '@' {
				*last = s.Digest((*last)[1:]).String()
			}
			file := filepath.Join(t.TempDir(), "result.json")
			r := runProgram(t, "", append(args, "--root", s.Root, "-o", "json", "--report", file)...)
			if r.status != statusDone && r.status != statusProblems && (r.status != statusFailed || r.stdout == "") {
				t.Fatalf("status %d\n%s", r.status, r.stderr)
			}
			conforms(t, c.schema, r.stdout)
			same(t, "the file and what was printed", r.stdout, readFile(t, file))
		})
	}
}

// The same of commands that follow one another on one store.
func TestJSONOfPlansAndTheTrashIsAsItsSchemaSays(t *testing.T) {
	t.Parallel()
	s := newStore(t, schemaStore)
	dir := t.TempDir()
	plan, file := filepath.Join(dir, "plan.txt"), filepath.Join(dir, "result.json")
	does := func(schema string, args ...string) map[string]any {
		t.Helper()
		r := runProgram(t, "", append(args, "--root", s.Root, "-o", "json", "--report", file)...)
		if r.status != statusDone && r.status != statusProblems {
			t.Fatalf("%q: status %d\n%s", args, r.status, r.stderr)
		}
		conforms(t, schema, r.stdout)
		same(t, "the file and what was printed", r.stdout, readFile(t, file))
		var v map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	does("report", "rm", "-d", "--plan", plan, "team/app:multi", "odd:v1")
	does("report", "untag", "-y", "odd:v1")
	v := does("report", "apply", plan, "-y", "--trash")
	run, ok := v["trashed"].(string)
	if left, _ := v["leftOut"].([]any); !ok || len(left) == 0 {
		t.Errorf("the run %q, skipped: %v", run, left)
	}
	does("protect", "protect", "add", "team/**", "until=2999-12-31", "# x", "odd")
	does("protect", "protect", "ls")
	does("protect", "protect", "rm", "odd", "-d")
	does("protect", "protect", "rm", "team/**")
	does("pulls", "pulls", "ls")
	log := filepath.Join(dir, "access.log")
	writeLog(t, log, pulled(time.Now(), "team/app", "v1"), pulled(time.Now(), "team/app", s.Digest("app").String()))
	does("pulls", "pulls", "read", log)
	does("pulls", "pulls", "ls")
	if err := s.Apply("age 10d\nimage del:v1 as=del\ndelete-manifest del del"); err != nil {
		t.Fatal(err)
	}
	does("undelete", "undelete")
	does("undelete", "ls", "--deleted", "del")
	does("undelete", "undelete", "-d", "--all", "del")
	does("undelete", "undelete", "-y", "--all", "del")
	does("tag", "tag", "del@"+s.Digest("del").String(), "v1", "-d")
	does("tag", "tag", "del@"+s.Digest("del").String(), "v1")
	does("repair", "repair", "-d")
	if err := s.Apply("age 10d\nimage rep:v1 as=rep layers=one\ndamage zero layer rep one"); err != nil {
		t.Fatal(err)
	}
	does("repair", "repair", "-d", "--quick")
	does("repair", "repair", "-y")
	does("trash-ls", "trash", "ls")
	does("trash-restore", "trash", "restore", run, "-d")
	does("trash-restore", "trash", "restore", run, "-y")
	does("report", "gc", "-y", "--trash")
	does("trash-empty", "trash", "empty", "-d")
	does("trash-empty", "trash", "empty", "-y")
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A schema that allows anything would be of no use.
func TestSchemasAllowNoOtherFields(t *testing.T) {
	t.Parallel()
	s := newStore(t, schemaStore)
	r := runProgram(t, "", "gc", "-d", "--root", s.Root, "-o", "json")
	var v map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatal(err)
	}
	schema := readSchema(t, "report")
	if err := schema.Validate(v); err != nil {
		t.Fatal(err)
	}
	v["store"].(map[string]any)["more"] = 1
	if schema.Validate(v) == nil {
		t.Error("a field that is not documented is allowed")
	}
}

// The examples of commands that have no store here.
func TestSchemasOfListsAcceptEmptyOnes(t *testing.T) {
	t.Parallel()
	empty, err := layouttest.Build(t.TempDir(), "mkdir repositories\nmkdir blobs", layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := runProgram(t, "", "ls", "--root", empty.Root, "-o", "json")
	conforms(t, "ls", r.stdout)
	conforms(t, "trash-ls", `{"runs":[]}`)
}
