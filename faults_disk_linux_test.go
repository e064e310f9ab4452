package aerobee

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// tmpfs mounts a small disk and returns where. It goes with the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("a disk of its own needs the right to mount (root, or a user namespace: unshare -rm go test)")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// faultyNode is a node on a disk that fails, and its log.
type faultyNode struct {
	*Server
	*peer
	log *logtext.Buffer
}

// startOn starts a node on the directory.
func startOn(t *testing.T, w world, dir string, settings ...string) (*faultyNode, error) {
	t.Helper()
	all := append([]string{"data", dir, "listen", "127.0.0.1:0", "brokerName", "broker-t", "maxMessageSize", "1m", "minFreeDisk", "0"}, settings...)
	src := config.Source{Name: "test"}
	for i := 0; i < len(all); i += 2 {
		src.Pairs = append(src.Pairs, config.Property{Key: all[i], Value: all[i+1]})
	}
	cfg, _, err := config.Load(src)
	if err != nil {
		t.Fatal(err)
	}
	n := &faultyNode{log: &logtext.Buffer{}}
	if n.Server, err = startIn(w, cfg, slog.New(slog.NewTextHandler(n.log, nil))); err != nil {
		return n, err
	}
	n.peer = n.Server.dial(t)
	t.Cleanup(func() { _ = n.Close() }) // some cannot stop cleanly
	return n, nil
}

func mustStartOn(t *testing.T, w world, dir string, settings ...string) *faultyNode {
	t.Helper()
	n, err := startOn(t, w, dir, settings...)
	if err != nil {
		t.Fatalf("%v\n%s", err, n.log)
	}
	return n
}

// bodyOf is the text of the i-th message: half a segment page and its number.
func bodyOf(i int) string { return fmt.Sprintf("%06d%s", i, strings.Repeat("x", 60<<10)) }

// sendUntilRefused sends messages numbered from from on, and returns how many were acknowledged by then, and the refusal.
func (n *faultyNode) sendUntilRefused(from, most int) (acked int, refusal *protocol.Frame) {
	n.t.Helper()
	for i := from; i < most; i++ {
		r := n.send("T", bodyOf(i))
		if r.Code != protocol.ResSuccess {
			return i, r
		}
	}
	n.t.Fatalf("%d messages were taken and none refused", most)
	return 0, nil
}

// wantAll pulls queue 0 and wants the messages 0 to acked, in order.
func (n *faultyNode) wantAll(when string, acked int) {
	n.t.Helper()
	got, next := 0, int64(0)
	for got < acked {
		r := n.pull("g", "T", next, 0)
		if r.Code != protocol.ResSuccess {
			n.t.Fatalf("%s: pull from %d: code %d %s", when, next, r.Code, r.Remark)
		}
		for b := r.Body; len(b) > 0; got++ {
			rec, err := message.ParseRecord(b)
			if err != nil {
				n.t.Fatal(err)
			}
			if string(rec.Body) != bodyOf(got) {
				n.t.Fatalf("%s: message %d is %.20q", when, got, rec.Body)
			}
			b = b[rec.Size:]
		}
		next = int64(got)
	}
}

// commitOffset notes how far a group has come, which it can do while nothing can be written.
func (n *faultyNode) commitOffset(off int) *protocol.Frame {
	n.t.Helper()
	return n.call(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "g", "topic", "T", "queueId", "0", "commitOffset", strconv.Itoa(off))
}

// page fetches a page, whatever its status.
func (n *faultyNode) page(path string) (int, string) {
	n.t.Helper()
	resp, err := http.Get("http://" + n.Addr() + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric is a sample's value, by its name with labels.
func (n *faultyNode) metric(name string) float64 {
	n.t.Helper()
	_, text := n.page("/metrics")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return v
		}
	}
	n.t.Errorf("there is no metric %s", name)
	return -1
}

func (n *faultyNode) wantMetric(name string, want float64) {
	n.t.Helper()
	if got := n.metric(name); got != want {
		n.t.Errorf("%s is %v, want %v", name, got, want)
	}
}

func (n *faultyNode) wantReady(code int, reason string) {
	n.t.Helper()
	if got, text := n.page("/ready"); got != code || !strings.Contains(text, reason) {
		n.t.Errorf("/ready answers %d %s, want %d with %q", got, text, code, reason)
	}
}

// until waits for something that happens by itself: it asks, which takes its time, for at most half a minute.
func (n *faultyNode) until(what string, is func() bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	for !is() {
		if ctx.Err() != nil {
			n.t.Fatalf("%s does not come to pass; the log says\n%s", what, n.log)
		}
	}
}

