//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// draw makes the text of a store: images with labels and times of their own, whose
// tags were set to others before, indexes of them, copies and signatures.
func (m *policyModel) draw() {
	var b strings.Builder
	age := 310
	older := func() string { age -= 1 + m.r.IntN(20); return fmt.Sprintf("%dd", max(age, 2)) }
	type object struct{ name, repository string }
	var objects []object
	repositories := []string{"a", "a", "n/b"}
	for i := range 4 + m.r.IntN(10) {
		repository, name := repositories[m.r.IntN(3)], fmt.Sprint("o", i)
		tags := ""
		for range m.r.IntN(3) {
			tags += fmt.Sprintf(",%s%d", []string{"t", "t", "v", "p", "x"}[m.r.IntN(5)], m.r.IntN(5))
		}
		if tags != "" {
			tags = ":" + tags[1:]
		}
		options := fmt.Sprintf(" as=%s age=%s", name, older())
		var of object
		if len(objects) > 0 {
			of = objects[m.r.IntN(len(objects))]
		}
		switch kind := m.r.IntN(9); {
		case kind < 6 || of.name == "":
			if m.r.IntN(2) == 0 {
				key := []string{"label", "label", "annotation"}[m.r.IntN(3)]
				options += fmt.Sprintf(" %s=quay.expires-after=%s", key, []string{"20d", "30w", "9000h", "0d", "never", "3mo", "12d"}[m.r.IntN(7)])
			}
			options += fmt.Sprintf(" created=%s", []string{"none", "40d", "200d", "90d", strconv.Itoa(m.r.IntN(400)+1) + "d"}[m.r.IntN(5)])
			fmt.Fprintf(&b, "image %s%s layers=l%d,own%d%s\n", repository, tags, m.r.IntN(3), i, options)
			objects = append(objects, object{name, repository})
		case kind < 7:
			fmt.Fprintf(&b, "index %s%s of=%s%s\n", of.repository, tags, of.name, options)
			objects = append(objects, object{name, of.repository})
		case kind < 8:
			fmt.Fprintf(&b, "copy %s:t%d %s deep age=%s\n", repository, m.r.IntN(5), of.name, older())
		default:
			fmt.Fprintf(&b, "cosign %s of=%s%s\n", of.repository, of.name, options)
		}
	}
	m.text = b.String()
}

func (m *policyModel) drawKeep(tags bool) (k aKeep) {
	some := func(to *int, most int) {
		if m.r.IntN(3) == 0 {
			*to = 1 + m.r.IntN(most)
		}
	}
	some(&k.last, 3)
	some(&k.within, 200)
	some(&k.pulledWithin, 150)
	some(&k.pulled, 3)
	if tags {
		some(&k.images, 2)
	} else {
		some(&k.revisions, 2)
	}
	k.label = m.r.IntN(3) == 0
	return k
}

func (m *policyModel) drawPolicy() {
	m.versions, m.others, m.untagged = m.drawKeep(true), m.drawKeep(true), m.drawKeep(false)
	m.hasUntagged = m.r.IntN(3) > 0
	m.created, m.twins, m.allowEmpty = m.r.IntN(3) == 0, m.r.IntN(3) == 0, m.r.IntN(4) > 0
	if m.r.IntN(3) == 0 {
		for digest, manifest := range m.blobs {
			if manifest.names != nil && (m.protects == "" || digest < m.protects) {
				m.protects = digest
			}
		}
	}
}

// policy is the policy as text. What is in it is by rules that are asked for, and
// ignores the client called scan.
func (m *policyModel) policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nignore-agents: [\"scan/*\"]\ntwins: %t\nprotect: [\"**:p*\"", m.twins)
	if m.protects != "" {
		fmt.Fprintf(&b, ", %q", m.protects)
	}
	fmt.Fprintf(&b, "]\nrules:\n  - name: all\n    repositories: [\"**\"]\n    allow-empty: %t\n", m.allowEmpty)
	if m.created {
		b.WriteString("    age: created\n")
	}
	fmt.Fprintf(&b, "    tags:\n      - {match: [\"v*\"], keep: %s}\n      - {match: [\"*\"], exclude: [\"x*\"], keep: %s}\n", m.versions.text(), m.others.text())
	if m.hasUntagged {
		fmt.Fprintf(&b, "    untagged: {keep: %s}\n", m.untagged.text())
	}
	return b.String()
}

