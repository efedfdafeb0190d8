package sweep

import (
	"github.com/regsweep/regsweep/mark"
)

// The stages of an execution, in their order.
const (
	LookingAgain Stage = iota
	SettingAside
	Waiting // for manifests that registries have found good
	LookingOnceMore
	Removing
)

// Stage returns what the execution is doing.
func (p *Progress) Stage() Stage { return Stage(p.stage.Load()) }

func (p *Progress) enter(s Stage) { p.stage.Store(int32(s)) }

// Progress returns how far Execute has come. It can be called at any time.
func (p *Plan) Progress() *Progress { return &p.progress }

// Size is how many items the plan has.
func (p *Plan) Size() int { return len(p.items) }

// steps is how often an item of a kind is looked at.
func steps(kind mark.Kind) int64 {
	switch kind {
	case mark.Tag:
		return 3 // it may have to be removed where it is
	case mark.Manifest, mark.LayerLink, mark.Blob:
		return 2
	}
	return 1
}

func (p *Plan) countSteps() {
	var all int64
	for i := range p.items {
		all += steps(p.items[i].Kind)
	}
	p.progress.AllSteps.Store(all)
}

// Tell adds what a worker has done since its last call.
func (c *cache) Tell() {
	if c.steps > 0 {
		c.r.progress.Steps.Add(c.steps)
		c.r.progress.Bytes.Add(c.bytes)
	}
	c.steps, c.bytes = 0, 0
}
