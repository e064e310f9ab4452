package interop

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"strings"
	"time"
)

// Kinds of HTTP/2's frames, and flags.
const (
	h2Data, h2Headers, h2Priority, h2Reset, h2Settings, h2Push, h2Ping, h2GoAway, h2Window, h2Continuation = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	h2EndStream, h2EndHeaders, h2Padded, h2Ack                                                             = 1, 4, 8, 1
)

const (
	sendPath   = "/apache.rocketmq.v2.MessagingService/SendMessage"
	healthPath = "/grpc.health.v1.Health/Check"
	watchPath  = "/grpc.health.v1.Health/Watch"
)

func http2Attacks() []attack {
	return []attack{
		{"HTTP/2: streams opened and reset", (*victim).rapidReset},
		{"HTTP/2: headers without end", (*victim).continuations},
		{"HTTP/2: settings and pings", (*victim).controls},
		{"HTTP/2: tiny frames", (*victim).tinyFrames},
		{"HTTP/2: more streams than may be", (*victim).manyStreams},
		{"HTTP/2: headers that grow", (*victim).headerBombs},
		{"HTTP/2: frames that are none", (*victim).wrongHTTP2},
		{"gRPC: lengths", (*victim).wrongMessages},
		{"gRPC: streams that are not read", (*victim).unreadStreams},
	}
}

// http2Frame is one frame.
func http2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)
	return append(b, payload...)
}

// hpackText is a text in a header block, as it is.
func hpackText(b []byte, text string) []byte {
	n := len(text)
	if n < 127 {
		return append(append(b, byte(n)), text...)
	}
	b = append(b, 127)
	for n -= 127; n >= 128; n /= 128 {
		b = append(b, byte(n%128)|128)
	}
	return append(append(b, byte(n)), text...)
}

// hpackPair is a header that is not to be remembered.
func hpackPair(b []byte, name, value string) []byte {
	return hpackText(hpackText(append(b, 0), name), value)
}

// headerBlock is that of a gRPC request.
func headerBlock(path string) []byte {
	b := []byte{0x83, 0x86} // :method POST, :scheme http
	for _, h := range [][2]string{{":path", path}, {":authority", "hostile"}, {"content-type", "application/grpc"}, {"te", "trailers"}, {"x-mq-client-id", "hostile"}, {"x-mq-language", "GO"}, {"x-mq-protocol", "v2"}, {"x-mq-client-version", "5.0.0"}} {
		b = hpackPair(b, h[0], h[1])
	}
	return b
}

// http2Request opens a stream with a gRPC request, which more follows unless flags say otherwise.
func http2Request(stream uint32, path string, flags byte) []byte {
	return http2Frame(h2Headers, h2EndHeaders|flags, stream, headerBlock(path))
}

// grpcMessage is a message with the length that it announces.
func grpcMessage(compressed byte, length uint32, text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{compressed}, length), text...)
}

// http2 connects and greets; what comes is thrown away, or left where it is.
func (v *victim) http2(read bool) net.Conn {
	v.t.Helper()
	conn := v.dial()
	if _, err := conn.Write(append([]byte(preface), http2Frame(h2Settings, 0, 0, nil)...)); err != nil {
		v.t.Fatal(err)
	}
	if read {
		go io.Copy(io.Discard, conn) // it ends with the connection
	}
	return conn
}

// floodTime is how long one connection is flooded.
const floodTime = 300 * time.Millisecond

// flood writes until all is written, the server has closed the connection, or takes no more.
func (v *victim) flood(conn net.Conn, chunks func(i int) []byte, n int) {
	conn.SetWriteDeadline(time.Now().Add(floodTime))
	for i := range n {
		if _, err := conn.Write(chunks(i)); err != nil {
			break
		}
	}
	conn.Close()
}

// rapidReset opens streams and resets them at once, so that there are never many.
func (v *victim) rapidReset() {
	for _, path := range []string{healthPath, sendPath, watchPath, "/no/such"} {
		for _, read := range []bool{true, false} {
			stream := uint32(1)
			v.flood(v.http2(read), func(int) (chunk []byte) {
				for range 100 {
					chunk = append(chunk, http2Request(stream, path, 0)...)
					chunk = append(chunk, http2Frame(h2Reset, 0, stream, []byte{0, 0, 0, 8})...)
					stream += 2
				}
				return chunk
			}, 300)
		}
	}
}

