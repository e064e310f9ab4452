package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/differences"
)

// TestClientDifferences holds the suites of clients to the list: where a scenario wants something else of RocketMQ, or is not for it, it says
// by which entry, and each entry is one of some scenario.
func TestClientDifferences(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range differences.Of(t, "interop clients") {
		for _, l := range e.Lines {
			listed[l.Text] = true
		}
	}
	asked := map[string]bool{}
	for _, pattern := range []string{"java/src/*/interop/*.java", "go/*.go", "python/*.py", "node/*.js", "grpc/*/*", "grpc/*/*/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.IsDir() {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(text), "\n") {
				names, fault := differencesIn(line)
				if fault != "" {
					t.Errorf("%s:%d: %s: %s", file, i+1, fault, strings.TrimSpace(line))
				}
				for _, name := range names {
					asked[name] = true
					if !listed[name] {
						t.Errorf("%s:%d: %q does not stand in %s", file, i+1, name, differences.File)
					}
				}
			}
		}
	}
	for name := range listed {
		if !asked[name] {
			t.Errorf("%s: no scenario asks for %q", differences.File, name)
		}
	}
}

var (
	asksApache = regexp.MustCompile(`\b(?:isApache|is_apache)\(`)
	namesOne   = regexp.MustCompile(`\b(?:isApache|is_apache)\("([a-z-]+)"\)`)
	declares   = regexp.MustCompile(`^(func|def) is|^ *boolean isApache`)
	looks      = regexp.MustCompile(`INTEROP_TARGET.*\bapache\b|\btarget\b.*"apache"`)
)

// differencesIn are the names by which a line of a scenario asks for RocketMQ, and what is wrong with it.
func differencesIn(line string) (names []string, fault string) {
	if declares.MatchString(line) {
		return nil, ""
	}
	for _, m := range namesOne.FindAllStringSubmatch(line, -1) {
		names = append(names, m[1])
	}
	defines := strings.HasPrefix(strings.TrimSpace(line), "return ") // what isApache does
	switch {
	case len(names) != len(asksApache.FindAllString(line, -1)):
		return names, "asks for RocketMQ without the name of a difference"
	case looks.MatchString(line) && !defines:
		return names, "asks for RocketMQ past isApache"
	}
	return names, ""
}

func TestDifferencesIn(t *testing.T) {
	f := func(line, names string, ok bool) {
		t.Helper()
		got, fault := differencesIn(line)
		if strings.Join(got, " ") != names || (fault == "") != ok {
			t.Errorf("%q: %q, %q", line, got, fault)
		}
	}
	f(`if (lab.cluster.isApache("a-b")) {`, "a-b", true)
	f(`x = isApache("a") ? 1 : isApache("b")`, "a b", true)
	f(`if isApache() {`, "", false)
	f(`if isApache(name) {`, "", false)
	f(`func isApache(_ string) bool { return os.Getenv("INTEROP_TARGET") == "apache" }`, "", true)
	f(`if os.Getenv("INTEROP_TARGET") == "apache" {`, "", false)
	f(`if (target.equals("apache")) {`, "", false)
	f(`            return target.equals("apache");`, "", true)
}
