package interop

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOperating lets RocketMQ's own administrative client ask each target about itself and change its configuration.
func TestOperating(t *testing.T) {
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "server", javaNew) // the tools come with the broker
	sources := []string{"java/src/tools/Operating.java"}
	classes := cacheDir(t, "classes-tools")
	fetched(t, classes, "classes of tools "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			s := startServer(t, target)
			command := append(javaCommand(t.TempDir()), "-cp", classes+string(os.PathListSeparator)+jars, "Operating", s.namesrv, s.broker)
			out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "good") {
				t.Errorf("%v\n%s", err, out[max(0, len(out)-4000):])
			}
		})
	}
}
