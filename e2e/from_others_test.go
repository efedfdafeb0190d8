package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/regsweep/regsweep/e2e/internal/registry"
)

const fromOthers = "../docs/from-others.md"

// documented are the commands of a page, each once, in its order.
func documented(t *testing.T, page string) (commands []string) {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile(page)))
	text = regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(text, "")
	for _, found := range regexp.MustCompile("`(regsweep [^`]+)`").FindAllStringSubmatch(text, -1) {
		if !slices.Contains(commands, found[1]) {
			commands = append(commands, found[1])
		}
	}
	return commands
}

// promise is what a command of the page is to do.
type promise struct {
	before  string   // commands that come first
	gone    []string // things that are not there any more; a word for several is in wholes
	says    string   // is in what it prints
	then    string   // what is run afterwards, and prints that
	refused string   // what is refused afterwards, with status 1
}

// wholes are the things that go together.
var wholes = map[string][]string{
	"image v1":    {"app:v1", "app@v1", "app@referrer", "app:referrers"},
	"old builds":  {"ci/build:pr-1", "ci/build@pr-1", "ci/build:pr-2", "ci/build@pr-2", "ci/build:pr-3", "ci/build@pr-3", "ci/build:pr-4", "ci/build@pr-4"},
	"two builds":  {"ci/build:pr-1", "ci/build@pr-1", "ci/build:pr-2", "ci/build@pr-2"},
	"main build":  {"ci/build:main", "ci/build@main"},
	"leftovers":   {"blob", "upload"},
	"no tag":      {"app@untagged", "ci/build@untagged"},
	"application": {"app:v1", "app:v2", "app:latest", "app:multi", "app:referrers", "app@v1", "app@v2", "app@multi", "app@untagged", "app@referrer"},
}

