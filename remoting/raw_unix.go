//go:build unix

package remoting

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// rawConn gives access to the socket itself, for reads and writes that do not wait. TLS and test connections have none.
func rawConn(nc net.Conn) syscall.RawConn {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// rawWrite is one write that does not wait. Its fields pass arguments and results through the callback, so that a write
// allocates nothing.
type rawWrite struct {
	fn  func(fd uintptr) bool
	b   []byte
	n   int
	err error
}

func (w *rawWrite) init() { w.fn = w.step }

func (w *rawWrite) step(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := syscall.Write(int(fd), w.b[w.n:])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n > 0 {
			w.n += n
		}
		if !errors.Is(err, syscall.EAGAIN) {
			w.err = err
		}
		break
	}
	return true // never wait
}

// write returns how much of b the socket took.
func (w *rawWrite) write(raw syscall.RawConn, b []byte) (int, error) {
	if raw == nil {
		return 0, nil
	}
	w.b, w.n, w.err = b, 0, nil
	err := raw.Write(w.fn)
	if err == nil {
		err = w.err
	}
	w.b = nil
	return w.n, err
}

// rawRead is a read that gives its buffer back while it waits: the poller says when the socket is readable, and only then a
// buffer is borrowed.
type rawRead struct {
	fn  func(fd uintptr) bool
	err error
}

func (r *reader) initRaw() { r.rawIn.fn = r.step }

func (r *reader) step(fd uintptr) bool {
	r.makeRoom()
	for {
		room := r.buf.b[r.end:cap(r.buf.b)]
		n, err := syscall.Read(int(fd), room)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			r.rest()
			return false
		case err != nil:
			r.rawIn.err = err
		case n <= 0:
			r.rawIn.err = io.EOF
		default:
			r.end += n
		}
		return true
	}
}

// fillRaw reads what is there, or waits for something.
func (r *reader) fillRaw() error {
	r.rawIn.err = nil
	if err := r.c.raw.Read(r.rawIn.fn); err != nil {
		return err
	}
	return r.rawIn.err
}
