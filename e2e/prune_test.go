package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/regsweep/regsweep/e2e/internal/client"
	"github.com/regsweep/regsweep/e2e/internal/disk"
	"github.com/regsweep/regsweep/e2e/internal/registry"
)

const yearPolicy = `version: 1
protect: ["year/app:day-300"]
rules:
  - name: year
    repositories: ["year/**"]
    tags:
      - match: ["day-*"]
        keep: {last: 3, daily: 7, weekly: 4, monthly: 12}
`

// TestPrune pushes an image a day for a year, and applies a policy that thins
// them out. What it keeps can be pulled, hash by hash; what it removes is
// unknown to the registry, by tag and by digest.
func TestPrune(t *testing.T) {
	for _, version := range registry.Versions() {
		t.Run(version.Name, func(t *testing.T) {
			t.Parallel()
			p := newPusher(t, registry.Start(t, version, t.TempDir(), registry.Options{}), 5)
			days := p.year()
			p.registry.Stop()
			now := time.Now()
			setAges(t, p.registry.Root, days, now)
			policy := filepath.Join(t.TempDir(), "policy.yml")
			p.check(os.WriteFile(policy, []byte(yearPolicy), 0o666))
			args := []string{"prune", "--root", p.registry.Root, "--policy", policy, "-o", "json"}
			kept := keptDays(days, now)

			dry := ok(t, append(args, "--dry-run")...)
			before := blobUsage(t, p)
			done := ok(t, append(args, "--yes")...)
			if want := int64(len(days) - len(kept)); dry.Report.Removed["tags"] != want || done.Report.Removed["tags"] != want || done.Report.Removed["manifests"] != want {
				t.Errorf("%d tags should go; the dry run removes %v, the run %v", want, dry.Report.Removed, done.Report.Removed)
			}
			if freed := before.Bytes - blobUsage(t, p).Bytes; freed != done.Report.Removed["bytes"] || freed != dry.Report.Removed["bytes"] {
				t.Errorf("%d bytes are gone, the report says %d", freed, done.Report.Removed["bytes"])
			}
			p.restart()
			for i, day := range days {
				if kept[i] {
					if digest, err := p.api.Pull(day.repository, day.reference); err != nil || digest != day.digest {
						t.Errorf("%s:%s was not removed: %s, %v", day.repository, day.reference, digest, err)
					}
					continue
				}
				for _, ref := range []string{day.reference, day.digest} {
					var status *client.StatusError
					if _, err := p.api.Manifest(day.repository, ref); !errors.As(err, &status) || status.Answer.Status != http.StatusNotFound {
						t.Errorf("%s %s was removed, and the registry answers %v", day.repository, ref, err)
					}
				}
			}
			p.registry.Stop()
			if again := ok(t, append(args, "--yes")...); again.Report.Removed["tags"] != 0 || again.Report.Removed["blobs"] != 0 {
				t.Errorf("a second run removes %v", again.Report.Removed)
			}
			if gc := ok(t, "gc", "--root", p.registry.Root, "-o", "json"); gc.Report.Removed["blobs"] != 0 {
				t.Errorf("gc finds %v after it", gc.Report.Removed)
			}
		})
	}
}

// year pushes 365 images that share layers, month by month; the last is today's.
func (p *pusher) year() (days []reference) {
	p.t.Helper()
	var base v1.Image
	for i := range 365 {
		if i%30 == 0 {
			base = p.artist.image(1)
		}
		tag := fmt.Sprintf("day-%03d", i)
		days = append(days, reference{"year/app", tag, p.image("year/app", tag, p.onTop(base))})
	}
	return days
}

// setAges makes the links as old as if one image had been pushed every day.
func setAges(t *testing.T, root string, days []reference, now time.Time) {
	t.Helper()
	disk.Age(t, root, 400*24*time.Hour, func(string) bool { return false })
	repository := filepath.Join(disk.V2(root), "repositories", days[0].repository, "_manifests")
	for i, day := range days {
		hex := day.digest[len("sha256:"):]
		for _, link := range []string{"tags/" + day.reference + "/current/link", "revisions/sha256/" + hex + "/link"} {
			if err := os.Chtimes(filepath.Join(repository, link), time.Time{}, pushedAt(days, i, now)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func pushedAt(days []reference, i int, now time.Time) time.Time {
	return now.Add(-time.Duration(len(days)-1-i)*24*time.Hour - time.Minute).UTC()
}

// keptDays is the policy once more, in the simplest words: walking back from the
// newest, the first of each of so many days, weeks and months that have any.
func keptDays(days []reference, now time.Time) map[int]bool {
	kept := map[int]bool{300: true}
	for _, rule := range []struct {
		n      int
		bucket func(time.Time) string
	}{
		{3, func(t time.Time) string { return t.String() }},
		{7, func(t time.Time) string { return t.Format(time.DateOnly) }},
		{4, func(t time.Time) string { year, week := t.ISOWeek(); return fmt.Sprint(year, "-", week) }},
		{12, func(t time.Time) string { return t.Format("2006-01") }},
	} {
		var seen []string
		for i := len(days) - 1; i >= 0; i-- {
			bucket := rule.bucket(pushedAt(days, i, now))
			if !slices.Contains(seen, bucket) && len(seen) < rule.n {
				seen = append(seen, bucket)
				kept[i] = true
			}
		}
	}
	return kept
}
