package aerobee

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/faultfs"
	"github.com/aerobee-mq/aerobee/protocol"
)

// faultyWorld is the real disk, and a clock, that fail as the script says.
func faultyWorld(t *testing.T) (world, func(script string)) {
	t.Helper()
	f := &faultfs.Faults{}
	set := func(script string) {
		t.Helper()
		if err := f.Set(script); err != nil {
			t.Fatal(err)
		}
	}
	return world{disk: f.Wrap(roomyDisk{vfs.Default}), now: f.Now, lookEvery: 5 * time.Millisecond}, set
}

// roomyDisk is a disk with much room, whatever the machine has: retention keeps out of a test.
type roomyDisk struct{ vfs.FS }

// GetDiskUsage says that a tenth is used.
func (roomyDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{TotalBytes: 100 << 30, UsedBytes: 10 << 30, AvailBytes: 90 << 30}, nil
}

// small makes segments of 1 MiB and keeps little in memory, so that reads come from the disk.
func small() []string {
	return []string{"mappedFileSizeCommitLog", "1m", "maxMessageSize", "128k", "memoryLimit", "1m"}
}

// TestWritesThatFail refuses what the disk does not take, and takes it when the disk does.
func TestWritesThatFail(t *testing.T) {
	for script, remark := range map[string]string{
		"write commitlog/* eio":    "input/output error",
		"write commitlog/* short":  "short write",
		"write commitlog/* erofs":  "read-only file system",
		"write commitlog/* enospc": "no space left on device",
	} {
		t.Run(script, func(t *testing.T) {
			w, set := faultyWorld(t)
			dir := t.TempDir()
			n := mustStartOn(t, w, dir, small()...)
			for i := range 30 {
				n.mustSend("T", bodyOf(i))
			}
			n.wantAll("before", 30)
			set(script)
			for range 5 {
				n.wantCode(n.send("T", bodyOf(30)), protocol.ResServiceNotAvailable, remark)
			}
			n.wantAll("while writes fail", 30)
			n.wantCode(n.commitOffset(7), protocol.ResSuccess, "")
			n.wantReady(503, remark)
			n.wantMetric("aerobee_disk_refuses_writes", 1)
			if n.metric(`aerobee_sends_refused_total{reason="disk_error"}`)+n.metric(`aerobee_sends_refused_total{reason="disk_full"}`) != 5 {
				t.Error("the metrics do not count 5 refused sends")
			}
			if got := n.log.Count("commit log refuses what it cannot write"); got != 1 {
				t.Errorf("the log says so %d times, want once:\n%s", got, n.log)
			}
			set("")
			n.until("readiness", func() bool { code, _ := n.page("/ready"); return code == 200 }) // nobody sends
			n.mustSend("T", bodyOf(30))
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			n = mustStartOn(t, w, dir, small()...)
			n.wantAll("after a restart", 31)
		})
	}
}

// TestFailedSyncStopsTheNode answers nothing with success any more until a restart, and reads go on.
func TestFailedSyncStopsTheNode(t *testing.T) {
	w, set := faultyWorld(t)
	dir := t.TempDir()
	n := mustStartOn(t, w, dir, small()...)
	for i := range 30 {
		n.mustSend("T", bodyOf(i))
	}
	n.wantAll("before", 30)
	set("sync commitlog/* eio times=1")
	n.wantCode(n.send("T", bodyOf(30)), protocol.ResServiceNotAvailable, "commit log has failed: sync of segment")
	set("")
	n.wantCode(n.send("T", bodyOf(30)), protocol.ResServiceNotAvailable, "nothing is written until it is opened again")
	if r := n.commitOffset(5); r.Code == protocol.ResSuccess {
		t.Error("an offset is taken that cannot be kept")
	}
	n.wantAll("after a failed sync", 30)
	n.wantReady(503, "input/output error")
	n.wantMetric("aerobee_sync_failed", 1)
	n.wantMetric(`aerobee_sends_refused_total{reason="sync_failed"}`, 2)
	if got := n.log.Count("commit log stops: a sync failed"); got != 1 {
		t.Errorf("the log says so %d times, want once:\n%s", got, n.log)
	}
	if err := n.Close(); err == nil {
		t.Error("the stop says nothing")
	}
	n = mustStartOn(t, w, dir, small()...)
	n.wantAll("after a restart", 30)
	n.wantMetric("aerobee_sync_failed", 0)
	n.mustSend("T", bodyOf(30))
}

