package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/internal/transcript"
)

// mqadminRecordings are played in their order: later ones look at what earlier ones have made. Each holds commands with what RocketMQ's
// mqadmin 5.5.0 prints, normalised, about a RocketMQ 5.5.0.
var mqadminRecordings = []string{"tool", "topics", "groups", "messages", "consumers", "lite", "namesrv", "broker", "users", "absent", "last"}

const mqadminDir = "testdata/mqadmin/"

// TestMqadmin plays every command of RocketMQ's own mqadmin, all in one process, and compares what it exits with and prints with what is recorded of
// a RocketMQ 5.5.0, after the same commands. What may differ, and why, stands in the list of package differences;
// what stands there and does not differ fails. AEROBEE_INTEROP_MQADMIN_RECORD=1 keeps what Apache shows. The same commands are played
// to another server with `aerobee admin`, and to one more with --json, see adminPlay.
func TestMqadmin(t *testing.T) {
	t.Setenv("AEROBEE_BROKER_NAME", "broker-a") // as Apache's is called here
	record := os.Getenv("AEROBEE_INTEROP_MQADMIN_RECORD") != ""
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			var may *permits // Apache's server has to do what is recorded
			settings := mqadminApacheSettings
			if target != "apache" {
				may, settings = readPermits(t, differences.Of(t, "interop mqadmin"), target), nil
			}
			p := &adminPlay{target: target, settings: settings}
			t.Run("play", func(t *testing.T) { // side by side: most of it is waiting
				t.Run("mqadmin", func(t *testing.T) {
					t.Parallel()
					m := startMqadmin(t, startServer(t, target, settings...))
					start, played := time.Now(), 0
					for _, name := range mqadminRecordings {
						played += m.play(mqadminDir+name+".txt", record && target == "apache", may)
					}
					m.checkComplete()
					may.checkUsed(t)
					t.Logf("%d commands in %v", played, time.Since(start).Round(time.Second))
					p.theirs = m.said
				})
				if !record {
					p.run(t)
				}
			})
			if !record {
				p.check(t)
			}
		})
	}
}

// mqadminApacheSettings let Apache's broker keep users and rules without asking clients who they are, and have lite topics.
var mqadminApacheSettings = []string{
	"authenticationMetadataProvider=org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
	"authorizationMetadataProvider=org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider",
	"enableLmq=true", "enableMultiDispatch=true",
}

// mqadmin is a process that runs RocketMQ's commands, see java/src/mqadmin.
type mqadmin struct {
	t       *testing.T
	dir     string // ${dir} in commands: files go there
	in      io.Writer
	answers *bufio.Scanner
	names   map[string]string // what ${name} stands for
	listed  string            // what the tool says that it can do
	ran     map[string]bool   // sub-commands that have been run, in lower case
	said    []mqadminSaid     // what commands have printed, in their order
	// tool runs a command line of mqadmin's: the process does, or our own binary.
	tool func(where string, words []string) mqadminAnswer
}

func startMqadmin(t *testing.T, s *server) *mqadmin {
	t.Helper()
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "client", javaNew)
	sources, err := filepath.Glob("java/src/mqadmin/interop/*.java")
	if err != nil {
		t.Fatal(err)
	}
	classes := cacheDir(t, "classes-mqadmin")
	fetched(t, classes, "classes of mqadmin "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	dir := t.TempDir()
	command := append(javaCommand(dir), "-Duser.language=en", "-Djava.io.tmpdir="+dir, "-cp", classes+string(os.PathListSeparator)+jars, "interop.Mqadmin")
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(serverEnvironment(), "INTEROP_NAMESRV="+s.namesrv, "INTEROP_BROKER="+s.broker)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait() // it ends by itself, or is killed with the test: what it exits with says nothing
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("standard error of the commands' process:\n%s", stderr.String())
		}
	})
	m := &mqadmin{t: t, dir: dir, in: in, answers: bufio.NewScanner(out), ran: map[string]bool{},
		names: map[string]string{"broker": s.broker, "namesrv": s.namesrv, "dir": dir}}
	m.answers.Buffer(nil, 16<<20)
	m.tool = m.ask
	return m
}

