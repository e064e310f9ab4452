package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/cli/mqadmin/command"
	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/internal/transcript"
)

// mqadminSaid is what a command of the recordings has said, in the form in which mqadmin's words and those of `aerobee admin` are compared.
type mqadminSaid struct {
	where   string // file and line
	command string // as it is recorded
	name    string // the sub-command
	exit    int
	out     string // what it printed, as it is
	err     string // the same of its standard error
	text    string // see essence; then, as lines, "usage" if it was told how to use it, and "fails" if it says that it has
}

// saying makes what a command has said comparable. mqadmin ends with 0 where it fails and prints a stack trace; of wrong usage it prints
// help. `aerobee admin` ends with 1, or with 2, and says why in one line.
func (m *mqadmin) saying(where, line, name string, a mqadminAnswer) mqadminSaid {
	s := mqadminSaid{where: where, command: line, name: name, exit: a.Exit, out: a.Out, err: a.Err}
	printed, _, helped := strings.Cut(a.Out, "usage: mqadmin ")
	lines := essence(name, m.known(printed))
	switch {
	case helped || a.Exit == 2:
		lines = append(lines, "usage")
	case a.Exit != 0 || strings.Contains(a.Err, "Exception"):
		lines = append(lines, "fails")
	}
	s.text = strings.Join(lines, "\n")
	if s.text != "" {
		s.text += "\n"
	}
	return s
}

// adminPlay is what mqadmin and `aerobee admin` have said of the recordings, each to a server of its own, so that every command finds the same.
type adminPlay struct {
	target   string
	settings []string
	theirs   []mqadminSaid
	plain    []mqadminSaid // of `aerobee admin`
	json     []mqadminSaid // with --json; Aerobee's server alone, since it does not matter whose it is
	ran      map[string]bool
}

// run plays the recordings with `aerobee admin`, side by side with what else runs in t.
func (p *adminPlay) run(t *testing.T) {
	binary := aerobeeBinary(t)
	play := func(t *testing.T, flags ...string) *mqadmin {
		s := startServer(t, p.target, p.settings...)
		m := startMqadmin(t, s)
		m.tool = func(where string, words []string) mqadminAnswer { return m.ours(where, s, binary, words, flags...) }
		start := time.Now()
		for _, name := range mqadminRecordings[1:] { // the first is about mqadmin's own help
			text, err := os.ReadFile(mqadminDir + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range transcript.Parse(string(text)) {
				m.run(mqadminDir+name+".txt:"+strconv.Itoa(step.Line), step.Command)
			}
		}
		t.Logf("%d commands in %v", len(m.said), time.Since(start).Round(time.Second))
		return m
	}
	t.Run("admin", func(t *testing.T) {
		t.Parallel()
		m := play(t)
		p.plain, p.ran = m.said, m.ran
	})
	if p.target != "aerobee" {
		return
	}
	t.Run("json", func(t *testing.T) {
		t.Parallel()
		p.json = play(t, "--json").said
	})
}

// check compares what `aerobee admin` has printed with what mqadmin has: every word, in no order of lines, since mqadmin's is that of a hash
// table, without what TestMqadmin leaves out too. What may differ, and why, stands in the list of package differences. What is not for
// Aerobee must have been refused with the reason. --json must have printed one document, and ended as the plain command.
func (p *adminPlay) check(t *testing.T) {
	t.Helper()
	may := readPermits(t, differences.Of(t, "interop admin"), p.target)
	theirs := slices.DeleteFunc(slices.Clone(p.theirs), func(s mqadminSaid) bool { return strings.Contains(s.where, "/"+mqadminRecordings[0]+".txt:") })
	compareAdmin(t, theirs, p.plain, may)
	may.checkUsed(t)
	for _, name := range command.Names("") {
		if !p.ran[strings.ToLower(name)] && !slices.Contains(notInMqadmin(), name) {
			t.Errorf("no recording runs %s", name)
		}
	}
	if p.target == "aerobee" && len(p.json) != len(p.plain) {
		t.Errorf("%d commands have been run with --json, %d without", len(p.json), len(p.plain))
		return
	}
	for i, got := range p.json {
		checkJSON(t, p.plain[i], got)
	}
}

// notInMqadmin are commands of ours that mqadmin 5.5.0 has in its code and does not offer.
func notInMqadmin() []string {
	return []string{"DecodeMessageId", "getConsumerStatus", "resetOffsetByTimeOld"}
}

// ours runs `aerobee admin` with the words of one of mqadmin's command lines.
func (m *mqadmin) ours(where string, s *server, binary string, words []string, flags ...string) mqadminAnswer {
	m.t.Helper()
	lines := -1 // after which it is interrupted
	switch {
	case words[0] == "interrupt":
		lines, _ = strconv.Atoi(words[1])
		words = words[2:]
	case words[1] == "startMonitoring": // mqadmin's goes on in threads of its own, and prints into its log
		lines = 1
	}
	if len(flags) > 0 {
		lines = min(lines, 1)
	}
	cmd := exec.CommandContext(m.t.Context(), binary, slices.Concat([]string{"admin"}, words[1:], flags)...)
	cmd.Dir = m.dir
	cmd.Env = append(serverEnvironment(), "AEROBEE_NAMESRV="+s.namesrv, "TMPDIR="+m.dir)
	var stdout, stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		m.t.Fatalf("%s: %v", where, err)
	}
	out := bufio.NewReader(pipe)
	for ; lines > 0; lines-- {
		line, _ := out.ReadString('\n')
		stdout.WriteString(line)
		if lines == 1 {
			cmd.Process.Signal(os.Interrupt) // it may have ended
		}
	}
	io.Copy(&stdout, out) // to its end
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		m.t.Fatalf("%s: %v", where, err)
	}
	return mqadminAnswer{Exit: cmd.ProcessState.ExitCode(), Out: stdout.String(), Err: stderr.String()}
}

