package interop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// suiteLimit ends a client program that hangs.
const suiteLimit = 5 * time.Minute

// routeLimit is how long after its making a topic may have no route.
const routeLimit = 10 * time.Second

// deadLetterLimit is how long after its last failure a message may take to be a dead letter.
const deadLetterLimit = 15 * time.Second

// program is a client program: it reads INTEROP_* variables, prints PLAN, PASS and FAIL lines, and asks on standard
// output for what only the test can do. DIFFERS lines show what differs from RocketMQ, see client_differences_test.go.
type program struct {
	name    string
	command []string
	env     []string
}

// session is one run of a client program.
type session struct {
	t      *testing.T
	on     *server
	stdin  io.WriteCloser
	writes sync.Mutex // orders lines on stdin
	cmd    *exec.Cmd
	stderr string            // path of what it printed to standard error
	onLine func(line string) // lines that are not ours; called by the reader alone

	planned []string          // scenario names in order; read them after wait
	results map[string]string // scenario name → "PASS …" or "FAIL …"; read them after wait
	differs []string          // what scenarios have shown of differences, see readShowing; read them after wait
	asks    sync.WaitGroup
	ended   chan error
}

// begin starts the program against the server; wait ends the session.
func (p program) begin(t *testing.T, on *server, onLine func(string), env ...string) *session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), suiteLimit)
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	only := os.Getenv("AEROBEE_INTEROP_ONLY")
	cmd.Env = append(os.Environ(), "INTEROP_NAMESRV="+on.namesrv, "INTEROP_BROKER="+on.broker, "INTEROP_GRPC="+on.grpc, "INTEROP_TARGET="+on.name,
		"INTEROP_RUN="+strconv.FormatInt(time.Now().UnixMilli(), 36), "INTEROP_ONLY="+only)
	cmd.Env = append(append(cmd.Env, p.env...), env...)
	cmd.Dir = t.TempDir()
	errors, err := os.Create(filepath.Join(cmd.Dir, "stderr.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = errors
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, on: on, stdin: stdin, cmd: cmd, stderr: errors.Name(), onLine: onLine,
		results: map[string]string{}, ended: make(chan error, 1)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer cancel()
		defer errors.Close()
		s.read(stdout)
		s.asks.Wait()
		s.ended <- cmd.Wait()
	}()
	return s
}

func (s *session) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		name, _, _ := strings.Cut(rest, " ")
		switch verb {
		case "PLAN":
			s.planned = append(s.planned, name)
		case "PASS", "FAIL":
			s.results[name] = lines.Text()
		case "DIFFERS":
			s.differs = append(s.differs, rest)
		case "ASK":
			s.asks.Add(1)
			go s.serve(rest)
		default:
			if s.onLine != nil {
				s.onLine(lines.Text())
			}
		}
	}
}

// serve answers one question: "id restart", "id topic NAME QUEUES [TYPE]", which waits until the topic has its
// route (Apache's broker registers a little later than it answers), "id group NAME [RETRIES [orderly]]", "id send TOPIC BODY" (to
// queue 0), "id committed TOPIC GROUP QUEUES TOTAL", which waits until the group's committed offsets add up, or
// "id dead-letter GROUP TOPIC BODY", which waits until that body from that topic is the group's one dead letter,
// "id reset GROUP TOPIC", which sends the group to the beginning of the topic,
// "id resend GROUP", which has an Aerobee send the group's dead letters to it again, "id request TOPIC BODY REPLY", which asks with our
// client and wants that reply, or "id replier TOPIC GROUP", which starts a consumer of ours that replies in capitals.
func (s *session) serve(question string) {
	defer s.asks.Done()
	words := strings.Fields(question)
	if len(words) < 2 {
		s.t.Errorf("question %q: want an id and a verb", question)
		return
	}
	reply := "ok"
	if err := s.act(words[1], words[2:]); err != nil {
		reply = strings.ReplaceAll(err.Error(), "\n", " ")
	}
	s.tell("ANSWER " + words[0] + " " + reply)
}

