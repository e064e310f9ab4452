package cli

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/internal/transcript"
)

var rewrite = flag.Bool("rewrite", false, "write what the commands print into the recordings")

// startNode runs a node in memory and returns its address.
func startNode(t testing.TB) string {
	t.Helper()
	server, err := aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{"brokerName": "broker-a"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.Addr()
}

// session runs command lines as Main does, with one server as the default one.
type session struct {
	namesrv string
}

// run runs one command of a recording and returns what it printed.
func (s session) run(t *testing.T, command string) string {
	t.Helper()
	words, stdin, err := transcript.Words(command)
	if err != nil || len(words) == 0 || words[0] != "aerobee" {
		t.Fatalf("%q is no command of ours: %v", command, err)
	}
	printed, code := s.main(t, strings.NewReader(stdin), words[1:]...)
	return transcript.Output(printed, code)
}

// main is Main, with standard input and both outputs in one.
func (s session) main(t *testing.T, stdin *strings.Reader, args ...string) (printed string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = execute(t.Context(), args, env{environ: []string{"AEROBEE_NAMESRV=" + s.namesrv}, stdin: stdin, stdout: &out, stderr: &out, release: func() {}})
	return out.String(), code
}

// play runs a recording and compares what its commands print.
func (s session) play(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps := transcript.Parse(string(text))
	played, _, _ := strings.Cut(string(text), "$ ")
	last := ""
	for _, step := range steps {
		got := s.run(t, strings.ReplaceAll(step.Command, "$LAST", last))
		last = cmp.Or(transcript.Last(got), last)
		diff := gocmp.Diff(transcript.Normalize(step.Want), transcript.Normalize(got))
		if diff == "" {
			got = step.Want
		} else if !*rewrite {
			t.Errorf("%s:%d: %s\n%s", file, step.Line, step.Command, diff)
		}
		played += "$ " + step.Command + "\n" + got
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(played), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTools(t *testing.T) {
	s := session{startNode(t)}
	s.play(t, "testdata/tools.txt")
	s.play(t, "testdata/messages.txt")
	s.play(t, "testdata/admin.txt")
}

// TestNobodyThere runs every command that needs a server where there is none.
func TestNobodyThere(t *testing.T) {
	s := session{"127.0.0.1:1"}
	for _, command := range []string{"topic list", "topic create T", "topic describe T", "topic delete T", "group list", "group create G", "group describe G",
		"group delete G", "group reset G T --to first", "message get 7F0000010000277800000000000004D2", "message search T --key k", "send T hello", "receive T", "receive T --group g", "status", "timer list", "timer count", "timer cancel 7"} {
		got := s.run(t, "aerobee "+command)
		if !strings.Contains(got, "answers at 127.0.0.1:1; is the server running? try `aerobee serve`, or --namesrv HOST:PORT\n[exit 1]") || strings.Count(got, "\n") != 2 {
			t.Errorf("%s: %s", command, got)
		}
	}
}

func TestNameServers(t *testing.T) {
	f := func(given, environ string, want ...string) {
		t.Helper()
		c := &connection{e: env{environ: strings.Fields(environ)}}
		if given != "" {
			c.given = strings.Fields(given)
		}
		if diff := gocmp.Diff(want, c.nameServers()); diff != "" {
			t.Errorf("%q, %q: %s", given, environ, diff)
		}
	}
	f("", "", "127.0.0.1:9876")
	f("", "NAMESRV_ADDR=a:1;b:2", "a:1", "b:2")
	f("", "NAMESRV_ADDR=a:1 AEROBEE_NAMESRV=c", "c:9876")
	f("d [::1] e:7", "AEROBEE_NAMESRV=c", "d:9876", "[::1]:9876", "e:7")
}

// TestSendUnordered sends more than fits one line each, and finds all of it again.
func TestSendUnordered(t *testing.T) {
	s := session{startNode(t)}
	got := s.run(t, "aerobee send Many x --count 500 --unordered")
	if !strings.Contains(got, "\n…\nsent 500 messages\n") || strings.Count(got, "\n") != 13 {
		t.Errorf("%s", got)
	}
	if got := s.run(t, "aerobee receive Many --body"); got != strings.Repeat("x\n", 500) {
		t.Errorf("received %d lines", strings.Count(got, "\n"))
	}
}

// follow runs a command that goes on until the returned function is called, which returns its exit code. wait waits until it has
// printed something.
func (s session) follow(t *testing.T, command string) (wait func(want string), end func() int) {
	t.Helper()
	words, _, err := transcript.Words(command)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := &watched{}
	done := make(chan int, 1)
	go func() {
		done <- execute(ctx, words[1:], env{environ: []string{"AEROBEE_NAMESRV=" + s.namesrv}, stdin: strings.NewReader(""), stdout: out, stderr: out, release: func() {}})
	}()
	t.Cleanup(cancel)
	wait = func(want string) {
		t.Helper()
		select {
		case <-out.await(want):
		case code := <-done:
			t.Fatalf("%s ended with %d: %s", command, code, out.String())
		}
	}
	end = func() int {
		cancel()
		return <-done
	}
	return wait, end
}

// TestFollowAsMember consumes with a group that others look at and reset meanwhile.
func TestFollowAsMember(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create T --queues 2")
	s.run(t, "aerobee send T one --queue broker-a:0")
	s.run(t, "aerobee send T two --queue broker-a:1")
	wait, end := s.follow(t, "aerobee receive T --group g --follow --body")
	wait(`(?s)(one.*two|two.*one)`)
	got := transcript.Normalize(s.run(t, "aerobee group describe g"))
	for _, want := range []string{"Group g: 1 member, clustering, lag ", "subscribes to T: tag *\n", "<client>  <address>  GO  V5_5_0  2\n", "<time>  <client>\n"} {
		if !strings.Contains(strings.ReplaceAll(got, "  -  <client>\n", "  <time>  <client>\n"), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Count(got, "<client>\n") != 2 {
		t.Errorf("not both queues have an owner:\n%s", got)
	}
	s.run(t, "aerobee group reset g T --to first")
	wait(`(?s)(one.*one)`)
	wait(`(?s)(two.*two)`)
	if code := end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	const want = "NAME  MEMBERS  LAG  TOPICS\ng  0  0  T\n"
	if diff := gocmp.Diff(want, transcript.Normalize(s.run(t, "aerobee group list"))); diff != "" {
		t.Error(diff)
	}
}

// TestFollowTellsOfATopicThatIsNotThere waits for a topic, but not in silence.
func TestFollowTellsOfATopicThatIsNotThere(t *testing.T) {
	s := session{startNode(t)}
	wait, end := s.follow(t, "aerobee receive Later --group g --follow --body")
	wait("(there is no topic Later; `aerobee topic list` lists all; waiting for it\n)")
	if code := end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestFollowAsBystander reads what comes, and nobody knows of it.
func TestFollowAsBystander(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee send T before")
	wait, end := s.follow(t, "aerobee receive T --follow --tag a")
	s.run(t, "aerobee send T missed --tag b")
	s.run(t, "aerobee send T wanted --tag a")
	wait(`(tag=a  wanted)`)
	if code := end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := s.run(t, "aerobee group list"); !strings.HasPrefix(got, "No groups") {
		t.Error(got)
	}
	if got := s.run(t, "aerobee topic describe T"); !strings.Contains(got, "no group consumes it") {
		t.Error(got)
	}
}

func TestStatus(t *testing.T) {
	s := session{startNode(t)}
	got := s.run(t, "aerobee status")
	for _, want := range []string{"broker-a of cluster DefaultCluster, ready", "in memory: everything is gone", "listens on   " + s.namesrv, "brokerName  broker-a  "} {
		if !strings.Contains(transcript.Normalize(got), transcript.Normalize(want)[:len(transcript.Normalize(want))-1]) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := s.run(t, "aerobee status --json"); !strings.Contains(got, `{"node":{"version":`) || !strings.Contains(got, `"store":{"directory":"","memory":true`) {
		t.Errorf("--json: %s", got)
	}
}

func TestCompletion(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders")
	s.run(t, "aerobee group create billing")
	f := func(command, want string) {
		t.Helper()
		got, _, _ := strings.Cut(s.run(t, command), ":4\n")
		if got != want {
			t.Errorf("%s proposes %q, want %q", command, got, want)
		}
	}
	f("aerobee __complete topic describe O", "Orders\n")
	f("aerobee __complete topic describe ''", "Orders\n")
	f("aerobee __complete topic describe Orders ''", "")
	f("aerobee __complete group describe b", "billing\n")
	f("aerobee __complete group reset billing O", "Orders\n")
	f("aerobee __complete message get --topic O", "Orders\n")
	f("aerobee __complete receive Orders --group b", "billing\n")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := s.run(t, "aerobee completion "+shell); !strings.Contains(got, "aerobee") || strings.Contains(got, "[exit") {
			t.Errorf("%s: %.200s", shell, got)
		}
	}
	f("aerobee __complete topic create T --type F", "NORMAL\nFIFO\nDELAY\nTRANSACTION\n") // the shell chooses
	f("aerobee __complete bench send --topic O", "Orders\n")
	if got := s.run(t, "aerobee completion tcsh"); !strings.Contains(got, "bash, zsh, fish or powershell") || !strings.Contains(got, "[exit 2]") {
		t.Error(got)
	}
}

// TestBashCompletion presses the tabulator in a bash without the package bash-completion.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	script := session{}.run(t, "aerobee completion bash") + `
compopt() { :; } # bash has it only while somebody completes
aerobee() { shift; printf '%s\n' "asked for $# words, the last is <${!#}>" :4; }
for COMP_LINE in 'aerobee topic de' 'aerobee send Orders "two coffees" ' 'aerobee receive T --queue=a:'; do
	COMP_POINT=${#COMP_LINE} COMP_TYPE=9
	cur= words=() COMPREPLY=()
	__aerobee_init_completion -n =:
	__aerobee_get_completion_results
	echo "$out"
done`
	cmd := exec.CommandContext(t.Context(), bash, "--norc", "--noprofile")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	const want = "asked for 2 words, the last is <de>\n" +
		"asked for 4 words, the last is <>\n" +
		"asked for 3 words, the last is <--queue=a:>\n"
	if diff := gocmp.Diff(want, strings.ReplaceAll(string(out), "\n\n", "\n")); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// TestEveryCommandShowsExamples walks the command tree.
func TestEveryCommandShowsExamples(t *testing.T) {
	root := newRoot(env{})
	commands := root.Commands()
	for len(commands) > 0 {
		c := commands[0]
		commands = append(commands[1:], c.Commands()...)
		if c.Example == "" || c.Short == "" || !strings.Contains(c.Example, strings.Fields(c.CommandPath())[1]) {
			t.Errorf("%s: example %q, short %q", c.CommandPath(), c.Example, c.Short)
		}
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	e := env{stdout: &out}
	if err := e.table(columns("NAME", "#N", "WHAT"), [][]any{{"a", 1, "x"}, {"long name", 12345, ""}}); err != nil {
		t.Fatal(err)
	}
	const want = "NAME           N  WHAT\na              1  x\nlong name  12345\n"
	if diff := gocmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTexts(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(plural(1, "retry"), "1 retry")
	f(plural(2, "retry"), "2 retries")
	f(plural(0, "topic"), "0 topics")
	f(bytesText(1023), "1023 B")
	f(bytesText(5<<30), "5.0 GiB")
	f(snippet([]byte("a\nb")), "a b")
	f(snippet([]byte(strings.Repeat("é", 41))), strings.Repeat("é", 39)+"…")
	f(snippet([]byte{0xFF}), `"\xff"`)
	f(fmt.Sprint(nearNames("Ordes", []string{"Orders", "Payments", "%RETRY%Orders", "Orde"})), "[Orders Orde]")
	f(netip.MustParseAddr("::1").String(), "::1")
}
