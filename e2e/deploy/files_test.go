package deploy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

func TestScripts(t *testing.T) {
	scripts := glob(t, "deploy/*.sh", "deploy/*/*.sh", "deploy/*/*/*.sh", "testdata/docs/bin/*", ".ci/*")
	// What is a matter of style is not asked for.
	run(t, parts.Need(t, "shellcheck"), append([]string{"--severity=info"}, scripts...)...)
}

// The script runs what it is given in the container, and restarts a registry from
// which something may have been removed: its cache would be wrong, whatever was
// silenced.
func TestDockerExec(t *testing.T) {
	const begun, restarted = "exec c regsweep version|", "restart c|"
	for name, c := range map[string]struct {
		there, status int
		args, want    string
	}{
		"copied":           {1, 0, "", begun + "cp PROGRAM c:/usr/local/bin/regsweep|exec -i -e MARK c regsweep gc --dry-run|"},
		"there already":    {0, 0, "", begun + "exec -i -e MARK c regsweep gc --dry-run|"},
		"a sweep":          {0, 0, "gc --yes", begun + "exec -i -e MARK c regsweep gc --yes|" + restarted},
		"a quiet sweep":    {0, 0, "gc -q --yes", begun + "exec -i -e MARK c regsweep gc -q --yes|" + restarted},
		"with problems":    {0, 3, "gc --yes", begun + "exec -i -e MARK c regsweep gc --yes|" + restarted},
		"half done":        {0, 1, "rm a:v1 -y", begun + "exec -i -e MARK c regsweep rm a:v1 -y|" + restarted},
		"not begun":        {0, 2, "gc --nonsense", begun + "exec -i -e MARK c regsweep gc --nonsense|"},
		"a short dry run":  {0, 0, "prune -n", begun + "exec -i -e MARK c regsweep prune -n|"},
		"ls":               {0, 0, "ls a", begun + "exec -i -e MARK c regsweep ls a|"},
		"the trash's list": {0, 0, "trash", begun + "exec -i -e MARK c regsweep trash|"},
		"trash empty":      {0, 0, "trash empty -y", begun + "exec -i -e MARK c regsweep trash empty -y|" + restarted},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDocker(t, fmt.Sprintf("*version) exit %d ;; exec*) exit %d ;;", c.there, c.status))
			cmd := d.command(strings.Fields(c.args)...)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.status {
				t.Errorf("status %d: %s", got, out)
			}
			if got := d.log(); got != c.want {
				t.Errorf("it ran %s, want %s", got, c.want)
			}
		})
	}
	t.Run("no restart", func(t *testing.T) {
		d := newFakeDocker(t, "")
		cmd := d.command("gc", "--yes")
		cmd.Env = append(cmd.Env, "RESTART=never")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(d.log(), "restart") {
			t.Errorf("%v, ran %s: %s", err, d.log(), out)
		}
	})
}

