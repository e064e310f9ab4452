package remoting

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// asker is an Answerer that hands on what it is told.
type asker chan string

func (a asker) Answered(f *protocol.Frame, err error) {
	switch {
	case errors.Is(err, ErrNoAnswer):
		a <- "late"
	case errors.Is(err, ErrClosed):
		a <- "closed"
	case err != nil:
		a <- err.Error()
	default:
		a <- string(f.Body)
	}
}

// askMux answers request 1 with its own body, keeps request 2 for itself, and hangs up at request 3.
func askMux() *Mux {
	m := NewMux()
	m.Handle(1, "ECHO", func(c *Conn, f *protocol.Frame) {
		r := f.Reply(0, "")
		_ = c.SendBody(&r, f.Body)
	})
	m.Handle(2, "SILENT", func(*Conn, *protocol.Frame) {})
	m.Handle(3, "HANGUP", func(c *Conn, _ *protocol.Frame) { _ = c.Close() })
	return m
}

func binaryHead(code int32, body string) []byte {
	return protocol.AppendHead(nil, &protocol.Frame{Encoding: protocol.Binary, Code: code, Version: 513}, len(body))
}

func TestBegin(t *testing.T) {
	nc, _ := serve(t, Options{Mux: askMux()}, nil)
	c := Client(nc, Options{})
	begin := func(code int32, body string, deadline time.Time) (int32, asker) {
		t.Helper()
		a := make(asker, 1)
		opaque, err := c.Begin(binaryHead(code, body), []byte(body), deadline, a)
		if err != nil {
			t.Fatal(err)
		}
		return opaque, a
	}
	f := func(a asker, want string) {
		t.Helper()
		if got := <-a; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	opaque, a := begin(1, "hello", time.Time{})
	f(a, "hello")
	if c.Cancel(opaque) {
		t.Error("a request was given up that had been answered")
	}
	opaque, _ = begin(2, "", time.Time{})
	if !c.Cancel(opaque) || c.Cancel(opaque) {
		t.Error("a waiting request must be given up once")
	}
	now := time.Now()
	_, last := begin(2, "", now.Add(40*time.Millisecond))
	_, first := begin(2, "", now.Add(10*time.Millisecond)) // comes before the deadline that the timer was set for
	_, past := begin(2, "", now.Add(-time.Second))
	f(past, "late")
	f(first, "late")
	f(last, "late")
	if waited := time.Since(now); waited < 40*time.Millisecond {
		t.Errorf("given up after %s", waited)
	}
	if _, err := c.Begin(binaryHead(2, ""), nil, time.Time{}, nil); err != nil {
		t.Error(err)
	}
	_, waits := begin(2, "", time.Now().Add(time.Hour))
	_, hangs := begin(3, "", time.Time{})
	f(waits, "closed")
	f(hangs, "closed")
	c.Wait() // the timer of the hour must not be waited for
	if _, err := c.Begin(binaryHead(1, ""), nil, time.Time{}, make(asker, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Begin on a closed connection: %v", err)
	}
}

// TestOpaquesAreNotTakenTwice: requests that wait long keep theirs while the numbers go round.
func TestOpaquesAreNotTakenTwice(t *testing.T) {
	nc, _ := pair(t)
	c := Client(nc, Options{})
	defer func() { _ = c.Close(); c.Wait() }()
	waiting := map[int32]asker{}
	for range 100 { // enough to grow a few times
		a := make(asker, 1)
		opaque, _, err := c.calls.reserve(a, 0)
		if err != nil || waiting[opaque] != nil {
			t.Fatalf("opaque %d, %v", opaque, err)
		}
		waiting[opaque] = a
		for range 7 {
			opaque, _, err := c.calls.reserve(make(asker, 1), 0)
			if err != nil || waiting[opaque] != nil || c.calls.take(opaque) == nil {
				t.Fatalf("opaque %d, %v", opaque, err)
			}
		}
	}
	c.calls.mu.Lock()
	c.calls.last = 1<<31 - 3
	c.calls.mu.Unlock()
	for range 1000 {
		opaque, _, err := c.calls.reserve(make(asker, 1), 0)
		if err != nil || opaque <= 0 || waiting[opaque] != nil || c.calls.take(opaque) == nil {
			t.Fatalf("opaque %d, %v", opaque, err)
		}
	}
	for opaque, a := range waiting {
		if got := c.calls.take(opaque); got != a {
			t.Fatalf("opaque %d belongs to %v", opaque, got)
		}
	}
}

// TestSendersShareWrites: requests of many goroutines take fewer writes than there are requests, and all are answered.
func TestSendersShareWrites(t *testing.T) {
	nc, _ := serve(t, Options{Mux: askMux()}, nil)
	var writes atomic.Int64
	c := Client(countingConn{nc.(*net.TCPConn), &writes}, Options{})
	defer func() { _ = c.Close(); c.Wait() }()
	const senders, each = 32, 200
	var wg sync.WaitGroup
	for range senders {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range each {
				a := make(asker, 1)
				if _, err := c.Begin(binaryHead(1, "x"), []byte("x"), time.Now().Add(10*time.Second), a); err != nil {
					t.Error(err)
					return
				}
				if got := <-a; got != "x" {
					t.Errorf("told %q", got)
				}
			}
		}()
	}
	wg.Wait()
	if n := writes.Load(); n > senders*each/2 {
		t.Errorf("%d writes for %d requests", n, senders*each)
	}
}

// gatedConn lets writes through to the socket while somebody stands at the gate.
type gatedConn struct {
	*net.TCPConn
	entered, gate chan struct{}
}

func (c gatedConn) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.TCPConn.SyscallConn()
	return gatedRaw{raw, c}, err
}