// continuations are headers whose end does not come.
func (v *victim) continuations() {
	filler := hpackPair(nil, "x", strings.Repeat("y", 16_000))
	for what, payload := range map[string][]byte{"full": filler, "of a byte": {0x83}, "empty": nil} {
		conn := v.http2(false)
		conn.Write(http2Frame(h2Headers, 0, 1, headerBlock(sendPath)))
		chunk := bytes.Repeat(http2Frame(h2Continuation, 0, 1, payload), max(1, (64<<10)/(len(payload)+9)))
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		closed := false
		for range 2000 { // 128 MB
			if _, err := conn.Write(chunk); err != nil {
				timeout, ok := err.(net.Error)
				closed = !ok || !timeout.Timeout()
				break
			}
		}
		if !closed && what == "full" {
			v.t.Errorf("frames %s: the server has not closed the connection", what)
		}
		conn.Close()
	}
}

// controls are frames that must be answered, and whose answers nobody reads.
func (v *victim) controls() {
	setting := func(id uint16, value uint32) []byte {
		return http2Frame(h2Settings, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), value))
	}
	var changes []byte
	for _, n := range []uint32{0, 1, 4096, 1 << 16, math.MaxInt32, math.MaxUint32} {
		changes = append(changes, setting(1, n)...)
	}
	for _, frame := range [][]byte{http2Frame(h2Settings, 0, 0, nil), http2Frame(h2Settings, h2Ack, 0, nil), setting(1, 0), changes, http2Frame(h2Ping, 0, 0, make([]byte, 8)), http2Frame(h2Ping, h2Ack, 0, make([]byte, 8)),
		http2Frame(h2Window, 0, 0, []byte{0, 0, 0, 1}), http2Frame(h2Priority, 0, 3, []byte{0, 0, 0, 1, 255}), http2Frame(99, 0, 0, make([]byte, 100)), http2Frame(h2GoAway, 0, 0, make([]byte, 1000))} {
		for _, read := range []bool{true, false} {
			chunk := bytes.Repeat(frame, (64<<10)/len(frame))
			v.flood(v.http2(read), func(int) []byte { return chunk }, 50)
		}
	}
	for _, size := range []uint32{0, 1} { // windows in which no answer fits
		conn := v.http2(false)
		conn.Write(setting(4, size))
		stream := uint32(1)
		v.flood(conn, func(int) (chunk []byte) {
			for range 100 {
				chunk = append(chunk, http2Request(stream, healthPath, 0)...)
				chunk = append(chunk, http2Frame(h2Data, h2EndStream, stream, make([]byte, 5))...)
				stream += 2
			}
			return chunk
		}, 100)
	}
}

// tinyFrames bring a message in as many frames as it has bytes, or in frames of nothing.
func (v *victim) tinyFrames() {
	begin := append(http2Request(1, sendPath, 0), http2Frame(h2Data, 0, 1, grpcMessage(0, 2<<20, ""))...)
	padding := append([]byte{200}, make([]byte, 200)...)
	for _, frame := range [][]byte{http2Frame(h2Data, 0, 1, []byte("x")), http2Frame(h2Data, 0, 1, nil), http2Frame(h2Data, h2Padded, 1, padding), http2Frame(h2Headers, h2EndHeaders, 1, nil), http2Frame(h2Window, 0, 1, []byte{0, 0, 0, 1})} {
		conn := v.http2(true)
		conn.Write(begin)
		chunk := bytes.Repeat(frame, max(1, (64<<10)/len(frame)))
		v.flood(conn, func(int) []byte { return chunk }, 200)
	}
	var conns []net.Conn // many streams, each with a little of what it announces
	for range 5 {
		conn := v.http2(true)
		conn.SetWriteDeadline(time.Now().Add(floodTime))
		for stream := uint32(1); stream < 2000; stream += 2 {
			b := append(http2Request(stream, sendPath, 0), http2Frame(h2Data, 0, stream, grpcMessage(0, 4<<20, ""))...)
			for range 50 {
				b = append(b, http2Frame(h2Data, 0, stream, []byte("x"))...)
			}
			if _, err := conn.Write(b); err != nil {
				break
			}
		}
		conns = append(conns, conn)
	}
	v.served()
	for _, conn := range conns {
		conn.Close()
	}
}

