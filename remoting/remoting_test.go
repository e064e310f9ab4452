package remoting

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/protocol"
)

// pair is a TCP connection over the loopback.
func pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// serve gives one loopback connection to a new server, which the test's end shuts down.
func serve(t testing.TB, o Options, wrap func(net.Conn) net.Conn) (net.Conn, *Server) {
	t.Helper()
	client, nc := pair(t)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := NewServer(o)
	if wrap != nil {
		nc = wrap(nc)
	}
	s.Serve(nc, ConnInfo{})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
		_ = client.Close()
	})
	return client, s
}

func request(code, opaque int32, body string) []byte {
	return protocol.AppendFrame(nil, &protocol.Frame{Code: code, Opaque: opaque, Version: 513, Body: []byte(body)})
}

// receive reads one frame.
func receive(t testing.TB, r io.Reader) *protocol.Frame {
	t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatalf("reading an answer: %v", err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	f := &protocol.Frame{}
	if err := protocol.DecodeFrame(b, f); err != nil {
		t.Fatal(err)
	}
	return f
}

// echo answers a request with its own body.
func echo(c *Conn, f *protocol.Frame) {
	r := f.Reply(0, "")
	_ = c.SendBody(&r, f.Body)
}

func echoMux() *Mux {
	m := NewMux()
	m.Handle(1, "ECHO", echo)
	return m
}

func TestAnswers(t *testing.T) {
	m := echoMux()
	seen := make(chan int32, 10)
	m.Handle(2, "NOTE", func(c *Conn, f *protocol.Frame) { seen <- f.Opaque; echo(c, f) })
	client, _ := serve(t, Options{Mux: m}, nil)
	send := func(b []byte) {
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	// Neither a served nor an unknown one-way request is answered; the next answer is the third request's.
	send(protocol.AppendFrame(nil, &protocol.Frame{Code: 2, Opaque: 5, Flag: protocol.FlagOneway}))
	send(protocol.AppendFrame(nil, &protocol.Frame{Code: 77, Opaque: 6, Flag: protocol.FlagOneway}))
	send(request(78, 7, ""))
	f := receive(t, client)
	if f.Opaque != 7 || f.Code != 3 || f.Remark != " request type 78 not supported" || f.Version != protocol.CurrentVersion {
		t.Errorf("answer to an unknown request: %+v", f)
	}
	if got := <-seen; got != 5 {
		t.Errorf("the one-way request's opaque is %d", got)
	}
	// The answer mirrors the header encoding.
	send(protocol.AppendFrame(nil, &protocol.Frame{Encoding: protocol.Binary, Code: 1, Opaque: 8, Body: []byte("hi")}))
	if f := receive(t, client); f.Encoding != protocol.Binary || f.Opaque != 8 || string(f.Body) != "hi" || f.Flag != protocol.FlagResponse {
		t.Errorf("answer to a binary request: %+v", f)
	}
}

func TestTornFrames(t *testing.T) {
	both := func(name string, wrap func(net.Conn) net.Conn) {
		t.Run(name, func(t *testing.T) {
			client, _ := serve(t, Options{Mux: echoMux()}, wrap)
			stream := append(request(1, 1, "first"), request(1, 2, strings.Repeat("x", 300))...)
			for i := range stream {
				if _, err := client.Write(stream[i : i+1]); err != nil {
					t.Fatal(err)
				}
				if i%5 == 0 {
					runtime.Gosched() // let the reader come in between
				}
			}
			if f := receive(t, client); f.Opaque != 1 || string(f.Body) != "first" {
				t.Errorf("first answer %+v", f)
			}
			if f := receive(t, client); f.Opaque != 2 || len(f.Body) != 300 {
				t.Errorf("second answer %+v", f)
			}
		})
	}
	both("raw", nil)
	both("plain", func(nc net.Conn) net.Conn { return plainConn{nc} })
}

// plainConn hides the socket, as TLS does.
type plainConn struct{ net.Conn }

func TestFramesOfAllSizes(t *testing.T) {
	both := func(name string, wrap func(net.Conn) net.Conn) {
		t.Run(name, func(t *testing.T) {
			client, s := serve(t, Options{Mux: echoMux()}, wrap)
			sizes := []int{0, 1, 1000, 65000, 65536, 70000, 3, 200_000, 600_000, 5, 4 << 20, 16<<20 - 500, 7}
			go func() {
				for i, n := range sizes {
					_, _ = client.Write(request(1, int32(i), strings.Repeat("s", n)))
				}
			}()
			for i, n := range sizes {
				if f := receive(t, client); f.Opaque != int32(i) || len(f.Body) != n {
					t.Fatalf("answer %d has opaque %d and %d bytes, want %d", i, f.Opaque, len(f.Body), n)
				}
			}
			_ = client.Close()
			for c := range s.Conns() {
				<-c.Done()
				c.Wait()
			}
			if held := s.host.held.Load(); held != 0 {
				t.Errorf("%d bytes are still counted as held", held)
			}
		})
	}
	both("raw", nil)
	both("plain", func(nc net.Conn) net.Conn { return plainConn{nc} })
}

func TestAnnouncedFrameCostsNothing(t *testing.T) {
	client, s := serve(t, Options{Mux: echoMux()}, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := client.Write([]byte{0, 0xFF, 0xFF, 0xF0, 0, 0, 1, 0, '{'}); err != nil {
		t.Fatal(err)
	}
	_ = client.(*net.TCPConn).CloseWrite()
	for c := range s.Conns() {
		c.Wait()
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("a frame announced as 16 MiB made the server allocate %d bytes", grown)
	}
}

func TestRefusedFrames(t *testing.T) {
	check := func(stream []byte, rule, number string) {
		t.Helper()
		log := &logtext.Buffer{}
		client, _ := serve(t, Options{Logger: log.Logger()}, nil)
		if _, err := client.Write(stream); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: the connection is still open", rule)
		}
		line := log.String()
		if !strings.Contains(line, rule) || !strings.Contains(line, number) || !strings.Contains(line, client.LocalAddr().String()) ||
			strings.Count(line, "\n") != 1 {
			t.Errorf("log %q, want one line with %q, %q and the peer", line, rule, number)
		}
	}
	check([]byte{1, 0, 0, 0}, "frame length out of range", "number=16777216 limit=16777212")
	check([]byte{0, 0, 0, 3}, "frame length out of range", "number=3")
	check([]byte{0xFF, 0xFF, 0xFF, 0xFF}, "frame length out of range", "number=4294967295")
	check([]byte{0, 0, 0, 8, 0, 0, 0, 5}, "header length exceeds the frame", "number=5 limit=4")
	check([]byte{0, 32, 0, 9, 0, 32, 0, 1}, "header too large (maxHeaderSize)", "number=2097153 limit=2097152")
	check([]byte{0, 0, 0, 6, 0, 0, 0, 2, '{', 'x'}, "malformed frame: JSON header of 2 bytes is wrong at byte 1", "number=6")
}

func TestInvokeOutOfOrder(t *testing.T) {
	var held []protocol.Frame // touched by the server's reader alone
	m := NewMux()
	m.Handle(1, "HOLD", func(c *Conn, f *protocol.Frame) {
		held = append(held, *f.Clone())
		if len(held) < 3 {
			return
		}
		for i := len(held) - 1; i >= 0; i-- {
			echo(c, &held[i])
		}
	})
	client, _ := serve(t, Options{Mux: m}, nil)
	c := Client(client, Options{})
	defer func() { _ = c.Close(); c.Wait() }()
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			body := fmt.Sprint("body ", i)
			r, err := c.Invoke(t.Context(), &protocol.Frame{Code: 1, Body: []byte(body)})
			if err != nil || string(r.Body) != body {
				t.Errorf("answer %v, %v, want %s", r, err, body)
			}
		})
	}
	all.Wait()
}

