package store

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// broker is the real Apache RocketMQ 5.5.0 broker on a store directory.
type broker struct {
	t    *testing.T
	addr string
	cmd  *exec.Cmd
	conn *remoting.Conn
}

// apacheJars fetches the broker once; the interop suite shares the folder. Without a JDK, Maven or a registry the test
// is skipped by name, with AEROBEE_INTEROP_REQUIRED=1 it fails.
func apacheJars(t *testing.T) string {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("AEROBEE_INTEROP_REQUIRED") == "1" {
		skip = t.Fatalf
	}
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			skip("%s is not installed", tool)
		}
	}
	dir, err := filepath.Abs("../interop/.cache/java-server-5.5.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "rocketmq-broker-5.5.0.jar")); err != nil {
		out, err := exec.Command("mvn", "-q", "-B", "-f", "../interop/java/server/pom.xml", "dependency:copy-dependencies",
			"-DoutputDirectory="+dir, "-Drocketmq.version=5.5.0").CombinedOutput()
		if err != nil {
			skip("mvn cannot fetch the broker: %v\n%s", err, out)
		}
	}
	return filepath.Join(dir, "*")
}

// freePort returns a port whose neighbours, on which the broker listens too, are unused. It lies below the range from
// which the system takes ports for outgoing connections. Two runs at once begin in different places.
func freePort(t *testing.T) int {
	t.Helper()
	free := func(port int) bool {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		return err == nil && l.Close() == nil
	}
	const places = 400
	for i := range places {
		port := 23010 + (os.Getpid()+i)%places*10
		if free(port-2) && free(port) && free(port+1) {
			return port
		}
	}
	t.Fatal("no free ports from 23008 to 27001")
	return 0
}

func startApache(t *testing.T, store string, settings ...string) *broker {
	t.Helper()
	jars, home := apacheJars(t), t.TempDir()
	port := freePort(t)
	addr := "127.0.0.1:" + strconv.Itoa(port)
	conf := filepath.Join(home, "broker.conf")
	text := strings.Join(append([]string{
		"brokerClusterName=DefaultCluster", "brokerName=broker-a", "brokerId=0", "brokerIP1=127.0.0.1", "bindAddress=127.0.0.1",
		"listenPort=" + strconv.Itoa(port), "storePathRootDir=" + store, "storePathCommitLog=" + filepath.Join(store, "commitlog"),
		"mappedFileSizeCommitLog=1048576", "mappedFileSizeConsumeQueue=60000", "maxHashSlotNum=1000", "maxIndexNum=4000",
		"mappedFileSizeTimerLog=102400", "waitTimeMillsInSendQueue=10000", "diskMaxUsedSpaceRatio=95", "autoCreateTopicEnable=false",
	}, settings...), "\n")
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-XX:TieredStopAtLevel=1", "-Xmx512m", "-XX:MaxDirectMemorySize=512m", "-Drocketmq.home.dir=" + home, "-Duser.home=" + home}
	for _, name := range []string{"sun.nio.ch", "java.nio", "java.lang", "java.util", "java.util.concurrent", "jdk.internal.ref", "jdk.internal.misc"} {
		args = append(args, "--add-opens=java.base/"+name+"=ALL-UNNAMED", "--add-exports=java.base/"+name+"=ALL-UNNAMED")
	}
	b := &broker{t: t, addr: addr}
	b.cmd = exec.Command("java", append(args, "-cp", jars, "org.apache.rocketmq.broker.BrokerStartup", "-c", conf)...)
	log, err := os.Create(filepath.Join(home, "broker.log"))
	if err != nil {
		t.Fatal(err)
	}
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.stop(syscall.SIGKILL)
		if t.Failed() {
			for _, name := range []string{log.Name(), filepath.Join(home, "logs/rocketmqlogs/store.log"), filepath.Join(home, "logs/rocketmqlogs/transaction.log"),
				filepath.Join(home, "logs/rocketmqlogs/broker.log")} {
				text, _ := os.ReadFile(name)
				t.Logf("Apache said in %s: %s", name, text[max(0, len(text)-1500):])
			}
		}
	})
	b.connect()
	return b
}

// connect waits until the broker listens, which it does when its store has recovered.
func (b *broker) connect() {
	b.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(60 * time.Second); ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := remoting.Dial(ctx, b.addr, remoting.Options{})
		cancel()
		if err == nil {
			b.conn = conn
			return
		}
		if time.Now().After(limit) {
			b.t.Fatalf("Apache does not listen: %v", err)
		}
		<-tick.C
	}
}

