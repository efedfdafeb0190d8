package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/page"
	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"
	"github.com/regsweep/regsweep/mark"
	"github.com/regsweep/regsweep/mark/inspect"
	"github.com/regsweep/regsweep/mark/retention"
	"github.com/regsweep/regsweep/sweep"
)

// removedTable names the tags and the manifests that are removed, each with its age and
// why.
func (run *Run) removedTable() *page.Table {
	title := "What would be removed"
	switch {
	case run.Trash && !run.Executed:
		title = "What would be moved to the trash"
	case run.Trashed != "":
		title = "What was moved to the trash"
	case run.Executed:
		title = "What was removed"
	case run.Refused:
		title = "What the policy would remove, if it were not refused"
	}
	g := &removedRows{Run: run, table: pageTable("going", title, MostRemoved,
		page.Column{Title: "repository"}, page.Column{Title: "what", Kind: page.Word}, page.Column{Title: "tag"}, page.Column{Title: "digest", Kind: page.Digest},
		page.Column{Title: "size", Kind: page.Number}, page.Column{Title: "date", Kind: page.Time}, page.Column{Title: "rule"}, page.Column{Title: "why"})}
	if run.Policy == nil { // there are no rules
		g.table.Columns = append(g.table.Columns[:6:6], g.table.Columns[7])
	}
	if run.Refused {
		g.addDecisions()
		return g.table
	}
	g.decide()
	g.divide()
	run.Plan.EachGone(run.Executed, g.add)
	g.note()
	return g.table
}

// removedRows fills the table of what is removed.
type removedRows struct {
	*Run
	table     *page.Table
	decisions map[string]*retention.Decision // by DecisionName
	most      int                            // rows of one repository
	of        map[string]int                 // repository: rows that it has
}

// decide finds what a policy has decided about what is removed.
func (g *removedRows) decide() {
	if g.Policy == nil {
		return
	}
	g.decisions = map[string]*retention.Decision{}
	for i := range g.Policy.Repositories {
		removed := g.Policy.Repositories[i].Removed
		for k := range removed {
			g.decisions[DecisionName(&removed[k])] = &removed[k]
		}
	}
}

// divide gives each repository its share of the rows, if not all fit.
func (g *removedRows) divide() {
	g.of = map[string]int{}
	all := 0
	g.Plan.EachGone(g.Executed, func(l *sweep.GoneLine) {
		all++
		g.of[l.Repository]++
	})
	g.most = rowsOfEach(all, len(g.of))
	clear(g.of)
}

// rowsOfEach is how many rows each of some repositories may have.
func rowsOfEach(all, repositories int) int {
	if all <= MostRemoved {
		return MostRemoved
	}
	return max(5, MostRemoved/repositories)
}

func (g *removedRows) add(l *sweep.GoneLine) {
	if g.of[l.Repository]++; g.of[l.Repository] > g.most {
		g.table.Skip(1)
		return
	}
	row := removedRow{repository: l.Repository, tag: l.Tag, digest: l.Digest}
	leaving, known := inspect.Leaving{}, false
	if images := g.Space.Images.Of(l.Repository); images != nil {
		leaving, known = images.Manifest(l.ID)
		row.at = images.Tag(l.Tag)
	}
	if l.Tag == "" {
		row.at = leaving.Pushed
	}
	if known && l.Image {
		row.size = sizeCell(leaving.Bytes)
	}
	row.what = removedWhat(l, leaving.Role)
	row.why = g.why(l, leaving.Role)
	name := l.Repository + ":" + l.Tag
	if l.Tag == "" {
		name = l.Repository + "@" + l.Digest
	}
	if d := g.decisions[name]; d != nil {
		row.decide(d)
	}
	g.table.Add(g.cells(&row)...)
}