func TestServerToClientInvoke(t *testing.T) {
	opened := make(chan *Conn, 1)
	client, _ := serve(t, Options{Mux: echoMux(), Opened: func(c *Conn) { opened <- c }}, nil)
	m := NewMux()
	m.Handle(221, "ASK", func(c *Conn, f *protocol.Frame) {
		f = f.Clone()
		if !c.Go(func() { // opaque 1 on both sides at once
			r, err := c.Invoke(context.Background(), &protocol.Frame{Code: 1, Body: []byte("inner")})
			if err != nil || string(r.Body) != "inner" {
				t.Errorf("inner answer %v, %v", r, err)
			}
			a := f.Reply(0, "")
			_ = c.SendBody(&a, []byte("outer"))
		}) {
			t.Error("Go refused")
		}
	})
	c := Client(client, Options{Mux: m})
	defer func() { _ = c.Close(); c.Wait() }()
	r, err := (<-opened).Invoke(t.Context(), &protocol.Frame{Code: 221})
	if err != nil || string(r.Body) != "outer" || r.Opaque != 1 {
		t.Errorf("answer %v, %v", r, err)
	}
}

func TestInvokeEnds(t *testing.T) {
	m := NewMux()
	m.Handle(1, "SILENT", func(*Conn, *protocol.Frame) {})
	m.Handle(2, "HANGUP", func(c *Conn, _ *protocol.Frame) { _ = c.Close() })
	client, _ := serve(t, Options{Mux: m}, nil)
	c := Client(client, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Invoke(ctx, &protocol.Frame{Code: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if _, err := c.Invoke(t.Context(), &protocol.Frame{Code: 2}); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	c.Wait()
	if err := c.Send(&protocol.Frame{Code: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("Send on a closed connection: %v", err)
	}
	if c.calls.count != 0 {
		t.Errorf("%d calls are still waiting", c.calls.count)
	}
}

// countingConn counts the writes that reach the socket.
type countingConn struct {
	*net.TCPConn
	writes *atomic.Int64
}

func (c countingConn) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.TCPConn.SyscallConn()
	return countingRaw{raw, c.writes}, err
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(b)
}

type countingRaw struct {
	syscall.RawConn
	writes *atomic.Int64
}

func (c countingRaw) Write(f func(uintptr) bool) error {
	c.writes.Add(1)
	return c.RawConn.Write(f)
}

func TestPipelinedAnswersShareWrites(t *testing.T) {
	const n = 10_000
	var writes, batches atomic.Int64
	client, _ := serve(t, Options{Mux: echoMux(), AfterRead: func(*Conn, bool) { batches.Add(1) }}, func(nc net.Conn) net.Conn {
		return countingConn{nc.(*net.TCPConn), &writes}
	})
	var stream []byte
	for i := range n {
		stream = append(stream, request(1, int32(i), "0123456789")...)
	}
	go func() { _, _ = client.Write(stream) }()
	for i := range n {
		if f := receive(t, client); f.Opaque != int32(i) {
			t.Fatalf("answer %d has opaque %d", i, f.Opaque)
		}
	}
	// A buffer of requests writes once, and a batch is one buffer or a few.
	w, b := writes.Load(), batches.Load()
	if b > n/20 || w > n/20 {
		t.Errorf("%d requests came in %d batches and were answered with %d writes", n, b, w)
	}
}

func TestAppendAndFlush(t *testing.T) {
	var writes atomic.Int64
	opened := make(chan *Conn, 1)
	client, _ := serve(t, Options{Opened: func(c *Conn) { opened <- c }}, func(nc net.Conn) net.Conn {
		return countingConn{nc.(*net.TCPConn), &writes}
	})
	c := <-opened
	for i := range int32(500) {
		c.Append(&protocol.Frame{Opaque: i, Flag: protocol.FlagResponse})
	}
	if c.PendingBytes() == 0 || writes.Load() != 0 {
		t.Errorf("%d bytes pending, %d writes before the flush", c.PendingBytes(), writes.Load())
	}
	c.Flush()
	if c.PendingBytes() != 0 || writes.Load() != 1 {
		t.Errorf("%d bytes pending, %d writes after the flush", c.PendingBytes(), writes.Load())
	}
	for i := range int32(500) {
		if f := receive(t, client); f.Opaque != i {
			t.Fatalf("answer %d has opaque %d", i, f.Opaque)
		}
	}
}

func TestFullSocketLosesNothing(t *testing.T) {
	opened := make(chan *Conn, 1)
	client, s := serve(t, Options{Opened: func(c *Conn) { opened <- c }}, nil)
	c := <-opened
	const n, size = 400, 100_000 // far more than the socket's buffers
	body := bytes.Repeat([]byte("z"), size)
	for i := range int32(n) {
		if err := c.SendBody(&protocol.Frame{Opaque: i, Flag: protocol.FlagResponse}, body[:size/2], body[size/2:]); err != nil {
			t.Fatal(err)
		}
	}
	if c.PendingBytes() == 0 {
		t.Error("the socket took 40 MB")
	}
	if held, pending := s.host.held.Load(), c.PendingBytes(); held < pending || held > pending+pending/2 {
		t.Errorf("%d bytes counted as held, %d pending", held, pending) // buffers count by their room
	}
	for i := range int32(n) {
		if f := receive(t, client); f.Opaque != i || len(f.Body) != size {
			t.Fatalf("answer %d: opaque %d, %d bytes", i, f.Opaque, len(f.Body))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if held := s.host.held.Load(); held != 0 {
		t.Errorf("%d bytes still counted as held", held)
	}
}

func TestManySendersKeepTheirOrder(t *testing.T) {
	const senders, each = 8, 1500
	opened := make(chan *Conn, 1)
	client, s := serve(t, Options{Opened: func(c *Conn) { opened <- c }}, nil)
	c := <-opened
	body := make([]byte, 2000) // 24 MB in all: the socket is full now and then
	var all sync.WaitGroup
	for sender := range int32(senders) {
		all.Go(func() {
			for i := range int32(each) {
				f := protocol.Frame{Code: sender, Opaque: i, Flag: protocol.FlagResponse, Body: body[:i]}
				if i%3 == 0 {
					c.Append(&f)
					continue
				}
				if err := c.Send(&f); err != nil {
					t.Error(err)
				}
			}
			c.Flush()
		})
	}
	var next [senders]int32
	for range senders * each {
		f := receive(t, client)
		if f.Opaque != next[f.Code] || len(f.Body) != int(f.Opaque) {
			t.Fatalf("sender %d: frame %d of %d bytes, want %d", f.Code, f.Opaque, len(f.Body), next[f.Code])
		}
		next[f.Code]++
	}
	all.Wait()
	if err := s.Shutdown(t.Context()); err != nil || c.PendingBytes() != 0 || s.host.held.Load() != 0 {
		t.Errorf("%v, %d bytes pending, %d held", err, c.PendingBytes(), s.host.held.Load())
	}
}

func TestSlowReaderIsDropped(t *testing.T) {
	check := func(o Options, rule string) {
		t.Helper()
		log := &logtext.Buffer{}
		opened := make(chan *Conn, 1)
		o.Logger, o.Opened = log.Logger(), func(c *Conn) { opened <- c }
		_, s := serve(t, o, nil)
		c := <-opened
		body := make([]byte, 1<<20)
		var err error
		for range 100 {
			if err = c.SendBody(&protocol.Frame{Flag: protocol.FlagResponse}, body); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrClosed) || !strings.Contains(log.String(), rule) {
			t.Errorf("error %v, log %s, want %q", err, log.String(), rule)
		}
		c.Wait()
		if held := s.host.held.Load(); held != 0 || c.PendingBytes() != 0 {
			t.Errorf("%d bytes held, %d pending after the close", held, c.PendingBytes())
		}
	}
	check(Options{MaxPendingBytes: 8 << 20}, "slow reader")
	check(Options{MaxHeldBytes: 8 << 20}, "unsent answers and unfinished frames of all connections exceed the limit")
}

// pipeServer serves one end of an in-memory pipe, for tests with a false clock.
func pipeServer(o Options) (net.Conn, *Server) {
	client, nc := net.Pipe()
	s := NewServer(o)
	s.Serve(nc, ConnInfo{})
	return client, s
}

func TestIdleClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		client, s := pipeServer(Options{Mux: echoMux(), Logger: slog.New(slog.DiscardHandler)})
		time.Sleep(100 * time.Second)
		if _, err := client.Write(request(1, 1, "")); err != nil { // puts the end off
			t.Fatal(err)
		}
		receive(t, client)
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read %v, want EOF", err)
		}
		if got := time.Since(start); got != 220*time.Second {
			t.Errorf("closed after %v, want 120 s after the last byte", got)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestUnfinishedFrameEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logtext.Buffer{}
		client, s := pipeServer(Options{Logger: log.Logger()})
		var sent atomic.Int64
		var writer sync.WaitGroup
		writer.Go(func() { // a byte every minute would keep an idle connection alive for ever
			for _, b := range request(1, 1, strings.Repeat("x", 100)) {
				if _, err := client.Write([]byte{b}); err != nil {
					return
				}
				sent.Add(1)
				time.Sleep(time.Minute)
			}
		})
		for c := range s.Conns() {
			<-c.Done()
		}
		if !strings.Contains(log.String(), "not complete within the idle time") || sent.Load() > 4 {
			t.Errorf("after %d bytes: log %q", sent.Load(), log.String())
		}
		_ = s.Shutdown(t.Context())
		_ = client.Close()
		writer.Wait()
	})
}

func TestDeadReaderIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logtext.Buffer{}
		client, s := pipeServer(Options{Mux: echoMux(), Logger: log.Logger()})
		start := time.Now()
		for c := range s.Conns() {
			if err := c.Send(&protocol.Frame{Code: 40, Flag: protocol.FlagOneway}); err != nil {
				t.Fatal(err)
			}
			<-c.Done()
		}
		if got := time.Since(start); got != 120*time.Second {
			t.Errorf("a peer that takes nothing was dropped after %v", got)
		}
		_ = s.Shutdown(t.Context())
		_ = client.Close()
	})
}

