package locate

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		o    Options
		want []string
	}{
		"a missing root": {
			Options{Root: "@missing"},
			[]string{`root directory "@missing" (from the command line) does not exist; is its volume mounted`},
		},
		"a missing default": {Options{}, []string{`root directory "@var/lib/registry" (from the default) does not exist`, "--root", "--config"}},
		"a missing root in a configuration": {
			Options{ConfigFile: "@lost.yml"},
			[]string{`root directory "@missing" (from "@lost.yml") does not exist`},
		},
		"a root that is a file":    {Options{Root: "@s3.yml"}, []string{`"@s3.yml" (from the command line) is not a directory; `, "--config"}},
		"a directory without any":  {Options{Root: "@b"}, []string{`root directory "@b" (from the command line) has no docker/registry/v2 below it; `, "first push"}},
		"the directory above":      {Options{Root: "@c"}, []string{`perhaps you mean "@c/a"`}},
		"docker":                   {Options{Root: "@a/docker"}, []string{`give the root directory, "@a"`}},
		"docker/registry":          {Options{Root: "@a/docker/registry/"}, []string{`give the root directory, "@a"`}},
		"repositories":             {Options{Root: "@a/docker/registry/v2/repositories"}, []string{`give the root directory, "@a"`}},
		"a link to docker":         {Options{Root: "@middle"}, []string{`give the root directory, "@a"`}},
		"an inner one renamed":     {Options{Root: "@inside"}, []string{"looks like docker/registry/v2 under another name"}},
		"docker as a file":         {Options{Root: "@file"}, []string{"cannot be read: not a directory"}},
		"another driver":           {Options{ConfigFile: "@s3.yml"}, []string{`"@s3.yml" has the storage driver "s3"`}},
		"another driver and root":  {Options{ConfigFile: "@s3.yml", Root: "@a"}, []string{`"@s3.yml" has the storage driver "s3"`}},
		"a missing configuration":  {Options{ConfigFile: "@missing"}, []string{`configuration "@missing": no such file or directory; `}},
		"a missing variable's one": {Options{Environ: []string{ConfigVariable + "=@missing"}}, []string{`configuration "@missing": no such file`}},
		"a directory as --config":  {Options{ConfigFile: "@a"}, []string{`configuration "@a" is a directory; `, "--root"}},
		"a missing argument":       {Options{Arg: "@missing"}, []string{`"@missing": no such file or directory; `}},
		"two directories":          {Options{Arg: "@a", Root: "@b"}, []string{`root directory named twice: "@a" and --root "@b"; `}},
		"two configurations":       {Options{Arg: "@s3.yml", ConfigFile: "@lost.yml"}, []string{`configuration named twice: "@s3.yml" and --config "@lost.yml"; `}},
		"an empty variable":        {Options{Environ: []string{RootVariable + "="}}, []string{"rootdirectory is empty in the environment"}},
		"two drivers by variable":  {Options{Environ: []string{"REGISTRY_STORAGE=s3", RootVariable + "=@a"}}, []string{"more than one storage driver"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.registry("@a")
			m.registry("@c/a")
			m.write("@b/file", "")
			m.write("@file/docker", "")
			m.write("@inside/blobs/file", "")
			m.write("@lost.yml", filesystemAt("@missing"))
			m.write("@s3.yml", "storage: s3")
			m.link("@a/docker", "@middle")
			p, err := Find(m.options(test.o))
			for _, want := range test.want {
				wantHint(t, err, m.path(want))
			}
			if diff := cmp.Diff(Place{}, p); diff != "" {
				t.Error(diff)
			}
			if got, want := errors.Is(err, ErrAmbiguous), strings.Contains(test.want[0], "twice"); got != want {
				t.Errorf("is an ErrAmbiguous: %v, want %v", got, want)
			}
		})
	}
}

func TestFindStopsAtAnUnreadableStandardConfiguration(t *testing.T) {
	m := newMachine(t)
	m.registry("@var/lib/registry")
	m.write("@etc", "a file where a directory should be, which is not absence")
	_, err := Find(m.options(Options{}))
	wantHint(t, err, "distribution.yml")
}

func TestPlaceKnowsWhoOwnsTheTags(t *testing.T) {
	m := newMachine(t)
	m.registry("@a")
	p := Place{Root: m.path("@a")}
	check := func(want bool, ask func() (bool, error)) {
		t.Helper()
		if got, err := ask(); err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	check(false, p.GitLabDatabase)
	check(false, p.PullThrough)
	m.write("@a/docker/registry/lockfiles/database-in-use", "")
	m.link("@dangling", "@a/scheduler-state.json")
	check(true, p.GitLabDatabase)
	check(true, Place{Root: m.path("@missing"), Config: Config{Database: true}}.GitLabDatabase)
	check(true, p.PullThrough)
	check(true, Place{Root: m.path("@missing"), Config: Config{Proxy: true}}.PullThrough)

	m.write("@b/docker/registry/lockfiles", "")
	_, err := Place{Root: m.path("@b")}.GitLabDatabase()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what cannot be looked into was taken for absence: %v", err)
	}
	_, err = Place{Root: m.path("@b/docker/registry/lockfiles")}.PullThrough()
	if err == nil {
		t.Error("what cannot be looked into was taken for absence")
	}
}
