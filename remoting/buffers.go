package remoting

import (
	"sync"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Buffer sizes that are kept for reuse. An answer begins in a small one, so that ten thousand connections that are answered
// at once cost 40 MB; a readable connection borrows a medium one.
const (
	smallBuffer  = 4 << 10
	mediumBuffer = 64 << 10
	largeBuffer  = 264 << 10 // a pull answer of the usual 256 KiB and its header
)

// buffer is a reusable run of bytes; its length is what is in use.
type buffer struct {
	b       []byte
	counted int64 // its part of Conn.room
}

// pools keep buffers and frames between uses.
type pools struct {
	small, medium, large sync.Pool
	frames               sync.Pool
}

// get returns an empty buffer with room for size bytes or more.
func (p *pools) get(size int) *buffer {
	pool, class := &p.large, largeBuffer
	switch {
	case size <= smallBuffer:
		pool, class = &p.small, smallBuffer
	case size <= mediumBuffer:
		pool, class = &p.medium, mediumBuffer
	case size > largeBuffer:
		return &buffer{b: make([]byte, 0, size)}
	}
	if b, ok := pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, 0, class)}
}

// put takes a buffer back. Sizes between the kept ones count as the next smaller; the largest are left to the collector.
func (p *pools) put(b *buffer) {
	if b == nil {
		return
	}
	b.b = b.b[:0]
	switch size := cap(b.b); {
	case size < smallBuffer || size > 2*largeBuffer:
	case size < mediumBuffer:
		p.small.Put(b)
	case size < largeBuffer:
		p.medium.Put(b)
	default:
		p.large.Put(b)
	}
}

// room returns b, or a larger buffer with b's bytes, such that more bytes fit.
func (p *pools) room(b *buffer, more int) *buffer {
	if b == nil {
		return p.get(more)
	}
	need := len(b.b) + more
	if need <= cap(b.b) {
		return b
	}
	if twice := 2 * cap(b.b); need < twice {
		need = twice
	}
	n := p.get(need)
	n.b = append(n.b, b.b...)
	p.put(b)
	return n
}

func (p *pools) frame() *protocol.Frame {
	if f, ok := p.frames.Get().(*protocol.Frame); ok {
		return f
	}
	return &protocol.Frame{Fields: make(protocol.Fields, 0, 24)}
}

// putFrame takes a decoded frame back, cleared, so that it does not keep the buffer alive that it was decoded from.
func (p *pools) putFrame(f *protocol.Frame) {
	fields := f.Fields[:cap(f.Fields)]
	if len(fields) > 256 {
		return
	}
	clear(fields)
	*f = protocol.Frame{Fields: fields[:0]}
	p.frames.Put(f)
}