// promises has one for each command of the page.
func promises() map[string]promise {
	const prune = "regsweep prune --filter "
	pr, all, old := prune+"'ci/build:pr-.*'", prune+"'ci/build:.*'", []string{"old builds"}
	ci := prune + "'ci/.*:pr-.*'"
	return map[string]promise{
		"regsweep ls -q":                       {says: "app\nci/build\nteam/old\nteam/old/sub\n"},
		"regsweep ls":                          {says: "RECLAIMABLE"},
		"regsweep ls app":                      {says: "v1"},
		"regsweep ls app -o json":              {says: `"tags": [`},
		"regsweep ls app:v1 -o json":           {says: `"sharedWith"`},
		"regsweep ls app:v1 -q":                {says: "app@sha256:"},
		"regsweep ls app --tags --sort pushed": {says: "latest"},
		"regsweep ls app --tags -q":            {says: "app:latest\n"},
		"regsweep ls app --untagged":           {says: "DIGEST"},
		"regsweep ls app --untagged -q":        {says: "app@sha256:"},
		"regsweep doctor":                      {says: "no errors"},
		"regsweep trash ls":                    {before: "regsweep rm app:v1 --trash --yes", gone: []string{"image v1"}, says: "-rm"},

		"regsweep rm app:v1":         {gone: []string{"image v1"}},
		"regsweep tag app:v1 stable": {then: "regsweep ls app:stable -q", says: "app@sha256:"},
		"regsweep export app:v1 DIR": {then: "cat DIR/index.json", says: `"app:v1"`},

		"regsweep rm app:v1 --dry-run":      {says: "would be removed"},
		"regsweep rm app:v1 --trash":        {gone: []string{"image v1"}},
		"regsweep trash restore RUN":        {before: "regsweep rm app:v1 --trash --yes"},
		"regsweep rm app@DIGEST":            {gone: []string{"app@untagged"}},
		"regsweep rm --repository team/old": {gone: []string{"team/old:v1", "team/old@v1"}},
		"regsweep rm --repository app":      {gone: []string{"application"}},
		"regsweep untag app:v1":             {gone: []string{"app:v1"}},

		"regsweep protect add app:v1":         {refused: "regsweep rm app:v1 --yes"},
		"regsweep protect add app":            {refused: "regsweep rm --repository app --yes"},
		"regsweep protect add 'ci/**:pr-1'":   {refused: "regsweep rm ci/build:pr-1 --yes"},
		"regsweep protect rm app:v1":          {before: "regsweep protect add app:v1"},
		"regsweep protect ls":                 {before: "regsweep protect add app:v1", says: "app:v1"},
		"regsweep gc":                         {gone: []string{"leftovers"}},
		"regsweep gc --dry-run":               {says: "would be removed"},
		"regsweep gc -m":                      {gone: []string{"leftovers", "no tag"}},
		"regsweep gc -m --older-than 7d":      {gone: []string{"leftovers", "no tag"}},
		"regsweep gc -m --older-than 90d":     {gone: []string{"leftovers", "no tag"}},
		"regsweep gc --uploads-older-than 7d": {gone: []string{"leftovers"}},

		pr + " --ago 30d":                    {gone: old},
		pr + " --filter 'app:v.*' --ago 30d": {gone: []string{"old builds", "image v1", "app:v2"}},
		pr + " --ago 30d --keep 3":           {gone: []string{"two builds"}},
		pr + " --ago 30d --untagged":         {gone: []string{"old builds", "ci/build@untagged"}},
		pr + " --ago 30d --dry-run -v":       {says: "ci/build:pr-1"},
		ci + " --ago 30d":                    {gone: old},
		ci + " --ago 1mo":                    {gone: old},
		ci + " --ago 30d --dry-run":          {says: "ci/build:pr-1"},
		ci + " --ago 30d --dry-run -v":       {says: "ci/build:pr-5"},
		ci + " --exclude 'ci/.*:pr-1' --ago 30d": {gone: slices.DeleteFunc(slices.Clone(wholes["old builds"]),
			func(thing string) bool { return strings.HasSuffix(thing, "pr-1") })},
		ci + " --keep 5": {},
		all + " --exclude 'ci/build:main' --keep 3": {gone: []string{"two builds"}},
		all + " --keep 3":                          {gone: []string{"two builds", "main build"}},
		all + " --keep 10":                         {},
		all + " --ago 30d":                         {gone: []string{"old builds", "main build"}},
		"regsweep prune --untagged-only --ago 30d": {gone: []string{"no tag"}},
		"regsweep prune --untagged-only --filter 'app:.*' --ago 0": {gone: []string{"app@untagged"}},
	}
}

// TestFromOthers runs every command of the page on a store that a registry wrote
// and shows: what the command is to remove can not be pulled afterwards, and all
// else can.
func TestFromOthers(t *testing.T) {
	commands := documented(t, fromOthers)
	want := promises()
	if diff := cmp.Diff(sorted(keys(want)), sorted(slices.Clone(commands))); diff != "" {
		t.Fatalf("the commands that the test knows (-) and those of the page (+):\n%s", diff)
	}
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, version)
			for _, command := range commands {
				h.hold(t, command, want[command])
			}
			h.fields(t)
		})
	}
}

// asks are the beginnings of commands that ask.
var asks = regexp.MustCompile(`^regsweep (rm|untag|prune|trash restore) `)