// ballast takes room on a disk that is given back later.
func ballast(t *testing.T, dir string, size int) (giveBack func()) {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk fills a real disk up to its last byte: the store has not looked at it in time.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "48m")
	giveBack := ballast(t, dir, 24<<20)
	data := filepath.Join(dir, "data")
	w := world{lookEvery: time.Hour}
	n := mustStartOn(t, w, data)
	n.mustSend("T", bodyOf(0))
	n.wantAll("before", 1) // the group is made
	acked, r := n.sendUntilRefused(1, 1000)
	n.wantCode(r, protocol.ResServiceNotAvailable, "no space left on device")
	n.wantCode(r, protocol.ResServiceNotAvailable, "bytes available in "+data)
	for range 20 {
		n.wantCode(n.send("T", bodyOf(acked)), protocol.ResServiceNotAvailable, "no space left on device")
	}
	n.wantAll("while the disk is full", acked)
	n.wantCode(n.commitOffset(5), protocol.ResSuccess, "")
	n.wantReady(503, "no space left on device")
	n.wantMetric("aerobee_disk_refuses_writes", 1)
	n.wantMetric(`aerobee_sends_refused_total{reason="disk_full"}`, 21)
	if got := n.log.Count("commit log refuses what it cannot write"); got != 1 {
		t.Errorf("the log names the full disk %d times, want once:\n%s", got, n.log)
	}
	giveBack()
	n.wantCode(n.send("T", bodyOf(acked)), protocol.ResSuccess, "")
	n.wantAll("with room again", acked+1)
	n.wantReady(200, "ok")
	n.wantMetric("aerobee_disk_refuses_writes", 0)
	if got := n.log.Count("commit log takes records again"); got != 1 {
		t.Errorf("the log names the end of it %d times, want once:\n%s", got, n.log)
	}
}

// TestStartOnAFullDisk stops and starts a node while its disk is full.
func TestStartOnAFullDisk(t *testing.T) {
	dir := tmpfs(t, "48m")
	giveBack := ballast(t, dir, 24<<20)
	data := filepath.Join(dir, "data")
	w := world{lookEvery: time.Hour}
	n := mustStartOn(t, w, data)
	acked, _ := n.sendUntilRefused(0, 1000)
	if err := n.Close(); err != nil {
		t.Logf("stop: %v", err)
	}
	n = mustStartOn(t, world{lookEvery: 5 * time.Millisecond}, data)
	n.wantAll("after a start on the full disk", acked)
	n.wantCode(n.send("T", bodyOf(acked)), protocol.ResServiceNotAvailable, "")
	giveBack()
	n.until("a send", func() bool { return n.send("T", bodyOf(acked)).Code == protocol.ResSuccess })
	n.wantAll("with room again", acked+1)
}

// TestDiskThatIsFullByTheRules stops sends before the last byte, deletes old segments, and goes on by itself.
func TestDiskThatIsFullByTheRules(t *testing.T) {
	dir := tmpfs(t, "64m")
	giveBack := ballast(t, dir, 50<<20)
	n := mustStartOn(t, world{lookEvery: 5 * time.Millisecond}, filepath.Join(dir, "data"), "minFreeDisk", "10m", "mappedFileSizeCommitLog", "64m")
	acked, r := 0, (*protocol.Frame)(nil)
	n.until("a refusal", func() bool {
		if r = n.send("T", bodyOf(acked)); r.Code == protocol.ResSuccess {
			acked++
		}
		return r.Code != protocol.ResSuccess
	})
	n.wantCode(r, protocol.ResServiceNotAvailable, "is too full for new messages: ") // by whichever rule the look came in time for
	n.wantMetric("aerobee_disk_full", 1)
	n.wantReady(503, "is too full for new messages: ")
	giveBack()
	n.until("a send", func() bool { return n.send("T", bodyOf(acked)).Code == protocol.ResSuccess })
	n.wantAll("with room again", acked+1)
	for what, want := range map[string]int{"messages are refused until there is room": 1, "there is room again": 1} {
		if got := n.log.Count(what); got != want {
			t.Errorf("the log says %q %d times, want %d:\n%s", what, got, want, n.log)
		}
	}
}

// TestRetentionKeepsAFullDiskGoing sends more than the disk holds: the oldest segments go, and sends go on.
func TestRetentionKeepsAFullDiskGoing(t *testing.T) {
	dir := tmpfs(t, "64m")
	n := mustStartOn(t, world{lookEvery: time.Millisecond}, filepath.Join(dir, "data"), "mappedFileSizeCommitLog", "4m", "diskMaxUsedSpaceRatio", "30")
	for i := range 1500 { // 90 MB
		n.until("a send", func() bool { return n.send("T", bodyOf(i)).Code == protocol.ResSuccess })
	}
	if n.log.Count("old segments are deleted") == 0 {
		t.Errorf("nothing was deleted:\n%s", n.log)
	}
}

// TestStartOnAReadOnlyDisk starts a node where nothing can be written.
func TestStartOnAReadOnlyDisk(t *testing.T) {
	dir := tmpfs(t, "64m")
	data := filepath.Join(dir, "data")
	n := mustStartOn(t, world{}, data)
	n.mustSend("T", bodyOf(0))
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if _, err := startOn(t, world{}, data); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), data) {
		t.Errorf("a start on a read-only disk: %v", err)
	}
	remount(0)
	n = mustStartOn(t, world{}, data)
	n.wantAll("writable again", 1)
}
