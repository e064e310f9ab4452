package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/internal/testnet"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// patient is a node of the real binary in which `aerobee doctor` is to find what is wrong.
type patient struct {
	*node
	bin string
}

// admitted starts a node that has nothing wrong with it but for what the arguments and the script of faults say.
func admitted(t *testing.T, bin, faults string, args ...string) patient {
	t.Helper()
	t.Setenv("AEROBEE_FAULTS", faults)
	usual := []string{"--data", t.TempDir(), "--name", "b", "--set", "maxConnections=1000"}
	return patient{startNode(t, bin, append(usual, args...)...), bin}
}

// found matches what comes before the first colon of a finding.
var found = regexp.MustCompile(`(?m)^((?:note|PROBLEM) [a-z-]+): `)

// doctor runs `aerobee doctor` with more words and returns what it prints, its findings ("PROBLEM clock-off") and its exit code.
func (p patient) doctor(t *testing.T, words ...string) (text string, findings []string, code int) {
	t.Helper()
	args := append([]string{"doctor"}, words...)
	if !slices.Contains(words, "--namesrv") {
		args = append(args, "--namesrv", p.addr)
	}
	out, err := exec.Command(p.bin, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	for _, m := range found.FindAllSubmatch(out, -1) {
		findings = append(findings, string(m[1]))
	}
	return string(out), findings, code
}

// finds wants one finding, a "note …" or a "PROBLEM …", and no other. What it says and what is to be tried match the patterns.
func (p patient) finds(t *testing.T, finding, says, try string, words ...string) {
	t.Helper()
	text, findings, code := p.doctor(t, words...)
	p.said(t, text, finding, says, try)
	want := 0
	if finding[0] == 'P' {
		want = 1
	}
	if !slices.Equal(findings, []string{finding}) || code != want {
		t.Errorf("findings %q and exit code %d, want %q alone and %d:\n%s", findings, code, finding, want, text)
	}
}

func (p patient) said(t *testing.T, text, finding, says, try string) {
	t.Helper()
	if !regexp.MustCompile(`(?m)^` + finding + ": " + says + "\n  why: .+\n  try: .*" + try).MatchString(text) {
		t.Errorf("there is no %s: %s … try: %s in\n%s", finding, says, try, text)
	}
}

func (p patient) nothing(t *testing.T, words ...string) {
	t.Helper()
	if text, _, code := p.doctor(t, words...); text != "nothing is wrong\n" || code != 0 {
		t.Errorf("exit code %d: %s", code, text)
	}
}

// TestDoctor lets one thing at a time be wrong with a node of the real binary, whose clock and disk follow a script. `aerobee doctor` must name that
// thing, its number, its limit and what to do, and nothing else.
func TestDoctor(t *testing.T) {
	bin := buildFaulty(t)
	for name, test := range map[string]func(*testing.T, string){
		"clock": clockIsOff, "disk": diskIsFull, "unreachable": addressLeadsNowhere, "silent": addressIsSilent, "version": brokerIsOld,
		"route": topicHasNoRoute, "files": filesAreFew, "NameServers": nameServersDiffer,
	} {
		t.Run(name, func(t *testing.T) { test(t, bin) })
	}
}

func clockIsOff(t *testing.T, bin string) {
	p := admitted(t, bin, "usage * used=10", "--advertise", "127.0.0.1")
	p.nothing(t)
	f := func(offset, finding, number, limit string) {
		t.Helper()
		p.faults(t, "usage * used=10; clock "+offset)
		p.finds(t, finding, `the clock of broker b is `+number+` this machine's, at most `+limit+` is well`, `NTP`)
	}
	f("+10s", "note clock-off", `(9|10|11)(\.\d+)?s ahead of`, "2s")
	f("-5m", "PROBLEM clock-off", `(4m5[89]|5m[01])(\.\d+)?s behind`, "30s")
	p.faults(t, "usage * used=10")
	p.nothing(t)
}

func diskIsFull(t *testing.T, bin string) {
	p := admitted(t, bin, "usage * used=10", "--advertise", "127.0.0.1")
	p.nothing(t)
	p.faults(t, "usage * used=71")
	p.finds(t, "note disk-low", `the disk of broker b is 71% full and has 29696 MiB left; its limits are 75% \(diskMaxUsedSpaceRatio\) and 256 MiB \(minFreeDisk\)`, `room on the disk`)
	p.faults(t, "usage * used=82")
	p.finds(t, "PROBLEM disk-above-limit", `the disk of broker b is 82% full, its limit is 75% \(diskMaxUsedSpaceRatio\); from 85% on segments go before their age, from 90% on sends are refused`, `room on the disk`)

	p = admitted(t, bin, "usage * used=96", "--advertise", "127.0.0.1")
	text, findings, code := p.doctor(t)
	p.said(t, text, "PROBLEM disk-full", `broker b refuses sends: the disk of \S+ is too full for new messages: \d+ bytes used \(96.0 %\), \d+ free; the limit is 90.0 % of \d+ bytes`, `room on the disk`)
	if !slices.Equal(findings, []string{"PROBLEM not-ready", "PROBLEM disk-full"}) || code != 1 {
		t.Errorf("findings %q, exit code %d:\n%s", findings, code, text)
	}
}

// addressLeadsNowhere advertises a port at which nobody listens.
func addressLeadsNowhere(t *testing.T, bin string) {
	p := admitted(t, bin, "", "--advertise", "127.0.0.1:1")
	p.finds(t, "PROBLEM broker-unreachable", `broker b is known at 127.0.0.1:1, where nobody answers: .*connection refused.*; asked for \S+ of at most 3s`, `--advertise HOST\[:PORT\]`)
	p.makeTopic(t, p.addr, "Orders")
	p.finds(t, "PROBLEM broker-unreachable", `broker b, to which the route leads, does not answer at 127.0.0.1:1 within 3s: .*connection refused.*`, `--advertise HOST\[:PORT\]`, "topic", "Orders")
}

// addressIsSilent advertises an address at which connections are taken and nothing is answered.
func addressIsSilent(t *testing.T, bin string) {
	var taken []net.Conn
	t.Cleanup(func() { // behind Accept's end
		for _, c := range taken {
			_ = c.Close()
		}
	})
	addr := testnet.Accept(t, func(c net.Conn) { taken = append(taken, c) })
	admitted(t, bin, "", "--advertise", addr).finds(t, "PROBLEM broker-unreachable", `broker b is known at `+regexp.QuoteMeta(addr)+`, where nobody answers: .+; asked for \d+(\.\d+)?s of at most 3s`, `--advertise HOST\[:PORT\]`)
}

// brokerIsOld has a broker register that says that it is of RocketMQ 4.9.7.
func brokerIsOld(t *testing.T, bin string) {
	p := admitted(t, bin, "usage * used=10", "--advertise", "127.0.0.1")
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqGetBrokerRuntimeInfo, "GET_BROKER_RUNTIME_INFO", func(c *remoting.Conn, f *protocol.Frame) {
		r := f.Reply(protocol.ResSuccess, "")
		r.Body = protocol.MarshalBody(protocol.KVTable{Table: map[string]string{"brokerVersionDesc": "V4_9_7"}})
		_ = c.Send(&r)
	})
	server := remoting.NewServer(remoting.Options{Mux: mux, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = server.Shutdown(t.Context()) }) // who asked has gone
	addr := testnet.Accept(t, func(c net.Conn) { server.Serve(c, remoting.ConnInfo{}) })
	body, err := (&protocol.RegisterBrokerBody{Topics: protocol.TopicConfigTable{Topics: map[string]protocol.TopicConfig{}}}).Marshal(false)
	if err != nil {
		t.Fatal(err)
	}
	r := ask(t, dialNode(t, p.addr), protocol.ReqRegisterBroker, string(body), "brokerName", "old", "brokerAddr", addr, "clusterName", "DefaultCluster", "haServerAddr", addr,
		"brokerId", "0", "compressed", "false", "bodyCrc32", "0")
	if r.Code != protocol.ResSuccess {
		t.Fatalf("register: code %d %s", r.Code, r.Remark)
	}
	p.finds(t, "note versions-differ", `brokers have 2 versions instead of 1: V4_9_7 \(old at `+regexp.QuoteMeta(addr)+`\), V5_5_0 of Aerobee \S+ \(b at `+regexp.QuoteMeta(p.addr)+`\)`, `one version`)
}

