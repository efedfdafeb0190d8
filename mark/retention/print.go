package retention

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// Marshal writes the policy as YAML, from which Parse reads the same policy.
func (p *Policy) Marshal() ([]byte, error) {
	doc := policyYAML{Version: 1, Timezone: p.Timezone, Twins: p.Twins, Pulls: p.Pulls, Ignored: p.IgnoreAgents, Protect: p.Protect}
	for i := range p.Rules {
		doc.Rules = append(doc.Rules, p.Rules[i].yaml())
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	err := e.Close()
	return b.Bytes(), err
}

// The types that follow are what a policy looks like, in the order of its keys.

type policyYAML struct {
	Version  int        `yaml:"version"`
	Timezone string     `yaml:"timezone,omitempty"`
	Twins    bool       `yaml:"twins,omitempty"`
	Pulls    []string   `yaml:"pulls,omitempty"`
	Ignored  []string   `yaml:"ignore-agents,omitempty"`
	Protect  []string   `yaml:"protect,omitempty"`
	Rules    []ruleYAML `yaml:"rules"`
}

type ruleYAML struct {
	Name         string        `yaml:"name,omitempty"`
	Repositories []string      `yaml:"repositories,flow"`
	Tags         []entryYAML   `yaml:"tags,omitempty"`
	Untagged     *untaggedYAML `yaml:"untagged,omitempty,flow"`
	Orphaned     string        `yaml:"orphaned-referrers,omitempty"`
	Age          string        `yaml:"age,omitempty"`
	Timezone     string        `yaml:"timezone,omitempty"`
	AllowEmpty   bool          `yaml:"allow-empty,omitempty"`
}

type entryYAML struct {
	Match   []string `yaml:"match,omitempty,flow"`
	Exclude []string `yaml:"exclude,omitempty,flow"`
	Filter  []string `yaml:"filter,omitempty,flow"`
	Keep    keepYAML `yaml:"keep,flow"`
}

type untaggedYAML struct {
	Keep keepYAML `yaml:"keep,flow"`
}

type keepYAML struct {
	Last      int          `yaml:"last,omitempty"`
	Images    int          `yaml:"images,omitempty"`
	Within    string       `yaml:"within,omitempty"`
	PullTime  string       `yaml:"pulled-within,omitempty"`
	Pulled    int          `yaml:"pulled,omitempty"`
	Calendar  calendarYAML `yaml:",inline"`
	Semver    *semverYAML  `yaml:"semver,omitempty,flow"`
	Label     *labelYAML   `yaml:"label,omitempty,flow"`
	Revisions int          `yaml:"revisions,omitempty"`
	All       bool         `yaml:"all,omitempty"`
	None      bool         `yaml:"none,omitempty"`
}

type calendarYAML struct {
	Hourly  int `yaml:"hourly,omitempty"`
	Daily   int `yaml:"daily,omitempty"`
	Weekly  int `yaml:"weekly,omitempty"`
	Monthly int `yaml:"monthly,omitempty"`
	Yearly  int `yaml:"yearly,omitempty"`
}

type labelYAML struct {
	Expires string `yaml:"expires"`
}

type semverYAML struct {
	Major      int `yaml:"major,omitempty"`
	Minor      int `yaml:"minor,omitempty"`
	Patch      int `yaml:"patch,omitempty"`
	Prerelease int `yaml:"prerelease,omitempty"`
}

func (r *Rule) yaml() ruleYAML {
	y := ruleYAML{Name: r.Name, Repositories: r.Repositories, Timezone: r.Timezone, AllowEmpty: r.AllowEmpty}
	for i := range r.Tags {
		e := &r.Tags[i]
		y.Tags = append(y.Tags, entryYAML{Match: e.Match, Exclude: e.Exclude, Filter: e.Filter, Keep: e.Keep.yaml()})
	}
	if r.Untagged != nil {
		y.Untagged = &untaggedYAML{Keep: r.Untagged.yaml()}
	}
	if r.RemoveOrphanedReferrers {
		y.Orphaned = "remove"
	}
	if r.Age != Pushed {
		y.Age = r.Age.String()
	}
	return y
}

func (k *Keep) yaml() keepYAML {
	y := keepYAML{
		Last: k.Last, Images: k.Images, Pulled: k.Pulled, Calendar: calendarYAML(k.Calendar),
		Revisions: k.Revisions,
		All:       k.All, None: k.None,
	}
	if !k.Within.IsZero() {
		y.Within = k.Within.String()
	}
	if !k.PulledWithin.IsZero() {
		y.PullTime = k.PulledWithin.String()
	}
	if k.Label != (Label{}) {
		y.Label = &labelYAML{k.Label.Expires}
	}
	if k.Semver != (Semver{}) {
		y.Semver = &semverYAML{k.Semver.Major, k.Semver.Minor, k.Semver.Patch, k.Semver.Prerelease}
	}
	return y
}