// play runs the commands of a recording and returns how many; it writes the recording anew instead of comparing if it is told to.
func (m *mqadmin) play(file string, record bool, may *permits) int {
	m.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	head, _, _ := strings.Cut("\n"+string(text), "\n$ ")
	anew := strings.TrimPrefix(head, "\n") + "\n"
	steps := transcript.Parse(string(text))
	for _, step := range steps {
		start := time.Now()
		got := m.run(fmt.Sprintf("%s:%d", file, step.Line), step.Command)
		if took := time.Since(start); took > time.Second {
			m.t.Logf("%s:%d: %s took %v", file, step.Line, step.Command, took.Round(time.Millisecond))
		}
		anew += "$ " + step.Command + "\n" + got
		if record {
			continue
		}
		want, got := may.leave(step.Command, step.Want, got)
		if diff := cmp.Diff(want, got); diff != "" {
			m.t.Errorf("%s:%d: %s\n(-Apache +here)\n%s", file, step.Line, step.Command, diff)
		}
	}
	if record {
		if err := os.WriteFile(file, []byte(anew), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	return len(steps)
}

// mqadminAnswer is a line of Mqadmin.java.
type mqadminAnswer struct {
	Exit             int
	Out, Err, Failed string
	IDs              map[string]string
}

// run runs one command and returns what it printed, in the form of a recording. What only prepares prints nothing.
func (m *mqadmin) run(where, command string) string {
	m.t.Helper()
	words, _, err := transcript.Words(command)
	if err != nil || len(words) == 0 {
		m.t.Fatalf("%s: %q: %v", where, command, err)
	}
	for i, word := range words {
		words[i] = m.expand(where, word)
	}
	switch words[0] {
	case "write":
		if err := os.WriteFile(words[1], []byte(words[2]), 0o644); err != nil {
			m.t.Fatalf("%s: %v", where, err)
		}
		return ""
	case "cat":
		return m.cat(words[1])
	}
	prepares := words[0] != "mqadmin" && words[0] != "interrupt"
	ask := m.tool
	if prepares {
		ask = m.ask
	}
	answer := ask(where, words)
	if answer.Failed != "" {
		m.t.Fatalf("%s: %s: %s", where, command, answer.Failed)
	}
	if prepares {
		for name, id := range answer.IDs {
			m.names[name] = id
		}
		return ""
	}
	m.remember(words, answer)
	m.said = append(m.said, m.saying(where, command, commandOf(words), answer))
	printed := answer.Out
	if answer.Err != "" {
		if printed != "" && !strings.HasSuffix(printed, "\n") {
			printed += "\n"
		}
		printed += regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimRight(answer.Err, "\n"), "2> ")
	}
	text := normaliseMqadmin(commandOf(words), m.known(printed))
	return transcript.Output(text, answer.Exit)
}

// commandOf is the name of the sub-command, "" for the tool alone.
func commandOf(words []string) string {
	if words[0] == "interrupt" {
		words = words[2:]
	}
	if len(words) < 2 {
		return ""
	}
	return words[1]
}

func (m *mqadmin) ask(where string, words []string) mqadminAnswer {
	m.t.Helper()
	if _, err := fmt.Fprintln(m.in, strings.Join(words, "\t")); err != nil {
		m.t.Fatalf("%s: %v", where, err)
	}
	if !m.answers.Scan() {
		m.t.Fatalf("%s: the commands' process has ended: %v", where, m.answers.Err())
	}
	var answer mqadminAnswer
	if err := json.Unmarshal(m.answers.Bytes(), &answer); err != nil {
		m.t.Fatalf("%s: %v: %s", where, err, m.answers.Bytes())
	}
	return answer
}

// remember keeps what later steps need: ${last}, the message id that was printed last, and what has been run. The files into which the tool
// copies message bodies, always in the same folder, go with the test.
func (m *mqadmin) remember(words []string, answer mqadminAnswer) {
	if ids := regexp.MustCompile(`\b([0-9A-F]{32}|[0-9A-F]{56})\b`).FindAllString(answer.Out, -1); len(ids) > 0 {
		m.names["last"] = ids[len(ids)-1]
	}
	m.ran[strings.ToLower(commandOf(words))] = true
	if len(words) == 1 {
		m.listed = answer.Out
	}
	for _, copied := range regexp.MustCompile(`/tmp/rocketmq/msgbodys/\w+`).FindAllString(answer.Out, -1) {
		m.t.Cleanup(func() { os.Remove(copied) })
	}
}

var mqadminName = regexp.MustCompile(`\$\{[^}]+\}`)

func (m *mqadmin) expand(where, word string) string {
	return mqadminName.ReplaceAllStringFunc(word, func(ref string) string {
		value, ok := m.names[ref[2:len(ref)-1]]
		if !ok {
			m.t.Fatalf("%s: nothing has been called %s", where, ref)
		}
		return value
	})
}

// known puts names in place of what is known to differ from run to run. The broker and the NameServer may have one address.
func (m *mqadmin) known(text string) string {
	for name, value := range m.names {
		switch name {
		case "last":
		case "broker", "namesrv":
			text = strings.ReplaceAll(text, value, "<server>")
		default:
			text = strings.ReplaceAll(text, value, "<"+name+">")
		}
	}
	return text
}

// cat is a file of JSON that a command has written, a line for each value.
func (m *mqadmin) cat(file string) string {
	m.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		return "no file\n"
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		m.t.Errorf("%s is not JSON: %v\n%s", file, err, text)
	}
	lines := strings.Join(flatten("", value), "\n")
	text = []byte(transcript.Output(normaliseMqadmin("cat "+filepath.Base(file), m.known(lines)), 0))
	m.said = append(m.said, mqadminSaid{command: "cat " + filepath.Base(file), text: string(text)})
	return string(text)
}

// flatten gives each value in a JSON document a line with its path, in the order of the keys.
func flatten(path string, value any) []string {
	var lines []string
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, flatten(path+"/"+key, v[key])...)
		}
	case []any:
		for i, element := range v {
			lines = append(lines, flatten(fmt.Sprintf("%s/%d", path, i), element)...)
		}
	default:
		return []string{fmt.Sprintf("%s = %v", path, v)}
	}
	if len(lines) == 0 {
		return []string{path + " is empty"}
	}
	return lines
}

// checkComplete wants every command that the tool says it has to have been run.
func (m *mqadmin) checkComplete() {
	m.t.Helper()
	commands := regexp.MustCompile(`(?m)^ {3}(\w+) `).FindAllStringSubmatch(m.listed, -1)
	if len(commands) < 80 {
		m.t.Errorf("the tool lists only %d commands", len(commands))
	}
	for _, command := range commands {
		if !m.ran[strings.ToLower(command[1])] {
			m.t.Errorf("no recording runs %s", command[1])
		}
	}
}
