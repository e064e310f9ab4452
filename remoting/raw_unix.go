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
	fn     func(fd uintptr) bool
	err    error
	asleep bool
	now    bool    // do not wait
	dry    bool    // nothing was there
	first  [1]byte // what a sleeping reader reads
}

func (r *reader) initRaw() { r.rawIn.fn = r.step }

func (r *reader) step(fd uintptr) bool {
	if r.rawIn.asleep {
		return r.rawIn.stepAsleep(fd)
	}
	if r.rawIn.err = r.makeRoom(); r.rawIn.err != nil {
		return true
	}
	for {
		room := r.buf.b[r.end:cap(r.buf.b)]
		n, err := syscall.Read(int(fd), room)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN) && r.rawIn.now:
			r.rawIn.dry = true
		case errors.Is(err, syscall.EAGAIN):
			r.rest()
			return !r.joinCrowd()
		case err != nil:
			r.rawIn.err = err
		case n <= 0:
			r.rawIn.err = io.EOF
		default:
			r.end += n
			r.since += n
			r.full = n == len(room)
		}
		return true
	}
}

// fillNow reads what is there. It returns true if nothing is.
func (r *reader) fillNow() (dry bool, err error) {
	r.rawIn.now, r.rawIn.dry = true, false
	err = r.fillRaw()
	r.rawIn.now = false
	return r.rawIn.dry, err
}

// fillRaw reads what is there, or waits for something.
func (r *reader) fillRaw() error {
	r.rawIn.err = nil
	err := r.c.raw.Read(r.rawIn.fn)
	if r.crowd {
		r.crowd = false
		r.c.host.crowd.Add(-1)
	}
	if err != nil {
		return err
	}
	return r.rawIn.err
}

// joinCrowd says whether the reader may wait as it is.
func (r *reader) joinCrowd() bool {
	if r.crowd {
		return true
	}
	if r.c.host.crowd.Add(1) > maxCrowd {
		r.c.host.crowd.Add(-1)
		r.rawIn.err = errCrowded
		return false
	}
	r.crowd = true
	return true
}

// sleepRaw waits for one byte.
func (r *reader) sleepRaw() error {
	r.rawIn.err, r.rawIn.asleep = nil, true
	err := r.c.raw.Read(r.rawIn.fn)
	r.rawIn.asleep = false
	if err == nil {
		err = r.rawIn.err
	}
	return err
}

func (i *rawRead) stepAsleep(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), i.first[:])
		switch {
		case n > 0:
		case err == nil:
			i.err = io.EOF
		case err == syscall.EINTR: // as it is: a system call wraps nothing, and errors.Is needs a larger stack
			continue
		case err == syscall.EAGAIN:
			return false
		default:
			i.err = err
		}
		return true
	}
}

// takeFirst puts the byte that a sleeping reader has read behind the others. It fails with errHeld.
func (r *reader) takeFirst() error {
	if r.buf == nil {
		r.buf = r.c.host.pools.get(smallBuffer)
	}
	if err := r.makeRoom(); err != nil {
		return err
	}
	r.end += copy(r.buf.b[r.end:r.end+1], r.rawIn.first[:])
	return nil
}
