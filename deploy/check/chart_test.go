package check

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write deploy/kubernetes")

const (
	chartDir  = "../helm/aerobee"
	manifests = "../kubernetes/aerobee.yaml"
)

type values = map[string]any

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render is `helm template aerobee deploy/helm/aerobee --namespace messages`: the documents, in the order of their files.
func render(t *testing.T, given values) (docs []string, err error) {
	t.Helper()
	c := loadChart(t)
	all, err := chartutil.ToRenderValues(c, given, chartutil.ReleaseOptions{Name: "aerobee", Namespace: "messages", IsInstall: true, Revision: 1}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for _, doc := range strings.Split(files[name], "\n---\n") {
			if strings.TrimSpace(doc) != "" {
				docs = append(docs, strings.Trim(doc, "\n")+"\n")
			}
		}
	}
	return docs, nil
}

// objects are the documents as Kubernetes reads them; a field that it does not know fails the test.
type objects struct {
	set      *apps.StatefulSet
	services map[string]*core.Service
	config   *core.ConfigMap
	secret   *core.Secret
	account  *core.ServiceAccount
	budget   *policy.PodDisruptionBudget
}

func decode(t *testing.T, docs []string) objects {
	t.Helper()
	o := objects{services: map[string]*core.Service{}}
	for _, doc := range docs {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal([]byte(doc), &kind); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		var into any
		switch kind.APIVersion + " " + kind.Kind {
		case "apps/v1 StatefulSet":
			o.set = &apps.StatefulSet{}
			into = o.set
		case "v1 Service":
			into = &core.Service{}
		case "v1 ConfigMap":
			o.config = &core.ConfigMap{}
			into = o.config
		case "v1 Secret":
			o.secret = &core.Secret{}
			into = o.secret
		case "v1 ServiceAccount":
			o.account = &core.ServiceAccount{}
			into = o.account
		case "policy/v1 PodDisruptionBudget":
			o.budget = &policy.PodDisruptionBudget{}
			into = o.budget
		default:
			t.Fatalf("nobody has said what a %+v is for:\n%s", kind, doc)
		}
		if err := yaml.UnmarshalStrict([]byte(doc), into); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if s, ok := into.(*core.Service); ok {
			o.services[s.Name] = s
		}
	}
	if o.set == nil || o.config == nil || o.account == nil || len(o.services) != 2 {
		t.Fatalf("something is missing in %d documents: %+v", len(docs), o)
	}
	return o
}

func mustRender(t *testing.T, given values) objects {
	t.Helper()
	docs, err := render(t, given)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, docs)
}

// variants are values that take every way through the templates.
func variants() map[string]values {
	return map[string]values{
		"defaults": {},
		"three": {"replicas": 3, "image": values{"repository": "images.example.com/aerobee", "tag": "1.2.3", "pullSecrets": []any{values{"name": "pull"}}},
			"settings": values{"fileReservedTime": 48, "autoCreateTopicEnable": false, "maxStoreSize": float64(1 << 40), "brokerClusterName": "shop"}},
		"secret":      {"tls": values{"secretName": "certificates", "mode": "enforcing", "clientAuth": "require"}},
		"certificate": {"tls": values{"certificate": "one", "key": "two", "trust": "three", "clientAuth": "optional"}},
		"everything": {"fullnameOverride": "broker", "clusterDomain": "example.org", "storage": values{"className": "fast", "size": "1Ti"},
			"service": values{"type": "LoadBalancer", "annotations": values{"a": "b"}}, "serviceAccount": values{"annotations": values{"a": "b"}},
			"podAnnotations": values{"a": "b"}, "podLabels": values{"team": "orders"}, "nodeSelector": values{"disk": "fast"},
			"tolerations": []any{values{"key": "disk", "operator": "Exists"}}, "priorityClassName": "high", "podDisruptionBudget": values{"enabled": false},
			"affinity":                  values{"podAntiAffinity": values{"requiredDuringSchedulingIgnoredDuringExecution": []any{values{"topologyKey": "kubernetes.io/hostname"}}}},
			"topologySpreadConstraints": []any{values{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}}},
	}
}