// drawLog makes a log that covers some months, and pulls in it.
func (m *policyModel) drawLog() {
	from, first := 1+m.r.IntN(300), ""
	for name := range m.repositories {
		if first == "" || name < first {
			first = name
		}
	}
	if m.r.IntN(12) == 0 {
		first = "another/registry"
	}
	gap := -1
	if m.r.IntN(4) == 0 {
		gap = m.r.IntN(from)
	}
	for n := from; n >= 0; n-- {
		if n < gap || n > gap+5 || gap < 0 {
			m.pulls = append(m.pulls, aPull{repository: first, reference: "tags/list", at: m.now.Add(-time.Duration(n)*24*time.Hour - 5*time.Minute)})
		}
	}
	pull := func(repository, reference string) {
		for range m.r.IntN(3) {
			age := time.Duration(m.r.Int64N(int64(from)*24*3600-7200)+3600) * time.Second
			m.pulls = append(m.pulls, aPull{repository: repository, reference: reference, at: m.now.Add(-age), counts: m.r.IntN(4) > 0})
		}
	}
	if first != "another/registry" {
		for _, name := range slices.Sorted(maps.Keys(m.repositories)) {
			r := m.repositories[name]
			for _, tag := range slices.Sorted(maps.Keys(r.tags)) {
				if !cosignTag.MatchString(tag) {
					pull(name, tag)
				}
			}
			for _, digest := range slices.Sorted(maps.Keys(r.revisions)) {
				pull(name, digest)
			}
		}
	}
	oldest := m.now
	for _, r := range m.repositories {
		for _, pushed := range r.revisions {
			if pushed.Before(oldest) {
				oldest = pushed
			}
		}
	}
	m.pulls = slices.DeleteFunc(m.pulls, func(p aPull) bool { return p.at.Before(oldest.Add(time.Minute)) })
	for i := range m.pulls {
		m.pulls[i].at = m.pulls[i].at.Truncate(time.Second)
	}
	m.lines = m.write()
}

// write writes the log in a random format, in a random order, with lines between
// that are no requests or not to be believed.
func (m *policyModel) write() (lines []string) {
	format, wrap := m.r.IntN(5), m.r.IntN(5)
	for _, p := range m.pulls {
		lines = append(lines, wrapLine(wrap, m.r.IntN(2) == 0, m.line(format, &p))+"\n")
	}
	for _, name := range slices.Sorted(maps.Keys(m.repositories)) {
		future, past := aPull{name, "t1", m.now.Add(50 * time.Hour), true}, aPull{name, "t1", time.Unix(0, 0), true}
		lines = append(lines, m.line(0, &future)+"\n", m.line(0, &past)+"\n", "listening on [::]:5000\n", "{\n", "10.0.0.1 - - [27/Nov/2\n")
	}
	m.r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// line is a request in a format of the guide. What does not count is a pull of a
// scanner, one that was not answered, or a push.
func (m *policyModel) line(format int, p *aPull) string {
	method, status, agent, at := []string{"GET", "HEAD"}[m.r.IntN(2)], []int{200, 304, 307}[m.r.IntN(3)], "containerd/1.7", p.at.In(time.FixedZone("", m.r.IntN(20)*1800-18000))
	switch {
	case p.counts:
	case m.r.IntN(3) == 0:
		method, status = "PUT", 201
	case m.r.IntN(2) == 0:
		status = []int{401, 404, 500}[m.r.IntN(3)]
	default:
		agent = "scan/2"
	}
	path := []string{"", "/hub", "/api/v2"}[m.r.IntN(3)] + "/v2/" + p.repository + "/manifests/" + p.reference
	if p.reference == "tags/list" {
		path = "/v2/" + p.repository + "/tags/list"
	}
	switch format {
	case 1:
		return fmt.Sprintf(`{"time":%q,"method":%q,"path":%q,"status":%d,"agent":%q}`, at.Format(time.RFC3339), method, path, status, agent)
	case 2:
		return fmt.Sprintf(`{"RequestMethod":%q,"RequestPath":%q,"DownstreamStatus":%d,"StartUTC":%q,"request_User-Agent":%q}`, method, path, status, at.UTC().Format(time.RFC3339Nano), agent)
	case 3:
		return fmt.Sprintf(`{"ts":%d.25,"request":{"method":%q,"uri":%q,"headers":{"User-Agent":[%q]}},"status":%d}`, at.Unix(), method, path, agent, status)
	case 4:
		return fmt.Sprintf(`10.0.0.1 - %q [%s] "%s %s HTTP/2.0" %d 12 "-" %q "-"`, "u", at.Format("02/Jan/2006:15:04:05 -0700"), method, path, status, agent)
	}
	return fmt.Sprintf(`10.0.0.1 - - [%s] "%s %s HTTP/1.1" %d 12 "" %q`, at.Format("02/Jan/2006:15:04:05 -0700"), method, path, status, agent)
}

// wrapLine wraps a line as what keeps logs does.
func wrapLine(how int, inParts bool, line string) string {
	quoted := func(text string) string { b, _ := json.Marshal(text); return string(b) }
	switch {
	case how == 1 && inParts:
		return "2026-11-27T06:58:00.1Z stdout P " + line[:20] + "\n2026-11-27T06:58:00.1Z stdout F " + line[20:]
	case how == 1:
		return "2026-11-27T06:58:00.1Z stderr F " + line
	case how == 2:
		return `{"log":` + quoted(line+"\n") + `,"stream":"stdout","time":"2026-11-27T06:58:00Z"}`
	case how == 3:
		return "Nov 27 06:58:00 host registry[412]: " + line
	case how == 4:
		return `{"MESSAGE":` + quoted(line) + `}`
	}
	return line
}
