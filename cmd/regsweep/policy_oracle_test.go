//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The oracle of policies is written from docs/policy.md. For each tag and each
// untagged manifest it asks each keep rule by itself, and counts for each one how
// many others are before it.

// aKeep has the keep rules that the oracle knows; 0 for one that is not there.
type aKeep struct {
	last, images, within, pulledWithin, pulled, revisions int
	label, all                                            bool
}

// text is the keep as a policy has it.
func (k *aKeep) text() string {
	var list []string
	for _, one := range []struct {
		form string
		n    int
	}{
		{"last: %d", k.last},
		{"images: %d", k.images},
		{"within: %dd", k.within},
		{"pulled-within: %dd", k.pulledWithin},
		{"pulled: %d", k.pulled},
		{"revisions: %d", k.revisions},
	} {
		if one.n > 0 {
			list = append(list, fmt.Sprintf(one.form, one.n))
		}
	}
	if k.label {
		list = append(list, "label: {expires: quay.expires-after}")
	}
	if k.all {
		list = append(list, "all: true")
	}
	if list == nil {
		list = []string{"none: true"}
	}
	return "{" + strings.Join(list, ", ") + "}"
}

// aPull is a line of a log: a tag or a digest that was pulled.
type aPull struct {
	repository, reference string
	at                    time.Time
	counts                bool // it is a pull, and nothing of the policy ignores its client
}

// aThing is a tag, or an untagged manifest.
type aThing struct {
	repository, tag, digest string
	pushed, time, used      time.Time
	timeless                bool // what the rule judges by is not known
	protected               bool
}

func (t *aThing) name() string {
	if t.tag == "" {
		return t.repository + "@" + t.digest
	}
	return t.repository + ":" + t.tag
}

// policyOracle is what the documents say of a store, a policy and a log.
type policyOracle struct {
	*testing.T
	*naiveStore
	now   time.Time
	model *policyModel

	begin   time.Time                                  // of what is known of pulls; zero if nothing is
	history map[string]map[string]map[string]time.Time // of repositories' tags: when each was last set to a digest
}

// readHistory reads when a repository's tags were last set to what they have named.
func (o *policyOracle) readHistory() {
	o.history = map[string]map[string]map[string]time.Time{}
	for name, r := range o.repositories {
		o.history[name] = map[string]map[string]time.Time{}
		for tag := range r.tags {
			o.history[name][tag] = map[string]time.Time{}
			for _, link := range names(o.T, o.dir, "repositories/"+name+"/_manifests/tags/"+tag+"/index/sha256/*/link") {
				digest, set := readLink(o.T, filepath.Join(o.dir, link))
				o.history[name][tag][digest] = set
			}
		}
	}
}

// covered is when what the log covers begins: after its last break of three days,
// if its end is not older than that.
func (o *policyOracle) covered() time.Time {
	var times []time.Time
	known := false
	for _, p := range o.model.pulls {
		times = append(times, p.at)
		known = known || o.repositories[p.repository] != nil
	}
	slices.SortFunc(times, time.Time.Compare)
	if !known || o.now.Sub(times[len(times)-1]) > 3*24*time.Hour {
		return time.Time{}
	}
	begin := times[len(times)-1]
	for i := len(times) - 1; i > 0 && times[i].Sub(times[i-1]) <= 3*24*time.Hour; i-- {
		begin = times[i-1]
	}
	return begin
}

// named is what a tag named at a time, as far as its history says.
func (o *policyOracle) named(repository, tag string, at time.Time) (digest string) {
	var set time.Time
	for d, when := range o.history[repository][tag] {
		if !when.After(at) && when.After(set) {
			digest, set = d, when
		}
	}
	return digest
}

// pulled is the last pull of what a digest holds. A history has the last time only
// at which the tag was set to something. It may have named that before: then it was
// pulled when the tag was, but no later than that time.
func (o *policyOracle) pulled(repository, digest string) (last time.Time) {
	for _, p := range o.model.pulls {
		if !p.counts || p.repository != repository {
			continue
		}
		if p.reference == digest || o.named(repository, p.reference, p.at) == digest {
			last = latest(last, p.at)
		}
		if set, ok := o.history[repository][p.reference][digest]; ok {
			if set.After(p.at) || o.named(repository, p.reference, p.at) == "" {
				set = p.at
			}
			last = latest(last, set)
		}
	}
	for _, child := range o.blobs[digest].children {
		if _, ok := o.repositories[repository].revisions[child]; ok {
			last = latest(last, o.pulled(repository, child))
		}
	}
	return last
}