// makeTopic makes a topic at the node's own address, whatever it advertises, and waits until the NameServer has a route to it.
func (p patient) makeTopic(t *testing.T, namesrv, name string) {
	t.Helper()
	r := ask(t, dialNode(t, p.addr), protocol.ReqUpdateAndCreateTopic, "", "topic", name, "defaultTopic", "TBW102", "readQueueNums", "1", "writeQueueNums", "1",
		"perm", "6", "topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false")
	if r.Code != protocol.ResSuccess {
		t.Fatalf("topic: code %d %s", r.Code, r.Remark)
	}
	conn := dialNode(t, namesrv)
	within(t, "a route to "+name, func() bool {
		return ask(t, conn, protocol.ReqGetRouteInfoByTopic, "", "topic", name).Code == protocol.ResSuccess
	})
}

// within asks until something is, for half a minute at most.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); !is(); <-tick.C {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("%s does not come to pass", what)
		}
	}
}

// topicHasNoRoute has a NameServer forget a topic that the broker has. The broker tells it again every 30 s, so that may have to be done twice.
func topicHasNoRoute(t *testing.T, bin string) {
	namesrv := startNode(t, bin, "--memory", "--set", "roles=namesrv").addr
	p := admitted(t, bin, "usage * used=10", "--advertise", "127.0.0.1", "--set", "roles=broker", "--namesrv", namesrv)
	p.makeTopic(t, namesrv, "Orders")
	p.nothing(t, "topic", "Orders", "--namesrv", namesrv)
	conn, text, findings, code := dialNode(t, namesrv), "", []string(nil), 0
	within(t, "that the topic has no route", func() bool {
		if r := ask(t, conn, protocol.ReqDeleteTopicInNamesrv, "", "topic", "Orders"); r.Code != protocol.ResSuccess {
			t.Fatalf("delete: code %d %s", r.Code, r.Remark)
		}
		text, findings, code = p.doctor(t, "topic", "Orders", "--namesrv", namesrv)
		return len(findings) > 0
	})
	p.said(t, text, "PROBLEM not-routed", `broker b has the topic, and the NameServer does not know`, `aerobee doctor`)
	if !slices.Equal(findings, []string{"PROBLEM not-routed"}) || code != 1 {
		t.Errorf("findings %q, exit code %d:\n%s", findings, code, text)
	}
	p.finds(t, "PROBLEM topic-missing", `none of 1 brokers has topic Ordres; there is Orders`, `aerobee topic create Ordres`, "topic", "Ordres", "--namesrv", namesrv)
}

