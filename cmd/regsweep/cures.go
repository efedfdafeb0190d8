package main

import (
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// lastResorts has for each kind of problem the command that gives up what the
// problem breaks. It returns nil where there is none.
func lastResorts() map[string]func(*walker.Problem) []string {
	return map[string]func(*walker.Problem) []string{
		walker.BrokenManifest:   removeImages,
		walker.MissingManifest:  removeImages,
		walker.MissingBlob:      removeImages,
		walker.CorruptBlob:      removeImages,
		walker.WrongSize:        removeImages,
		walker.MissingLayerLink: removeImages,
		walker.UnlinkedChild:    removeImages,
		walker.LinkMismatch:     removeImages,
		walker.BrokenLink: func(p *walker.Problem) []string {
			if args := removeTag(p); args != nil {
				return args
			}
			return removeImages(p)
		},
		walker.HalfTag:     removeTag,
		walker.DanglingTag: removeTag,
	}
}

// removeTag removes a tag that leads nowhere. What its history names is kept.
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
	term.Where
	store *disk.Dir // or nil: nothing is known but the problems
	// noNames says that no image is removed by name here.
	noNames bool
	// foreign says that links are not the truth about this store, and that no
	// command may change them.
	foreign bool
	// mirror says that it is a pull-through cache, in which nothing is undeleted.
	mirror bool
}

// prescribe writes into problems what can be done about them: a cure loses
// nothing, and a last resort gives up what the problem breaks, which pushing it
// again might bring back.
func (w ward) prescribe(list []walker.Problem) {
	steps := w.foresee(list)
	last := lastResorts()
	for i := range list {
		p := &list[i]
		resort, known := last[p.Kind]
		if !known || p.Cured {
			continue
		}
		if cure := w.cure(p, steps[i]); cure != nil {
			p.Cure = w.Command(cure...)
		}
		if s := steps[i].Step; s != nil && s.Way == back.ByPush {
			p.Replica = w.Command("repair", "--from", "DIR")
		}
		if w.foreign || p.Flags.Has(walker.Garbage) || steps[i].heals() {
			continue
		}
		if args := resort(p); args != nil && !w.noNames {
			p.Loses = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.Breaks, p.Along))))
			p.LastResort = w.Command(args...)
		}
	}
}

// foresight is what a repair would do about a problem, or nil.
type foresight struct{ *back.Step }

// heals reports whether nothing of the problem is left after the repair.
func (f foresight) heals() bool {
	return f.Step != nil && (f.Do == back.DoLink || f.Do == back.DoRetag || f.Do == back.DoCopy)
}

// foresee asks what a repair would do about problems.
func (w ward) foresee(list []walker.Problem) []foresight {
	found := make([]foresight, len(list))
	if w.store == nil || len(list) == 0 {
		return found
	}
	for i, s := range back.Foresee(w.store, list, !w.foreign) {
		found[i].Step = s
	}
	return found
}

// cure is the command that loses nothing, or nil.
func (w ward) cure(p *walker.Problem, f foresight) []string {
	switch {
	case p.Flags.Has(walker.Garbage) && !w.foreign:
		return []string{"gc"}
	case f.Step == nil:
	case f.heals(), f.Do == back.DoTrash && isAboutData(p.Kind):
		return []string{"repair"}
	case f.Way == back.ByUndelete && !w.foreign && !w.mirror && !w.noNames:
		return undeleteFor(f.Step)
	}
	return nil
}

// isAboutData reports whether a kind of problem is gone when damaged data are.
func isAboutData(kind string) bool {
	return kind == walker.CorruptBlob || kind == walker.WrongSize || kind == walker.BrokenManifest
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
	if p.Flags.Has(walker.Unremovable) {
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

// undeleteFor is the command that brings back what somebody deleted: a manifest,
// or the images that need a layer.
func undeleteFor(s *back.Step) []string {
	args := []string{"undelete"}
	if strings.Contains(s.Path, "/"+layout.Layers+"/") {
		args = append(args, s.Finding.Remove...)
		if len(args) == 1 {
			args = append(args, s.Repository)
		}
		return args
	}
	return append(args, s.Repository+"@"+s.Digest.String())
}