// A bubble does not end while a goroutine of it is left, so this fails if Shutdown forgets one of any kind.
func TestShutdownLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMux()
		m.Handle(1, "TASK", func(c *Conn, _ *protocol.Frame) { c.Go(func() { <-c.Done() }) })
		client, s := pipeServer(Options{Mux: m, Logger: slog.New(slog.DiscardHandler)})
		if _, err := client.Write(append(request(1, 1, ""), request(1, 2, "torn")[:20]...)); err != nil {
			t.Fatal(err)
		}
		for c := range s.Conns() {
			go func() { // sends, which starts a writer that the pipe blocks, and waits for an answer
				if _, err := c.Invoke(context.Background(), &protocol.Frame{Code: 40}); !errors.Is(err, ErrClosed) {
					t.Errorf("Invoke: %v", err)
				}
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		_ = client.Close()
	})
}

func TestShutdownWaitsForAnswers(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{})
	m := NewMux()
	m.Handle(1, "SLOW", func(c *Conn, f *protocol.Frame) {
		f = f.Clone()
		c.Go(func() {
			close(started)
			<-release
			echo(c, f)
		})
	})
	client, s := serve(t, Options{Mux: m}, nil)
	if _, err := client.Write(request(1, 9, "late")); err != nil {
		t.Fatal(err)
	}
	<-started
	s.Drain()
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if f := receive(t, client); f.Opaque != 9 || string(f.Body) != "late" {
		t.Errorf("answer %+v", f)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the shutdown: %v", err)
	}
	late, nc := pair(t)
	s.Serve(nc, ConnInfo{})
	if _, err := late.Read(make([]byte, 1)); err == nil {
		t.Error("a server that is shut down took a connection")
	}
}