// filesAreFew gives a running node other limits of descriptors.
func filesAreFew(t *testing.T, bin string) {
	p := admitted(t, bin, "usage * used=10", "--advertise", "127.0.0.1")
	p.mayOpen(t, 2000)
	p.finds(t, "note open-files-low", `broker b may open 2000 files, and is to take 1000 connections \(maxConnections\): it needs 2024`, `LimitNOFILE=`)
	for range 200 { // connections, so that those of the doctor find room under the limit
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	within(t, "that the connections are open", func() bool { return p.limits(t).OpenFiles >= 200 })
	most := p.limits(t).OpenFiles * 10 / 9
	p.mayOpen(t, most)
	p.finds(t, "PROBLEM open-files", fmt.Sprintf(`broker b has \d+ of %d open files, more than 80%%`, most), `LimitNOFILE=`)
}

func (p patient) mayOpen(t *testing.T, files uint64) {
	t.Helper()
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: files}, nil); err != nil {
		t.Fatal(err)
	}
}

// limits are what the node says of its limits.
func (p patient) limits(t *testing.T) v1.Limits {
	t.Helper()
	resp, err := http.Get("http://" + p.addr + "/api/v1/node")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var n v1.Node
	if err := json.NewDecoder(resp.Body).Decode(&n); err != nil {
		t.Fatal(err)
	}
	return n.Limits
}

// nameServersDiffer asks a second NameServer, of which the broker does not know.
func nameServersDiffer(t *testing.T, bin string) {
	p := admitted(t, bin, "usage * used=10", "--advertise", "127.0.0.1")
	second := startNode(t, bin, "--memory", "--set", "roles=namesrv")
	p.finds(t, "PROBLEM nameservers-differ", `NameServer \S+ knows b at `+regexp.QuoteMeta(p.addr)+`, and `+regexp.QuoteMeta(second.addr)+` knows no broker`, `namesrvAddr`, "--namesrv", p.addr+","+second.addr)
}
