package interop

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/transcript"
)

const guide = "../docs/migrate.md"

// console is a block of commands in a Markdown text.
var console = regexp.MustCompile("(?s)(```console\n)(.*?)(```\n)")

// TestMigrate runs every command of docs/migrate.md in one shell, with a real NameServer and broker of Apache's and with this tree's binary, and
// compares what they print. AEROBEE_INTEROP_REWRITE=1 writes that into the guide. Of Apache's distribution only bin/ is ours: the jars come without.
func TestMigrate(t *testing.T) {
	t.Parallel()
	skipUnlessAerobee(t)
	need(t, "java", "mvn", "curl")
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 2)
	m := &migration{t: t, dir: filepath.Join(t.TempDir(), "rocketmq"), namesrv: local(ports[0]), broker: local(ports[1])}
	m.install(ports)
	m.open()
	m.populate()
	rewrite := os.Getenv("AEROBEE_INTEROP_REWRITE") == "1"
	commands := 0
	played := console.ReplaceAllStringFunc(string(text), func(block string) string {
		parts := console.FindStringSubmatch(block)
		out := ""
		for _, step := range transcript.Parse(parts[2]) {
			commands++
			got, code := m.run(step.Command)
			if code != 0 {
				t.Errorf("%s\nexit code %d, prints %s", step.Command, code, got)
			}
			diff := cmp.Diff(transcript.Normalize(step.Want), transcript.Normalize(got))
			if diff == "" {
				got = step.Want
			} else if !rewrite {
				t.Errorf("%s\n%s", step.Command, diff)
			}
			out += "$ " + step.Command + "\n" + got
		}
		return parts[1] + out + parts[3]
	})
	if commands < 20 {
		t.Errorf("the guide has %d commands only: is it read rightly?", commands)
	}
	if rewrite && !t.Failed() {
		if err := os.WriteFile(guide, []byte(played), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// migration is the machine that the guide is about: what is in /opt/rocketmq there is in dir here.
type migration struct {
	t               *testing.T
	dir             string
	namesrv, broker string
	stdin           *bufio.Writer
	stdout          *bufio.Reader
}

// install makes the directory of an Apache RocketMQ that is configured as the guide says.
func (m *migration) install(ports []int) {
	m.t.Helper()
	for _, name := range []string{"bin", "conf"} {
		if err := os.MkdirAll(filepath.Join(m.dir, name), 0o755); err != nil {
			m.t.Fatal(err)
		}
	}
	jars := javaJars(m.t, "server", javaNew)
	start := func(name, class, heap, more string) string {
		java := ""
		for _, word := range append(apacheJava(m.dir, heap), "-cp", jars, class) {
			java += " '" + word + "'"
		}
		return fmt.Sprintf("#!/bin/sh\necho $$ > %s/%s.pid\nexec%s %s\"$@\"\n", m.dir, name, java, more)
	}
	// 99 counts as 95 with Apache's, and is refused by ours. Files of queues have the usual size, as the guide asks.
	broker := strings.NewReplacer("diskMaxUsedSpaceRatio=99", "diskMaxUsedSpaceRatio=95", "mappedFileSizeConsumeQueue=600000\n", "").Replace(apacheBrokerConfig(m.namesrv, ports[1]))
	for name, content := range map[string]string{
		"conf/broker.conf":  broker + "\nstorePathRootDir=" + m.dir + "/store\n",
		"conf/namesrv.conf": fmt.Sprintf("listenPort=%d\nbindAddress=127.0.0.1\nkvConfigPath=%s/kvConfig.json\n", ports[0], m.dir),
		"bin/mqbroker":      start("broker", "org.apache.rocketmq.broker.BrokerStartup", "512m", ""),
		"bin/mqnamesrv":     start("namesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", "128m", "-c "+m.dir+"/conf/namesrv.conf "),
		"bin/mqshutdown":    fmt.Sprintf("#!/bin/sh\npid=$(cat %s/$1.pid)\nkill $pid\nwhile kill -0 $pid 2> /dev/null; do sleep 0.1; done\n", m.dir),
	} {
		if err := os.WriteFile(filepath.Join(m.dir, filepath.FromSlash(name)), []byte(content), 0o755); err != nil {
			m.t.Fatal(err)
		}
	}
}

// open starts the shell. The test's end kills what was started in it.
func (m *migration) open() {
	m.t.Helper()
	cmd := exec.Command("sh")
	cmd.Dir = m.dir
	cmd.Env = append(serverEnvironment(), "PATH="+filepath.Dir(aerobeeBinary(m.t))+string(os.PathListSeparator)+os.Getenv("PATH"), "AEROBEE_NAMESRV="+m.namesrv)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	out, write, err := os.Pipe()
	if err != nil {
		m.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	m.stdin, m.stdout = bufio.NewWriter(in), bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	_ = write.Close()
	kill := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	limit := time.AfterFunc(4*time.Minute, kill) // then the command that hangs fails the test
	m.t.Cleanup(func() {
		limit.Stop()
		kill()
		_ = cmd.Wait()
		_ = out.Close()
	})
}

// run runs a command of the guide and returns what it prints, as it would be there.
func (m *migration) run(command string) (printed string, code int) {
	m.t.Helper()
	here := strings.NewReplacer("/opt/rocketmq", m.dir, "127.0.0.1:9876", m.namesrv, "127.0.0.1:10911", m.broker)
	there := strings.NewReplacer(m.dir, "/opt/rocketmq", " --namesrv "+m.namesrv, "", m.namesrv, "127.0.0.1:9876", m.broker, "127.0.0.1:10911")
	// A bufio.Writer keeps its first error until it is flushed.
	_, _ = m.stdin.WriteString("{ " + here.Replace(command) + "\n} < /dev/null\nprintf '\\001%d\\n' $?\n")
	if err := m.stdin.Flush(); err != nil {
		m.t.Fatalf("%s: %v", command, err)
	}
	printed, err := m.stdout.ReadString('\001')
	if err != nil {
		m.t.Fatalf("%s: the shell ended: %v\n%s\n%s", command, err, printed, m.logs())
	}
	number, err := m.stdout.ReadString('\n')
	if err == nil {
		code, err = strconv.Atoi(strings.TrimSpace(number))
	}
	if err != nil {
		m.t.Fatalf("%s: exit code %q: %v", command, number, err)
	}
	return transcript.Output(there.Replace(strings.TrimSuffix(printed, "\001")), 0), code
}

func (m *migration) logs() string {
	out := ""
	for _, name := range []string{"namesrv.log", "broker.log", "aerobee.log"} {
		out += name + ":\n" + tail(filepath.Join(m.dir, name), 1500)
	}
	return out
}

// populate starts Apache RocketMQ and gives it what the guide takes for granted.
func (m *migration) populate() {
	m.t.Helper()
	must := func(command string) {
		m.t.Helper()
		if out, code := m.run(command); code != 0 {
			m.t.Fatalf("%s: exit code %d\n%s\n%s", command, code, out, m.logs())
		}
	}
	const patient = " --timeout 1m" // a JVM that has just started beside others
	must("nohup sh bin/mqnamesrv > namesrv.log 2>&1 &")
	must("nohup sh bin/mqbroker -c conf/broker.conf > broker.log 2>&1 &")
	if err := eventually(readyLimit, "Apache RocketMQ is ready", func() error { return routed(m.namesrv, "TBW102", m.broker) }); err != nil {
		m.t.Fatalf("%v\n%s", err, m.logs())
	}
	must("aerobee topic create Orders --queues 1" + patient)
	must("aerobee group create billing" + patient)
	for i, body := range []string{"two coffees", "one tea", "three cakes"} {
		must(fmt.Sprintf("aerobee send Orders '%s' --key order-%d"+patient, body, i+1))
	}
	must("aerobee receive Orders --group billing --count 2 --idle 1m --body" + patient)
	must("aerobee send Orders 'a table for two' --delay 1h" + patient)
	if err := eventually(readyLimit, "the group stands at 2", func() error {
		at, err := queueOffset(m.broker, codeQueryConsumerOffset, map[string]string{"topic": "Orders", "consumerGroup": "billing", "queueId": "0"})
		if err == nil && at != 2 {
			err = fmt.Errorf("it stands at %d", at)
		}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
}
