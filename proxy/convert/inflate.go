package convert

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

const (
	// maxInflated bounds what one compressed body may become where nobody says less, in bytes.
	maxInflated = 64 << 20
	// inflatedTimes is how much of the largest message one body may become: 64 KB may say 64 MB.
	inflatedTimes = 4
)

// Inflater reads compressed bodies, so many at a time as there are processors, each within a limit, and all that are on their way to clients within
// another. Its methods may be called at once.
type Inflater struct {
	one   int // bytes
	slots chan struct{}
	most  int64        // bytes
	held  atomic.Int64 // bytes
}

// NewInflater makes an inflater. A body may become four times as large as the largest message; all that are held take maxHeld bytes.
func NewInflater(maxMessageSize int, maxHeld int64) *Inflater {
	return &Inflater{one: inflatedTimes * maxMessageSize, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), most: maxHeld}
}

// Batch is for the messages of one answer.
func (i *Inflater) Batch() *Inflation { return &Inflation{i: i} }

// Inflation has the bodies of one answer that are still compressed: each is uncompressed when its message leaves, and dropped when it has gone, so that one
// is in memory at a time. It is for one goroutine at a time, and ends with [Inflation.End]. The nil one uncompresses at once.
type Inflation struct {
	i      *Inflater
	kept   map[*pb.Message]compression.Kind
	now    int64 // bytes that are held for the message that leaves
	before int64 // and for the one before, of which a rest may lie in gRPC's transport
}

// Sent drops the body of a message that gRPC has taken.
func (in *Inflation) Sent(m *pb.Message) {
	m.Body = nil
	in.i.held.Add(-in.before) // gRPC has taken this one, since the one before has gone
	in.before, in.now = in.now, 0
}

// End gives back what is held. It may be called again.
func (in *Inflation) End() {
	in.i.held.Add(-in.before - in.now)
	in.before, in.now = 0, 0
}

// hold makes room for a body, twice: gRPC encodes it into a buffer of its own.
func (in *Inflation) hold(body []byte) bool {
	n := 2 * int64(len(body))
	if in.i.held.Add(n) > in.i.most {
		in.i.held.Add(-n)
		return false
	}
	in.now += n
	return true
}

// Open gives a message its body in the clear. One that would become too large, or for which there is no room now, goes out compressed as gRPC clients read
// it: with zlib's stream in gzip's wrapping, or with gzip in the place of another compression; what cannot be read, goes out as it is stored.
func (in *Inflation) Open(m *pb.Message) {
	kind, ok := in.kept[m]
	if !ok {
		return
	}
	delete(in.kept, m)
	in.i.slots <- struct{}{} // who holds one is at work: it comes back soon
	defer func() { <-in.i.slots }()
	if plain, err := compression.Decompress(nil, m.Body, kind, in.i.one); err == nil && in.hold(plain) {
		m.Body, m.SystemProperties.BodyEncoding = plain, pb.Encoding_IDENTITY
	} else if kind == compression.Zlib {
		m.Body = gzipped(m.Body)
	} else {
		m.Body = in.i.regzipped(m.Body, kind)
	}
	setDigest(m)
}

// gzipped is a zlib body in gzip's wrapping, the body itself if it cannot be read or is larger than anybody would read. The stream inside is the same; what
// comes of it is looked at, not kept.
func gzipped(body []byte) []byte {
	const head, sum = 2, 4 // RFC 1950
	whole, check := bytes.NewReader(body), crc32.NewIEEE()
	plain, err := zlib.NewReader(whole)
	if err != nil {
		return body
	}
	n, err := io.Copy(check, io.LimitReader(plain, maxInflated+1))
	if err != nil || n > maxInflated || whole.Len() > 0 {
		return body
	}
	stream := body[head : len(body)-sum]
	out := make([]byte, 0, len(gzipHead)+len(stream)+8) // RFC 1952
	out = append(append(out, gzipHead...), stream...)
	out = binary.LittleEndian.AppendUint32(out, check.Sum32())
	return binary.LittleEndian.AppendUint32(out, uint32(n))
}

// regzipped is the original of a body compressed with gzip, the body itself if it cannot be read or is larger than anybody would read, or as it would be then.
func (i *Inflater) regzipped(body []byte, kind compression.Kind) []byte {
	out := &bounded{most: max(i.one, 2*len(body))}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return body
	}
	if err = compression.Copy(z, body, kind, maxInflated); err == nil {
		err = z.Close()
	}
	if err != nil {
		return body
	}
	return out.Bytes()
}

// bounded takes so many bytes at most.
type bounded struct {
	bytes.Buffer
	most int
}

// Write is io.Writer's.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errTooLarge
	}
	return b.Buffer.Write(p)
}

// gzipHead says: deflate, no flags, no time, nothing of the compressor, a system that is not told.
const gzipHead = "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\xFF"

// StoredBody is a message's body as it is stored. RocketMQ's remoting consumers take a compressed body for zlib, so what a gRPC
// client has compressed with gzip is stored as that. It waits for its turn until ctx ends.
func (i *Inflater) StoredBody(ctx context.Context, m *pb.Message) ([]byte, error) {
	body := m.GetBody()
	if m.GetSystemProperties().GetBodyEncoding() != pb.Encoding_GZIP || len(body) < 2 || body[0] != 0x1F || body[1] != 0x8B {
		return body, nil
	}
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("the body was not uncompressed in time: %w", ctx.Err())
	}
	stored, err := i.zipped(body)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, status.New(pb.Code_MESSAGE_BODY_TOO_LARGE, "the body is larger than %d bytes uncompressed", i.one)
	case err != nil:
		return nil, status.New(pb.Code_MESSAGE_CORRUPTED, "the body says that it is compressed with gzip and cannot be read: %v", err)
	}
	return stored, nil
}

var errTooLarge = errors.New("too large")

// zipped is a gzip body as zlib.
func (i *Inflater) zipped(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(i.one)+1))
	switch {
	case err != nil:
		return nil, err
	case len(plain) > i.one:
		return nil, errTooLarge
	}
	return compression.Append(nil, plain, compression.Zlib, compression.DefaultLevel), nil
}
