package broker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// The scripts of the files apache_*_test.go run against this broker, and what it answers is compared with what a broker of
// Apache RocketMQ 5.5.0 answered: testdata/apache.txt. To record that file anew, run a NameServer and a fresh broker of
// RocketMQ with its default configuration, named broker-a in DefaultCluster, and
//
//	AEROBEE_APACHE_BROKER=127.0.0.1:10911 go test ./broker -run TestAsApache$
//
// testdata/apache_filters.txt is recorded in the same way by TestAsApacheWithFilters, with enablePropertyFilter=true.
//
// Compared are the code, the header fields and the shape of the body, of stored messages also their contents; of a remark
// only its beginning, since this broker's remarks go on with the numbers. What differs on purpose stands in the list of package differences: steps
// in a section for each script, and what differs in records wherever they come in one for all of them.
// AEROBEE_REPLAY_OUT names a file for all that was answered.

// replay runs a script and notes what came back, one block of lines for each step.
type replay struct {
	t      *testing.T
	addr   string
	conns  map[string]*wireConn
	want   map[string]string // what RocketMQ answered, nil while that is recorded
	names  []string
	blocks map[string]string
}

// wireConn is a connection that sees everything that comes, in order.
type wireConn struct {
	r      *replay
	nc     net.Conn
	opaque int32
	early  []*protocol.Frame // requests and answers that nobody has asked for yet
}

func (r *replay) conn(name string) *wireConn {
	r.t.Helper()
	if c := r.conns[name]; c != nil {
		return c
	}
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &wireConn{r: r, nc: nc, opaque: int32(len(r.conns)+1) * 100_000}
	r.conns[name] = c
	r.t.Cleanup(func() { _ = nc.Close() })
	return c
}

func (c *wireConn) write(f *protocol.Frame) int32 {
	c.r.t.Helper()
	c.opaque++
	f.Opaque = c.opaque
	if f.Version == 0 {
		f.Version = protocol.CurrentVersion
	}
	if _, err := c.nc.Write(protocol.AppendFrame(nil, f)); err != nil {
		c.r.t.Fatal(err)
	}
	return f.Opaque
}

// next is the first frame that fits, of those that came early or come within the time; nil if none does.
func (c *wireConn) next(limit time.Duration, fits func(*protocol.Frame) bool) *protocol.Frame {
	c.r.t.Helper()
	for i, f := range c.early {
		if fits(f) {
			c.early = slices.Delete(c.early, i, i+1)
			return f
		}
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(limit)); err != nil {
		c.r.t.Fatal(err)
	}
	for {
		var head [4]byte
		if _, err := io.ReadFull(c.nc, head[:]); err != nil {
			return nil
		}
		b := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(c.nc, b); err != nil {
			c.r.t.Fatal(err)
		}
		f := &protocol.Frame{}
		if err := protocol.DecodeFrame(b, f); err != nil {
			c.r.t.Fatal(err)
		}
		if fits(f) {
			return f
		}
		c.early = append(c.early, f)
	}
}

const answerLimit = 20 * time.Second

func (c *wireConn) answer(opaque int32) *protocol.Frame {
	c.r.t.Helper()
	f := c.next(answerLimit, func(f *protocol.Frame) bool { return f.IsResponse() && f.Opaque == opaque })
	if f == nil {
		c.r.t.Fatalf("request with opaque %d was not answered within %v", opaque, answerLimit)
	}
	return f
}

// call sends a request on the connection of that name and waits for the answer, which it does not note.
func (r *replay) call(conn string, code int32, fs fields, body string) *protocol.Frame {
	r.t.Helper()
	c := r.conn(conn)
	return c.answer(c.write(&protocol.Frame{Code: code, Fields: wire(fs), Body: []byte(body)}))
}

// do is call, and notes the answer under the name.
func (r *replay) do(name string, code int32, fs fields, body string) *protocol.Frame {
	r.t.Helper()
	f := r.call("main", code, fs, body)
	r.note(name, f)
	return f
}

// told notes the request that the broker has sent to a connection. Where RocketMQ sent nothing, one that came late here
// would be taken for the answer of the next step of its kind.
func (r *replay) told(name, conn string) {
	r.t.Helper()
	limit := 3 * time.Second
	if r.want[name] == "nothing\n" {
		limit = 200 * time.Millisecond
	}
	f := r.conn(conn).next(limit, func(f *protocol.Frame) bool { return !f.IsResponse() })
	if f == nil {
		r.keep(name, "nothing\n")
		return
	}
	r.note(name, f)
}

// until repeats a request until its answer is right: RocketMQ fills its queues and indexes behind the answer to a send.
func (r *replay) until(code int32, fs fields, good func(*protocol.Frame) bool) {
	r.t.Helper()
	for end := time.Now().Add(answerLimit); ; {
		f := r.call("main", code, fs, "")
		if good(f) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("request %d of %v: still code %d (%s), fields %v", code, fs, f.Code, f.Remark, fieldMap(f))
		}
	}
}