func (s *session) act(verb string, words []string) error {
	numbers := make([]int, len(words))
	for i, word := range words {
		numbers[i], _ = strconv.Atoi(word) // 0 for a name
	}
	switch {
	case verb == "restart" && len(words) == 0:
		return s.on.restart()
	case verb == "topic" && (len(words) == 2 || len(words) == 3):
		attributes := ""
		if len(words) == 3 {
			attributes = "+message.type=" + words[2]
		}
		if err := createTopicWith(s.on.broker, words[0], numbers[1], attributes); err != nil {
			return err
		}
		return eventually(routeLimit, "route of "+words[0], func() error { return routed(s.on.namesrv, words[0], s.on.broker) })
	case verb == "group" && len(words) == 1:
		return createGroup(s.on.broker, words[0], defaultRetries)
	case verb == "group" && len(words) == 2:
		return createGroup(s.on.broker, words[0], numbers[1])
	case verb == "group" && len(words) == 3 && words[2] == "orderly":
		return createGroupWith(s.on.broker, words[0], numbers[1], true, nil)
	case verb == "group" && len(words) == 4 && words[2] == "lite":
		return createGroupWith(s.on.broker, words[0], numbers[1], true, map[string]string{"+lite.bind.topic": words[3]})
	case verb == "group" && len(words) == 4 && words[2] == "wildcard":
		return createGroupWith(s.on.broker, words[0], numbers[1], true, map[string]string{"+lite.bind.topic": words[3], "+lite.sub.wildcard": "true"})
	case verb == "send" && len(words) == 2:
		return send(s.on.broker, words[0], words[1])
	case verb == "dead-letter" && len(words) == 3:
		return eventually(deadLetterLimit, "dead letter of "+words[0], func() error { return deadLetter(s.on.broker, words[0], words[1], words[2]) })
	case verb == "request" && len(words) == 3:
		return request(s.on.namesrv, words[0], words[1], words[2])
	case verb == "replier" && len(words) == 2:
		return startReplier(s.t, s.on.namesrv, words[0], words[1])
	case verb == "reset" && len(words) == 2:
		return sendToBeginning(s.on.namesrv, words[0], words[1])
	case verb == "resend" && len(words) == 1:
		return resend(s.on.broker, words[0])
	case verb == "committed" && len(words) == 4:
		return s.on.awaitCommitted(words[0], words[1], numbers[2], numbers[3])
	}
	return fmt.Errorf("unknown question %s %q", verb, words)
}

// tell sends the program a line.
func (s *session) tell(line string) {
	s.writes.Lock()
	defer s.writes.Unlock()
	if _, err := io.WriteString(s.stdin, line+"\n"); err != nil {
		s.t.Logf("tell %q: %v", line, err)
	}
}

// wait returns when the program has exited.
func (s *session) wait() error {
	err := <-s.ended
	s.stdin.Close()
	return err
}

// runSuite runs the program's scenarios against the server and reports each as a subtest.
func runSuite(t *testing.T, p program, on *server, env ...string) {
	t.Helper()
	runSuiteWith(t, p, on, nil, env...)
}

// runSuiteWith is runSuite for a program that says more; onLine is called with each line of it.
func runSuiteWith(t *testing.T, p program, on *server, onLine func(line string), env ...string) {
	t.Helper()
	start := time.Now()
	s := p.begin(t, on, onLine, env...)
	err := s.wait()
	failed := 0
	for _, name := range s.planned {
		t.Run(name, func(t *testing.T) {
			result, ok := s.results[name]
			if !ok {
				t.Fatalf("no result; the program ended with: %v", err)
			}
			if rest, isFailure := strings.CutPrefix(result, "FAIL "+name+" "); isFailure {
				failed++
				t.Fatal(rest)
			}
			t.Logf("%s ms", strings.TrimPrefix(result, "PASS "+name+" "))
		})
	}
	checkShowings(t, on.name, s.differs)
	if len(s.planned) == 0 || (err != nil && failed == 0) {
		t.Errorf("%s planned %d scenarios and ended with: %v", p.name, len(s.planned), err)
	}
	if t.Failed() {
		t.Logf("last lines of %s:\n%s", p.name, tail(s.stderr, 4000))
	}
	t.Logf("%s on %s: %d scenarios in %v", p.name, on.name, len(s.planned), time.Since(start).Round(100*time.Millisecond))
}
