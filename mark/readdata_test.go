package mark_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/regsweep/regsweep/layout/layouttest"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// manyBlobs are a hundred blobs of 1 to 100 kB.
func manyBlobs(t *testing.T) *mark.Store {
	t.Helper()
	text := ""
	for i := range 100 {
		text += fmt.Sprintf("orphan size=%dk\n", i+1)
	}
	dir, err := (&disk.FS{}).OpenStore(layouttest.New(t, text).Dir)
	if err != nil {
		t.Fatal(err)
	}
	w := walker.New(dir, walker.Options{})
	t.Cleanup(func() {
		w.Close()
		dir.Close()
	})
	return mark.Read(context.Background(), w, mark.Rules{Now: time.Now()})
}

// A share that is read every day covers all in as few days as it can.
func TestChooseCoversAll(t *testing.T) {
	s := manyBlobs(t)
	total, largest := int64(0), int64(100<<10)
	s.EachBlob(func(b mark.BlobInfo) { total += b.Size })
	for name, c := range map[string]struct {
		share mark.Share
		every int // days
		runs  int
	}{
		"a tenth every day":    {mark.Share{Part: 0.1}, 1, 10},
		"a tenth every week":   {mark.Share{Part: 0.1}, 7, 10},
		"a quarter every week": {mark.Share{Part: 0.25}, 7, 4},
		"a third every day":    {mark.Share{Part: 1. / 3}, 1, 3},
		"bytes every day":      {mark.Share{Bytes: total / 5}, 1, 5},
	} {
		t.Run(name, func(t *testing.T) {
			part := c.share.Part
			if part == 0 {
				part = float64(c.share.Bytes) / float64(total)
			}
			for start := range 30 {
				day := time.Date(2026, 1, 1+start, 3, 0, 0, 0, time.UTC)
				seen := map[mark.ID]bool{}
				for range c.runs {
					bytes := int64(0)
					for _, id := range s.Choose(c.share, day) {
						seen[id] = true
						bytes += s.Blob(id).Size
					}
					if want := int64(part * float64(total)); bytes < want-largest || bytes > want+largest {
						t.Fatalf("%s: %d bytes, want about %d", day.Format(time.DateOnly), bytes, want)
					}
					day = day.AddDate(0, 0, c.every)
				}
				if len(seen) != int(s.Blobs) {
					t.Fatalf("from day %d: %d of %d blobs in %d runs", start, len(seen), s.Blobs, c.runs)
				}
			}
		})
	}
}

func TestChoose(t *testing.T) {
	s := manyBlobs(t)
	now := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	for share, want := range map[mark.Share]int{
		{Part: 1}:        100,
		{Part: 2}:        100,
		{Bytes: 1 << 40}: 100,
		{Bytes: 1}:       1,
		{Part: 1e-9}:     1,
	} {
		got := s.Choose(share, now)
		if len(got) != want {
			t.Errorf("%+v: %d blobs, want %d", share, len(got), want)
		}
		again := s.Choose(share, now.Add(20*time.Hour))
		if len(again) != len(got) || again[0] != got[0] {
			t.Errorf("%+v: another part on the same day", share)
		}
	}
}