// removedWhat says what is removed: a tag alone is less than its image.
func removedWhat(l *sweep.GoneLine, role mark.Role) string {
	switch {
	case l.Tag != "" && l.Image:
		return "image"
	case l.Tag != "":
		return "tag only"
	case role == mark.Child || role == mark.Referrer || role == mark.Signature:
		return roleNames[role]
	}
	return "untagged image"
}

// why is the reason for which something is removed that no rule has decided about.
func (g *removedRows) why(l *sweep.GoneLine, role mark.Role) string {
	switch {
	case g.Applied != nil:
		return "it is in the plan"
	case role == mark.Child:
		return "it is a part of an index that is removed"
	case role == mark.Referrer, role == mark.Signature:
		return "it refers to an image that is removed"
	case g.Policy != nil:
		return "by the policy"
	case g.Named != nil:
		return "it was named"
	case l.Tag == "":
		return "it has no tag, and nothing that is kept needs it"
	case !l.Image:
		return "the image that it names is gone"
	}
	return "it refers to an image that is removed"
}

// note says what the rows do not.
func (g *removedRows) note() {
	if g.Applied != nil {
		g.table.Notes = append(g.table.Notes, appliedText(g.Applied))
	}
	if g.Named != nil {
		if g.Named.TagsOnly {
			g.table.Notes = append(g.table.Notes, "no image is removed, since the manifests are kept")
		}
		for _, name := range g.Named.Repositories {
			g.table.Notes = append(g.table.Notes, "the whole repository "+name+", including uploads, but not the repositories below it")
		}
	}
	if f := g.Fit; f != nil {
		g.table.Notes = append(g.table.Notes, fitText(f))
	}
	if s := g.Shared; s.Blobs > 0 {
		g.table.Notes = append(g.table.Notes, term.Size(s.Bytes)+" in "+blobsText(s.Blobs)+" "+english.PluralWord(int(s.Blobs), "is kept", "are kept")+", since others share "+english.PluralWord(int(s.Blobs), "it", "them"))
	}
	if g.table.Rows() > 0 {
		g.table.Notes = append(g.table.Notes, "the size is what a pull transfers; what several images share is freed only with the last of them")
	}
}

// addDecisions adds what a policy that is refused has decided.
func (g *removedRows) addDecisions() {
	for i := range g.Policy.Repositories {
		r := &g.Policy.Repositories[i]
		for k := range r.Removed {
			d := &r.Removed[k]
			row := removedRow{repository: d.Repository, tag: d.Tag, what: term.Either(d.Tag == "", "untagged image", "tag")}
			if !d.Digest.IsZero() {
				row.digest = d.Digest.String()
			}
			row.decide(d)
			g.table.Add(g.cells(&row)...)
		}
		g.table.Skip(r.RemovedCount - len(r.Removed))
	}
}

// removedRow is a row about something that is removed.
type removedRow struct {
	repository, what, tag, digest, rule, why string

	size    page.Cell
	at      int64 // in nanoseconds since 1970; 0 if it is not known
	created bool  // that is the time of the image's making
}

func (r *removedRow) decide(d *retention.Decision) {
	r.rule, r.why = ruleText(d), strings.Join(d.Reasons, "; ")
	if d.Rule == "" {
		r.rule = ""
	}
	if !d.Time.IsZero() {
		r.at, r.created = d.Time.UnixNano(), d.Created
	}
}

func (g *removedRows) cells(r *removedRow) []page.Cell {
	cells := []page.Cell{textCell(r.repository), textCell(r.what), textCell(r.tag), {Text: r.digest}, r.size, g.dateCell(r.at, r.created)}
	if g.Policy != nil {
		cells = append(cells, textCell(r.rule))
	}
	return append(cells, textCell(r.why))
}

// dateCell is a time with how long ago that is.
func (run *Run) dateCell(at int64, created bool) page.Cell {
	if at == 0 {
		return page.Cell{}
	}
	t := time.Unix(0, at)
	return page.Cell{Value: t.Unix(), Text: term.Either(created, "created ", "pushed ") + t.UTC().Format("2006-01-02 15:04") + ", " + agoText(run.Now.Sub(t))}
}

