package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// randomText is a small store with everything on which the totals of ls depend:
// shared layers, several repositories, images with and without tags, indexes,
// referrers, deletions, links that nothing needs, orphans, and things that are kept
// for their age.
func randomText(rnd *rand.Rand) string {
	var b strings.Builder
	age := func() string { return []string{"5m", "3h", "40d"}[rnd.IntN(3)] }
	repository := func() string { return []string{"a", "a/b", "c/d", "e"}[rnd.IntN(4)] }
	var images []string // "REPOSITORY NAME"
	for i := range 4 + rnd.IntN(5) {
		in, name := repository(), fmt.Sprintf("i%d", i)
		tag := ""
		if rnd.IntN(3) > 0 {
			tag = fmt.Sprintf(":t%d", rnd.IntN(4))
		}
		fmt.Fprintf(&b, "image %s%s layers=l%d:%dk,own%d:%dk as=%s age=%s\n", in, tag, rnd.IntN(3), 3, i, 1+rnd.IntN(4), name, age())
		images = append(images, in+" "+name)
	}
	for i := range rnd.IntN(3) {
		in, name, _ := strings.Cut(images[rnd.IntN(len(images))], " ")
		tag := []string{"", ":all"}[rnd.IntN(2)]
		fmt.Fprintf(&b, "index %s%s of=%s as=x%d age=%s\n", in, tag, name, i, age())
	}
	if rnd.IntN(2) == 0 {
		in, name, _ := strings.Cut(images[rnd.IntN(len(images))], " ")
		fmt.Fprintf(&b, "referrer %s of=%s as=r age=%s\n", in, name, age())
	}
	for i := range rnd.IntN(4) {
		fmt.Fprintf(&b, "orphan as=o%d size=%dk age=%s\n", i, 1+i, age())
	}
	if rnd.IntN(2) == 0 {
		fmt.Fprintf(&b, "layer %s l9 size=2k age=%s\n", repository(), age())
	}
	if rnd.IntN(3) == 0 {
		in, name, _ := strings.Cut(images[len(images)-1], " ")
		fmt.Fprintf(&b, "delete-manifest %s %s\n", in, name)
	}
	return b.String()
}

// counted is what of a store can be counted without regsweep.
type counted struct {
	untagged map[string]int   // by repository
	nowhere  map[string]int64 // sizes of blobs that no repository references or links, by digest
}

var (
	anyDigest  = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	aboutImage = regexp.MustCompile(`"subject":\s*\{[^}]*\}`)
)

