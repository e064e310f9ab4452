package nameserver

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/internal/testnet"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// TestAsApache sends one script of requests and compares the answers with those of a NameServer of Apache RocketMQ 5.5.0,
// testdata/apache.txt: codes, header fields, bodies to the byte, remarks by their beginning. To record that file anew, run a
// fresh NameServer of RocketMQ and
//
//	AEROBEE_APACHE_NAMESRV=127.0.0.1:9876 go test ./nameserver -run TestAsApache
func TestAsApache(t *testing.T) {
	addr := os.Getenv("AEROBEE_APACHE_NAMESRV")
	record := addr != ""
	if !record {
		addr = listen(t)
	}
	r := &replay{t: t, addr: addr, conns: map[string]net.Conn{}}
	r.script()
	const file = "testdata/apache.txt"
	if record {
		if err := os.WriteFile(file, []byte(strings.Join(r.blocks, "")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, block := range strings.Split(string(b), "== ")[1:] {
		name, _, _ := strings.Cut(block, "\n")
		want[name] = block
	}
	on := allowed(t)
	for _, block := range r.blocks {
		name, _, _ := strings.Cut(block[len("== "):], "\n")
		own, differs := on[name]
		delete(on, name)
		got, w := beginning(block[len("== "):]), beginning(want[name])
		if differs == (got == w) || differs && !strings.Contains(got, "\ncode "+own+"\n") {
			t.Errorf("answered\n%swant\n%s(differs on purpose: %v)", got, w, differs)
		}
	}
	for name := range on {
		t.Errorf("%s: %s has no step %q", differences.File, file, name)
	}
}

// allowed are the codes of our answers that differ on purpose, by the names of the steps.
func allowed(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range differences.Of(t, "nameserver apache.txt") {
		for _, l := range e.Lines {
			code, name, _ := strings.Cut(l.Text, " ")
			if _, twice := out[name]; twice {
				t.Errorf("%s:%d: %q differs for two reasons", differences.File, l.Number, name)
			}
			out[name] = code
		}
	}
	return out
}

// beginning cuts the remark short, and leaves out the text of code 1, which is some Java exception's.
func beginning(block string) string {
	if strings.Contains(block, "\ncode 1\n") {
		name, _, _ := strings.Cut(block, "\n")
		return name + "\ncode 1\n"
	}
	return regexp.MustCompile(`(?m)^remark (.{0,12}).*$`).ReplaceAllString(block, "remark $1")
}

// listen serves a NameServer on a port of its own.
func listen(t *testing.T) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ns, err := New(Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	mux := remoting.NewMux()
	ns.Mount(mux)
	srv := remoting.NewServer(remoting.Options{Mux: mux, Closed: ns.ConnClosed, Logger: quiet})
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		ns.Close()
	})
	return testnet.Accept(t, func(nc net.Conn) { srv.Serve(nc, remoting.ConnInfo{}) })
}

// replay runs a script and notes what came back.
type replay struct {
	t      *testing.T
	addr   string
	conns  map[string]net.Conn
	blocks []string
}

func (r *replay) conn(name string) net.Conn {
	r.t.Helper()
	if c := r.conns[name]; c != nil {
		return c
	}
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.conns[name] = c
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *replay) exchange(conn string, f *protocol.Frame) *protocol.Frame {
	r.t.Helper()
	c := r.conn(conn)
	if _, err := c.Write(protocol.AppendFrame(nil, f)); err != nil {
		r.t.Fatal(err)
	}
	if f.IsOneway() {
		return nil
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		r.t.Fatalf("request %d: %v", f.Code, err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		r.t.Fatal(err)
	}
	answer := &protocol.Frame{}
	if err := protocol.DecodeFrame(b, answer); err != nil {
		r.t.Fatal(err)
	}
	if answer.Opaque != f.Opaque {
		r.t.Fatalf("request %d: answer to %d, want %d", f.Code, answer.Opaque, f.Opaque)
	}
	return answer
}

func request(code int32, version int32, fs map[string]string, body string) *protocol.Frame {
	f := &protocol.Frame{Code: code, Version: version, Opaque: 5, Body: []byte(body)}
	for k, v := range fs {
		f.Fields.Add(k, v)
	}
	return f
}

func (r *replay) do(name string, code int32, fs map[string]string, body string) {
	r.t.Helper()
	r.note(name, r.exchange("main", request(code, protocol.CurrentVersion, fs, body)))
}

func (r *replay) note(name string, f *protocol.Frame) {
	var out strings.Builder
	fmt.Fprintf(&out, "== %s\ncode %d\nflag %d %s v%d\n", name, f.Code, f.Flag, f.Language, f.Version)
	if f.Remark != "" && f.Remark != "not set any response code" {
		fmt.Fprintf(&out, "remark %s\n", strings.ReplaceAll(f.Remark, "\n", " "))
	}
	fs := map[string]string{}
	for _, x := range f.Fields {
		fs[string(x.Key)] = string(x.Value)
	}
	for _, k := range slices.Sorted(maps.Keys(fs)) {
		fmt.Fprintf(&out, "field %s=%s\n", k, fs[k])
	}
	if len(f.Body) > 0 {
		fmt.Fprintf(&out, "body %s\n", sortedLists(string(f.Body)))
	}
	r.blocks = append(r.blocks, out.String())
}

// sortedLists sorts the lists of texts in a body: RocketMQ keeps them in hash maps.
func sortedLists(body string) string {
	return regexp.MustCompile(`\["[^\[\]]*"\]`).ReplaceAllStringFunc(body, func(list string) string {
		var texts []string
		if json.Unmarshal([]byte(list), &texts) != nil {
			return list
		}
		slices.Sort(texts)
		b, err := json.Marshal(texts)
		if err != nil {
			return list
		}
		return string(b)
	})
}

func with(fs map[string]string, more ...string) map[string]string {
	out := maps.Clone(fs)
	for i := 0; i < len(more); i += 2 {
		if out[more[i]] = more[i+1]; more[i+1] == "-" {
			delete(out, more[i])
		}
	}
	return out
}

// registration is a registration's body with a few topics.
func registration(counter int, topics ...string) string {
	var table []string
	for _, name := range topics {
		table = append(table, fmt.Sprintf(`%q:{"attributes":{},"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":%q,"topicSysFlag":0,"writeQueueNums":3}`, name, name))
	}
	return fmt.Sprintf(`{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":%d,"stateVersion":0,"timestamp":1700000000000},`+
		`"mappingDataVersion":{"counter":0,"stateVersion":0,"timestamp":1700000000000},"topicConfigTable":{%s},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{}}}`,
		counter, strings.Join(table, ","))
}

func (r *replay) script() {
	kv := func(more ...string) map[string]string {
		return with(map[string]string{"namespace": "N", "key": "k", "value": "v"}, more...)
	}
	r.do("101 none", 101, kv("value", "-"), "")
	r.do("219 none", 219, map[string]string{"namespace": "N"}, "")
	r.do("100 plain", 100, kv(), "")
	r.do("100 empty value", 100, kv("key", "empty", "value", ""), "")
	r.do("100 no key", 100, kv("key", "-"), "")
	r.do("100 no namespace", 100, kv("namespace", "-"), "")
	r.do("101 plain", 101, kv("value", "-"), "")
	r.do("101 empty", 101, kv("key", "empty", "value", "-"), "")
	r.do("101 other key", 101, kv("key", "x", "value", "-"), "")
	r.do("101 no fields", 101, nil, "")
	r.do("219 no fields", 219, nil, "")
	r.do("102 plain", 102, kv("value", "-"), "")
	r.do("219 plain", 219, map[string]string{"namespace": "N"}, "")
	r.do("102 again", 102, kv("value", "-"), "")
	r.do("102 other namespace", 102, kv("namespace", "M", "value", "-"), "")
	r.do("102 no fields", 102, nil, "")
	r.do("102 the other", 102, kv("key", "empty", "value", "-"), "")
	r.do("219 empty", 219, map[string]string{"namespace": "N"}, "")

	r.do("106 nothing", 106, nil, "")
	r.do("206 nothing", 206, nil, "")
	r.do("105 nothing", 105, map[string]string{"topic": "T"}, "")
	r.do("105 no topic", 105, nil, "")
	r.do("105 empty topic", 105, map[string]string{"topic": ""}, "")

	broker := func(more ...string) map[string]string {
		return with(map[string]string{"brokerName": "b", "brokerAddr": "10.0.0.1:10911", "clusterName": "C", "haServerAddr": "10.0.0.1:10912", "brokerId": "0",
			"heartbeatTimeoutMillis": "60000", "enableActingMaster": "false", "compressed": "false", "bodyCrc32": "0"}, more...)
	}
	one := func(name, conn string, fs map[string]string, body string) {
		r.t.Helper()
		r.note(name, r.exchange(conn, request(103, protocol.CurrentVersion, fs, body)))
	}
	one("103 one topic", "b1", broker(), registration(1, "T"))
	one("103 plain", "b1", broker(), registration(1, "T", "U"))
	one("103 again", "b1", broker(), registration(1, "T", "U"))
	one("103 crc right", "b1", broker("bodyCrc32", fmt.Sprint(message.CRC([]byte(registration(1, "T", "U"))))), registration(1, "T", "U"))
	one("103 crc wrong", "b1", broker("bodyCrc32", "17"), registration(1, "T", "U"))
	one("103 slave", "b2", broker("brokerId", "1", "brokerAddr", "10.0.0.2:10911", "haServerAddr", "10.0.0.2:10912"), registration(1, "T", "U"))
	one("103 no body", "b3", broker("brokerName", "e", "brokerAddr", "10.0.0.3:10911"), "")
	one("103 bad body", "b3", broker("brokerName", "e", "brokerAddr", "10.0.0.3:10911"), "{x")
	for _, name := range []string{"haServerAddr", "brokerId"} {
		one("103 without "+name, "b4", broker("brokerName", "f", "brokerAddr", "10.0.0.4:10911", name, "-"), registration(1, "T", "U"))
	}
	r.do("105 plain", 105, map[string]string{"topic": "T"}, "")
	r.note("105 old client", r.exchange("main", request(105, 317, map[string]string{"topic": "T"}, "")))
	r.note("105 old client standard", r.exchange("main", request(105, 317, map[string]string{"topic": "T", "acceptStandardJsonOnly": "true"}, "")))
	r.do("105 zone", 105, map[string]string{"topic": "T", "__ZONE_MODE": "true", "__ZONE_NAME": "z"}, "")
	r.do("105 unknown", 105, map[string]string{"topic": "X"}, "")
	r.do("106 plain", 106, nil, "")
	r.do("206 plain", 206, nil, "")
	r.do("224 plain", 224, map[string]string{"cluster": "C"}, "")
	r.do("224 unknown", 224, map[string]string{"cluster": "X"}, "")
	r.do("224 no cluster", 224, nil, "")
	r.do("304", 304, nil, "")
	r.do("311", 311, nil, "")
	r.do("312", 312, nil, "")
	r.do("313", 313, nil, "")
	r.do("901", 901, map[string]string{"clusterName": "C", "brokerName": "b"}, "")
	r.do("901 unknown", 901, map[string]string{"clusterName": "C", "brokerName": "x"}, "")

	version := func(counter int) string {
		return fmt.Sprintf(`{"counter":%d,"stateVersion":0,"timestamp":1700000000000}`, counter)
	}
	who := map[string]string{"brokerName": "b", "brokerAddr": "10.0.0.1:10911", "clusterName": "C", "brokerId": "0"}
	r.do("322 same", 322, who, version(1))
	r.do("322 other", 322, who, version(2))
	r.do("322 unknown", 322, with(who, "brokerAddr", "10.9.9.9:1"), version(1))
	r.do("322 no body", 322, who, "")
	r.do("322 no fields", 322, nil, version(1))

	r.do("205 plain", 205, map[string]string{"brokerName": "b"}, "")
	r.do("105 wiped", 105, map[string]string{"topic": "T"}, "")
	r.do("205 again", 205, map[string]string{"brokerName": "b"}, "")
	r.do("205 unknown", 205, map[string]string{"brokerName": "x"}, "")
	r.do("205 no broker", 205, nil, "")
	r.do("327 plain", 327, map[string]string{"brokerName": "b"}, "")
	r.do("105 writable", 105, map[string]string{"topic": "T"}, "")
	r.do("327 unknown", 327, map[string]string{"brokerName": "x"}, "")
	r.do("100 order", 100, map[string]string{"namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "b:4"}, "")
	r.do("105 ordered", 105, map[string]string{"topic": "T"}, "")
	one("103 with order", "b1", broker(), registration(1, "T", "U"))

	r.do("216 in cluster", 216, map[string]string{"topic": "U", "clusterName": "C"}, "")
	r.do("105 deleted in cluster", 105, map[string]string{"topic": "U"}, "")
	r.do("216 unknown cluster", 216, map[string]string{"topic": "T", "clusterName": "X"}, "")
	r.do("216 plain", 216, map[string]string{"topic": "T"}, "")
	r.do("216 again", 216, map[string]string{"topic": "T"}, "")
	r.do("216 no topic", 216, nil, "")
	r.do("105 deleted", 105, map[string]string{"topic": "T"}, "")
	one("103 same version after deletion", "b1", broker(), registration(1, "T", "U"))
	r.do("105 after same version", 105, map[string]string{"topic": "T"}, "")
	one("103 next version", "b1", broker(), registration(2, "T", "U", "V"))
	r.do("105 after next version", 105, map[string]string{"topic": "V"}, "")
	r.do("319", 319, nil, "")
	r.blocks[len(r.blocks)-1] = regexp.MustCompile(`(?s)body .*`).ReplaceAllString(r.blocks[len(r.blocks)-1], "body\n")
	r.do("318 empty", 318, nil, "")
	r.do("999", 999, nil, "")
	r.do("10", 10, nil, "")

	r.do("104 slave", 104, with(who, "brokerAddr", "10.0.0.2:10911", "brokerId", "1"), "")
	r.do("104 unknown", 104, with(who, "brokerName", "x"), "")
	r.do("104 no fields", 104, nil, "")
	r.until("10.0.0.2:10911")
	r.do("105 without slave", 105, map[string]string{"topic": "V"}, "")
	r.do("104 plain", 104, who, "")
	r.until("10.0.0.1:10911")
	r.do("105 without broker", 105, map[string]string{"topic": "V"}, "")
	r.do("106 without broker", 106, nil, "")
	f := request(105, protocol.CurrentVersion, nil, "")
	f.Flag = protocol.FlagOneway
	r.exchange("main", f)
	r.do("after one-way", 206, nil, "")
	f = request(206, protocol.CurrentVersion, nil, "")
	f.Encoding = protocol.Binary
	r.note("binary", r.exchange("main", f))
}

// until waits until an address is in no broker group: RocketMQ unregisters behind its answer.
func (r *replay) until(gone string) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		if f := r.exchange("main", request(106, protocol.CurrentVersion, nil, "")); !strings.Contains(string(f.Body), gone) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s is still there", gone)
		}
	}
}