// prunedPage counts by repository what a policy removes.
func (run *Run) prunedPage() *page.Table {
	removed, freed := "to remove", "to free"
	if run.Executed {
		removed, freed = "removed", "freed"
	}
	t := pageTable("pruned", "What the policy does in each repository", mostPageKept, page.Column{Title: "repository"}, page.Column{Title: "tags kept", Kind: page.Number},
		page.Column{Title: "tags " + removed, Kind: page.Number}, page.Column{Title: "manifests " + removed, Kind: page.Number}, page.Column{Title: freed, Kind: page.Number, First: true})
	lines, counts := run.prunedLines()
	for _, r := range lines {
		c := counts[r.Name]
		t.Add(textCell(r.Name), countCell(r.Tags-c.tags), countCell(c.tags), countCell(c.manifests), sizeCell(r.ReclaimableBytes))
	}
	if len(lines) == 0 {
		var text strings.Builder
		run.writeNothing(&Screen{Writer: &text})
		t.Notes = []string{strings.TrimSpace(text.String())}
	}
	if run.Retention != nil {
		for _, why := range run.Retention.Refused {
			t.Notes = append(t.Notes, "refused: "+why)
		}
	}
	return t
}

// keptTable has what a policy keeps where a rule applies, if -v asks for that.
func keptTable(rep *sweep.Report) *page.Table {
	t := pageTable("decisions", "What the policy keeps", mostPageKept, page.Column{Title: "repository"}, page.Column{Title: "tag"}, page.Column{Title: "digest", Kind: page.Digest},
		page.Column{Title: "date", Kind: page.Time}, page.Column{Title: "rule"}, page.Column{Title: "why"})
	for i := range rep.Decisions {
		d := &rep.Decisions[i]
		if d.Action != "keep" || d.Rule == "" {
			continue
		}
		date := page.Cell{}
		if d.Time != nil {
			date = page.Cell{Text: d.Time.Format("2006-01-02 15:04"), Value: d.Time.Unix()}
		}
		rule := d.Rule
		if d.Entry > 1 {
			rule += ", entry " + strconv.Itoa(d.Entry)
		}
		t.Add(textCell(d.Repository), textCell(d.Tag), page.Cell{Text: d.Digest}, date, textCell(rule), textCell(strings.Join(d.Reasons, "; ")))
	}
	return t
}

// itemsTable has all that is removed, if -v asks for that.
func itemsTable(rep *sweep.Report) *page.Table {
	t := pageTable("items", term.Either(rep.DryRun, "Everything that would be removed", "Everything that was removed"), mostPageItems, page.Column{Title: "kind", Kind: page.Word}, page.Column{Title: "repository"}, page.Column{Title: "name"},
		page.Column{Title: "digest", Kind: page.Digest}, page.Column{Title: "size", Kind: page.Number})
	for i := range rep.Items {
		l := &rep.Items[i]
		bytes := page.Cell{}
		if l.Bytes > 0 {
			bytes = sizeCell(l.Bytes)
		}
		t.Add(textCell(l.Kind), textCell(l.Repository), textCell(l.Name), page.Cell{Text: l.Digest}, bytes)
	}
	return t
}

// skippedTable has what apply leaves of its plan.
func skippedTable(list []sweep.SkippedLine) *page.Table {
	t := pageTable("skipped", "Skipped items of the plan", mostPageProblems, page.Column{Title: "kind", Kind: page.Word}, page.Column{Title: "repository"}, page.Column{Title: "name"},
		page.Column{Title: "digest", Kind: page.Digest}, page.Column{Title: "why"})
	for i := range list {
		l := &list[i]
		t.Add(textCell(l.Kind), textCell(l.Repository), textCell(l.Name), page.Cell{Text: l.Digest}, textCell(l.Reason))
	}
	return t
}