// What regsweep says on stderr is seen at once, and a client that is told to end
// has regsweep in the container end, and waits for it.
func TestDockerExecIsStopped(t *testing.T) {
	d := newFakeDocker(t, `*"regsweep gc"*) echo begun >&2; until [ -e "$0.stop" ]; do sleep 0.05; done; exit 143 ;; *kill*) touch "$0.stop" ;;`)
	cmd := d.command("gc", "--yes")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if line != "begun\n" {
		t.Fatalf("it said %q: %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, stderr)
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 143 {
		t.Errorf("status %d", got)
	}
	if log := d.log(); !strings.Contains(log, "sh MARK TERM|") || !strings.HasSuffix(log, "restart c|") {
		t.Errorf("it ran %s", log)
	}
}

// fakeDocker is a docker that writes down what it is asked.
type fakeDocker struct{ dir, script string }

// newFakeDocker returns one whose answers are the lines of a case of sh.
func newFakeDocker(t *testing.T, answers string) *fakeDocker {
	script, err := filepath.Abs(filepath.Join(project, "deploy/docker-exec.sh"))
	if err != nil {
		t.Fatal(err)
	}
	d := &fakeDocker{t.TempDir(), script}
	fake := "#!/bin/sh\nprintf '%s|' \"$*\" >>" + d.dir + "/log\ncase \"$*\" in " + answers + " esac\n"
	for _, name := range []string{"docker", "regsweep"} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(fake), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *fakeDocker) command(args ...string) *exec.Cmd {
	cmd := exec.Command("sh", append([]string{d.script, "c"}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKER="+d.dir+"/docker", "REGSWEEP="+d.dir+"/regsweep")
	return cmd
}

var clientMark = regexp.MustCompile(`REGSWEEP_CLIENT=[0-9.]+`)

// log is what it was asked, with PROGRAM for the program and MARK for a run's mark.
func (d *fakeDocker) log() string {
	text, _ := os.ReadFile(d.dir + "/log")
	return clientMark.ReplaceAllString(strings.ReplaceAll(string(text), d.dir+"/regsweep", "PROGRAM"), "MARK")
}

// The registry runs again after the job, whether that succeeded or not.
func TestMaintenance(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(project, "deploy/kubernetes/maintenance.sh"))
	if err != nil {
		t.Fatal(err)
	}
	const before = "get deployment/registry|scale deployment/registry --replicas=0|wait --for=delete|create job|"
	const complete, failed, again = "wait --for=condition=complete|", "wait --for=condition=failed|", "scale deployment/registry --replicas=3|"
	for name, c := range map[string]struct {
		does   string // the lines of kubectl's "case"
		status int
		want   string
	}{
		"done":              {"", 0, before + complete + "logs|create job|" + complete + "logs|" + again},
		"failed":            {"*condition=complete*) exit 1 ;;", 1, before + complete + failed + "logs|create job|" + complete + failed + "logs|" + again},
		"no job":            {"*create*) exit 1 ;;", 1, before + again},
		"not running":       {"*get*) echo 0 ;;", 1, "get deployment/registry|"},
		"pods that stay up": {"*delete*) exit 1 ;;", 1, strings.TrimSuffix(before, "create job|") + again},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fake := "#!/bin/sh\nshift 2\necho \"$*\" >>" + dir + "/log\ncase \"$*\" in\n" + c.does + "\nget*) echo 3 ;;\nesac\n"
			if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(fake), 0o777); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sh", script)
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.status {
				t.Errorf("status %d: %s", got, out)
			}
			log, _ := os.ReadFile(dir + "/log")
			got := ""
			for line := range strings.Lines(string(log)) {
				words := strings.Fields(line)
				n := min(2, len(words))
				switch words[0] {
				case "scale":
					n = 3
				case "logs":
					n = 1
				}
				got += strings.Join(words[:n], " ") + "|"
			}
			if got != c.want {
				t.Errorf("it ran %s, want %s", got, c.want)
			}
		})
	}
}