// manyStreams are opened and left.
func (v *victim) manyStreams() {
	for _, path := range []string{sendPath, watchPath, "/apache.rocketmq.v2.MessagingService/Telemetry"} {
		stream := uint32(1)
		v.flood(v.http2(true), func(int) (chunk []byte) {
			for range 100 {
				chunk = append(chunk, http2Request(stream, path, 0)...)
				stream += 2
			}
			return chunk
		}, 100)
	}
}

// headerBombs are small and become large: a header that is remembered, and named again and again.
func (v *victim) headerBombs() {
	remember := append([]byte{0x40}, hpackText(hpackText(nil, "x"), strings.Repeat("y", 4000))...)
	block := append(append(headerBlock(sendPath), remember...), bytes.Repeat([]byte{0x80 | 62}, 12_000)...)
	stream := uint32(1)
	v.flood(v.http2(true), func(int) []byte {
		b := http2Frame(h2Headers, h2EndHeaders, stream, block)
		stream += 2
		return b
	}, 200)
	for what, more := range map[string][]byte{
		"a huge number":       append([]byte{0x7f}, bytes.Repeat([]byte{0xff}, 1000)...),
		"an unknown index":    {0xfe},
		"a text too long":     {0x00, 0x7f, 0xff, 0xff, 0xff, 0x7f},
		"a size of the table": append([]byte{0x3f}, bytes.Repeat([]byte{0xff}, 8)...),
		"broken Huffman":      {0x00, 0x84, 0xff, 0xff, 0xff, 0xff},
		"no index":            {0x80},
	} {
		conn := v.http2(false)
		conn.Write(http2Frame(h2Headers, h2EndHeaders, 1, append(more, headerBlock(sendPath)...)))
		v.gone(what, conn)
	}
	for _, pair := range [][2]string{{":path", "../../etc"}, {":path", "/" + strings.Repeat("x", 10_000)}, {":status", "200"}, {"X-Upper", "x"}, {"a b", "x"}, {"x", "a\x00b\r\n"}, {"grpc-timeout", "99999999999999999999S"}, {"grpc-timeout", "-1S"}, {"grpc-timeout", "1"},
		{"grpc-encoding", "../../x"}, {"content-length", "-1"}, {"x-mq-client-id", strings.Repeat("c", 10_000)}, {"x-mq-client-id", "\xff\xfe"}, {"x-mq-client-version", strings.Repeat("9", 1000)}, {"te", ""}, {"connection", "close"}} {
		conn := v.http2(true)
		conn.Write(http2Frame(h2Headers, h2EndHeaders, 1, hpackPair(headerBlock(sendPath), pair[0], pair[1])))
		conn.Write(http2Frame(h2Data, h2EndStream, 1, grpcMessage(0, 0, "")))
		conn.Close()
	}
}

