package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/regsweep/regsweep/layout/locate"
	"github.com/regsweep/regsweep/mark"
)

// newJob finds the registry and makes the run of a command that removes. The
// options have been verified.
func (p *program) newJob(command string, c *common, r *removal, f *pflag.FlagSet, arg string) (*job, error) {
	p.voice.Quiet = c.quiet
	p.file(command, c, r.dryRun)
	p.begin(c)
	protection, err := p.protection(r, f)
	if err != nil {
		return nil, err
	}
	place, err := p.locate(c, arg)
	if err != nil {
		return nil, err
	}
	if err := p.filing.verifyPlace(&place); err != nil {
		return nil, err
	}
	j := &job{program: p, common: c, removal: r, command: command, flags: f, place: place, rules: mark.Rules{
		Grace:            time.Duration(r.grace),
		UploadsOlderThan: time.Duration(r.uploadsOlderThan),
		KeepDeleted:      time.Duration(r.keepDeleted),
	}, lists: protections{listed: protection}}
	j.rules.PullThrough, err = place.PullThrough()
	return j, err
}

// locate finds the registry.
func (p *program) locate(c *common, arg string) (locate.Place, error) {
	p.where = whereOf(c, arg, p.environ)
	if p.voice != nil { // the shell completes
		p.voice.Where = p.where
	}
	return locate.Find(locate.Options{
		Root: c.root, ConfigFile: c.config, Arg: arg, Environ: p.environ, Defaults: locate.StandardDefaults(),
	})
}

// foreign says why the truth about a store is in a database, or "".
func foreign(place *locate.Place) (string, error) {
	gitlab, err := place.GitLabDatabase()
	switch {
	case err != nil:
		return "", err
	case gitlab:
		return "GitLab keeps this registry's metadata in a database", nil
	case place.Config.Harbor:
		return "this is Harbor's registry, whose tags are in Harbor's database", nil
	}
	return "", nil
}