// systemd accepts the units, and finds little that the service could do besides.
func TestSystemd(t *testing.T) {
	analyze := parts.Need(t, "systemd-analyze")
	dir := t.TempDir()
	service := read(t, "deploy/systemd/regsweep.service")
	var files []string
	for name, text := range map[string]string{
		// It looks for the program, which is not installed here.
		"regsweep.service": strings.ReplaceAll(service, "/usr/local/bin/regsweep", "/bin/true"),
		"regsweep.timer":   read(t, "deploy/systemd/regsweep.timer"),
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if out := run(t, analyze, append([]string{"verify"}, files...)...); out != "" {
		t.Errorf("it says %s", out)
	}
	run(t, analyze, "security", "--offline=true", "--threshold=20", filepath.Join(dir, "regsweep.service"))
	for line := range strings.Lines(service) {
		if command, ok := strings.CutPrefix(line, "ExecStart=/usr/local/bin/regsweep "); ok {
			accepted(t, "regsweep.service", strings.Fields(command))
			return
		}
	}
	t.Error("the service runs no regsweep")
}

// BuildKit reads the files, and the program is copied from where it was built.
func TestDockerfiles(t *testing.T) {
	for _, name := range glob(t, "deploy/Dockerfile*") {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tree, err := parser.Parse(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		stages, _, err := instructions.Parse(tree.AST, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(tree.Warnings) > 0 {
			t.Errorf("%s: %v", name, tree.Warnings)
		}
		for _, stage := range stages {
			for _, command := range stage.Commands {
				c, ok := command.(*instructions.CopyCommand)
				if !ok || c.From == "" {
					continue
				}
				if _, ok := instructions.HasStage(stages, c.From); !ok {
					t.Errorf("%s copies from %q, which is no stage", name, c.From)
				}
			}
		}
	}
}

func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(project, "deploy/compose.yml")}, cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	registry, err := p.GetService("registry")
	if err != nil {
		t.Fatal(err)
	}
	maintenance, err := p.GetService("regsweep")
	if err != nil {
		t.Fatal(err)
	}
	if len(registry.Profiles) > 0 || !slices.Equal(maintenance.Profiles, []string{"maintenance"}) {
		t.Errorf("profiles are %q and %q", registry.Profiles, maintenance.Profiles)
	}
	if r, m := registry.Volumes[0], maintenance.Volumes[0]; r.Source != m.Source || r.Target != m.Target {
		t.Errorf("they have different volumes: %v, %v", r, m)
	}
	if _, err := os.Stat(filepath.Join(maintenance.Build.Context, maintenance.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	accepted(t, "compose.yml", maintenance.Command)
}

// Kubernetes knows every field, the job may do nothing but its work, and its
// policy is one.
func TestKubernetes(t *testing.T) {
	var policy core.ConfigMap
	var prune, gc batch.CronJob
	documents := strings.Split(read(t, "deploy/kubernetes/cronjob.yaml"), "\n---\n")
	if len(documents) != 3 {
		t.Fatalf("%d documents", len(documents))
	}
	for i, object := range []any{&policy, &prune, &gc} {
		if err := yaml.UnmarshalStrict([]byte(documents[i]), object); err != nil {
			t.Fatal(err)
		}
	}
	for _, job := range []batch.CronJob{prune, gc} {
		if job.Spec.ConcurrencyPolicy != batch.ForbidConcurrent {
			t.Fatalf("%s: %s", job.Name, job.Spec.ConcurrencyPolicy)
		}
		verifyPod(t, &job.Spec.JobTemplate.Spec.Template.Spec)
	}
	file := filepath.Join(t.TempDir(), "policy.yml")
	if err := os.WriteFile(file, []byte(policy.Data["policy.yml"]), 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, regsweep(t), "policy", "check", file)
}

// verifyPod holds that a pod has one container, which may do nothing but its work.
func verifyPod(t *testing.T, pod *core.PodSpec) {
	t.Helper()
	if len(pod.Containers) != 1 || !*pod.SecurityContext.RunAsNonRoot {
		t.Fatalf("%d containers, %+v", len(pod.Containers), pod.SecurityContext)
	}
	c := pod.Containers[0]
	s := c.SecurityContext
	if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) == 0 {
		t.Errorf("%s may do more than it has to", c.Name)
	}
	if c.Resources.Limits.Memory().IsZero() {
		t.Errorf("%s has no limit", c.Name)
	}
	for _, m := range c.VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("%s mounts %s, which is no volume", c.Name, m.Name)
		}
	}
	t.Setenv("JOB_COMPLETION_INDEX", "0") // as in a pod of an Indexed Job
	accepted(t, c.Name, c.Args)
}

// The pods of the job that reads all data are as many as the parts that each
// takes one of, and none is tried again for what it has found.
func TestKubernetesShards(t *testing.T) {
	var job batch.Job
	if err := yaml.UnmarshalStrict([]byte(read(t, "deploy/kubernetes/check-shards.yaml")), &job); err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.Template.Spec
	verifyPod(t, &pod)
	if *job.Spec.CompletionMode != batch.IndexedCompletion || pod.RestartPolicy != core.RestartPolicyNever || !pod.Containers[0].VolumeMounts[0].ReadOnly {
		t.Errorf("%s, %s, %+v", *job.Spec.CompletionMode, pod.RestartPolicy, pod.Containers[0].VolumeMounts)
	}
	if at := slices.Index(pod.Containers[0].Args, "--shard"); at < 0 || pod.Containers[0].Args[at+1] != fmt.Sprintf("/%d", *job.Spec.Completions) {
		t.Errorf("%d completions, %q", *job.Spec.Completions, pod.Containers[0].Args)
	}
	rule := job.Spec.PodFailurePolicy.Rules[0]
	if rule.Action != batch.PodFailurePolicyActionFailIndex || !slices.Contains(rule.OnExitCodes.Values, 3) || *rule.OnExitCodes.ContainerName != pod.Containers[0].Name {
		t.Errorf("%+v", rule)
	}
}
