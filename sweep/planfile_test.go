//go:build unix

package sweep_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/sweep/planfile"
)

// writtenText is the plan of gc -m for a store.
func writtenText(t testing.TB, text string) string {
	t.Helper()
	s, err := layouttest.Build(filepath.Join(scratch(t), "store"), text, layouttest.Options{Now: time.Unix(1_790_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	p := planned{command: "gc -m", grace: time.Hour}
	plan, err := p.write(s)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

const smallStore = `
	age 30d
	image a:v1 as=x
	image a:v1 as=y
	upload b kind=patched size=3
`

// sealed gives a text the checksum that it has to have.
func sealed(text string) string {
	return fmt.Sprintf("%schecksum sha256:%x\n", text, sha256.Sum256([]byte(text)))
}

// unsealed is a plan without its checksum.
func unsealed(plan string) string { return plan[:strings.Index(plan, "checksum ")] }

func TestWrittenPlan(t *testing.T) {
	got := writtenText(t, smallStore)
	want := sealed(strings.Join([]string{
		"schema regsweep/plan/v1", "root /r", "store /r/s", "command gc", "delete-untagged true", "older-than 24h0m0s",
		"grace 1h0m0s", "uploads-older-than 168h0m0s", "time 2026-09-21T14:12:20Z", "items 9", "blobs 3", "bytes 1874",
		"",
	}, "\n"))
	if header := unsealed(want); !strings.HasPrefix(got, header) {
		t.Errorf("the header is another one (-want +got):\n%s", cmp.Diff(header, got))
	}
	kinds := map[string]int{}
	for line := range strings.Lines(unsealed(got)) {
		if words := strings.Fields(line); len(words) == 7 {
			kinds[words[0]]++
		}
	}
	if diff := cmp.Diff(map[string]int{"manifest": 1, "tagHistory": 1, "layerLink": 2, "upload": 1, "blob": 3, "repository": 1}, kinds); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	plan, err := planfile.Read(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if plan.Listing.Len() != 9 || plan.Items != 9 || plan.Command != "gc" || !plan.Time.Equal(time.Unix(1_790_000_000-60, 0)) {
		t.Errorf("read: %+v", plan.Header)
	}
}

// Whatever is a name on a disk is one word of a line.
func TestWrittenPlanHasAnyName(t *testing.T) {
	written := 0
	for _, name := range []string{"a b", "a\tb", "a\nb", "-", `"`, `a"b`, `\`, "é", "\xff\xfe", "\u202eevil", "checksum", strings.Repeat("\xff", 200)} {
		s, err := layouttest.Build(filepath.Join(scratch(t), "store"), "mkdir repositories age=30d", layouttest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Apply("upload b kind=patched size=3 age=30d as=u"); err != nil {
			t.Fatal(err)
		}
		id := filepath.Join(s.Dir, "repositories/b/_uploads", name)
		if err := os.Rename(s.Path("u"), id); err != nil {
			t.Fatal(err)
		}
		p := planned{command: "gc"}
		text, err := p.write(s)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "\nupload b ") {
			continue // no upload has such a name
		}
		written++
		run, plan, err := applying(s, text)
		if err != nil {
			t.Errorf("%q: %v in\n%s", name, err, text)
			continue
		}
		if o := run.run(); o.said() || len(linesOf(o, true)) != 2 {
			t.Errorf("%q: %v, and %v went; skipped: %v", name, o.err, linesOf(o, true), o.plan.Skipped(plan.Listing))
		}
	}
	if written < 6 {
		t.Errorf("only %d of the names are in a plan", written)
	}
}

func TestDamagedPlanIsRefused(t *testing.T) {
	t.Parallel()
	plan := writtenText(t, smallStore)
	refused := func(what, text string) {
		if _, err := planfile.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: taken:\n%s", what, text)
		}
	}
	for i := range plan {
		for _, bits := range []byte{1, 0x80} {
			damaged := []byte(plan)
			damaged[i] ^= bits
			refused(fmt.Sprintf("byte %d ^ %x", i, bits), string(damaged))
		}
		refused(fmt.Sprintf("cut at %d", i), plan[:i])
		refused(fmt.Sprintf("without byte %d", i), plan[:i]+plan[i+1:])
		refused(fmt.Sprintf("byte %d twice", i), plan[:i+1]+plan[i:])
	}
	for _, more := range []string{"\n", " ", "\x00", plan} {
		refused(fmt.Sprintf("%q behind it", more), plan+more)
	}
}

func TestWhatIsWrongWithAPlanIsSaid(t *testing.T) {
	t.Parallel()
	plan := writtenText(t, smallStore)
	body := unsealed(plan)
	swap := func(from, to string) string { return sealed(strings.Replace(body, from, to, 1)) }
	lines := strings.SplitAfter(strings.TrimSuffix(body, "\n"), "\n")
	at := 12 // the first item
	blob := strings.Index(body, "\nblob ") + 1
	for name, c := range map[string]struct {
		text string
		is   error
		says string
	}{
		"empty":                    {"", planfile.ErrNoPlan, "it is empty"},
		"something else":           {"hello\n", planfile.ErrNoPlan, ""},
		"something else, no end":   {strings.Repeat("x", 1<<20), planfile.ErrNoPlan, ""},
		"binary":                   {"\x7fELF\x00\x01", planfile.ErrNoPlan, ""},
		"another schema":           {"schema regsweep/report/v1\n", planfile.ErrNoPlan, `"regsweep/report/v1"`},
		"another version":          {"schema regsweep/plan/v2\nwhatever\n", planfile.ErrSchema, "reads regsweep/plan/v1"},
		"carriage returns":         {strings.ReplaceAll(plan, "\n", "\r\n"), planfile.ErrCRLF, ""},
		"one carriage return":      {strings.Replace(plan, "\nblob", "\r\nblob", 1), planfile.ErrCRLF, ""},
		"without the end":          {body, planfile.ErrCut, ""},
		"half a line":              {plan[:blob+20], planfile.ErrCut, ""},
		"half of the checksum":     {plan[:len(plan)-10], planfile.ErrCut, ""},
		"without a line":           {strings.Replace(plan, lines[at], "", 1), planfile.ErrEdited, ""},
		"a digest edited":          {plan[:blob+20] + "0000" + plan[blob+24:], planfile.ErrEdited, ""},
		"a line that is none":      {strings.Replace(plan, "\nblob - ", "\nblub - ", 1), planfile.ErrEdited, `"blub" is not a kind of item`},
		"an empty line behind":     {plan + "\n", planfile.ErrTrailing, ""},
		"sealed: a long line":      {swap("root /r\n", "root /"+strings.Repeat("r", 1<<16)+"\n"), planfile.ErrNoPlan, "line 2"},
		"sealed: no header":        {sealed("schema regsweep/plan/v1\n"), planfile.ErrCut, "header"},
		"sealed: lines swapped":    {sealed(strings.Replace(body, lines[at]+lines[at+1], lines[at+1]+lines[at], 1)), nil, "line 14: it is not in the order of removal"},
		"sealed: a line twice":     {sealed(body + lines[len(lines)-1] + "\n"), mark.ErrTwice, "line 22"},
		"sealed: another count":    {swap("items 9", "items 8"), planfile.ErrEdited, "counts"},
		"sealed: a header line":    {swap("grace 1h0m0s", "grace 60m"), nil, "grace 60m"},
		"sealed: no such line":     {swap("grace 1h0m0s", "race 1h0m0s"), nil, "race"},
		"sealed: a line missing":   {swap("grace 1h0m0s\n", ""), nil, "header"},
		"sealed: an age below 0":   {swap("grace 1h0m0s", "grace -1h0m0s"), nil, "grace: it is below 0"},
		"sealed: no command":       {swap("command gc", "command ls"), nil, `"ls" makes no plans`},
		"sealed: six columns":      {swap("repository b - - - - -", "repository b - - - -"), nil, "seven columns"},
		"sealed: two spaces":       {swap("repository b - - - - -", "repository b  - - - - -"), nil, "line 21"},
		"sealed: a needless quote": {swap("repository b ", `repository "b" `), nil, "as regsweep writes it"},
		"sealed: an open quote":    {swap("repository b ", `repository "b `), nil, "quote"},
		"sealed: no repository":    {swap("repository b ", "repository - "), nil, "repository"},
		"sealed: a root of gc":     {swap(" -\ntagHistory", " root\ntagHistory"), nil, "roots"},
		"sealed: bytes":            {swap("upload b", "upload b -1"), nil, "line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := planfile.Read(strings.NewReader(c.text))
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("it says %v; want %v, with %q", err, c.is, c.says)
			}
		})
	}
}

// A plan of another command has other header lines, and roots.
func TestWrittenPlanOfRm(t *testing.T) {
	s, err := layouttest.Build(filepath.Join(scratch(t), "store"), "age 30d\nimage a:v1 as=x\nindex a as=i of=x\nimage b:v1", layouttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := planned{command: "rm", force: true, targets: []mark.Target{{Repository: "a", Tag: "v1"}, {Repository: "b"}}}
	text, err := p.write(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nforce true\n", "\nrepository b\n", "\nsparse a " + s.Digest("i").String() + " 20", "\ntag a v1 " + s.Digest("x").String() + " - - root\n",
		"\nmanifest a - " + s.Digest("x").String() + " - 20", " root\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if _, err := planfile.Read(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}

func FuzzReadPlan(f *testing.F) {
	plan := writtenText(f, smallStore)
	f.Add([]byte(unsealed(plan)), true)
	f.Add([]byte(plan), false)
	f.Add([]byte("schema regsweep/plan/v1\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, seal bool) {
		if seal {
			text = []byte(sealed(string(text)))
		}
		plan, err := planfile.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		// Only one text says the same: with any other end it is refused.
		if int64(plan.Listing.Len()) != plan.Items {
			t.Errorf("%d items were read, and the header has %d", plan.Listing.Len(), plan.Items)
		}
		_ = plan.Rules()
		if _, err := planfile.Read(bytes.NewReader(text[:len(text)-1])); err == nil {
			t.Error("a plan that was cut short is taken")
		}
	})
}