// wrongHTTP2 are frames that break the protocol's rules.
func (v *victim) wrongHTTP2() {
	head := http2Request(1, sendPath, 0)
	for what, b := range map[string][]byte{
		"a frame of 16 MiB":          append([]byte{0xff, 0xff, 0xff, h2Data, 0, 0, 0, 0, 1}, make([]byte, 1000)...),
		"data on stream 0":           http2Frame(h2Data, 0, 0, []byte("x")),
		"headers on stream 0":        http2Request(0, sendPath, 0),
		"headers on an even stream":  http2Request(2, sendPath, 0),
		"a continuation of nothing":  http2Frame(h2Continuation, 0, 1, nil),
		"data between continuations": append(http2Frame(h2Headers, 0, 1, headerBlock(sendPath)), http2Frame(h2Data, 0, 1, nil)...),
		"settings of 5 bytes":        http2Frame(h2Settings, 0, 0, make([]byte, 5)),
		"settings on a stream":       http2Frame(h2Settings, 0, 1, nil),
		"a ping of 7 bytes":          http2Frame(h2Ping, 0, 0, make([]byte, 7)),
		"a window of 3 bytes":        http2Frame(h2Window, 0, 0, make([]byte, 3)),
		"a reset of 3 bytes":         append(bytes.Clone(head), http2Frame(h2Reset, 0, 1, make([]byte, 3))...),
		"more padding than there is": append(bytes.Clone(head), http2Frame(h2Data, h2Padded, 1, []byte{200, 1})...),
		"a padded frame of nothing":  append(bytes.Clone(head), http2Frame(h2Data, h2Padded, 1, nil)...),
		"headers of nothing, padded": http2Frame(h2Headers, h2Padded|h2EndHeaders, 1, nil),
	} {
		conn := v.http2(false)
		conn.Write(b)
		v.gone(what, conn)
	}
	for _, b := range [][]byte{append(bytes.Clone(head), http2Frame(h2Window, 0, 1, []byte{0, 0, 0, 0})...), append(bytes.Clone(head), http2Frame(h2Window, 0, 1, []byte{0x7f, 0xff, 0xff, 0xff})...), http2Frame(h2Window, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}),
		http2Frame(h2Push, h2EndHeaders, 1, make([]byte, 10)), http2Frame(h2Reset, 0, 99, make([]byte, 4)), http2Frame(h2Data, 0, 99, []byte("x")), append(bytes.Clone(head), head...), http2Frame(h2Priority, 0, 1, []byte{0, 0, 0, 1, 1}), http2Frame(h2Settings, 0, 0, []byte{0, 4, 0xff, 0xff, 0xff, 0xff}), http2Frame(h2Settings, 0, 0, []byte{0, 5, 0, 0, 0, 0})} {
		conn := v.http2(true)
		conn.Write(bytes.Repeat(b, 100))
		conn.Close()
	}
}

// wrongMessages lie about the lengths of gRPC's messages, and of what is in them.
func (v *victim) wrongMessages() {
	for _, path := range []string{sendPath, "/apache.rocketmq.v2.MessagingService/Telemetry", "/apache.rocketmq.v2.MessagingService/ReceiveMessage", "/apache.rocketmq.v2.MessagingService/QueryRoute", "/apache.rocketmq.v2.MessagingService/AckMessage",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", healthPath, "/", "", "//", "/a/b/c", "/apache.rocketmq.v2.MessagingService/" + strings.Repeat("x", 10_000)} {
		conn, stream := v.http2(true), uint32(1)
		for _, message := range [][]byte{grpcMessage(0, 0, ""), grpcMessage(0, 5, "\xff\xff\xff\xff\xff"), grpcMessage(0, math.MaxUint32, "x"), grpcMessage(0, 1<<31, "x"), grpcMessage(0, 1000, "x"), grpcMessage(1, 1, "x"), grpcMessage(2, 1, "x"), grpcMessage(255, 0, ""), {0, 0}, {},
			grpcMessage(0, 6, "\x0a\xff\xff\xff\xff\x7f"), grpcMessage(0, 20_000, strings.Repeat("\x0b", 10_000)+strings.Repeat("\x0c", 10_000)), grpcMessage(0, 15_000, strings.Repeat("\x0a\x00", 7500))} {
			for _, end := range []byte{0, h2EndStream} {
				b := http2Request(stream, path, 0)
				for len(message) > 16<<10 {
					b = append(b, http2Frame(h2Data, 0, stream, message[:16<<10])...)
					message = message[16<<10:]
				}
				b = append(b, http2Frame(h2Data, end, stream, message)...)
				conn.Write(b)
				stream += 2
			}
		}
		conn.Close()
	}
}

// unreadStreams ask for streams of answers, and read none.
func (v *victim) unreadStreams() {
	var conns []net.Conn
	for range 10 {
		conn := v.http2(false)
		conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		for stream := uint32(1); stream < 2000; stream += 2 {
			b := append(http2Request(stream, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 0), http2Frame(h2Data, 0, stream, bytes.Repeat(grpcMessage(0, 2, "\x3a\x00"), 100))...) // list the services
			if _, err := conn.Write(b); err != nil {
				break
			}
		}
		conns = append(conns, conn)
	}
	v.served()
	for _, conn := range conns {
		conn.Close()
	}
}