// filled waits until a queue holds that many messages.
func (r *replay) filled(topic, queue string, count string) {
	r.t.Helper()
	r.until(protocol.ReqGetMaxOffset, fields{"topic": topic, "queueId": queue}, func(f *protocol.Frame) bool { return f.Fields.String("offset") == count })
}

func (r *replay) note(name string, f *protocol.Frame) { r.t.Helper(); r.keep(name, observe(r.t, f)) }

func (r *replay) keep(name, block string) {
	r.t.Helper()
	if _, twice := r.blocks[name]; twice {
		r.t.Fatalf("two steps bear the name %q", name)
	}
	r.names = append(r.names, name)
	r.blocks[name] = block
}

func fieldMap(f *protocol.Frame) map[string]string {
	out := map[string]string{}
	for _, x := range f.Fields {
		out[string(x.Key)] = string(x.Value)
	}
	return out
}

// observe describes an answer, or a request of the broker, without what differs from run to run.
func observe(t *testing.T, f *protocol.Frame) string {
	var out strings.Builder
	fmt.Fprintf(&out, "code %d flag %d %s v%d\n", f.Code, f.Flag, f.Language, f.Version)
	if f.Remark != "" {
		fmt.Fprintf(&out, "remark %s\n", strings.ReplaceAll(f.Remark, "\n", " "))
	}
	fs := fieldMap(f)
	for _, k := range slices.Sorted(maps.Keys(fs)) {
		fmt.Fprintf(&out, "field %s=%s\n", k, steady(k, fs[k]))
	}
	switch b := f.Body; {
	case len(b) == 0:
	case len(b) > 8 && binary.BigEndian.Uint32(b[4:]) == 0xDAA320A7:
		for _, rec := range records(t, b) {
			out.WriteString(describe(&rec))
		}
	case b[0] == '{' || b[0] == '[':
		fmt.Fprintf(&out, "json %s", shapeOf(t, b))
		out.WriteByte('\n')
	default:
		fmt.Fprintf(&out, "text of %v\n", len(b) > 0)
	}
	return out.String()
}

// describe is a stored message in one line. Left out is what no two runs have in common: times, hosts, and places in the log, of which only
// is said whether the message names one.
func describe(r *message.Record) string {
	props := map[string]string{}
	for k, v := range r.Properties.All() {
		props[string(k)] = steady(string(k), string(v))
	}
	body := string(r.Body)
	if len(body) > 20 {
		body = fmt.Sprintf("%s... of %d", body[:20], len(body))
	}
	prepared := ""
	if r.PreparedOffset != 0 {
		prepared = " prepared"
	}
	return fmt.Sprintf("record %s/%d@%d flag %d sys %d born %d again %d%s body %q %q\n", r.Topic, r.QueueID, r.QueueOffset, r.Flag,
		r.SysFlag, min(r.BornTime, 1), r.ReconsumeTimes, prepared, body, props)
}

// steady replaces a value that differs from run to run by its kind.
func steady(name, v string) string {
	switch name {
	case message.PropCRC: // of properties that have other ids and times in each run
		return "sum"
	case "msgId", "offsetMsgId", "transactionId", "UNIQ_KEY", "ORIGIN_MESSAGE_ID", "__transactionId__":
		return regexp.MustCompile(`[0-9A-F]+`).ReplaceAllString(v, "hex")
	case "TIMER_OUT_MS", "TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS", "TIMER_DELIVER_MS":
		return map[bool]string{true: "a time", false: v}[len(v) == 13]
	case "timestamp":
		return map[bool]string{true: "0", false: "number"}[v == "0"]
	case "popTime", "1ST_POP_TIME":
		return "any"
	case "reviveQid":
		return map[bool]string{true: v, false: "any"}[v == "999"]
	case "invisibleTime":
		return map[bool]string{true: v, false: "short"}[len(v) > 3]
	case "POP_CK":
		f := strings.Split(v, " ")
		return strings.Join(append([]string{f[0], "time", f[2], "any"}, f[4:]...), " ")
	case "version", "totalTopicNum", "totalGroupNum", "recallHandle", "indexLastUpdateTimestamp", "indexLastUpdatePhyoffset":
		return "any"
	}
	return v
}

// shapeOf is a JSON body with its members by name and their values by kind; of a list that of its first item, of a map with
// objects or numbers as keys that of its first value. A text that is no standard JSON is marked.
func shapeOf(t *testing.T, b []byte) string {
	text, err := protocol.NormalizeJSON(b)
	if err != nil {
		t.Fatalf("body %s: %v", b, err)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	dialect := ""
	if !json.Valid(b) {
		dialect = "<fastjson>"
	}
	return dialect + shape(v)
}

func shape(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var out []string
		dynamic := ""
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if dynamicKey(k) {
				dynamic = "*:" + shape(v[k])
				continue
			}
			name, _, _ := strings.Cut(k, "/") // some names contain a directory
			out = append(out, name+":"+shape(v[k]))
		}
		if dynamic != "" {
			out = append(out, dynamic)
		}
		return "{" + strings.Join(out, " ") + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + shape(v[0]) + "]"
	case json.Number:
		if strings.Contains(v.String(), ".") {
			return "float"
		}
		return "int"
	case string:
		return "text"
	default:
		return fmt.Sprint(v)
	}
}

