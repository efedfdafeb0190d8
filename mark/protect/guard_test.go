package protect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout"
)

func TestGuard(t *testing.T) {
	d := layout.FromBytes(layout.SHA256, []byte("x"))
	p, err := Read(strings.NewReader(strings.Join([]string{
		"prod/**", "**:release-*", "team/app:v1", "team/app@" + d.String(), "registry.example.com:5000/team/app:v{1,2}", d.String(), "nobody",
	}, "\n")), "list")
	if err != nil {
		t.Fatal(err)
	}
	type answer struct{ Repository, Tag, Digest []string }
	for _, c := range []struct {
		repository, tag string
		want            answer
	}{
		{"prod/a/b", "x", answer{[]string{"prod/**"}, nil, []string{d.String()}}},
		{"prod", "release-1", answer{[]string{"prod/**"}, []string{"**:release-*"}, []string{d.String()}}},
		{"team/app", "v1", answer{nil, []string{"team/app:v1", "registry.example.com:5000/team/app:v{1,2}"}, []string{"team/app@" + d.String(), d.String()}}},
		{"team/app", "v2", answer{nil, []string{"registry.example.com:5000/team/app:v{1,2}"}, []string{"team/app@" + d.String(), d.String()}}},
		{"team/app/sub", "v1", answer{nil, nil, []string{d.String()}}},
	} {
		g := p.Guard(c.repository)
		if diff := cmp.Diff(c.want, answer{Patterns(g.Repository()), Patterns(g.Tag(c.tag)), Patterns(g.Digest(d))}); diff != "" {
			t.Errorf("%s:%s (-want +got):\n%s", c.repository, c.tag, diff)
		}
	}
	if diff := cmp.Diff([]string{"7 nobody"}, unmatched(p)); diff != "" {
		t.Errorf("unmatched (-want +got):\n%s", diff)
	}
}

// TestJoin holds that what is joined protects, and that its parts
// know of it.
func TestJoin(t *testing.T) {
	var a, b List
	for _, err := range []error{a.Add(3, "a"), b.Add(5, "b:v1"), b.Add(6, "c")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if a.Add(1, "a/[b") == nil {
		t.Error("what is no name was added")
	}
	joined := Join(&a, nil, &b)
	if g := joined.Guard("b"); g.Repository() != nil || g.Tag("v1") == nil || g.Tag("v2") != nil {
		t.Error("b:v1 is not what is protected")
	}
	if g := joined.Guard("a"); g.Repository() == nil {
		t.Error("a is not protected")
	}
	if diff := cmp.Diff([]string{"6 c"}, append(unmatched(&a), unmatched(&b)...)); diff != "" {
		t.Errorf("unmatched (-want +got):\n%s", diff)
	}
	if empty := Join(nil, nil); !empty.Empty() {
		t.Error("nothing joined protects something")
	}
}

func unmatched(p *List) (list []string) {
	m := p.Matches()
	for _, l := range m.Unmatched {
		list = append(list, fmt.Sprint(l.Number, " ", l.Pattern))
	}
	return list
}

// FuzzRead holds that no list of protected names makes matching panic.
func FuzzRead(f *testing.F) {
	f.Add("a/b:v*\n**@sha256:"+strings.Repeat("a", 64)+"\n# x\nprod/**", "a/b", "v1")
	f.Fuzz(func(_ *testing.T, text, repository, tag string) {
		p, err := Read(strings.NewReader(text), "x")
		if err != nil {
			return
		}
		here := p.Guard(repository)
		here.Repository()
		here.Tag(tag)
	})
}
