package partial_test

import (
	"encoding/binary"
	"testing"

	"github.com/aerobee-mq/aerobee/proxy/partial"
)

// tiny is what a frame costs beside its payload.
const tiny = 192

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is an HTTP/2 frame.
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	n := len(payload)
	b := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// of is a gRPC message of so many bytes, of which so many have come.
func of(size, come int) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(size)), make([]byte, come)...)
}

const (
	data, headers, settings, reset, window = 0, 1, 4, 3, 8
	end, padded                            = 1, 8
)

func TestMeter(t *testing.T) {
	f := func(what string, want int64, parts ...[]byte) {
		t.Helper()
		all := []byte(preface)
		for _, p := range parts {
			all = append(all, p...)
		}
		for _, step := range []int{1, 2, 7, len(all)} { // however it comes
			m, sum := partial.New(4), int64(0)
			for rest := all; len(rest) > 0; {
				n := min(step, len(rest))
				sum += m.Feed(rest[:n])
				rest = rest[n:]
			}
			if m.Held() != want || sum != want {
				t.Errorf("%s, %d bytes at a time: %d held, %d told, want %d", what, step, m.Held(), sum, want)
			}
		}
	}
	f("nothing", 0, frame(settings, 0, 0), frame(window, 0, 0, 0, 0, 1, 0), frame(headers, 4, 1, 1, 2, 3))
	f("a part", 10+tiny, frame(data, 0, 1, of(100, 10)...))
	f("two parts", 30+2*tiny, frame(data, 0, 1, of(100, 10)...), frame(data, 0, 1, make([]byte, 20)...))
	f("parts of two", 12+2*tiny, frame(data, 0, 1, of(100, 10)...), frame(data, 0, 3, of(9, 2)...))
	f("all of it", 0, frame(data, 0, 1, of(100, 10)...), frame(data, 0, 1, make([]byte, 90)...))
	f("all of one and part of the next", 3+tiny, frame(data, 0, 1, append(of(4, 4), of(9, 3)...)...))
	f("empty messages", 0, frame(data, 0, 1, append(of(0, 0), of(0, 0)...)...))
	f("a part of a prefix", tiny, frame(data, 0, 1, 0, 0, 0))
	f("a prefix in two frames", 6+2*tiny, frame(data, 0, 1, 0, 0, 0), frame(data, 0, 1, 0, 9, 1, 2, 3, 4, 5, 6))
	f("padding", 4+tiny, frame(data, padded, 1, append(append([]byte{3}, of(9, 4)...), 0, 0, 0)...), frame(data, 0, 3))
	f("nothing but padding", 0, frame(data, padded, 1, 2, 0, 0), frame(data, padded, 1, 0))
	f("more padding than there is", 0, frame(data, padded, 1, 200, 0, 0), frame(data, 0, 1))
	f("the client ends in the middle", 0, frame(data, 0, 1, of(100, 10)...), frame(data, end, 1))
	f("the client ends with trailers", 0, frame(data, 0, 1, of(100, 10)...), frame(headers, end, 1, 9))
	f("the client gives up", 0, frame(data, 0, 1, of(100, 10)...), frame(reset, 0, 1, 0, 0, 0, 8))
	f("a frame in a small buffer", 1019+tiny, frame(data, 0, 1, of(1<<20, 1019)...))
	f("one in a buffer of 4 KiB", 4<<10-5, frame(data, 0, 1, of(1<<20, 1020)...))
	f("one that fills it", 4<<10-5, frame(data, 0, 1, of(1<<20, 4<<10-5)...))
	f("one in a buffer of 16 KiB", 16<<10-5, frame(data, 0, 1, of(1<<20, 4<<10-4)...))
	f("one of two buffers is for a message that has come", 16<<10-5-1000, frame(data, 0, 1, of(5000, 4000)...), frame(data, 0, 1, append(make([]byte, 1000), of(1<<20, 8000)...)...), frame(data, 0, 3))
}

// TestNoRoomIsMade: what is held stays counted however many streams are made up, until the connection is broken.
func TestNoRoomIsMade(t *testing.T) {
	const most = 4
	m := partial.New(most)
	m.Feed([]byte(preface))
	for i := range 2 * most {
		m.Feed(frame(data, 0, uint32(2*i+1), of(100, 10)...))
		if want := int64(i+1) * (10 + tiny); m.Broken() || m.Held() != want {
			t.Errorf("%d streams: %d held, want %d; broken %v", i+1, m.Held(), want, m.Broken())
		}
	}
	if m.Feed(frame(data, 0, 4*most+1, of(100, 10)...)); !m.Broken() {
		t.Error("more than twice the streams that may be open, and all is well")
	}
}

// FuzzMeter: what is held is never negative, not more than the buffers of all frames, and the sum of what is told, however the bytes are cut.
func FuzzMeter(f *testing.F) {
	f.Add(frame(data, 0, 1, of(100, 10)...), 3)
	f.Add(append(frame(data, padded, 1, append([]byte{3}, of(9, 4)...)...), frame(reset, 0, 1, 0, 0, 0, 8)...), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		b = append([]byte(preface), b...)
		cut = max(0, min(cut, len(b)))
		m, whole := partial.New(4), partial.New(4)
		sum := m.Feed(b[:cut]) + m.Feed(b[cut:])
		if whole.Feed(b); m.Held() != sum || m.Held() != whole.Held() || sum < 0 || sum > int64(len(b))+int64(len(b)/10)*16<<10 {
			t.Errorf("%d held, %d told, %d in one piece, of %d bytes", m.Held(), sum, whole.Held(), len(b))
		}
	})
}
