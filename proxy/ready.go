package proxy

import (
	"errors"
	"io"
	"net"
	"syscall"

	"google.golang.org/grpc/mem"
)

// ready is the reading side of a connection for gRPC's transport, which takes buffers of a pool from it: a connection at rest holds none. It is used by one
// goroutine.
type ready struct {
	nc   net.Conn
	raw  syscall.RawConn       // nil where reads have to go through nc: inside TLS, and before the first bytes are through
	try  func(fd uintptr) bool // reads, false if it would have to wait
	slow []byte                // what nc is read into without raw

	// Of the read that is under way.
	size int
	pool mem.BufferPool
	buf  *[]byte
	n    int
	err  error
}

// slowBuffer is how much of a connection inside TLS is read at once: it keeps this buffer for as long as it lives.
const slowBuffer = 2 << 10

// read waits until there is something to read, and then reads into a buffer of the pool, of the given size.
func (r *ready) read(size int, pool mem.BufferPool) (*[]byte, int, error) {
	if r.raw == nil && !r.open() {
		return r.readSlow(size, pool)
	}
	r.size, r.pool = size, pool
	err := r.raw.Read(r.try)
	buf, n := r.buf, r.n
	err = errors.Join(err, r.err)
	r.pool, r.buf, r.n, r.err = nil, nil, 0, nil
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		if buf != nil {
			pool.Put(buf)
		}
		return nil, 0, err
	}
	return buf, n, nil
}

// open finds the socket, false if the connection must be read by itself.
func (r *ready) open() bool {
	socket := socketOf(r.nc)
	if socket == nil || !canTry {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	r.raw, r.slow = raw, nil
	r.try = func(fd uintptr) bool {
		if r.buf == nil {
			r.buf = r.pool.Get(r.size)
		}
		var again bool
		if r.n, again, r.err = tryRead(fd, *r.buf); again {
			r.pool.Put(r.buf)
			r.buf = nil
		}
		return !again
	}
	return true
}

func (r *ready) readSlow(size int, pool mem.BufferPool) (*[]byte, int, error) {
	if r.slow == nil {
		r.slow = make([]byte, slowBuffer)
	}
	n, err := r.nc.Read(r.slow[:min(size, slowBuffer)])
	if n == 0 {
		return nil, 0, err
	}
	buf := pool.Get(size)
	copy(*buf, r.slow[:n])
	return buf, n, err
}

// socketOf is the socket by which a connection may be read too, nil if there is none.
func socketOf(nc net.Conn) syscall.Conn {
	if c, ok := nc.(interface{ Socket() syscall.Conn }); ok {
		return c.Socket()
	}
	return nil
}
