//go:build !unix

package remoting

import (
	"net"
	"syscall"
)

// On this platform sockets are read and written through net.Conn alone: each write goes through the writer goroutine, and a
// connection at rest keeps a small buffer.

func rawConn(net.Conn) syscall.RawConn { return nil }

type rawWrite struct{}

func (w *rawWrite) init() {}

func (w *rawWrite) write(syscall.RawConn, []byte) (int, error) { return 0, nil }

type rawRead struct{}

func (r *reader) initRaw() {}

func (r *reader) fillRaw() error { return r.fillPlain() }

func (r *reader) fillNow() (dry bool, err error) { return true, nil }

func (r *reader) sleepRaw() error { return nil }

func (r *reader) takeFirst() error { return nil }