// countByHand reads all links and manifests of a store as plain text.
func countByHand(t *testing.T, s *layouttest.Store) counted {
	t.Helper()
	c := counted{untagged: map[string]int{}, nowhere: map[string]int64{}}
	held, tagged := map[string]bool{}, map[string]bool{}
	linked := map[string][]string{}
	blobPath := func(digest string) string {
		hex := digest[len("sha256:"):]
		return filepath.Join(s.Dir, "blobs/sha256", hex[:2], hex, "data")
	}
	root := filepath.Join(s.Dir, "repositories")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "link" {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		digest := readFile(t, path)
		repository, _, isManifest := strings.Cut(rel, "/_manifests/")
		switch {
		case !isManifest: // a layer's
			held[digest] = true
		case strings.Contains(rel, "/_manifests/tags/"):
			if strings.HasSuffix(rel, "/current/link") {
				tagged[repository+"@"+digest] = true
			}
		default:
			linked[repository] = append(linked[repository], digest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for repository, manifests := range linked {
		for _, digest := range manifests {
			if !tagged[repository+"@"+digest] {
				c.untagged[repository]++
			}
			held[digest] = true
			text := aboutImage.ReplaceAllString(readFile(t, blobPath(digest)), "") // which a referrer does not keep
			for _, named := range anyDigest.FindAllString(text, -1) {
				held[named] = true
			}
		}
	}
	paths, err := filepath.Glob(filepath.Join(s.Dir, "blobs/sha256/*/*/data"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		digest := "sha256:" + filepath.Base(filepath.Dir(path))
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if !held[digest] {
			c.nowhere[digest] = info.Size()
		}
	}
	return c
}

// freedNowhere is how much of what a plan removes belongs to no repository.
func (c *counted) freedNowhere(r result) (bytes int64) {
	for i := range r.report.Items {
		if r.report.Items[i].Kind == "blob" {
			bytes += c.nowhere[r.report.Items[i].Digest]
		}
	}
	return bytes
}

// What ls shows agrees with the reports of gc and gc -m: row by row, in total, and
// for what belongs to no repository; untagged images are counted right.
func TestModelTotalsOfLsAgreeWithGC(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(14, 3))
	freed, freedUntagged, nowhere := 0, 0, 0
	for i := range 40 {
		text := randomText(rnd)
		s := newStore(t, text)
		var got lsResult
		r := runProgram(t, "", "ls", "--root", s.Root, "-o", "json")
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.status != statusDone {
			t.Fatalf("store %d: status %d, %v: %s\n%s", i, r.status, err, r.stderr, text)
		}
		hand := countByHand(t, s)
		want := wantedTotals(t, s, &hand)
		if diff := cmp.Diff(want, totalsOf(&got)); diff != "" {
			t.Fatalf("store %d: gc (-) and ls (+):\n%s\n%s", i, diff, text)
		}
		freed += int(min(1, got.Total.Reclaimable))
		freedUntagged += int(min(1, got.Total.WithUntagged-got.Total.Reclaimable))
		nowhere += int(min(1, got.Nowhere.Bytes))
	}
	if freed < 8 || freedUntagged < 8 || nowhere < 8 {
		t.Errorf("the stores show little: %d have garbage, %d more with -m, %d something in no repository", freed, freedUntagged, nowhere)
	}
}

// totals are the numbers of ls, by what they are about.
type totals map[string]int64

func totalsOf(l *lsResult) totals {
	m := totals{
		"repositories": int64(l.Total.Repositories), "tags": int64(l.Total.Tags), "manifests": int64(l.Total.Manifests), "untagged": int64(l.Total.Untagged),
		"blobs": l.Total.Blobs, "bytes": l.Total.Bytes, "gc": l.Total.Reclaimable, "gc -m": l.Total.WithUntagged,
		"nowhere blobs": l.Nowhere.Blobs, "nowhere bytes": l.Nowhere.Bytes, "nowhere gc": l.Nowhere.Reclaimable, "nowhere gc -m": l.Nowhere.WithUntagged,
	}
	for i := range l.Repositories {
		one := &l.Repositories[i]
		m[one.Name+" untagged"], m[one.Name+" gc"], m[one.Name+" gc -m"] = int64(one.Untagged), one.ReclaimableBytes, one.WithUntagged
	}
	return m
}

// wantedTotals are the same by gc's reports and by hand.
func wantedTotals(t *testing.T, s *layouttest.Store, hand *counted) totals {
	t.Helper()
	plain, untagged := gc(t, s, "--dry-run"), gc(t, s, "--dry-run", "-m")
	// What gc refuses it would not free; with -m that is what plain gc frees.
	if plain.status == statusFailed {
		plain.report.Removed.Bytes, plain.report.Items = 0, nil
		for i := range plain.report.Repositories {
			plain.report.Repositories[i].ReclaimableBytes = 0
		}
	}
	if untagged.status == statusFailed {
		untagged = plain
	}
	p, u := &plain.report, &untagged.report
	m := totals{
		"repositories": int64(p.Store.Repositories), "tags": int64(p.Store.Tags), "manifests": int64(p.Store.Manifests),
		"blobs": p.Store.Blobs, "bytes": p.Store.Bytes, "gc": p.Removed.Bytes, "gc -m": u.Removed.Bytes,
		"nowhere gc": hand.freedNowhere(plain), "nowhere gc -m": hand.freedNowhere(untagged), "nowhere blobs": int64(len(hand.nowhere)),
	}
	sum, bytes := 0, int64(0)
	for _, n := range hand.untagged {
		sum += n
	}
	for _, n := range hand.nowhere {
		bytes += n
	}
	m["untagged"], m["nowhere bytes"] = int64(sum), bytes
	for i := range p.Repositories {
		one := &p.Repositories[i]
		m[one.Name+" untagged"], m[one.Name+" gc"], m[one.Name+" gc -m"] = int64(hand.untagged[one.Name]), one.ReclaimableBytes, u.Repositories[i].ReclaimableBytes
	}
	return m
}

// Unique sizes are what removing each manifest alone from a copy of the store frees.
func TestLsUniqueSizesAreWhatRmFrees(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"images of all kinds": lsStore,
		"a layer that a fresh link of another algorithm keeps": `
			image b as=x layers=l:100 age=30d
			layer b l alias age=30m`,
		"a layer with such a link from the push of its image": `
			image b as=x layers=l:100 age=30m
			layer b l alias age=40m`,
	} {
		t.Run(name, func(t *testing.T) { uniqueSizes(t, text) })
	}
}

func uniqueSizes(t *testing.T, text string) {
	names := newStore(t, text)
	for _, line := range ls(t, names).Repositories {
		for _, m := range ls(t, names, line.Name).Manifests {
			s := newStore(t, text) // contents follow from names, so the digests are the same
			bytes := s.BlobBytes(t)
			r := run(t, s, "rm", line.Name+"@"+m.Digest, "-y", "--force")
			if freed := bytes - s.BlobBytes(t); r.status != 0 || freed != m.UniqueBytes {
				t.Errorf("%s %s: its unique size is %d, removing it freed %d: %s", line.Name, nameOf(s, m.Digest), m.UniqueBytes, freed, r.stderr)
			}
		}
	}
}

// The row of the whole store is what gc says of it, and what gc -m says.
func TestLsTotalsAreThoseOfGC(t *testing.T) {
	for name, text := range map[string]string{
		"images of all kinds": lsStore,
		"nothing":             "mkdir repositories\nmkdir blobs",
		"garbage without a repository": `
			image a:v1 layers=l1:5k as=x age=9d
			image a layers=l2:7k as=y age=9d
			orphan as=o size=11k age=9d
			orphan as=young size=13k age=5m
			layer a stray size=17k age=9d`,
		"blobs that are shared": `
			image a layers=l1:5k as=x age=9d
			copy b x deep
			image b:v1 layers=l3 as=z age=9d`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, text)
			plain, untagged := mustGC(t, s, 0, "-d").report, mustGC(t, s, 0, "-d", "-m").report
			total := ls(t, s).Total
			if total.Blobs != plain.Store.Blobs || total.Bytes != plain.Store.Bytes || total.Tags != plain.Store.Tags || total.Manifests != plain.Store.Manifests {
				t.Errorf("the store is %+v, and ls says %+v", plain.Store, total)
			}
			if total.ReclaimableBytes != plain.Removed.Bytes || total.ReclaimableWithUntaggedBytes != untagged.Removed.Bytes {
				t.Errorf("gc frees %d and gc -m %d, and ls says %+v", plain.Removed.Bytes, untagged.Removed.Bytes, total)
			}
			reclaimable := map[string]int64{}
			for _, r := range untagged.Repositories {
				reclaimable[r.Name] = r.ReclaimableBytes
			}
			for _, r := range ls(t, s).Repositories {
				if r.ReclaimableWithUntaggedBytes != reclaimable[r.Name] {
					t.Errorf("%s: gc -m takes %d of it, and ls says %d", r.Name, reclaimable[r.Name], r.ReclaimableWithUntaggedBytes)
				}
			}
		})
	}
}

func TestLsOfWhatBelongsToNoRepository(t *testing.T) {
	s := newStore(t, "image a:v1 layers=l1:5k as=x age=9d\norphan as=o size=11k age=9d\norphan as=young size=13k age=5m\nlayer a stray size=17k age=9d")
	n := ls(t, s).NoRepository
	if n.Blobs != 2 || n.Bytes != 24<<10 || n.ReclaimableBytes != 11<<10 || n.ReclaimableWithUntaggedBytes != 11<<10 {
		t.Errorf("%+v: want the two orphans, of which one is garbage; the stray layer is linked in a", n)
	}
}