// TestReadsThatFail names what the disk does not give, and gives it when the disk does: nothing is passed over.
func TestReadsThatFail(t *testing.T) {
	w, set := faultyWorld(t)
	n := mustStartOn(t, w, t.TempDir(), small()...)
	for i := range 60 {
		n.mustSend("T", bodyOf(i))
	}
	set("read commitlog/00000000000000000000 eio")
	r := n.pull("g", "T", 0, 0)
	if r.Code == protocol.ResSuccess || r.Code == protocol.ResPullRetryImmediately {
		t.Errorf("a pull that cannot be read: code %d %s", r.Code, r.Remark)
	}
	n.wantCode(r, r.Code, "topic T, queue 0, offset 0")
	n.wantCode(r, r.Code, "00000000000000000000")
	if n.metric("aerobee_unreadable_reads_total") == 0 {
		t.Error("the metrics do not tell of it")
	}
	n.wantCode(n.pull("g", "T", 59, 0), protocol.ResSuccess, "")
	n.mustSend("T", bodyOf(60))
	set("")
	n.wantAll("when it can be read again", 61)
}

// TestFlippedBitsInReads passes over what is not what was stored, by name: what is served is whole.
func TestFlippedBitsInReads(t *testing.T) {
	w, set := faultyWorld(t)
	n := mustStartOn(t, w, t.TempDir(), small()...)
	for i := range 60 {
		n.mustSend("T", bodyOf(i))
	}
	set("read commitlog/00000000000000000000 flip")
	r := n.pull("g", "T", 0, 0)
	n.wantCode(r, r.Code, "")
	if next := r.Fields.String("nextBeginOffset"); next == "0" {
		t.Error("the consumer is stuck at offset 0")
	}
	if n.metric("aerobee_damaged_records_total") == 0 || n.log.Count("a stored message is damaged and is passed over") == 0 {
		t.Errorf("neither the metrics nor the log tell of it:\n%s", n.log)
	}
	if _, text := n.page("/api/v1/store"); !strings.Contains(text, `"troubles":["stored messages found damaged and passed over: `) {
		t.Errorf("/api/v1/store says %s", text)
	}
	set("")
	n.wantAll("when the reads are sound again", 60)
}

// TestJumpingClock sets the clock forward by years and back by hours under a running node.
func TestJumpingClock(t *testing.T) {
	w, set := faultyWorld(t)
	n := mustStartOn(t, w, t.TempDir(), append(small(), "deleteWhen", everyHour, "fileReservedTime", "1")...)
	for i := range 60 {
		n.mustSend("T", bodyOf(i))
	}
	n.wantAll("before", 60)
	set("clock +26280h") // three years
	n.until("the jump", func() bool { return n.metric(`aerobee_clock_jumps_total{direction="forth"}`) == 1 })
	n.mustSend("T", bodyOf(60))
	n.wantAll("three years later", 61)
	if wait := n.metric("aerobee_retention_age_waits_seconds"); wait < 23*3600 {
		t.Errorf("retention waits %v s", wait)
	}
	held := n.Server.dial(t)
	answered := make(chan *protocol.Frame, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() { answered <- held.pull("g", "T", 61, 500*time.Millisecond) }()
	n.until("the hold", func() bool { return n.metric("aerobee_pulls_held") == 1 })
	set("clock -5h")
	n.until("the jump back", func() bool { return n.metric(`aerobee_clock_jumps_total{direction="back"}`) == 1 })
	select {
	case r := <-answered:
		n.wantCode(r, protocol.ResPullNotFound, "")
	case <-ctx.Done():
		t.Error("a pull on hold does not end when the clock goes back")
	}
	n.mustSend("T", bodyOf(61))
	n.wantAll("five hours earlier", 62)
	n.wantMetric("aerobee_retention_age_waits_seconds", 0)
}
