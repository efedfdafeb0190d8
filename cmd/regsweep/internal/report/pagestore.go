package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/sweep"
)

// totalClasses are how the parts of the totals are drawn.
var totalClasses = [...]string{totalLive: "live", totalKept: "kept", totalRemoved: "removed", totalFailed: "failed"}

// totalsSection divides the store's blobs, as the table on the terminal does.
func (run *Run) totalsSection() page.Section {
	t := &page.Table{ID: "totals", Title: "The blobs in the store", Plain: true, Clean: term.Harmless, Columns: []page.Column{
		{}, {Title: "blobs", Kind: page.Number}, {Title: "size", Kind: page.Number}, {Title: "on disk", Kind: page.Number}, {Title: "share", Kind: page.Number},
	}}
	b := &page.Bar{Table: t}
	for _, r := range run.totals() {
		class, name, disk := totalClasses[r.kind], r.name, sizeCell(r.DiskBytes)
		if r.kind == totalKept {
			name, disk = "of these "+name, page.Cell{}
		}
		t.AddRow(page.Row{Swatch: class, Cells: []page.Cell{textCell(name), countCell(r.Blobs), sizeCell(r.Bytes), disk, {Text: share(r.Bytes, run.Store.Bytes), Value: r.Bytes}}})
		if r.kind == totalStore {
			continue
		}
		b.Parts = append(b.Parts, page.Part{Class: class, Name: r.name, Value: r.Bytes})
		if live := &b.Parts[0]; r.kind == totalKept {
			live.Value -= r.Bytes // the bar shows the part beside the rest
		}
	}
	return b
}

// countsSection says what else there is and is removed, and what becomes of the space.
func (run *Run) countsSection() page.Section {
	verb := run.verb()
	counts := &page.Table{ID: "counts", Title: "What else is there", Plain: true, Clean: term.Harmless, Columns: []page.Column{
		{}, {Title: "in the store before", Kind: page.Number}, {Title: verb, Kind: page.Number},
	}}
	add := func(name string, before, gone int) {
		if before > 0 || gone > 0 {
			counts.Add(textCell(name), countCell(before), countCell(gone))
		}
	}
	s, r := &run.Store, &run.Removed
	add("repositories", s.Repositories, r.Repositories)
	add("tags", s.Tags, r.Tags)
	add("manifests", s.Manifests, r.Manifests)
	add("layer links", s.LayerLinks, r.LayerLinks)
	add("uploads", s.Uploads, r.Uploads)
	if s.UploadBytes > 0 {
		counts.Add(textCell("size of the uploads"), sizeCell(s.UploadBytes), sizeCell(r.UploadBytes))
	}
	if r.TagHistory > 0 {
		counts.Add(textCell("entries of tags' histories"), page.Cell{}, countCell(r.TagHistory))
	}
	space := &page.Table{ID: "space", Title: "The disk", Plain: true, Clean: term.Harmless, Columns: []page.Column{{}, {Title: "size", Kind: page.Number}}}
	space.Add(textCell("free space before"), sizeCell(run.Filesystem.FreeBefore))
	after := "free space after"
	if run.DryRun {
		after = "free space after, about"
	}
	space.Add(textCell(after), sizeCell(run.Filesystem.FreeAfter))
	switch {
	case run.Trashed != "":
		space.Notes = []string{"what was removed is in the trash, as " + run.Trashed + ", and takes space until the trash is emptied"}
	case run.DryRun:
		space.Add(textCell("would be freed"), sizeCell(run.Freed.DiskBytes))
	default:
		space.Add(textCell("freed"), sizeCell(run.Freed.DiskBytes))
	}
	if run.Trashed == "" {
		space.Notes = []string{"the freed space counts blobs as they are on the disk, uploads, links and directories"}
	}
	return &page.Figures{ID: "figures", Title: "Before and after", Tables: []*page.Table{counts, space}}
}

// storePage makes the tables of where the space is.
type storePage struct {
	*Run
	least int64 // the size that an image must have to be on the page; 0 until it is known
}

// repositoriesTable has the largest repositories, those that win most first.
func (s *storePage) repositoriesTable() *page.Table {
	won := "reclaimable"
	if !s.DryRun {
		won = "removed"
	}
	t := pageTable("repositories", "Repositories", mostPageRepos, page.Column{Title: "repository"},
		page.Column{Title: "tags", Kind: page.Number}, page.Column{Title: "manifests", Kind: page.Number}, page.Column{Title: "size", Kind: page.Number},
		page.Column{Title: "unique", Kind: page.Number}, page.Column{Title: won, Kind: page.Number, First: true})
	var bytes, reclaimable int64
	for i := range s.Repositories {
		bytes += s.Repositories[i].Bytes
		reclaimable += s.Repositories[i].ReclaimableBytes
	}
	gone := s.Plan.BytesWithin(s.Executed, s.Space.Outside)
	var rest sweep.RepositoryLine
	for _, r := range s.largest(&rest) {
		if !t.AddRow(page.Row{Map: s.mapOf(r.Name), Cells: repositoryCells(r.Name, &r)}) {
			addRepository(&rest, &r)
		}
	}
	if left := len(s.Repositories) - t.Rows(); left > 0 {
		t.Skip(left)
	}
	if rest.Name != "" {
		t.Sum(page.Row{Cells: repositoryCells("(repositories that are not on this page)", &rest), Map: []int64{}})
	}
	if s.Space.OutsideBytes > 0 {
		outside := sizeCell(s.Space.OutsideBytes)
		t.Sum(page.Row{Cells: []page.Cell{textCell("(in no repository)"), {}, {}, outside, outside, sizeCell(gone)}, Map: []int64{}})
	}
	t.Sum(page.Row{Cells: []page.Cell{textCell("(the whole store)"), countCell(s.Store.Tags), countCell(s.Store.Manifests), sizeCell(s.Store.Bytes), {}, sizeCell(s.Removed.Bytes)}})
	if bytes+s.Space.OutsideBytes > s.Store.Bytes || reclaimable+gone > s.Removed.Bytes {
		t.Notes = []string{ColumnsAddUpToMore}
	}
	return t
}