// TestChartIsLinted runs `helm lint --strict`; that a chart may have an icon is no finding.
func TestChartIsLinted(t *testing.T) {
	for name, given := range variants() {
		linter := lint.All(chartDir, given, "messages", true)
		for _, m := range linter.Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

// TestChartFits renders the chart and holds its objects to one another.
func TestChartFits(t *testing.T) {
	for name, given := range variants() {
		t.Run(name, func(t *testing.T) {
			o := mustRender(t, given)
			spec := &o.set.Spec
			pods := o.services[spec.ServiceName]
			if pods == nil || pods.Spec.ClusterIP != core.ClusterIPNone || !pods.Spec.PublishNotReadyAddresses {
				t.Errorf("the pods' service %q is %+v", spec.ServiceName, pods)
			}
			for _, s := range o.services {
				wantSelects(t, s.Name, s.Spec.Selector, spec.Template.Labels)
				for _, p := range s.Spec.Ports {
					if !slices.ContainsFunc(container(t, o).Ports, func(c core.ContainerPort) bool { return c.Name == p.TargetPort.StrVal && c.ContainerPort == p.Port }) {
						t.Errorf("service %s leads to port %+v, which the container does not have", s.Name, p)
					}
				}
			}
			wantSelects(t, "the set", spec.Selector.MatchLabels, spec.Template.Labels)
			if o.budget != nil {
				wantSelects(t, "the budget", o.budget.Spec.Selector.MatchLabels, spec.Template.Labels)
			}
			if spec.Template.Spec.ServiceAccountName != o.account.Name {
				t.Errorf("account %q, the pods have %q", o.account.Name, spec.Template.Spec.ServiceAccountName)
			}
			wantMounts(t, o)
			wantConfined(t, &spec.Template.Spec)
			wantProbes(t, o)
		})
	}
}

func container(t *testing.T, o objects) *core.Container {
	t.Helper()
	if len(o.set.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("containers %+v", o.set.Spec.Template.Spec.Containers)
	}
	return &o.set.Spec.Template.Spec.Containers[0]
}

func wantSelects(t *testing.T, who string, selector, labels map[string]string) {
	t.Helper()
	if len(selector) == 0 {
		t.Errorf("%s selects everything", who)
	}
	for k, v := range selector {
		if labels[k] != v {
			t.Errorf("%s selects %s=%s, the pods have %q", who, k, v, labels[k])
		}
	}
}

// wantMounts wants every mount to have its volume, every volume its object, and every file that the settings name a mount.
func wantMounts(t *testing.T, o objects) {
	t.Helper()
	have := map[string]bool{}
	for _, v := range o.set.Spec.Template.Spec.Volumes {
		have[v.Name] = true
		if v.ConfigMap != nil && v.ConfigMap.Name != o.config.Name {
			t.Errorf("volume %s is of the config map %q, which is called %q", v.Name, v.ConfigMap.Name, o.config.Name)
		}
		if v.Secret != nil && o.secret != nil && v.Secret.SecretName != o.secret.Name {
			t.Errorf("volume %s is of the secret %q, which is called %q", v.Name, v.Secret.SecretName, o.secret.Name)
		}
	}
	for _, c := range o.set.Spec.VolumeClaimTemplates {
		have[c.Name] = true
		if c.Spec.Resources.Requests.Storage().IsZero() {
			t.Errorf("claim %s asks for nothing", c.Name)
		}
	}
	var dirs []string
	for _, m := range container(t, o).VolumeMounts {
		dirs = append(dirs, m.MountPath+"/")
		if !have[m.Name] {
			t.Errorf("there is no volume %s", m.Name)
		}
		delete(have, m.Name)
	}
	if len(have) > 0 {
		t.Errorf("volumes that nobody mounts: %v", have)
	}
	for line := range strings.Lines(o.config.Data["broker.conf"]) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.HasPrefix(value, "/") && !slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(value, dir) }) {
			t.Errorf("%s: only %v are mounted", line, dirs)
		}
	}
}

// wantConfined wants the pod to be one that a namespace with the restricted Pod Security Standard admits, and its root file system not to be written.
func wantConfined(t *testing.T, pod *core.PodSpec) {
	t.Helper()
	p, c := pod.SecurityContext, pod.Containers[0].SecurityContext
	if !*p.RunAsNonRoot || *p.RunAsUser == 0 || *p.FSGroup == 0 || p.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *pod.AutomountServiceAccountToken {
		t.Errorf("pod: %+v", p)
	}
	if *c.AllowPrivilegeEscalation || !*c.ReadOnlyRootFilesystem || !reflect.DeepEqual(c.Capabilities.Drop, []core.Capability{"ALL"}) || len(c.Capabilities.Add) > 0 {
		t.Errorf("container: %+v", c)
	}
	if *pod.EnableServiceLinks {
		t.Error("the variables of services named aerobee would be taken for settings")
	}
	if *pod.TerminationGracePeriodSeconds < 10 { // twice what `aerobee serve` allows itself
		t.Errorf("%d s for a stop", *pod.TerminationGracePeriodSeconds)
	}
	if r := pod.Containers[0].Resources; r.Limits.Memory().IsZero() || r.Requests.Memory().IsZero() || r.Requests.Cpu().IsZero() {
		t.Errorf("resources %+v", r)
	}
}

