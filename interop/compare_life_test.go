//go:build numbers

package interop

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// idleFor is how long a server has nothing to do before its memory is read.
const idleFor = 10 * time.Second

// restartBacklog is what a server holds when it is killed.
const restartBacklog = 5_000_000

// startRows begin with a server that is not there.
func startRows() []row {
	machine := contender{name: "machine", title: "this machine"}
	machine.address = func([]int) (string, string) { return "", "" }
	return []row{
		{name: "floor", title: "what the machine can do", order: 5, own: true, contenders: []contender{machine}, round: (*arena).floor,
			text: "No server takes part: 4 KiB written behind the last and `fdatasync`ed in a file that is filled ahead; 1 GiB written in blocks of 1 MiB, past the page cache (O_DIRECT) and " +
				"through it with one `fdatasync` behind; one byte there and back over a TCP connection of this machine between two goroutines; the first touch of pages of anonymous memory.",
			figures: []figure{{Key: "fdatasync", Title: "write and fdatasync of 4 KiB, p50, µs"}, {Key: "direct", Title: "sequential writes, O_DIRECT, MB/s", More: true},
				{Key: "buffered", Title: "sequential writes, page cache, MB/s", More: true}, {Key: "loopback", Title: "TCP round trip, p50, µs", Digits: 1},
				{Key: "touch", Title: "first touch of a page, µs", Digits: 2}}},
		{name: "start", title: "start, and idle memory", order: 10, own: true, contenders: []contender{apacheAsync(), aerobeeSync()}, anchor: "apache-async", round: (*arena).start,
			text: "From exec to the first acknowledged send of a raw client that is already running: it asks the NameServer for a route, then sends to the broker that the route names. " +
				"Apache's NameServer and broker are started at once. Memory is the resident set of all processes 10 s later.",
			figures: []figure{{Key: "first", Title: "exec to first acknowledged send, ms", Beat: true, Must: aerobeeBound(50), Aim: aerobeeBound(16)},
				{Key: "rss", Title: "idle RSS, all roles, MB", Beat: true, Must: aerobeeBound(36), Aim: aerobeeBound(26)}}},
	}
}

// restartRows kill a server that holds messages.
func restartRows() []row {
	return []row{{name: "restart", title: "restart after kill -9 with 5 million messages", order: 40, empty: true, keeps: true, contenders: []contender{apacheAsync(), aerobeeSync()}, anchor: "apache-async", round: (*arena).restart,
		text:    "The process that holds 5 million messages of 1 KiB is killed and started again at once; a raw client counts until its first message is acknowledged, and until the server says that it is ready (Apache: the broker has its route).",
		figures: []figure{{Key: "first", Title: "exec to first acknowledged send, s", Digits: 3, Beat: true, Must: aerobeeBound(0.5), Aim: aerobeeBound(0.2)}, {Key: "ready", Title: "exec to ready, s", Digits: 3, Beat: true}}}}
}

// start measures a server's way from nothing to its first message.
func (a *arena) start(on *standing) map[string]float64 {
	a.t.Helper()
	a.do(on.prepare())
	begin := time.Now()
	a.do(on.launch())
	first, _ := a.awaitFirst(on, begin)
	time.Sleep(min(idleFor, a.span)) // nothing happens, that is the point
	rss, err := on.rss()
	a.do(err)
	return map[string]float64{"first": first.Seconds() * 1e3, "rss": rss}
}

// restart kills what holds the messages and measures its way back.
func (a *arena) restart(on *standing) map[string]float64 {
	a.t.Helper()
	if on.backlog == "" {
		on.backlog = a.topic(on, "restart")
		a.fill(on, on.backlog, int(restartBacklog*a.scale))
	}
	a.do(on.main().kill())
	begin := time.Now()
	a.do(on.main().launch())
	clear(on.warmed)
	first, ready := a.awaitFirst(on, begin)
	return map[string]float64{"first": first.Seconds(), "ready": ready.Seconds()}
}

// awaitFirst returns when a message was first acknowledged, and when the server was ready, after begin. It asks often at
// first and more seldom with time, so that a server that takes seconds is not disturbed by the questions.
func (a *arena) awaitFirst(on *standing, begin time.Time) (first, ready time.Duration) {
	a.t.Helper()
	var failure error
	for first == 0 || ready == 0 {
		if first == 0 {
			if failure = firstSend(on.namesrv); failure == nil {
				first = time.Since(begin)
			}
		}
		if first > 0 {
			if err := on.ready(on); err == nil {
				ready = time.Since(begin)
			}
		}
		if time.Since(begin) > readyLimit {
			a.t.Fatalf("%s: no message within %v: %v\n%s", on.name, readyLimit, failure, tail(on.main().logPath(), 800))
		}
		time.Sleep(max(500*time.Microsecond, time.Since(begin)/100))
	}
	return first, ready
}

