package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/differences"
)

// apacheShows is what the scenarios have seen RocketMQ 5.5.0 do where the list says that it does otherwise: "name: what" by the entry's name.
// AEROBEE_INTEROP_TARGET=apache AEROBEE_INTEROP_CLIENTS_RECORD=1 keeps what it shows now.
const apacheShows = "testdata/clients_apache.txt"

// apacheShown guards the file, which suites that run side by side read and write.
var apacheShown sync.Mutex

func readApacheShows() (map[string]string, error) {
	text, err := os.ReadFile(apacheShows)
	if err != nil {
		return nil, err
	}
	shown := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, what, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if _, twice := shown[name]; !ok || twice {
			return nil, fmt.Errorf("%s: %q is no name and what was seen, or the name's second line", apacheShows, line)
		}
		shown[name] = what
	}
	return shown, nil
}

func writeApacheShows(shown map[string]string) error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		fmt.Fprintf(&text, "%s: %s\n", name, shown[name])
	}
	return os.WriteFile(apacheShows, []byte(text.String()), 0o644)
}

// showing is what a scenario has seen of a difference, and what it must be on an Aerobee.
type showing struct{ name, ours, seen string }

// readShowing reads the line in which a scenario says so: a name, ours and what was seen, with tabs between.
func readShowing(text string) (showing, error) {
	parts := strings.Split(text, "\t")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return showing{}, fmt.Errorf("%q: want a name, ours and what was seen, with tabs between", text)
	}
	return showing{parts[0], parts[1], parts[2]}, nil
}

// judge says what is wrong with a showing of a server: RocketMQ does what it is recorded to do, Aerobee does what is ours, and these are not the same.
func (s showing) judge(target, recorded string) string {
	switch {
	case recorded == s.ours:
		return fmt.Sprintf("%s: %q no longer differs: Aerobee shows %q, as RocketMQ is recorded to", differences.File, s.name, s.ours)
	case target == "apache" && recorded == "":
		return fmt.Sprintf("%q: RocketMQ shows %q, and nothing is recorded in %s", s.name, s.seen, apacheShows)
	case target == "apache" && s.seen != recorded:
		return fmt.Sprintf("%q: RocketMQ shows %q, and is recorded to show %q in %s", s.name, s.seen, recorded, apacheShows)
	case target != "apache" && s.seen != s.ours:
		return fmt.Sprintf("%q: want %q, got %q", s.name, s.ours, s.seen)
	}
	return ""
}

// checkShowings judges what the scenarios of a suite have shown of a server.
func checkShowings(t *testing.T, target string, lines []string) {
	t.Helper()
	if len(lines) == 0 {
		return
	}
	apacheShown.Lock()
	defer apacheShown.Unlock()
	recorded, err := readApacheShows()
	if err != nil {
		t.Fatal(err)
	}
	record := target == "apache" && os.Getenv("AEROBEE_INTEROP_CLIENTS_RECORD") != ""
	for _, line := range lines {
		s, err := readShowing(line)
		if err != nil {
			t.Error(err)
			continue
		}
		if record {
			recorded[s.name] = s.seen
		}
		if fault := s.judge(target, recorded[s.name]); fault != "" {
			t.Error(fault)
		}
	}
	if record {
		if err := writeApacheShows(recorded); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClientDifferences holds the suites of clients to the list: where a scenario wants something else of RocketMQ, or is not for it, it says
// by which entry, and each entry is one of some scenario. What an entry says is shown by a scenario, on RocketMQ too, and was recorded there;
// but for one with "may" before its name, whose scenarios only leave room for it.
func TestClientDifferences(t *testing.T) {
	shown, err := readApacheShows()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{} // whether the entry is a may
	for _, e := range differences.Of(t, "interop clients") {
		for _, l := range e.Lines {
			name, may := strings.CutPrefix(l.Text, "may ")
			if _, twice := listed[name]; twice {
				t.Errorf("%s:%d: %q differs for two reasons", differences.File, l.Number, name)
			}
			listed[name] = may
		}
	}
	uses := map[string]use{}
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
				fault := differencesIn(line, uses)
				if fault != "" {
					t.Errorf("%s:%d: %s: %s", file, i+1, fault, strings.TrimSpace(line))
				}
			}
		}
	}
	for _, fault := range compareUses(listed, uses, shown) {
		t.Error(fault)
	}
}

// use is what scenarios do with an entry: they ask for RocketMQ by its name, and show what it says.
type use struct{ asked, shown bool }