// things are what there is to be decided about in a repository.
func (o *policyOracle) things(name string) (tags, untagged []*aThing) {
	r := o.repositories[name]
	tagged := map[string]bool{}
	add := func(tag, digest string, pushed, pulled time.Time) *aThing {
		t := &aThing{repository: name, tag: tag, digest: digest, pushed: pushed, time: pushed}
		t.used = latest(latest(o.begin, pushed), latest(pulled, o.pulled(name, digest)))
		if o.model.created {
			t.time, t.timeless = o.created(digest)
		}
		t.protected = strings.HasPrefix(tag, "p") || o.model.protects == digest || o.model.protects != "" && o.model.protects == o.read(digest).Config.Digest
		return t
	}
	for tag, to := range r.tags {
		tagged[to.digest] = true
		if cosignTag.MatchString(tag) {
			continue
		}
		pulled := time.Time{}
		for _, p := range o.model.pulls {
			if p.counts && p.repository == name && p.reference == tag {
				pulled = latest(pulled, p.at)
			}
		}
		tags = append(tags, add(tag, to.digest, to.pushed, pulled))
	}
	for digest, pushed := range r.revisions {
		if !tagged[digest] && !o.loose(r, digest) {
			untagged = append(untagged, add("", digest, pushed, time.Time{}))
		}
	}
	return tags, untagged
}

// anImage is what the oracle reads of manifests and configurations.
type anImage struct {
	Created     string
	Annotations map[string]string
	Config      struct {
		Digest string
		Labels map[string]string
	}
	Manifests []struct{ Digest string }
}

func (o *policyOracle) read(digest string) (i anImage) {
	text, err := os.ReadFile(filepath.Join(o.dir, "blobs/sha256", digest[7:9], digest[7:], "data"))
	if err != nil || json.Unmarshal(text, &i) != nil {
		o.Fatalf("%s: %v", digest, err)
	}
	return i
}

// created is an image's own time. That of an index is the one of its newest child.
func (o *policyOracle) created(digest string) (at time.Time, unknown bool) {
	m := o.read(digest)
	for _, child := range m.Manifests {
		t, _ := o.created(child.Digest)
		at = latest(at, t)
	}
	text := ""
	if m.Config.Digest != "" {
		text = o.read(m.Config.Digest).Created
	}
	if text == "" {
		text = m.Annotations["org.opencontainers.image.created"]
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		at = latest(at, t)
	}
	return at, at.IsZero()
}

var naiveExpiry = regexp.MustCompile(`^[0-9]{1,4}[smhdw]$`)

// expires is how long an image is kept by its label: -1 for ever, and 0 if it has
// none. Of an index's children the longest counts, and one without it means none.
func (o *policyOracle) expires(digest string) (longest time.Duration) {
	m := o.read(digest)
	if m.Config.Digest != "" {
		value, ok := o.read(m.Config.Digest).Config.Labels["quay.expires-after"]
		if !ok {
			value, ok = m.Annotations["quay.expires-after"]
		}
		switch {
		case !ok:
			return 0
		case !naiveExpiry.MatchString(value):
			return -1
		}
		n, err := strconv.Atoi(value[:len(value)-1])
		if err != nil {
			o.Fatal(err)
		}
		return time.Duration(n) * map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[value[len(value)-1]]
	}
	none := false
	for _, child := range m.Manifests {
		switch one := o.expires(child.Digest); one {
		case -1:
			return -1
		case 0:
			none = true
		default:
			longest = max(longest, one)
		}
	}
	if none {
		return 0
	}
	return longest
}

// before counts those of a pool that are before a thing.
func before(pool []*aThing, is func(*aThing) bool) (n int) {
	for _, t := range pool {
		if is(t) {
			n++
		}
	}
	return n
}

// keeps reports whether a keep rule keeps a thing of a pool.
func (o *policyOracle) keeps(k *aKeep, t *aThing, pool []*aThing) bool {
	day := 24 * time.Hour
	if k.all || t.timeless {
		return true
	}
	if k.within > 0 && !t.time.Before(o.now.Add(-time.Duration(k.within)*day)) {
		return true
	}
	if before(pool, func(other *aThing) bool { return !other.timeless && other.time.After(t.time) }) < k.last {
		return true
	}
	if k.images > 0 {
		newest := map[string]time.Time{}
		for _, other := range pool {
			if !other.timeless {
				newest[other.digest] = latest(newest[other.digest], other.time)
			}
		}
		newer := 0
		for _, at := range newest {
			if at.After(newest[t.digest]) {
				newer++
			}
		}
		if newer < k.images {
			return true
		}
	}
	if k.pulled+k.pulledWithin > 0 && o.begin.IsZero() {
		return true
	}
	border := o.now.Add(-time.Duration(k.pulledWithin) * day)
	if k.pulledWithin > 0 && (o.begin.After(border) || !t.used.Before(border)) {
		return true
	}
	if before(pool, func(other *aThing) bool { return other.used.After(t.used) }) < k.pulled {
		return true
	}
	if !k.label {
		return false
	}
	after := o.expires(t.digest)
	return after < 0 || after > 0 && !o.now.After(t.pushed.Add(after))
}