func wantProbes(t *testing.T, o objects) {
	t.Helper()
	c := container(t, o)
	enforcing := strings.Contains(o.config.Data["broker.conf"], "tls.server.mode=enforcing\n")
	certificates := strings.Contains(o.config.Data["broker.conf"], "tls.server.need.client.auth=require\n")
	f := func(name string, p *core.Probe, path string) {
		t.Helper()
		switch {
		case p == nil:
			t.Errorf("no %s", name)
		case enforcing && certificates:
			if p.TCPSocket == nil || p.TCPSocket.Port.StrVal != "broker" || p.HTTPGet != nil {
				t.Errorf("%s of who must show a certificate: %+v", name, p)
			}
		case p.HTTPGet == nil || p.HTTPGet.Path != path || p.HTTPGet.Port.StrVal != "broker" || (p.HTTPGet.Scheme == core.URISchemeHTTPS) != enforcing:
			t.Errorf("%s: %+v", name, p.HTTPGet)
		}
	}
	f("startup probe", c.StartupProbe, "/ready")
	f("liveness probe", c.LivenessProbe, "/health")
	f("readiness probe", c.ReadinessProbe, "/ready")
}

// TestChartSays looks at what values become.
func TestChartSays(t *testing.T) {
	o := mustRender(t, variants()["three"])
	want := "brokerClusterName=shop\n# Each pod registers at all of them, itself left out.\nnamesrvAddr=aerobee-0.aerobee-pods.messages.svc.cluster.local:9876;" +
		"aerobee-1.aerobee-pods.messages.svc.cluster.local:9876;aerobee-2.aerobee-pods.messages.svc.cluster.local:9876\n" +
		"tls.server.mode=permissive\nautoCreateTopicEnable=false\nfileReservedTime=48\nmaxStoreSize=1099511627776\n"
	if got := o.config.Data["broker.conf"]; got != want {
		t.Errorf("settings\n%swant\n%s", got, want)
	}
	if *o.set.Spec.Replicas != 3 || container(t, o).Image != "images.example.com/aerobee:1.2.3" || o.set.Spec.Template.Spec.ImagePullSecrets[0].Name != "pull" {
		t.Errorf("%+v", o.set.Spec)
	}
	if address := container(t, o).Args[4]; address != "--advertise=$(POD_NAME).aerobee-pods.$(POD_NAMESPACE).svc.cluster.local" {
		t.Errorf("the pod is known as %s", address)
	}
	o = mustRender(t, variants()["certificate"])
	if got := o.secret.Data; string(got["tls.crt"]) != "one" || string(got["tls.key"]) != "two" || string(got["ca.crt"]) != "three" || o.secret.Type != core.SecretTypeTLS {
		t.Errorf("secret %+v", o.secret)
	}
	if o = mustRender(t, variants()["everything"]); o.budget != nil || o.set.Name != "broker" || *o.set.Spec.VolumeClaimTemplates[0].Spec.StorageClassName != "fast" {
		t.Errorf("%+v", o)
	}
}

// TestChartRefuses gives values that are none.
func TestChartRefuses(t *testing.T) {
	f := func(given values, want string) {
		t.Helper()
		_, err := render(t, given)
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%v: %s, want %q", given, got, want)
		}
	}
	f(values{"replica": 3}, "replica")
	f(values{"replicas": "three"}, "replicas")
	f(values{"settings": values{"listen": ":1"}}, "listen")
	f(values{"tls": values{"mode": "maybe"}}, "mode")
	f(values{"tls": values{"certificate": "one"}}, "tls.certificate needs tls.key")
	f(values{"terminationGracePeriodSeconds": 1}, "terminationGracePeriodSeconds")
}

// TestManifestsAreUpToDate wants the plain manifests to be the chart with its defaults.
func TestManifestsAreUpToDate(t *testing.T) {
	docs, err := render(t, values{})
	if err != nil {
		t.Fatal(err)
	}
	want := "# Made of deploy/helm/aerobee with its defaults by `make generate`. The image is what `make image VERSION=dev` makes: push it to where your\n" +
		"# cluster gets its images, and name it here. Then kubectl apply -f deploy/kubernetes/aerobee.yaml\n---\n" + strings.Join(docs, "---\n")
	if strings.Contains(want, ".messages.") || strings.Contains(want, "namespace: ") {
		t.Error("the manifests name a namespace")
	}
	if *update {
		if err := os.WriteFile(manifests, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(manifests)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("deploy/kubernetes/aerobee.yaml is not what the chart is now: make generate writes it anew")
	}
	decode(t, strings.Split(string(got), "\n---\n")[1:])
}
