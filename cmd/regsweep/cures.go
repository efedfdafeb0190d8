package main

import (
	"slices"
	"strings"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/walker"
)

// treatment says what can be done about a kind of problem. A function returns
// nil where there is nothing to be done that way.
type treatment struct {
	// cure is a command that loses nothing.
	cure func(*walker.Problem) []string
	// last is a command that gives up what the problem breaks.
	last func(*walker.Problem) []string
}

// treatments has one for each kind of problem that a command can do something
// about. Pushing what is broken again comes before the last resort.
func treatments() map[string]treatment {
	image := treatment{last: removeImages}
	return map[string]treatment{
		walker.BrokenManifest:   image,
		walker.MissingManifest:  image,
		walker.MissingBlob:      {cure: collectGarbage, last: removeImages},
		walker.CorruptBlob:      {cure: collectGarbage, last: removeImages},
		walker.WrongSize:        image,
		walker.MissingLayerLink: image,
		walker.UnlinkedChild:    image,
		walker.LinkMismatch:     image,
		walker.BrokenLink:       {cure: removeTag, last: removeImages},
		walker.HalfTag:          {cure: removeTag},
		walker.DanglingTag:      {last: removeTag},
	}
}

func collectGarbage(p *walker.Problem) []string {
	if !p.Flags.Has(walker.Garbage) {
		return nil
	}
	return []string{"gc"}
}

// removeTag takes away a tag that leads nowhere. What its history names stays.
func removeTag(p *walker.Problem) []string {
	if p.Untag == "" {
		return nil
	}
	return []string{"untag", p.Untag}
}

// mostNamed is how many images a command names: more do not fit into one.
const mostNamed = 1000

func removeImages(p *walker.Problem) []string {
	if len(p.Remove) == 0 || len(p.Remove) > mostNamed {
		return nil
	}
	args := []string{"rm"}
	if p.Flags.Has(walker.Force) {
		args = append(args, "--force")
	}
	return append(args, p.Remove...)
}

// ward is a store whose problems are to be cured.
type ward struct {
	where
	// noNames says that no image is removed by name here.
	noNames bool
	// foreign says that no command may change this store.
	foreign bool
	// repaired says that repair has left the problems.
	repaired bool
}

// prescribe writes into problems what cures them.
func (w ward) prescribe(list []walker.Problem) {
	kinds := treatments()
	for i := range list {
		p := &list[i]
		t, ok := kinds[p.Kind]
		if !ok || p.Cured || w.foreign {
			continue
		}
		if cure := w.may(t.cure, p); cure != nil {
			p.Cure = w.command(cure...)
			continue
		}
		last := w.may(t.last, p)
		if last == nil {
			continue
		}
		p.Loses = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.Breaks, p.Along))))
		if p.Flags.Has(walker.Whole) || len(p.Along) > 0 {
			p.LastResort = w.command(last...)
		} else {
			p.Cure = w.command(last...)
		}
	}
}

func (w ward) may(do func(*walker.Problem) []string, p *walker.Problem) []string {
	if do == nil {
		return nil
	}
	args := do(p)
	if w.noNames && len(args) > 0 && args[0] != "gc" {
		return nil
	}
	return args
}

// cureLines say to people what can be done about a problem.
func cureLines(p *walker.Problem) (lines []string) {
	if p.Cured {
		return nil
	}
	again := "push again " + someOf(p.Breaks)
	switch {
	case len(p.Breaks) == 0 || p.Kind == walker.HalfTag:
	case p.Cure != "" && len(p.Loses) > 0:
		lines = append(lines, again+"; the cure gives up "+someOf(p.Loses))
	default:
		lines = append(lines, again)
	}
	switch {
	case p.Cure != "":
		lines = append(lines, "cure: "+p.Cure)
	case p.LastResort != "":
		lines = append(lines, "as the last resort, which loses "+someOf(p.Loses)+": "+p.LastResort)
	}
	return lines
}

// someOf names some of many.
func someOf(names []string) string {
	if more := len(names) - shownBroken; more > 0 {
		return strings.Join(names[:shownBroken], ", ") + " and " + comma(more) + " more"
	}
	return strings.Join(names, ", ")
}

// pathsAbout are the paths one of which has to go for a problem to be gone, and
// all of which have to.
func pathsAbout(p *walker.Problem) (one, all []string) {
	for path := p.Path; path != "."; path = parentOf(path) {
		one = append(one, path)
		if name := path[strings.LastIndexByte(path, '/')+1:]; name == layout.Manifests || name == layout.Layers || name == layout.Uploads {
			one = append(one, parentOf(path)) // the repository, which another one may be nested in
			break
		}
	}
	if p.Flags.Has(walker.Stays) {
		return one, nil
	}
	for _, image := range p.Remove {
		name, text, _ := strings.Cut(image, "@")
		if digest, err := layout.ParseDigest(text); err == nil {
			all = append(all, layout.RevisionDir(name, digest)+"/"+layout.Link)
		}
	}
	return one, all
}

func parentOf(path string) string {
	if at := strings.LastIndexByte(path, '/'); at > 0 {
		return path[:at]
	}
	return "."
}

// settleProblems says of the problems that a run has found which of them it
// cures, or would, by what it removes. A link to nothing that it removes is
// what a deletion has left, and no problem.
func (j *job) settleProblems(list []walker.Problem, executed bool) []walker.Problem {
	if len(list) == 0 || j.plan == nil {
		return list
	}
	gone := map[string]bool{}
	for i := range list {
		one, all := pathsAbout(&list[i])
		for _, path := range slices.Concat(one, all) {
			gone[path] = false
		}
	}
	j.plan.Mark(executed, gone)
	list = slices.DeleteFunc(list, func(p walker.Problem) bool {
		return p.Kind == walker.MissingBlob && p.Flags.Has(walker.Garbage) && gone[p.Path]
	})
	isGone := func(path string) bool { return gone[path] }
	for i := range list {
		p := &list[i]
		if p.Kind == walker.UnknownFile || p.Kind == walker.IOError {
			continue
		}
		one, all := pathsAbout(p)
		p.Cured = slices.ContainsFunc(one, isGone) || len(all) > 0 && !slices.ContainsFunc(all, func(path string) bool { return !gone[path] })
	}
	return list
}
