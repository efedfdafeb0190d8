package deploy

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	admission "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/regsweep/regsweep/e2e/internal/parts"
)

// cluster is what a kustomization makes, by kind/name.
type cluster struct {
	jobs       map[string]*batch.CronJob
	deployment *apps.Deployment
	configs    []core.ConfigMap
	names      []string
}

// kustomized builds a kustomization of deploy/kubernetes. Every object has to be of
// a kind that is known here, and have no field that Kubernetes does not know.
func kustomized(t *testing.T, dir string) *cluster {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(project, "deploy/kubernetes", dir))
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	c := &cluster{jobs: map[string]*batch.CronJob{}}
	for _, r := range made.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		strict := func(object any) {
			if err := yaml.UnmarshalStrict(text, object); err != nil {
				t.Errorf("%s: %s %s: %v", dir, r.GetKind(), r.GetName(), err)
			}
		}
		c.names = append(c.names, r.GetKind()+"/"+r.GetName())
		switch r.GetKind() {
		case "CronJob":
			job := &batch.CronJob{}
			strict(job)
			c.jobs[job.Name] = job
		case "Deployment":
			c.deployment = &apps.Deployment{}
			strict(c.deployment)
		case "ConfigMap":
			var config core.ConfigMap
			strict(&config)
			c.configs = append(c.configs, config)
		case "Service":
			strict(&core.Service{})
		case "PersistentVolume":
			strict(&core.PersistentVolume{})
		case "PersistentVolumeClaim":
			strict(&core.PersistentVolumeClaim{})
		default:
			t.Errorf("%s: %s is not checked", dir, r.GetKind())
		}
	}
	return c
}

// pods are the pods of all that runs.
func (c *cluster) pods() (pods []*core.PodTemplateSpec) {
	for _, job := range c.jobs {
		pods = append(pods, &job.Spec.JobTemplate.Spec.Template)
	}
	if c.deployment != nil {
		pods = append(pods, &c.deployment.Spec.Template)
	}
	return pods
}

// What the overlays make is of fields that Kubernetes knows, its pods pass the profile
// "restricted" as a cluster judges it, and its command lines are ones.
func TestKustomizations(t *testing.T) {
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := admission.LevelVersion{Level: admission.LevelRestricted, Version: admission.LatestVersion()}
	var found []string
	for _, file := range glob(t, "deploy/kubernetes/*/kustomization.yaml", "deploy/kubernetes/*/*/kustomization.yaml") {
		dir, err := filepath.Rel(filepath.Join(project, "deploy/kubernetes"), filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, dir)
		t.Run(dir, func(t *testing.T) {
			c := kustomized(t, dir)
			pods := c.pods()
			if len(pods) == 0 {
				t.Fatal("it makes no pod")
			}
			for _, pod := range pods {
				if result := policy.AggregateCheckResults(judge.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
					t.Errorf("restricted: %s: %s", result.ForbiddenReason(), result.ForbiddenDetail())
				}
				verifyContainers(t, &pod.Spec)
			}
		})
	}
	if want := []string{"base", "overlays/metrics", "overlays/no-cache", "overlays/read-only", "overlays/sidecar", "registry"}; !slices.Equal(sorted(found), want) {
		t.Errorf("there are %q, want %q", found, want)
	}
	// The judge does judge.
	bad := &core.PodSpec{Containers: []core.Container{{Name: "c"}}}
	if policy.AggregateCheckResults(judge.EvaluatePod(restricted, &meta.ObjectMeta{}, bad)).Allowed {
		t.Error("a pod that may do anything passes")
	}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

func verifyContainers(t *testing.T, pod *core.PodSpec) {
	t.Helper()
	for _, c := range pod.Containers {
		if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s has a root filesystem that it may write", c.Name)
		}
		if c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s has no limit", c.Name)
		}
		for _, m := range c.VolumeMounts {
			if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
		if strings.HasPrefix(c.Name, "regsweep-") {
			accepted(t, c.Name, c.Args)
		}
	}
}

// Each overlay changes what it says.
func TestOverlays(t *testing.T) {
	for _, name := range []string{"regsweep-prune", "regsweep-gc"} {
		if got, known := cacheOf(t, kustomized(t, "base"), name); !known || got != "inmemory" {
			t.Errorf("base: %s is told of the cache %q, %v", name, got, known)
		}
		if got, known := cacheOf(t, kustomized(t, "overlays/no-cache"), name); !known || got != "" {
			t.Errorf("no-cache: %s is told of the cache %q, %v", name, got, known)
		}
		c := kustomized(t, "overlays/metrics")
		pod := c.jobs[name].Spec.JobTemplate.Spec.Template.Spec
		container := pod.Containers[0]
		at := slices.Index(container.Args, "--report")
		if at < 0 || container.Args[at+1] != "/metrics/"+name+".prom" {
			t.Fatalf("metrics: %q", container.Args)
		}
		if !slices.ContainsFunc(container.VolumeMounts, func(m core.VolumeMount) bool { return m.MountPath == "/metrics" && !m.ReadOnly }) {
			t.Errorf("metrics: %s cannot write its metrics: %+v", name, container.VolumeMounts)
		}
		if !slices.Contains(c.names, "PersistentVolumeClaim/regsweep-metrics") || !slices.Contains(c.names, "PersistentVolume/regsweep-metrics") {
			t.Errorf("metrics: it makes %q", c.names)
		}
	}
	sidecar := kustomized(t, "overlays/sidecar").deployment.Spec.Template.Spec
	if len(sidecar.Containers) != 2 || sidecar.Containers[1].Name != "regsweep" ||
		!reflect.DeepEqual(sidecar.Containers[0].VolumeMounts, sidecar.Containers[1].VolumeMounts) {
		t.Errorf("sidecar: %+v", sidecar.Containers)
	}
}

// cacheOf is what the first container of a CronJob is told of the registry's cache.
func cacheOf(t *testing.T, c *cluster, name string) (string, bool) {
	t.Helper()
	for _, e := range c.jobs[name].Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env {
		if e.Name == "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR" {
			return e.Value, true
		}
	}
	return "", false
}

// The registry and regsweep read the configurations of the Deployments. regsweep takes
// from them that the registry has a cache, and whether it may write.
func TestKustomizedConfigurations(t *testing.T) {
	registry := parts.Need(t, "registry")
	for dir, readOnly := range map[string]bool{"registry": false, "overlays/read-only": true} {
		c := kustomized(t, dir)
		if len(c.configs) != 1 {
			t.Fatalf("%s: %d configurations", dir, len(c.configs))
		}
		// The Deployment is that of this configuration: a change restarts the registry.
		volumes := c.deployment.Spec.Template.Spec.Volumes
		if !slices.ContainsFunc(volumes, func(v core.Volume) bool { return v.ConfigMap != nil && v.ConfigMap.Name == c.configs[0].Name }) {
			t.Errorf("%s: the Deployment mounts %+v, not %s", dir, volumes, c.configs[0].Name)
		}
		text := strings.ReplaceAll(c.configs[0].Data["config.yml"], "/var/lib/registry", sampleStore(t))
		file := filepath.Join(t.TempDir(), "config.yml")
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		run(t, registry, "garbage-collect", "--dry-run", file)
		said := run(t, regsweep(t), "doctor", "--config", file)
		if !strings.Contains(said, "inmemory") {
			t.Errorf("%s: regsweep does not know of the cache:\n%s", dir, said)
		}
		if got := strings.Contains(text, "readonly: {enabled: true}"); got != readOnly {
			t.Errorf("%s: read-only is %v", dir, got)
		}
	}
}