// compareAdmin holds what mqadmin has said and what `aerobee admin` has against each other, command by command.
func compareAdmin(t *testing.T, theirs, ours []mqadminSaid, may *permits) {
	t.Helper()
	if len(theirs) != len(ours) {
		t.Fatalf("mqadmin has run %d commands, aerobee admin %d", len(theirs), len(ours))
	}
	for i, got := range ours {
		want := theirs[i]
		if got.command != want.command {
			t.Fatalf("%s: %q is compared with %q of %s", got.where, got.command, want.command, want.where)
		}
		if command.IsRefused(got.name) {
			checkRefused(t, got)
			continue
		}
		if got.exit != 0 && !strings.Contains(got.err, "aerobee: ") {
			t.Errorf("%s: %s ends with %d and does not say why: %s", got.where, got.command, got.exit, got.err)
		}
		wantText, gotText := may.leave(got.command, want.text, got.text)
		if diff := cmp.Diff(wantText, gotText); diff != "" {
			t.Errorf("%s: %s\n(-mqadmin +aerobee admin)\n%s%s", got.where, got.command, diff, got.err)
		}
	}
}

// checkRefused wants a command that is not for Aerobee to say so, and nothing else.
func checkRefused(t *testing.T, got mqadminSaid) {
	t.Helper()
	inv, err := command.Parse([]string{got.name})
	if err != nil || inv.Refusal == "" {
		t.Fatalf("%s has no refusal: %v", got.name, err)
	}
	if got.exit != 1 || got.out != "" || !strings.Contains(got.err, inv.Refusal) {
		t.Errorf("%s: %s ends with %d, prints %q and says %q, not that %s", got.where, got.command, got.exit, got.out, got.err, inv.Refusal)
	}
}

