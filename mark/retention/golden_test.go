package retention

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/regsweep/regsweep/layout"
)

// TestGolden decides about the lists of tags in testdata. Each file has a
// policy and a scene; go test -update writes the decisions.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var policy *Policy
			for i := range archive.Files {
				section := &archive.Files[i]
				if section.Name != "tags" {
					if policy, err = Parse(section.Name, section.Data, now); err != nil {
						t.Fatal(err)
					}
					continue
				}
				checkScene(t, policy, &section.Data)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// checkScene compares what is decided with what the text says.
func checkScene(t *testing.T, policy *Policy, text *[]byte) {
	t.Helper()
	s := parseScene(t, string(*text))
	got := s.decide(t, policy, Options{Now: now, Grace: time.Hour})
	if *update {
		*text = []byte(s.text(got))
		return
	}
	if diff := cmp.Diff(s.want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

// TestImages: an image goes with its last tag, and not while one stays.
func TestImages(t *testing.T) {
	p, err := Parse("p", []byte("version: 1\nrules: [{repositories: [a], tags: [{match: ['*'], keep: {last: 2}}], untagged: {keep: {within: 1d}}}]"), now)
	if err != nil {
		t.Fatal(err)
	}
	s := parseScene(t, "a:1 1d image=x\na:2 2d image=y\na:3 3d image=x\na:4 4d image=z\na:5 5d image=z\na@u 2d\na@w 1h\n")
	decisions, err := mustDecider(t, p, Options{Now: now}).Decide(s.repositories[0])
	if err != nil {
		t.Fatal(err)
	}
	want := map[layout.Digest]bool{digestOf("z"): true, digestOf("u"): true}
	got := map[layout.Digest]bool{}
	for _, d := range Images(decisions) {
		got[d] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// TestEmptyError: the refusal names rule, repository and how many would go.
func TestEmptyError(t *testing.T) {
	p, err := Parse("p", []byte("version: 1\nrules: [{name: all, repositories: ['**'], tags: [{match: ['*'], keep: {none: true}}]}]"), now)
	if err != nil {
		t.Fatal(err)
	}
	d := mustDecider(t, p, Options{Now: now})
	// A decider may be asked about several repositories at once.
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			s := parseScene(t, "team/web:1 1d\nteam/web:2 2d\n")
			_, err := d.Decide(s.repositories[0])
			want := `rule "all" would leave repository "team/web" without a tag: all 2 would be removed`
			if empty := new(EmptyError); !errors.As(err, &empty) || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
	wait.Wait()
}

// TestHandMade: a policy that was not parsed is held to the same rules.
func TestHandMade(t *testing.T) {
	rule := Rule{Repositories: []string{"a"}, Tags: []Entry{{Match: []string{"*"}, Keep: Keep{Last: 1}}}}
	for name, change := range map[string]func(*Policy){
		"no rules":         func(p *Policy) { p.Rules = nil },
		"one name twice":   func(p *Policy) { p.Rules[0].Name = "rule 2"; p.Rules = append(p.Rules, rule) },
		"no repositories":  func(p *Policy) { p.Rules[0].Repositories = nil },
		"a bad repository": func(p *Policy) { p.Rules[0].Repositories = []string{"["} },
		"nothing":          func(p *Policy) { p.Rules[0].Tags = nil },
		"no match":         func(p *Policy) { p.Rules[0].Tags = []Entry{{Keep: Keep{Last: 1}}} },
		"a bad match":      func(p *Policy) { p.Rules[0].Tags = []Entry{{Match: []string{"re:("}, Keep: Keep{Last: 1}}} },
		"a bad exclude": func(p *Policy) {
			p.Rules[0].Tags = []Entry{{Match: []string{"*"}, Exclude: []string{""}, Keep: Keep{Last: 1}}}
		},
		"a bad filter": func(p *Policy) { p.Rules[0].Tags = []Entry{{Filter: []string{"a"}, Keep: Keep{Last: 1}}} },
		"no keep":      func(p *Policy) { p.Rules[0].Tags = []Entry{{Match: []string{"*"}}} },
		"below 0":      func(p *Policy) { p.Rules[0].Tags = []Entry{{Match: []string{"*"}, Keep: Keep{Last: -1}}} },
		"within below 0": func(p *Policy) {
			p.Rules[0].Tags = []Entry{{Match: []string{"*"}, Keep: Keep{Within: Ago{Length: -1}}}}
		},
		"none and more":      func(p *Policy) { p.Rules[0].Untagged = &Keep{None: true, Last: 1} },
		"untagged semver":    func(p *Policy) { p.Rules[0].Untagged = &Keep{Semver: Semver{Major: 1}} },
		"a bad zone":         func(p *Policy) { p.Timezone = "Local" },
		"a bad zone, inside": func(p *Policy) { p.Rules[0].Timezone = "Nowhere" },
		"a bad protection":   func(p *Policy) { p.Protect = []string{"re:a"} },
	} {
		p := &Policy{Rules: []Rule{rule}}
		change(p)
		if _, err := p.Decider(Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