// firstSend looks up the broker that makes topics by itself and sends a message to a topic there.
func firstSend(namesrv string) error {
	got, err := invoke(namesrv, codeGetRoute, map[string]string{"topic": "TBW102", "acceptStandardJsonOnly": "true"}, nil)
	if err != nil {
		return err
	}
	var route struct {
		BrokerDatas []struct {
			BrokerAddrs map[string]string `json:"brokerAddrs"`
		} `json:"brokerDatas"`
	}
	if err := json.Unmarshal(got.body, &route); err != nil {
		return err
	}
	if len(route.BrokerDatas) == 0 {
		return errors.New("no broker is in the route")
	}
	return send(route.BrokerDatas[0].BrokerAddrs["0"], "first", "hello")
}

// floor measures the machine.
func (a *arena) floor(on *standing) map[string]float64 {
	a.t.Helper()
	dir := filepath.Join(a.root, "floor")
	a.do(os.MkdirAll(dir, 0o755))
	defer os.RemoveAll(dir)
	numbers := map[string]float64{}
	var err error
	numbers["fdatasync"], err = a.syncFloor(filepath.Join(dir, "sync"))
	a.do(err)
	numbers["direct"], err = writeBandwidth(filepath.Join(dir, "direct"), syscall.O_DIRECT)
	a.do(err)
	numbers["buffered"], err = writeBandwidth(filepath.Join(dir, "buffered"), 0)
	a.do(err)
	numbers["loopback"], err = a.loopbackFloor()
	a.do(err)
	numbers["touch"], err = touchFloor()
	a.do(err)
	return numbers
}

const (
	syncBlock      = 4 << 10
	bandwidthBlock = 1 << 20
	bandwidthBytes = 1 << 30
	touchBytes     = 256 << 20
	pageSize       = 4 << 10
)

// syncFloor is the median of writing and syncing a block, in microseconds, in a file that is filled ahead.
func (a *arena) syncFloor(path string) (float64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	fill := make([]byte, bandwidthBlock)
	for range 64 {
		if _, err := f.Write(fill); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	var took []float64
	block := fill[:syncBlock]
	for i, begin := 0, time.Now(); time.Since(begin) < a.span/5 && i < 64*bandwidthBlock/syncBlock; i++ {
		block[0]++
		at := time.Now()
		if _, err := f.WriteAt(block, int64(i)*syncBlock); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		took = append(took, time.Since(at).Seconds()*1e6)
	}
	slices.Sort(took)
	return middle(took), nil
}

// writeBandwidth is how fast a new file grows, in MB (10^6 bytes) per second.
func writeBandwidth(path string, flags int) (float64, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flags, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	block, err := syscall.Mmap(-1, 0, bandwidthBlock, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE) // aligned, as O_DIRECT wants it
	if err != nil {
		return 0, err
	}
	defer syscall.Munmap(block)
	for i := range block {
		block[i] = byte(i)
	}
	begin := time.Now()
	for range bandwidthBytes / bandwidthBlock {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
	}
	if err := syscall.Fdatasync(int(f.Fd())); err != nil {
		return 0, err
	}
	return bandwidthBytes / time.Since(begin).Seconds() / 1e6, nil
}

// loopbackFloor is the median of a byte's way there and back, in microseconds.
func (a *arena) loopbackFloor() (float64, error) {
	l, err := net.Listen("tcp", local(a.ports(1)[0]))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for one := make([]byte, 1); ; {
			if _, err := conn.Read(one); err != nil {
				return
			}
			if _, err := conn.Write(one); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var took []float64
	one := make([]byte, 1)
	for begin := time.Now(); time.Since(begin) < a.span/10; {
		at := time.Now()
		if _, err := conn.Write(one); err != nil {
			return 0, err
		}
		if _, err := conn.Read(one); err != nil {
			return 0, err
		}
		took = append(took, time.Since(at).Seconds()*1e6)
	}
	slices.Sort(took)
	return middle(took), nil
}

// touchFloor is the mean time of the first write to a page of new memory, in microseconds.
func touchFloor() (float64, error) {
	memory, err := syscall.Mmap(-1, 0, touchBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return 0, err
	}
	defer syscall.Munmap(memory)
	begin := time.Now()
	for at := 0; at < touchBytes; at += pageSize {
		binary.NativeEndian.PutUint64(memory[at:], 1)
	}
	return time.Since(begin).Seconds() * 1e6 / (touchBytes / pageSize), nil
}
