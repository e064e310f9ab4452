package aerobee

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
)

// labDisk is a disk in memory that is as full as a test says and whose syncs of the log take as long as it says.
type labDisk struct {
	vfs.FS
	looked chan struct{} // takes a value whenever the disk's use is asked for and somebody receives
	synced chan struct{} // takes a value whenever a sync stands still and somebody receives

	mu          sync.Mutex
	usedPercent uint64
	stalled     chan struct{} // nil: syncs go on; else they wait until it is closed
}

func newLabDisk() *labDisk {
	return &labDisk{FS: vfs.NewMem(), looked: make(chan struct{}), synced: make(chan struct{}), usedPercent: 10}
}

func (d *labDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	select {
	case d.looked <- struct{}{}:
	default:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	const percent = 10 << 30
	return vfs.DiskUsage{TotalBytes: 100 * percent, UsedBytes: d.usedPercent * percent, AvailBytes: (100 - d.usedPercent) * percent}, nil
}

func (d *labDisk) setUsed(percent uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.usedPercent = percent
}

func (d *labDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.file(name, f), err
}

func (d *labDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.OpenReadWrite(name, c, opts...)
	return d.file(name, f), err
}

func (d *labDisk) file(name string, f vfs.File) vfs.File {
	if f == nil || !strings.Contains(name, "commitlog") {
		return f
	}
	return &labFile{f, d}
}

// stall makes syncs of the log stand still until the function that it returns is called, or the test ends.
func (d *labDisk) stall(t *testing.T) (release func()) {
	stalled := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stalled = stalled
	release = sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.stalled = nil
		close(stalled)
	})
	t.Cleanup(release)
	return release
}

func (d *labDisk) waitForSync() {
	d.mu.Lock()
	stalled := d.stalled
	d.mu.Unlock()
	if stalled == nil {
		return
	}
	select {
	case d.synced <- struct{}{}:
	default:
	}
	<-stalled
}

// labFile is a segment of the log.
type labFile struct {
	vfs.File
	disk *labDisk
}

func (f *labFile) SyncData() error {
	f.disk.waitForSync()
	return f.File.SyncData()
}

// labNode is a node on a lab's disk.
type labNode struct {
	*Server
	*peer
	disk *labDisk
}

// startLab starts a node with segments of 64 KiB, for small messages, that looks at its disk every millisecond.
func startLab(t *testing.T, settings ...string) *labNode {
	t.Helper()
	return startLabAhead(t, 0, settings...)
}

// startLabAhead starts a node whose clock is ahead of the one that stamps its files: what it stores is as old at once.
func startLabAhead(t *testing.T, ahead time.Duration, settings ...string) *labNode {
	t.Helper()
	n := &labNode{disk: newLabDisk()}
	now := func() time.Time { return time.Now().Add(ahead) }
	all := append([]string{"memory", "false", "data", "/data", "mappedFileSizeCommitLog", "64k", "maxMessageSize", "16k"}, settings...)
	var err error
	if n.Server, err = tryStartIn(t, world{disk: n.disk, now: now, lookEvery: time.Millisecond}, all...); err != nil {
		t.Fatal(err)
	}
	n.peer = n.Server.dial(t)
	return n
}

// fill sends five segments full of messages.
func (n *labNode) fill() {
	n.t.Helper()
	for range 40 {
		n.mustSend("T", strings.Repeat("x", 8000))
	}
}

// untilClock is how far ahead this time of the day after tomorrow is.
func untilClock(hour, minute int) time.Duration {
	y, m, d := time.Now().AddDate(0, 0, 2).Date()
	return time.Until(time.Date(y, m, d, hour, minute, 0, 0, time.Local))
}

// wantKept checks whether all messages are still there after the store has looked for what is to go. The disk's use is asked for once
// by a look and, if something goes, once or twice for the room that its cut needs; once by a cut on its own. So one look or cut may be under
// way already, a cut may follow, then comes a look, and the next question shows that all that it deleted is gone.
func (n *labNode) wantKept(when string, want bool) {
	n.t.Helper()
	for range 3 + 1 + 3 + 1 {
		<-n.disk.looked
	}
	least := n.call(protocol.ReqGetMinOffset, "", "topic", "T", "queueId", "0").Fields.String("offset")
	if kept := least == "0"; kept != want {
		n.t.Errorf("%s: messages are there from offset %s on; kept all: %v, want %v", when, least, kept, want)
	}
}

// everyHour keeps the hour of the day out of a test.
const everyHour = "0;1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23"

