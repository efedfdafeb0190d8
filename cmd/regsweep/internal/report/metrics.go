package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/sweep"
	"github.com/regsweep/regsweep/walker"
)

// mostRepositories is how many repositories the metrics have: each is a series
// of its own for ever.
const mostRepositories = 50

// metrics writes the Prometheus text format.
type metrics struct {
	text   strings.Builder
	common []string // names and values of the labels that all have
	name   string   // of the metric that was begun last
}

// Metrics are the report as text for the node exporter's textfile collector.
func (e *Ending) Metrics() []byte {
	m := &metrics{common: []string{"command", e.Command, "dry_run", strconv.FormatBool(e.DryRun), "root", term.Valid(e.Root)}}
	m.float("last_run_timestamp_seconds", "When the run ended, in seconds since 1970.", float64(e.At.UnixMilli())/1000)
	m.float("last_run_duration_seconds", "How long the run took.", e.At.Sub(e.Started).Seconds())
	success := int64(0)
	if e.Success {
		success = 1
	}
	m.one("last_run_success", "Whether the run did all of its work.", success)
	if e.Run != nil {
		m.amounts(e.Run.Report)
		m.repositories(e.Run.Report)
	}
	if e.Problems != nil {
		m.problems(*e.Problems)
	}
	return []byte(m.text.String())
}

func (m *metrics) amounts(rep *sweep.Report) {
	s := &rep.Store
	m.amount("store", "the store when the run began", s.Amount)
	m.one("store_repositories", "Repositories in the store when the run began.", int64(s.Repositories))
	m.one("store_tags", "Tags in the store when the run began.", int64(s.Tags))
	m.one("store_manifests", "Manifest links in the store when the run began.", int64(s.Manifests))
	m.one("store_uploads", "Uploads in the store when the run began.", int64(s.Uploads))
	m.one("store_upload_bytes", "Size of the uploads in the store when the run began.", s.UploadBytes)
	m.amount("live", "the store that are kept", rep.Live)
	kept := []struct {
		reason string
		sweep.KeptAmount
	}{{"fresh", rep.Kept.Recent}, {"protected", rep.Kept.Protected}, {"brokenRepository", rep.Kept.BrokenRepository}}
	m.gauge("kept_bytes", "Size of the live blobs that only the reason keeps.")
	for _, k := range kept {
		m.add(k.Bytes, "reason", k.reason)
	}
	m.gauge("kept_blobs", "Live blobs that only the reason keeps.")
	for _, k := range kept {
		m.add(k.Blobs, "reason", k.reason)
	}
	reclaimable, removed := rep.Failed.Amount, rep.Removed.Amount
	if rep.DryRun {
		reclaimable, removed = removed, sweep.Amount{}
	}
	m.amount("reclaimable", "the store that the plan removes and that are still there", reclaimable)
	m.amount("removed", "the store that the run removed", removed)
	m.one("failed_items", "Items that were to be removed and are still there after the run.", int64(rep.Failed.Items))
	m.one("filesystem_free_bytes", "What an ordinary user can still write, when the run ended.", freeNow(rep))
}

// freeNow is the free space: after a dry run that of before.
func freeNow(rep *sweep.Report) int64 {
	if rep.DryRun {
		return rep.Filesystem.FreeBefore
	}
	return rep.Filesystem.FreeAfter
}

func (m *metrics) amount(name, what string, a sweep.Amount) {
	m.one(name+"_bytes", "Size of the blobs of "+what+".", a.Bytes)
	m.one(name+"_disk_bytes", "Disk space of the blobs of "+what+".", a.DiskBytes)
	m.one(name+"_blobs", "Blobs of "+what+".", a.Blobs)
}

// repositories has the largest, in the order of their names.
func (m *metrics) repositories(rep *sweep.Report) {
	list := slices.Clone(rep.Repositories)
	slices.SortStableFunc(list, func(a, b sweep.RepositoryLine) int { return cmp.Compare(b.Bytes, a.Bytes) })
	list = list[:min(mostRepositories, len(list))]
	slices.SortFunc(list, func(a, b sweep.RepositoryLine) int { return strings.Compare(a.Name, b.Name) })
	if len(list) == 0 {
		return
	}
	m.gauge("repository_bytes", "Size of the blobs that the repository's manifests reference, before the plan.")
	for _, r := range list {
		m.add(r.Bytes, "repository", r.Name)
	}
	m.gauge("repository_unique_bytes", "Size of those that no other repository references.")
	for _, r := range list {
		m.add(r.UniqueBytes, "repository", r.Name)
	}
	m.gauge("repository_reclaimable_bytes", "Size of the blobs that the repository links and the plan removes.")
	for _, r := range list {
		m.add(r.ReclaimableBytes, "repository", r.Name)
	}
}

// problems has a series for every kind, so that an alert sees one come and go.
func (m *metrics) problems(list []walker.Problem) {
	count := map[string]int64{}
	for _, kind := range walker.Kinds() {
		count[kind] = 0
	}
	for _, p := range list {
		if !p.Cured {
			count[p.Kind]++
		}
	}
	kinds := make([]string, 0, len(count))
	for kind := range count {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	m.gauge("problems", "Problems of the store, by kind.")
	for _, kind := range kinds {
		m.add(count[kind], "kind", kind)
	}
}

// gauge begins a metric; its values follow.
func (m *metrics) gauge(name, help string) {
	m.name = "regsweep_" + name
	fmt.Fprintf(&m.text, "# HELP %s %s\n# TYPE %s gauge\n", m.name, help, m.name)
}

// one is a metric with one value.
func (m *metrics) one(name, help string, value int64) {
	m.gauge(name, help)
	m.add(value)
}

func (m *metrics) float(name, help string, value float64) {
	m.gauge(name, help)
	m.sample(strconv.FormatFloat(value, 'f', 3, 64), nil)
}

// add writes one value of the metric that was begun last.
func (m *metrics) add(value int64, labels ...string) { m.sample(strconv.FormatInt(value, 10), labels) }

func (m *metrics) sample(value string, labels []string) {
	m.text.WriteString(m.name)
	separator := "{"
	all := slices.Concat(m.common, labels)
	for i := 0; i < len(all); i += 2 {
		m.text.WriteString(separator + all[i] + `="` + escapeLabel(all[i+1]) + `"`)
		separator = ","
	}
	m.text.WriteString("} " + value + "\n")
}

// escapeLabel escapes what the text format gives a meaning in a label's value,
// and what a terminal would.
func escapeLabel(value string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(term.Harmless(value))
}