// largest are the repositories that the page has room for, those first that win
// most; the others are added to rest.
func (s *storePage) largest(rest *sweep.RepositoryLine) []sweep.RepositoryLine {
	list := slices.Clone(s.Repositories)
	if len(list) > mostPageRepos {
		slices.SortStableFunc(list, func(a, b sweep.RepositoryLine) int {
			return cmp.Compare(max(b.Bytes, b.ReclaimableBytes), max(a.Bytes, a.ReclaimableBytes))
		})
		for i := range list[mostPageRepos:] {
			addRepository(rest, &list[mostPageRepos+i])
		}
		list = list[:mostPageRepos]
	}
	slices.SortStableFunc(list, func(a, b sweep.RepositoryLine) int {
		return cmp.Or(cmp.Compare(b.ReclaimableBytes, a.ReclaimableBytes), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Tags, a.Tags))
	})
	return list
}

func addRepository(sum, r *sweep.RepositoryLine) {
	sum.Name = "more than one"
	sum.Tags += r.Tags
	sum.Manifests += r.Manifests
	sum.Bytes += r.Bytes
	sum.UniqueBytes += r.UniqueBytes
	sum.ReclaimableBytes += r.ReclaimableBytes
}

func repositoryCells(name string, r *sweep.RepositoryLine) []page.Cell {
	return []page.Cell{textCell(name), countCell(r.Tags), countCell(r.Manifests), sizeCell(r.Bytes), sizeCell(r.UniqueBytes), sizeCell(r.ReclaimableBytes)}
}

func (s *storePage) imagesOf(repository string) *inspect.RepositoryImages {
	if s.Space.Images == nil {
		return nil
	}
	return s.Space.Images.Of(repository)
}

// mapOf has the two sizes of a repository that the map shows and the table of
// images lacks: what several images share, and what no tag reaches.
func (s *storePage) mapOf(repository string) []int64 {
	images := s.imagesOf(repository)
	if images == nil || len(images.Images) == 0 {
		return nil
	}
	return []int64{images.SharedBytes, images.UntaggedBytes}
}

// leastImage is the size that an image must have to be on the page.
func (s *storePage) leastImage() int64 {
	if s.least == 0 {
		s.least = 1
		var sizes []int64
		for i := range s.Repositories {
			if images := s.imagesOf(s.Repositories[i].Name); images != nil {
				for k := range images.Images {
					sizes = append(sizes, images.Images[k].Bytes)
				}
			}
		}
		if len(sizes) > mostPageImages {
			slices.Sort(sizes)
			s.least = sizes[len(sizes)-mostPageImages] + 1 // of equal ones none, so that they are not too many
		}
	}
	return s.least
}

// imagesTable has the largest tagged images.
func (s *storePage) imagesTable() *page.Table {
	t := pageTable("images", "Tagged images", mostPageImages, page.Column{Title: "repository"}, page.Column{Title: "tags"}, page.Column{Title: "digest", Kind: page.Digest},
		page.Column{Title: "size", Kind: page.Number, First: true}, page.Column{Title: "only this image", Kind: page.Number}, page.Column{Title: s.verb()})
	type line struct {
		repository string
		*inspect.Image
	}
	gone := map[string]bool{} // REPOSITORY:TAG of the tags that are removed, or were
	s.Plan.EachLine(s.Executed, func(l sweep.ItemLine) {
		if l.Kind == "tag" {
			gone[l.Repository+":"+l.Name] = true
		}
	})
	var list []line
	least := s.leastImage()
	for i := range s.Repositories {
		name := s.Repositories[i].Name
		images := s.imagesOf(name)
		if images == nil {
			continue
		}
		t.Skip(images.Rest)
		for k := range images.Images {
			if image := &images.Images[k]; image.Bytes >= least {
				list = append(list, line{name, image})
			} else {
				t.Skip(1)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b line) int { return cmp.Compare(b.Bytes, a.Bytes) })
	for _, l := range list {
		removed := 0
		for _, tag := range l.Tags {
			if gone[l.repository+":"+tag] {
				removed++
			}
		}
		text := ""
		switch {
		case removed == len(l.Tags):
			text = "all tags"
		case removed > 0:
			text = english.Plural(removed, "tag", "")
		}
		t.Add(textCell(l.repository), textCell(strings.Join(l.Tags, ", ")), page.Cell{Text: l.Digest.String()}, sizeCell(l.Bytes), sizeCell(l.UniqueBytes), page.Cell{Text: text})
	}
	return t
}

// ColumnsAddUpToMore is said where repositories share blobs.
const ColumnsAddUpToMore = "the columns add up to more than the whole store: repositories share blobs, and the whole store counts each blob once"