// compareUses says what is wrong between the list, with what is a may, the scenarios, and what RocketMQ is recorded to show.
func compareUses(listed map[string]bool, uses map[string]use, recorded map[string]string) (faults []string) {
	fail := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		_, kept := recorded[name]
		switch may, u := listed[name], uses[name]; {
		case !may && !u.shown:
			fail("%s: no scenario shows %q", differences.File, name)
		case !may && !kept:
			fail("%s: %q is not recorded in %s", differences.File, name, apacheShows)
		case may && !u.asked:
			fail("%s: no scenario asks for %q", differences.File, name)
		case may && (u.shown || kept):
			fail("%s: %q is shown by a scenario: it is no may", differences.File, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		if _, ok := listed[name]; !ok {
			fail("a scenario asks for %q or shows it, which does not stand in %s", name, differences.File)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		if _, ok := listed[name]; !ok {
			fail("%s: %q does not stand in %s", apacheShows, name, differences.File)
		}
	}
	return faults
}

var (
	asksApache = regexp.MustCompile(`\b(?:isApache|is_apache|differs)\(`)
	namesOne   = regexp.MustCompile(`\b(isApache|is_apache|differs)\("([a-z-]+)"`)
	declares   = regexp.MustCompile(`^(func|def) (is|\(l \*lab\) differs)|^ *(boolean isApache|void differs|def differs)`)
	looks      = regexp.MustCompile(`INTEROP_TARGET.*\bapache\b|\btarget\b.*"apache"`)
)

// differencesIn adds the names by which a line of a scenario asks for RocketMQ or shows a difference, and says what is wrong with the line.
func differencesIn(line string, uses map[string]use) (fault string) {
	if declares.MatchString(line) {
		return ""
	}
	names := namesOne.FindAllStringSubmatch(line, -1)
	for _, m := range names {
		u := uses[m[2]]
		u.asked, u.shown = u.asked || m[1] != "differs", u.shown || m[1] == "differs"
		uses[m[2]] = u
	}
	defines := strings.HasPrefix(strings.TrimSpace(line), "return ") // what isApache does
	switch {
	case len(names) != len(asksApache.FindAllString(line, -1)):
		return "asks for RocketMQ without the name of a difference"
	case looks.MatchString(line) && !defines:
		return "asks for RocketMQ past isApache"
	}
	return ""
}

func TestDifferencesIn(t *testing.T) {
	f := func(line string, want map[string]use, ok bool) {
		t.Helper()
		got := map[string]use{}
		fault := differencesIn(line, got)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(use{})); diff != "" || (fault == "") != ok {
			t.Errorf("%q: %q\n%s", line, fault, diff)
		}
	}
	asked, shown := use{asked: true}, use{shown: true}
	type m = map[string]use
	f(`if (lab.cluster.isApache("a-b")) {`, m{"a-b": asked}, true)
	f(`x = isApache("a") ? 1 : isApache("b")`, m{"a": asked, "b": asked}, true)
	f(`lab.cluster.differs("a", 1, isApache("b") ? 1 : 2);`, m{"a": shown, "b": asked}, true)
	f(`    lab.differs("a", "ours", seen)`, m{"a": shown}, true)
	f(`if isApache() {`, m{}, false)
	f(`if isApache(name) {`, m{}, false)
	f(`l.differs(name, 1, 2)`, m{}, false)
	f(`func isApache(_ string) bool { return os.Getenv("INTEROP_TARGET") == "apache" }`, m{}, true)
	f(`func (l *lab) differs(name string, ours, seen any) {`, m{}, true)
	f(`        void differs(String difference, Object ours, Object seen) {`, m{}, true)
	f(`    def differs(self, difference, ours, seen):`, m{}, true)
	f(`if os.Getenv("INTEROP_TARGET") == "apache" {`, m{}, false)
	f(`if (target.equals("apache")) {`, m{}, false)
	f(`            return target.equals("apache");`, m{}, true)
}

func TestCompareUses(t *testing.T) {
	f := func(may, asked, shown, recorded bool, want string) {
		t.Helper()
		kept := map[string]string{}
		if recorded {
			kept["x"] = "so"
		}
		got := strings.Join(compareUses(map[string]bool{"x": may}, map[string]use{"x": {asked, shown}}, kept), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("may %v, asked %v, shown %v, recorded %v: %q", may, asked, shown, recorded, got)
		}
	}
	f(false, false, true, true, "")
	f(false, true, true, true, "")
	f(false, true, false, true, "no scenario shows")
	f(false, true, true, false, "is not recorded")
	f(true, true, false, false, "")
	f(true, false, false, false, "no scenario asks for")
	f(true, true, true, false, "it is no may")
	f(true, true, false, true, "it is no may")
	if got := compareUses(nil, map[string]use{"x": {asked: true}}, map[string]string{"y": "so"}); len(got) != 2 {
		t.Errorf("a name that is not listed: %q", got)
	}
}

func TestShowing(t *testing.T) {
	f := func(line, target, recorded, want string) {
		t.Helper()
		s, err := readShowing(line)
		if err != nil {
			t.Fatal(err)
		}
		if fault := s.judge(target, recorded); want == "" && fault != "" || !strings.Contains(fault, want) {
			t.Errorf("%q on %s, recorded %q: %q", line, target, recorded, fault)
		}
	}
	f("a\tours\tours", "aerobee", "theirs", "")
	f("a\tours\ttheirs", "aerobee", "theirs", `want "ours", got "theirs"`)
	f("a\tours\tours", "aerobee", "ours", "no longer differs")
	f("a\tours\ttheirs", "apache", "theirs", "")
	f("a\tours\tours", "apache", "theirs", "is recorded to show")
	f("a\tours\tours", "apache", "ours", "no longer differs")
	f("a\tours\ttheirs", "apache", "", "nothing is recorded")
	for _, bad := range []string{"a", "a\tb", "a\tb\tc\td", "a\t\tc"} {
		if _, err := readShowing(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
