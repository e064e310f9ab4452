//go:build unix

package broker

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/aerobee-mq/aerobee/internal/memfs"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// nullLog is a file system that forgets what is written to the commit log: what a message costs beside the disk shows.
type nullLog struct{ vfs.FS }

func (n nullLog) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := n.FS.Create(name, c)
	return forget(name, f), err
}

func (n nullLog) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := n.FS.OpenReadWrite(name, c, o...)
	return forget(name, f), err
}

func forget(name string, f vfs.File) vfs.File {
	if f == nil || !strings.Contains(name, "commitlog") {
		return f
	}
	return nullFile{f}
}

// nullFile drops all that lies behind the beginning, which the log reads again.
type nullFile struct{ vfs.File }

func (n nullFile) WriteAt(p []byte, at int64) (int, error) {
	if at < 64<<10 {
		return n.File.WriteAt(p, at)
	}
	return len(p), nil
}

// benchSends takes requests the whole way, gathered by 64 as a reader finds them in its buffer. It tells the CPU time per message.
func benchSends(b *testing.B, encoding protocol.Encoding, batch int) {
	n := newNode(b, func(_ *Options, so *store.Options) {
		so.FS, so.SegmentSize, so.MemoryLimit = nullLog{memfs.New()}, 1<<30, 64<<20
	})
	p := n.dial()
	p.want(0, p.send("t", 0, "", "make the topic"))
	conn := discarded(b)
	const properties = "TAGS=TagA KEYS=k UNIQ_KEY=7F00000100002A139A5516DCA8E40000 WAIT=true"
	request := protocol.Frame{Encoding: encoding, Code: protocol.ReqSendMessageV2, Version: protocol.CurrentVersion,
		Fields: wire(sendFields("t", 1, properties)), Body: make([]byte, 1024)}
	if batch > 1 {
		request.Code, request.Fields = protocol.ReqSendBatchMessage, wire(sendFields("t", 1, "").with(fields{"m": "true"}))
		body := request.Body
		request.Body = nil
		for range batch {
			request.Body = message.AppendUnit(request.Body, message.Unit{Body: body, Properties: props(properties)})
		}
	}
	raw := protocol.AppendFrame(nil, &request)[4:]
	scratch := make([]byte, len(raw))
	var f protocol.Frame
	sent, before := 0, n.statistics.Totals().Put
	began := cpuTime(b)
	b.ReportAllocs()
	for b.Loop() {
		for sent-int(n.statistics.Totals().Put-before) > 1024 {
			if n.stats.putFailed.Load() > 0 {
				b.Fatal("a send was refused")
			}
			runtime.Gosched()
		}
		for range max(1, 64/batch) {
			copy(scratch, raw)
			if err := protocol.DecodeFrame(scratch, &f); err != nil {
				b.Fatal(err)
			}
			n.handleSend(conn, &f)
			sent += batch
		}
		n.AfterRead(conn, false)
	}
	b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(sent), "cpu-ns/message")
}

// cpuTime is what this process has used, its collector, its keeper and its system calls included.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(unix.TimevalToNsec(u.Utime) + unix.TimevalToNsec(u.Stime))
}

func BenchmarkSendJSON(b *testing.B)   { benchSends(b, protocol.JSON, 1) }
func BenchmarkSendBinary(b *testing.B) { benchSends(b, protocol.Binary, 1) }
func BenchmarkSendBatch(b *testing.B)  { benchSends(b, protocol.Binary, 32) }

// BenchmarkPull answers pulls of 32 messages of 1 KiB from memory. It tells the CPU time per message.
func BenchmarkPull(b *testing.B) {
	n := newNode(b, func(_ *Options, so *store.Options) {
		so.FS, so.SegmentSize, so.MemoryLimit = nullLog{memfs.New()}, 64<<20, 64<<20
	})
	p := n.dial()
	const messages = 4096
	for range messages {
		p.want(0, p.send("t", 0, "TAGS=TagA UNIQ_KEY=7F00000100002A139A5516DCA8E40000", string(make([]byte, 1024))))
	}
	p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0), nil))
	conn := discarded(b)
	var f protocol.Frame
	asked, before := 0, n.statistics.Totals().Got
	began := cpuTime(b)
	b.ReportAllocs()
	for b.Loop() {
		for asked-int(n.statistics.Totals().Got-before) > 8*32 || conn.PendingBytes() > 8<<20 {
			select {
			case <-conn.Done():
				b.Fatal("the connection is closed")
			default:
				time.Sleep(50 * time.Microsecond)
			}
		}
		request := protocol.AppendFrame(nil, &protocol.Frame{Encoding: protocol.Binary, Code: protocol.ReqPullMessage, Version: protocol.CurrentVersion,
			Fields: wire(pullFields("g", "t", 0, int64(asked%messages)))})[4:]
		if err := protocol.DecodeFrame(request, &f); err != nil {
			b.Fatal(err)
		}
		n.handlePull(conn, &f)
		asked += 32
	}
	b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(asked), "cpu-ns/message")
}