// stop ends the broker, cleanly by SIGTERM.
func (b *broker) stop(how syscall.Signal) {
	if b.cmd.ProcessState != nil {
		return
	}
	if b.conn != nil {
		_ = b.conn.Close()
	}
	_ = b.cmd.Process.Signal(how)
	_ = b.cmd.Wait()
}

// ask sends one request; pairs are the header's names and values.
func (b *broker) ask(code int32, body string, pairs ...string) *protocol.Frame {
	b.t.Helper()
	f := &protocol.Frame{Code: code, Version: 513, Body: []byte(body)}
	for i := 0; i < len(pairs); i += 2 {
		f.Fields.Add(pairs[i], pairs[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	got, err := b.conn.Invoke(ctx, f)
	if err != nil {
		b.t.Fatalf("request %d: %v", code, err)
	}
	return got
}

func (b *broker) offset(code int32, topic string, queue int) string {
	b.t.Helper()
	return b.ask(code, "", "topic", topic, "queueId", strconv.Itoa(queue)).Fields.String("offset")
}

func (b *broker) send(topic string, queue int, body, props string) string {
	b.t.Helper()
	got := b.ask(protocol.ReqSendMessage, body, "producerGroup", "p", "topic", topic, "defaultTopic", "TBW102",
		"defaultTopicQueueNums", "4", "queueId", strconv.Itoa(queue), "sysFlag", "0", "bornTimestamp", strconv.FormatInt(time.Now().UnixMilli(), 10), "flag", "0",
		"properties", props, "reconsumeTimes", "0", "unitMode", "false", "batch", "false")
	if got.Code != 0 {
		b.t.Fatalf("send to %s: code %d, %s", topic, got.Code, got.Remark)
	}
	return got.Fields.String("queueOffset")
}

// bodies pulls a whole queue.
func (b *broker) bodies(topic string, queue int) []string {
	b.t.Helper()
	var out []string
	for next := b.offset(protocol.ReqGetMinOffset, topic, queue); ; {
		got := b.ask(protocol.ReqPullMessage, "", "consumerGroup", "pullers", "topic", topic, "queueId", strconv.Itoa(queue),
			"queueOffset", next, "maxMsgNums", "32", "sysFlag", "4", "commitOffset", "0", "suspendTimeoutMillis", "0",
			"subscription", "*", "subVersion", "0", "expressionType", "TAG")
		if got.Code == 19 { // nothing there
			return out
		}
		if got.Code != 0 && got.Code != 20 {
			b.t.Fatalf("pull from %s %d at %s: code %d, %s", topic, queue, next, got.Code, got.Remark)
		}
		next = got.Fields.String("nextBeginOffset")
		for rest := got.Body; len(rest) > 0; {
			r, err := message.ParseRecord(rest)
			if err != nil {
				b.t.Fatal(err)
			}
			body, _, _ := bytes.Cut(r.Body, []byte("-abcdef"))
			out = append(out, string(body))
			rest = rest[r.Size:]
		}
	}
}

// until waits for something to come true in the broker.
func (b *broker) until(limit time.Duration, what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !is(); <-tick.C {
		if time.Now().After(end) {
			b.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// exported makes a store whose first segments have gone, with topic old empty but numbered, messages delivered by delay
// levels and others pending in a line that is out of order, and exports it.
func exported(t *testing.T) (o Options, wantT [2][]string) {
	o = testOptions(nil)
	o.FS, o.Dir, o.SegmentSize = nil, filepath.Join(t.TempDir(), "store"), 1<<20
	o.Retention = Retention{Size: 4 << 20, Interval: 50 * time.Millisecond, MaxUsedRatio: 1, ForceRatio: 1, WarnRatio: 1}
	s := openTest(t, o)
	mustTopic(t, s, "T", 2)
	mustTopic(t, s, "old", 1)
	mustTopic(t, s, "W", 1)
	g := group.New("g")
	g.RetryMaxTimes = 5
	if err := s.PutGroup(context.Background(), g); err != nil {
		t.Fatal(err)
	}
	delayed := func(level int, body string) {
		w := newWaiter()
		if err := s.PutDelayed(record("T", 1, body), level, w, 0); err != nil {
			t.Fatal(err)
		}
		s.Kick()
		if _, err := w.wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		mustPut(t, s, record("old", 0, fmt.Sprint("old-", i)))
	}
	delayed(3, "carried") // its segment goes: it is carried forward
	delayed(1, "done")
	pad := "-abcdef" + strings.Repeat("x", 2000)
	for i := 0; len(s.log.Segments()) < 5; i++ {
		mustPut(t, s, record("T", 0, fmt.Sprint("m-", i)+pad))
	}
	delayed(3, "before")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.log.Start() == 0 {
		<-tick.C // retention takes the first segment
	}
	delayed(3, "after")
	delayed(2, "five seconds")
	putForTime(t, s, "quick", time.Now().Add(10*time.Millisecond))
	later := time.Now().Add(25 * time.Second)
	putForTime(t, s, "taken back", later)
	putForTime(t, s, "timed", later)
	putForTime(t, s, "far", time.Now().Add(time.Hour))
	if _, err := s.Withdraw(context.Background(), record("W", 0, "0", message.PropTimerDelete, "taken back"), later.UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if err := s.CommitOffset("g", message.Queue{Topic: "T"}, 321); err != nil {
		t.Fatal(err)
	}
	for s.MaxOffset(message.Queue{Topic: "W"}) == 0 {
		<-tick.C
	}
	for s.MaxOffset(message.Queue{Topic: "T", ID: 1}) == 0 {
		<-tick.C // "done" is delivered by Aerobee
	}
	for q := range wantT {
		wantT[q] = allBodies(t, s, "T", q)
	}
	closeTest(t, s)
	rep, err := Export(o, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Delayed != 6 || rep.Moved != 5 || rep.SegmentSize != 1<<20 {
		t.Errorf("the export reports %+v", rep)
	}
	return o, wantT
}

// putForTime puts a message to W for a time, with its text as its unique key.
func putForTime(t *testing.T, s *Store, text string, at time.Time) {
	t.Helper()
	w := newWaiter()
	if err := s.PutTimed(record("W", 0, text, message.PropUniqueKey, text), at.UnixMilli(), w, 0); err != nil {
		t.Fatal(err)
	}
	s.Kick()
	if _, err := w.wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestApacheOpensAnExport hands a store to the real broker and takes it back, twice: the broker's second life ends with
// a kill.
func TestApacheOpensAnExport(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Apache's broker")
	}
	apacheJars(t)
	o, wantT := exported(t)
	b := startApache(t, o.Dir)
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", b.cmd.Process.Pid)) {
		t.Errorf("open while Apache has the directory: %v", err)
	}
	for q, want := range wantT {
		got := b.bodies("T", q)
		if q == 1 { // a slow start of Apache's lets pending messages come due
			got = got[:min(len(got), len(want))]
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("Apache reads %d messages from T %d, want %d: %.300q", len(got), q, len(want), got)
		}
	}
	if least, next := b.offset(protocol.ReqGetMinOffset, "old", 0), b.offset(protocol.ReqGetMaxOffset, "old", 0); least != "5" || next != "5" {
		t.Errorf("old has the offsets %s to %s, want 5 to 5", least, next)
	}
	if at := b.send("old", 0, "new life", ""); at != "5" {
		t.Errorf("the next message of old has offset %s, want 5", at)
	}
	f := b.ask(protocol.ReqQueryConsumerOffset, "", "consumerGroup", "g", "topic", "T", "queueId", "0")
	if off := f.Fields.String("offset"); off != "321" {
		t.Errorf("g stands at %q: code %d, %s", off, f.Code, f.Remark)
	}
	b.until(60*time.Second, "all pending messages arrive", func() bool { return len(b.bodies("T", 1)) >= 5 })
	all := b.bodies("T", 1) // two levels may both have come due while Apache starts
	got, want := strings.Join(all, ", "), "done, five seconds, carried, before, after"
	if got != want && got != "done, carried, five seconds, before, after" {
		t.Errorf("Apache has delivered %q, want %q", got, want)
	}
	b.until(60*time.Second, "the timer message arrives", func() bool { return len(b.bodies("W", 0)) >= 2 })
	if got := strings.Join(b.bodies("W", 0), ", "); got != "quick, timed" {
		t.Errorf("Apache has delivered the timer messages %q", got)
	}
	b.send("T", 1, "by Apache", "")
	b.send("W", 0, "timed by Apache", "TIMER_DELAY_SEC\x013600\x02UNIQ_KEY\x01by Apache\x02")
	b.send("T", 1, "delayed by Apache", "DELAY\x0118\x02")
	if f := b.ask(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "g", "topic", "T", "queueId", "0", "commitOffset", "400"); f.Code != 0 {
		t.Errorf("commit: %d %s", f.Code, f.Remark)
	}
	b.stop(syscall.SIGTERM)
	at := wantBack(t, o, got+", by Apache", 3, 400)
	if again := wantBack(t, o, got+", by Apache", 3, 400); again != at {
		t.Errorf("a store that nobody has touched is imported again, at %d after %d", again, at)
	}

	// Once more, without an export: what a clean stop leaves is enough for Apache to go on.
	b = startApache(t, o.Dir)
	b.send("T", 1, "and again", "")
	b.until(10*time.Second, "the message is visible", func() bool { return len(b.bodies("T", 1)) == 7 })
	b.stop(syscall.SIGKILL)
	wantBack(t, o, got+", by Apache, and again", 3, 400)
}

// wantBack opens and closes the store and checks what is in it. It returns where the last import lies.
func wantBack(t *testing.T, o Options, t1 string, pending int, off message.QueueOffset) message.LogOffset {
	t.Helper()
	s := openTest(t, o)
	defer closeTest(t, s)
	if got := strings.Join(allBodies(t, s, "T", 1), ", "); got != t1 {
		t.Errorf("T 1 holds %q, want %q", got, t1)
	}
	if got := strings.Join(allBodies(t, s, "old", 0), " "); got != "new life" || s.MaxOffset(message.Queue{Topic: "old"}) != 6 {
		t.Errorf("old holds %q", got)
	}
	if got, _ := s.Offset("g", message.Queue{Topic: "T"}); got != off {
		t.Errorf("g stands at %d, want %d", got, off)
	}
	if c, ok := s.Group("g"); !ok || c.RetryMaxTimes != 5 {
		t.Errorf("group g: %v %+v", ok, c)
	}
	if got := strings.Join(allBodies(t, s, "W", 0), ", "); got != "quick, timed" {
		t.Errorf("W holds %q", got)
	}
	if n := s.timers.Len(); n != pending {
		t.Errorf("%d delayed messages are pending, want %d", n, pending)
	}
	return s.adopted.mark.ImportedAt
}

// TestApacheTakesItsDirectoryBack: a directory of Apache's, taken over, written to and exported, is Apache's again.
func TestApacheTakesItsDirectoryBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Apache's broker")
	}
	apacheJars(t)
	dir := filepath.Join(t.TempDir(), "store")
	unpack(t, vfs.Default, "plain", dir)
	o := apacheOptions(nil)
	o.FS, o.Dir = nil, dir
	atFixtureTime(t, &o)
	s := openTest(t, o)
	mustPut(t, s, record("orders", 3, "by Aerobee"))
	mustTopic(t, s, "new", 1)
	mustPut(t, s, record("new", 0, "n0"))
	closeTest(t, s)
	rep, err := Export(o, 60_000)
	if err != nil || rep.Moved != 0 || rep.Delayed != 5 {
		t.Fatalf("export: %+v, %v", rep, err)
	}
	b := startApache(t, dir)
	for q := range 4 {
		got := b.bodies("orders", q)
		if len(got) < 600+q/3 {
			t.Fatalf("Apache reads %d messages from orders %d", len(got), q)
		}
		for i, body := range got[:600] {
			if body != fmt.Sprint("order-", 4*i+q) {
				t.Fatalf("message %d of orders %d is %q", i, q, body)
			}
		}
		f := b.ask(protocol.ReqQueryConsumerOffset, "", "consumerGroup", "others", "topic", "orders", "queueId", strconv.Itoa(q))
		if off := f.Fields.String("offset"); off != strconv.Itoa(100+q) {
			t.Errorf("others stands at %q in orders %d", off, q)
		}
	}
	if got := b.bodies("orders", 3)[600]; got != "by Aerobee" {
		t.Errorf("behind Apache's messages lies %q", got)
	}
	if got := strings.Join(b.bodies("new", 0), " "); got != "n0" {
		t.Errorf("new holds %q", got)
	}
	if got := strings.Join(b.bodies("bills", 1), " "); got != "bill-1 bill-3 bill-5 bill-7 bill-9 bill-quick" {
		t.Errorf("bills 1 holds %q", got)
	}
	b.stop(syscall.SIGTERM)
}