func (h *house) hold(t *testing.T, command string, want promise) {
	t.Helper()
	reads := want.before+want.then == "" && want.says != "" && want.gone == nil
	if h.dirty || !reads {
		h.renew(t)
	}
	h.dirty = !reads
	if want.before != "" {
		if output, status := h.shell(want.before); status != 0 {
			t.Errorf("%s: status %d\n%s", want.before, status, output)
		}
	}
	run := command
	if strings.Contains(run, "RUN") {
		name, _ := h.shell("regsweep trash ls -q")
		run = strings.ReplaceAll(run, "RUN", strings.TrimSpace(name))
	}
	if strings.Contains(run, "DIGEST") {
		names, _ := h.shell("regsweep ls app --untagged -q")
		for name := range strings.Lines(names) {
			digest := strings.TrimPrefix(strings.TrimSpace(name), "app@")
			if h.isUntagged(digest) {
				run = strings.ReplaceAll(run, "DIGEST", digest)
			}
		}
	}
	if asks.MatchString(run) && !strings.Contains(run, "--dry-run") {
		run += " --yes"
	}
	dir := filepath.Join(t.TempDir(), "images")
	output, status := h.shell(strings.ReplaceAll(run, "DIR", dir))
	if want.then != "" && status == 0 {
		output, status = h.shell(strings.ReplaceAll(want.then, "DIR", dir))
	}
	if status != 0 || !strings.Contains(output, want.says) {
		t.Errorf("%s: status %d, without %q\n%s", run, status, want.says, output)
	}
	if reads {
		return // that all is there shows when the next one changes something
	}
	if diff := cmp.Diff(all(want.gone), h.gone()); diff != "" {
		t.Errorf("%s: what should be gone (-) and what is (+):\n%s%s", run, diff, output)
	}
	if want.refused != "" {
		if output, status := h.shell(want.refused); status != 1 || len(h.gone()) > 0 {
			t.Errorf("%s, then %s: status %d, gone %q\n%s", run, want.refused, status, h.gone(), output)
		}
	}
}

// isUntagged reports whether a digest is that of app's image without a tag and subject.
func (h *house) isUntagged(digest string) bool {
	answer, err := h.api.Manifest("app", digest)
	return err == nil && !strings.Contains(string(answer.Body), `"subject"`) && strings.Contains(string(answer.Body), `"config"`) && !h.isChild(digest)
}

func (h *house) isChild(digest string) bool {
	answer, err := h.api.Manifest("app", "multi")
	return err == nil && strings.Contains(string(answer.Body), digest)
}

// gone are the things that are not there.
func (h *house) gone() []string {
	list := []string{}
	for thing, there := range h.things {
		if !there() {
			list = append(list, thing)
		}
	}
	return sorted(list)
}

// all has the members of wholes in their place.
func all(list []string) []string {
	things := []string{}
	for _, thing := range list {
		if members, ok := wholes[thing]; ok {
			things = append(things, members...)
		} else {
			things = append(things, thing)
		}
	}
	return sorted(things)
}

// fields holds that the JSON has the fields that the page names, with what the
// registry was given.
func (h *house) fields(t *testing.T) {
	t.Helper()
	page := string(must[[]byte](t)(os.ReadFile(fromOthers)))
	_, table, found := strings.Cut(page, "Scripts find these fields in `ls NAME -o json`")
	if !found {
		t.Fatal("the page has no table of fields")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	h.renew(t)
	output, _ := h.shell("regsweep ls app -o json")
	var list struct{ Manifests []map[string]any }
	if err := json.Unmarshal([]byte(output), &list); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	at := slices.IndexFunc(list.Manifests, func(m map[string]any) bool { return m["digest"] == must[v1.Hash](t)(h.image.Digest()).String() })
	if at < 0 {
		t.Fatalf("the image is not listed:\n%s", output)
	}
	is := list.Manifests[at]
	named := 0
	for _, row := range regexp.MustCompile("(?m)^\\| `.*` \\| `(\\w+)`").FindAllStringSubmatch(table, -1) {
		named++
		if is[row[1]] == nil {
			t.Errorf("the page names %s, which is not in %v", row[1], is)
		}
	}
	manifest := must[*v1.Manifest](t)(h.image.Manifest())
	bytes := must[int64](t)(h.image.Size()) + manifest.Config.Size
	for _, layer := range manifest.Layers {
		bytes += layer.Size
	}
	want := map[string]any{
		"created": "2026-01-02T03:04:05Z", "bytes": float64(bytes), "platforms": []any{"linux/arm64"},
		"configMediaType": string(manifest.Config.MediaType), "mediaType": string(manifest.MediaType), "tags": []any{"v1"},
	}
	for field, value := range want {
		if diff := cmp.Diff(value, is[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	if pushed, err := time.Parse(time.RFC3339, fmt.Sprint(is["pushed"])); err != nil || time.Since(pushed).Abs() < 99*24*time.Hour {
		t.Errorf("pushed is %v", is["pushed"])
	}
	if named < 8 {
		t.Errorf("only %d fields are in the table", named)
	}
}