func TestShutdownCutsOff(t *testing.T) {
	m := NewMux()
	handled := make(chan struct{}, 1)
	m.Handle(1, "NEVER", func(*Conn, *protocol.Frame) { handled <- struct{}{} })
	client, s := serve(t, Options{Mux: m}, nil)
	if _, err := client.Write(request(1, 1, "")); err != nil {
		t.Fatal(err)
	}
	<-handled
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 requests unanswered") {
		t.Errorf("error %v", err)
	}
}

func TestLimitsOfConnectionsAndTasks(t *testing.T) {
	log := &logtext.Buffer{}
	opened := make(chan *Conn, 1)
	_, s := serve(t, Options{MaxConns: 1, MaxTasks: 1, Logger: log.Logger(), Opened: func(c *Conn) { opened <- c }}, nil)
	second, nc := pair(t)
	s.Serve(nc, ConnInfo{})
	if _, err := second.Read(make([]byte, 1)); err == nil || !strings.Contains(log.String(), "too many connections") {
		t.Errorf("the second connection: %v, log %s", err, log.String())
	}
	c := <-opened
	stop := make(chan struct{})
	if !c.Go(func() { <-stop }) || c.Go(func() {}) {
		t.Error("the limit of tasks is not 1")
	}
	close(stop)
	_ = c.Close()
	c.Wait()
	if c.Go(func() {}) {
		t.Error("Go on a closed connection")
	}
	if n := s.host.tasks.Load(); n != 0 {
		t.Errorf("%d tasks counted", n)
	}
}

func TestConnFacts(t *testing.T) {
	client, nc := net.Pipe()
	defer client.Close()
	s := NewServer(Options{Mux: echoMux()})
	closed := make(chan *Conn, 1)
	s.host.Closed = func(c *Conn) { closed <- c }
	info := ConnInfo{TLVs: map[byte][]byte{0xEA: []byte("vpc")}, Prefix: request(1, 3, "prefix")}
	s.Serve(nc, info)
	if f := receive(t, client); string(f.Body) != "prefix" {
		t.Errorf("answer to the prefix: %+v", f)
	}
	for c := range s.Conns() {
		c.SetSession("who")
		if v, ok := c.TLV(0xEA); !ok || string(v) != "vpc" {
			t.Errorf("TLV %q, %v", v, ok)
		}
		_ = c.Close()
	}
	if c := <-closed; c.Session() != "who" {
		t.Errorf("session %v", c.Session())
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