func testFlushDiskType(t *testing.T) {
	for value, code := range map[string]int32{"SYNC_FLUSH": protocol.ResFlushDiskTimeout, "ASYNC_FLUSH": protocol.ResSuccess} {
		n := startLab(t, "flushDiskType", value, "syncFlushTimeout", "100")
		n.mustSend("T", "x")
		release := n.disk.stall(t)
		n.wantCode(n.send("T", "x"), code, "")
		release()
		n.mustSend("T", "x")
	}
}

// testSyncFlushTimeout takes two values that are far from each other and from the default of five seconds.
func testSyncFlushTimeout(t *testing.T) {
	for _, limit := range []time.Duration{20 * time.Millisecond, 700 * time.Millisecond} {
		n := startLab(t, "syncFlushTimeout", strconv.FormatInt(limit.Milliseconds(), 10))
		n.mustSend("T", "x")
		n.disk.stall(t)
		begin := time.Now()
		n.wantCode(n.send("T", "x"), protocol.ResFlushDiskTimeout, "")
		if took := time.Since(begin); took < limit || took > 4*time.Second {
			t.Errorf("%v: answered after %v", limit, took)
		}
	}
}

// testMaxPendingBytes lets one message wait for the disk and sends a second for which there is no room beside it.
func testMaxPendingBytes(t *testing.T) {
	n := startLab(t, "maxPendingBytes", "1m", "mappedFileSizeCommitLog", "16m", "maxMessageSize", "1m")
	n.mustSend("T", "x")
	release := n.disk.stall(t)
	body := strings.Repeat("x", 600<<10)
	first := n.Server.dial(t)
	answered := make(chan *protocol.Frame)
	go func() { answered <- first.send("T", body) }()
	<-n.disk.synced
	n.wantCode(n.send("T", body), protocol.ResSystemBusy, strconv.Itoa(1<<20))
	release()
	n.wantCode(<-answered, protocol.ResSuccess, "")
	n.mustSend("T", body)
}

func testMaxStoreSize(t *testing.T) {
	for value, kept := range map[string]bool{"0": true, "100m": true, "150k": false} {
		n := startLab(t, "maxStoreSize", value)
		n.fill()
		n.wantKept("maxStoreSize="+value, kept)
	}
}

func testFileReservedTime(t *testing.T) {
	for hours, kept := range map[time.Duration]bool{47: true, 49: false} {
		n := startLabAhead(t, hours*time.Hour, "fileReservedTime", "48", "deleteWhen", everyHour)
		n.fill()
		n.wantKept(fmt.Sprintf("after %d hours", hours), kept)
	}
}

func testDeleteWhen(t *testing.T) {
	for hour, kept := range map[int]bool{4: true /* the default */, 16: false} {
		n := startLabAhead(t, untilClock(hour, 30), "fileReservedTime", "1", "deleteWhen", "05;16")
		n.fill()
		n.wantKept(fmt.Sprintf("at half past %d", hour), kept)
	}
}

func testDiskMaxUsedRatio(t *testing.T) {
	n := startLabAhead(t, untilClock(12, 30), "diskMaxUsedSpaceRatio", "60", "fileReservedTime", "1", "deleteWhen", "4")
	n.fill()
	n.disk.setUsed(59)
	n.wantKept("59 % used", true)
	n.disk.setUsed(61)
	n.wantKept("61 % used", false)
}

// testPort moves the listener with the usual port by the key, and the ones below it by as much. Clients must be served
// there. Where a port is taken, by whatever runs on this machine, the next ones are tried.
func testPort(key string, usual ...int) func(*testing.T) {
	return func(t *testing.T) {
		for port := 23500; port < 24000; port += 10 {
			var before, after []string
			for _, p := range usual {
				before = append(before, fmt.Sprintf("127.0.0.1:%d", p))
				after = append(after, fmt.Sprintf("127.0.0.1:%d", port+p-usual[0]))
			}
			s, err := tryStart(t, "listen", strings.Join(before, ";"), key, strconv.Itoa(port))
			if errors.Is(err, syscall.EADDRINUSE) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(after, s.Addrs()); diff != "" {
				t.Errorf("listeners (-want +got):\n%s", diff)
			}
			for _, addr := range after {
				wantServed(t, addr)
			}
			return
		}
		t.Fatal("no port is free from 23500 to 23999")
	}
}

// wantServed sends a message to the address, finds its own route there, and the metrics.
func wantServed(t *testing.T, addr string) {
	t.Helper()
	p := dial(t, addr)
	p.mustSend("T", "x")
	if r := p.route("T"); r == nil {
		t.Errorf("%s: no route", addr)
	}
	if text := get(t, "http://"+addr+"/metrics"); !strings.Contains(text, "aerobee_") {
		t.Errorf("%s/metrics: %s", addr, text)
	}
}

// get fetches a page that must be there.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(text)
}