type gatedRaw struct {
	syscall.RawConn
	c gatedConn
}

func (r gatedRaw) Write(f func(uintptr) bool) error {
	r.c.entered <- struct{}{}
	<-r.c.gate
	return r.RawConn.Write(f)
}

// TestBeginSoon: a lone request is written before BeginSoon returns, the next ones by a goroutine of the connection, and those that come while
// it writes all at once.
func TestBeginSoon(t *testing.T) {
	nc, _ := serve(t, Options{Mux: askMux()}, nil)
	gated := gatedConn{nc.(*net.TCPConn), make(chan struct{}, 10), make(chan struct{}, 10)}
	c := Client(gated, Options{})
	defer func() { _ = c.Close(); c.Wait() }()
	if c.raw == nil {
		t.Skip("no writes here that do not wait: another goroutine does them all")
	}
	soon := func(code int32) asker {
		t.Helper()
		a := make(asker, 1)
		if _, err := c.BeginSoon(binaryHead(code, "x"), []byte("x"), time.Now().Add(time.Minute), a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	gated.gate <- struct{}{}
	soon(2)
	if n := len(gated.entered); n != 1 || c.PendingBytes() != 0 {
		t.Fatalf("%d writes for a lone request, %d bytes unsent", n, c.PendingBytes())
	}
	<-gated.entered
	var all []asker
	all = append(all, soon(1))
	<-gated.entered
	for range 100 {
		all = append(all, soon(1))
	}
	last := make(asker, 1)
	if _, err := c.Begin(binaryHead(1, "x"), []byte("x"), time.Now().Add(time.Minute), last); err != nil {
		t.Fatal(err)
	}
	gated.gate <- struct{}{}
	gated.gate <- struct{}{}
	for _, a := range append(all, last) {
		if got := <-a; got != "x" {
			t.Fatalf("told %q", got)
		}
	}
	if n := len(gated.entered); n != 1 {
		t.Errorf("%d more writes for what was appended while one went on, want 1", n)
	}
}

// TestBeginLater: half of what waits or is about to is written as soon as it is there, the rest when the caller says so; a lone request at once.
func TestBeginLater(t *testing.T) {
	nc, _ := serve(t, Options{Mux: askMux()}, nil)
	gated := gatedConn{nc.(*net.TCPConn), make(chan struct{}, 10), make(chan struct{}, 10)}
	for range cap(gated.gate) {
		gated.gate <- struct{}{}
	}
	c := Client(gated, Options{})
	defer func() { _ = c.Close(); c.Wait() }()
	if c.raw == nil {
		t.Skip("no writes here that do not wait: another goroutine does them all")
	}
	f := func(more int, wantLeft bool, writes int) {
		t.Helper()
		left, err := c.BeginLater(binaryHead(2, "x"), []byte("x"), time.Now().Add(time.Minute), make(asker, 1), more)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(gated.entered); left != wantLeft || n != writes {
			t.Errorf("with %d more to come: left %v, %d writes; want %v and %d", more, left, n, wantLeft, writes)
		}
	}
	f(0, false, 1) // lone
	f(4, true, 1)  // one of the 6 in all is unwritten
	f(3, true, 1)
	f(2, false, 2) // half of them
	f(1, true, 2)
	f(0, true, 2)
	c.Flush()
	if n := len(gated.entered); n != 3 || c.PendingBytes() != 0 {
		t.Errorf("%d writes, %d bytes unsent, want 3 and 0", n, c.PendingBytes())
	}
}
