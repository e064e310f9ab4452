package check

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

func compose(t *testing.T, environment map[string]string) types.ServiceConfig {
	t.Helper()
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: "..", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}}, Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	if project.Name != "aerobee" || len(project.Services) != 1 || len(project.Volumes) != 1 || len(project.Networks) != 1 {
		t.Errorf("%+v", project)
	}
	return project.Services["aerobee"]
}

// TestComposeFile has compose-go parse and check the file.
func TestComposeFile(t *testing.T) {
	s := compose(t, map[string]string{"VERSION": "1.2.3", "AEROBEE_HOST": "192.0.2.7"})
	if s.Image != "aerobee:1.2.3" || !slices.Contains(s.Command, "--advertise=192.0.2.7") || !s.ReadOnly || s.StopGracePeriod.String() != "30s" {
		t.Errorf("%+v", s)
	}
	var ports []string
	for _, p := range s.Ports {
		if p.Published != "" {
			ports = append(ports, p.Published)
		}
	}
	if strings.Join(ports, " ") != "9876 10911 10909 8081" {
		t.Errorf("ports %v", ports)
	}
	s = compose(t, map[string]string{})
	if s.Image != "aerobee:dev" || !slices.Contains(s.Command, "--advertise=127.0.0.1") {
		t.Errorf("without variables: %s %v", s.Image, s.Command)
	}
	for _, a := range s.Command[1:] {
		if !regexp.MustCompile(`^--(data|name|advertise)=\S+$`).MatchString(a) {
			t.Errorf("argument %q", a)
		}
	}
}