// checkJSON wants what a command has printed with --json to be one document, and its exit code that of the plain command.
func checkJSON(t *testing.T, plain, got mqadminSaid) {
	t.Helper()
	if got.exit != plain.exit {
		t.Errorf("%s: %s ends with %d, and with %d with --json: %s", got.where, got.command, plain.exit, got.exit, got.err)
	}
	if strings.HasPrefix(got.command, "cat ") || got.exit != 0 && got.out == "" {
		return
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(got.out), &document); err != nil || len(document) == 0 || strings.Count(got.out, "\n") != 1 {
		t.Errorf("%s: %s --json prints no document in one line: %v in %q", got.where, got.command, err, got.out)
	}
}

// essence is what a command printed, as lines of words in alphabetical order: without what differs from one second to the next, the order
// of maps, and the folder of files.
func essence(command, text string) []string {
	for _, r := range []struct{ pattern, with string }{
		{`(timestamp\(long\)\[)\d+`, "$1<time>"},
		{`(?m)^(Message Body Path:) .*/`, "$1 <folder>/"},
		{`__CRC32#=\d+, |, __CRC32#=\d+`, ""},               // the record's checksum, which is ours to look at
		{`M(AX|IN)_OFFSET=\d+, |, M(AX|IN)_OFFSET=\d+`, ""}, // a consumer in Java adds them to what it pulls
		{`(?s)exceptionDesc=.*?\](\n|$)`, "exceptionDesc=<text>]\n"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	text = normaliseMqadmin(command, text)
	maps := regexp.MustCompile(`\{[^{}\n]*\}`)
	text = maps.ReplaceAllStringFunc(text, func(m string) string {
		parts := strings.Split(strings.Trim(m, "{}"), ", ")
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	})
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.Contains(line, " |-") { // what logback says of itself
			continue
		}
		lines = append(lines, sortedJSON(line))
	}
	slices.Sort(lines)
	return lines
}

// sortedJSON is a line with the members of its objects in alphabetical order, if it is JSON.
func sortedJSON(line string) string {
	var object map[string]any
	if json.Unmarshal([]byte(line), &object) != nil {
		return line
	}
	sorted, err := json.Marshal(object)
	if err != nil {
		return line
	}
	return string(sorted)
}

func TestEssence(t *testing.T) {
	f := func(command, text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, essence(command, text)); diff != "" {
			t.Errorf("%s: %s", command, diff)
		}
	}
	const id = "7F0000010001112233440000000A0007"
	f("topicClusterList", "DefaultCluster\n", "DefaultCluster")
	f("clusterList", "#Cluster Name\nDefaultCluster   broker-a  0  127.0.0.1:22000  V5_5_0   0.00(0,0ms)  true\n", "#Cluster Name", "DefaultCluster broker-a 0 <client> V5_5_0 <n>(<n>,<n>ms) true")
	f("queryMsgById", "Message Body Path:   /tmp/x/rocketmq/msgbodys/"+id+"\nProperties:          {b=1, a=2}\n", "Message Body Path: <folder>/<id>", "Properties: {a=2, b=1}")
	f("brokerStatus", "putTps      : 0.00 1.5 2\nrunning   : yes\n", "putTps : <n>", "running : yes")
	f("allocateMQ", `{"b":{"y":1,"x":2},"a":[]}`+"\n", `{"a":[],"b":{"x":2,"y":1}}`)
}

func TestSaying(t *testing.T) {
	m := &mqadmin{t: t}
	f := func(a mqadminAnswer, want string) {
		t.Helper()
		if got := m.saying("", "", "topicClusterList", a).text; got != want {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
	f(mqadminAnswer{Out: "b\na\n"}, "a\nb\n")
	f(mqadminAnswer{}, "")
	f(mqadminAnswer{Out: "a\n", Err: "x.SubCommandException: y"}, "a\nfails\n")
	f(mqadminAnswer{Out: "a\n", Err: "aerobee: y", Exit: 1}, "a\nfails\n")
	f(mqadminAnswer{Out: "a\nusage: mqadmin x [-h]\n -h help\n", Err: "Missing required option: t", Exit: 1}, "a\nusage\n")
	f(mqadminAnswer{Err: "aerobee: y", Exit: 2}, "usage\n")
}
