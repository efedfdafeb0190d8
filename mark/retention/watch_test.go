package retention

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWatch: a filter that selects nothing is named, with the likely reason.
func TestWatch(t *testing.T) {
	repositories := []Repository{
		{Name: "ci/build", Tags: []Tag{{Name: "pr-1"}, {Name: "pr-2"}, {Name: "main"}}},
		{Name: "arohcpfrontend", Tags: []Tag{{Name: "v1"}}},
		{Name: "empty"},
	}
	for filter, want := range map[string]string{
		"ci/build:pr-.*":        "",
		"arohcp.*:.*":           "",
		"ci/build:pr-*":         "it is a regular expression here, not a glob: write 'ci/build:pr-.*'",
		"arohcp*:.*":            "it is a regular expression here, not a glob: write 'arohcp.*:.*'",
		"ci/**:main":            "", // slashes, repeated by a star twice, are an error of their own
		"quay.io/ci/build:.*":   "names have no host here: write 'ci/build:.*'",
		"build:pr-.*":           "expressions are for whole names: write '.*build.*:.*pr-.*' for names that contain these",
		"ci/build:pr-":          "expressions are for whole names: write '.*ci/build.*:.*pr-.*' for names that contain these",
		"ci/build:release-.*":   "one repository matches, and no tag of it does",
		"ci/.*|empty:release.*": "2 repositories match, and no tag of them does",
		"nowhere:.*":            "no repository matches",
		"nowhere-*:v1":          "it is a regular expression here, not a glob: write 'nowhere-.*:v1'",
	} {
		if _, err := parseFilter(filter); err != nil {
			continue
		}
		w := NewWatch([]string{filter}, false)
		for i := range repositories {
			w.See(&repositories[i])
		}
		got := ""
		for _, u := range w.Unmatched() {
			got = u.Reason
			if u.Text != filter {
				t.Errorf("%s is called %s", filter, u.Text)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
	w := NewWatch([]string{"empty:x", "ci*:.*"}, true)
	for i := range repositories {
		w.See(&repositories[i])
	}
	if list := w.Unmatched(); len(list) != 1 || !strings.Contains(list[0].Reason, "'ci.*:.*'") {
		t.Errorf("of untagged manifests only: %v", list)
	}
	if list := NewWatch([]string{"a:b"}, false).Unmatched(); len(list) != 1 || list[0].Reason != "the store has no repository" {
		t.Errorf("an empty store: %v", list)
	}
}