// dynamicKey reports whether a member's name is data: a queue, a number, a topic or a group.
func dynamicKey(k string) bool {
	return strings.HasPrefix(k, "{") || k[0] >= '0' && k[0] <= '9' || k[0] == '%' || k[0] >= 'A' && k[0] <= 'Z' || strings.HasPrefix(k, "broker-") || strings.Contains(k, "_SYS_") || strings.Contains(k, "rmq_sys")
}

// remarkLength is how much of a remark must be the same.
const remarkLength = 12

// likeApache reports whether an answer is what RocketMQ answers. With code 1 that often is the text of some Java exception, and
// nothing more is compared then; and a refusal may say more in its fields than RocketMQ's does.
func likeApache(got, want string) bool {
	gotCode, wantCode := codeOf(got), codeOf(want)
	if gotCode != wantCode || wantCode == "1" && javaFault.MatchString(want) {
		return gotCode == wantCode
	}
	success := slices.Contains([]string{"0", "19", "20", "21"}, wantCode)
	have, need := linesOf(got), linesOf(want)
	for _, l := range need {
		if !slices.Contains(have, l) {
			return false
		}
	}
	return !success || len(have) == len(need)
}

var javaFault = regexp.MustCompile(`(?m)^remark .*([A-Za-z]Exception|Cannot invoke )`)

// codeOf is the response code of a block, "" for one that is no answer.
func codeOf(block string) string {
	code, ok := strings.CutPrefix(block, "code ")
	if !ok {
		return ""
	}
	code, _, _ = strings.Cut(code, " ")
	return code
}

// linesOf are the lines of a block with remarks cut short, but for the one that RocketMQ has on many a success.
func linesOf(block string) []string {
	var out []string
	for l := range strings.Lines(block) {
		if text, ok := strings.CutPrefix(l, "remark "); ok {
			if strings.HasPrefix(text, "not set any response code") {
				continue
			}
			l = "remark " + text[:min(remarkLength, len(text))]
		}
		out = append(out, l)
	}
	return out
}

func TestAsApache(t *testing.T) {
	compareWithApache(t, "testdata/apache.txt", (*replay).script, func(o *Options, _ *store.Options) {
		o.ConfigText = func() string { return "brokerName=broker-a\n" }
		o.DenyPropertyFilter = true // RocketMQ's default, not ours
	})
}

// compareWithApache runs a script against a node of ours and compares its answers with those in the file, or records them.
func compareWithApache(t *testing.T, file string, script func(*replay), change func(*Options, *store.Options)) {
	r := &replay{t: t, conns: map[string]*wireConn{}, blocks: map[string]string{}}
	r.addr = os.Getenv("AEROBEE_APACHE_BROKER")
	record := r.addr != ""
	if !record {
		r.addr = newNode(t, change).addr
		r.want = readBlocks(t, file)
	}
	script(r)
	if to := os.Getenv("AEROBEE_REPLAY_OUT"); to != "" {
		r.write(to)
	}
	if record {
		r.write(file)
		return
	}
	differs := allowed(t, filepath.Base(file))
	inRecords := recordDifferences(t)
	for _, name := range r.names {
		got := r.blocks[name]
		w, ok := r.want[name]
		got, w, errs := withoutListed(inRecords, filepath.Base(file)+" "+name, got, w)
		for _, err := range errs {
			t.Errorf("%s: %v", name, err)
		}
		if own, on := differs[name]; on {
			delete(differs, name)
			if codeOf(got) != own || likeApache(got, w) {
				t.Errorf("%s: answered\n%swant code %s and not all of\n%s", name, got, own, w)
			}
			continue
		}
		if !ok || !likeApache(got, w) {
			t.Errorf("%s: answered\n%swant\n%s", name, got, w)
		}
	}
	for name := range differs {
		t.Errorf("%s: %s has no step %q", differences.File, file, name)
	}
}

// allowed are the codes of our answers that differ from those of a script on purpose, by the names of the steps, "" for a step without one.
func allowed(t *testing.T, script string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range differences.Of(t, "broker "+script) {
		for _, l := range e.Lines {
			code, name, _ := strings.Cut(l.Text, " ")
			if _, twice := out[name]; twice {
				t.Errorf("%s:%d: %q differs for two reasons", differences.File, l.Number, name)
			}
			out[name] = strings.TrimPrefix(code, "-")
		}
	}
	return out
}

func (r *replay) write(file string) {
	var out strings.Builder
	for _, name := range r.names {
		fmt.Fprintf(&out, "== %s\n%s", name, r.blocks[name])
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		r.t.Fatal(err)
	}
}
