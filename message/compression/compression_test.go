package compression

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

func bodies() map[string][]byte {
	noise := make([]byte, 100_000)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	return map[string][]byte{"empty": {}, "short": []byte("a"), "text": []byte(strings.Repeat("order 4711 shipped; ", 5000)), "noise": noise}
}

func TestRoundTrip(t *testing.T) {
	for name, body := range bodies() {
		for _, kind := range []Kind{Zlib, LZ4, ZSTD} {
			for level := range 10 {
				packed := Append([]byte("before"), body, kind, level)
				if !bytes.HasPrefix(packed, []byte("before")) {
					t.Fatalf("%s %s: what stood before is gone", name, kind)
				}
				packed = packed[len("before"):]
				if name == "text" && len(packed) > len(body)/10 {
					t.Errorf("%s level %d: %d bytes became %d", kind, level, len(body), len(packed))
				}
				got, err := Decompress([]byte("x"), packed, kind, len(body))
				if err != nil || string(got) != "x"+string(body) {
					t.Errorf("%s %s level %d: %d bytes, %v", name, kind, level, len(got), err)
				}
			}
		}
	}
}

func TestLimit(t *testing.T) {
	bomb := make([]byte, 64<<20)
	for _, kind := range []Kind{Zlib, LZ4, ZSTD} {
		packed := Append(nil, bomb, kind, 1)
		got, err := Decompress(nil, packed, kind, 1<<20)
		if !errors.Is(err, ErrCompressed) || !errors.Is(err, ErrTooLarge) || len(got) != 0 {
			t.Errorf("%s: %d bytes, %v", kind, len(got), err)
		}
		if _, err := Decompress(nil, packed[:len(packed)-2], kind, len(bomb)); !errors.Is(err, ErrCompressed) || errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: a body cut short: %v", kind, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for flag, want := range map[message.SysFlag]Kind{0: Zlib, 1: Zlib, 0x301: Zlib, 0x101: LZ4, 0x201: ZSTD} {
		got, err := Of(flag)
		if err != nil || got != want {
			t.Errorf("flag 0x%x: %s, %v; want %s", flag, got, err, want)
		}
		if flag > 1 && got.Flag() != flag {
			t.Errorf("%s has flag 0x%x", got, got.Flag())
		}
	}
	if _, err := Of(0x401); !errors.Is(err, ErrCompressed) {
		t.Errorf("unknown kind: %v", err)
	}
}

func FuzzDecompress(f *testing.F) {
	for _, body := range bodies() {
		for _, kind := range []Kind{Zlib, LZ4, ZSTD} {
			f.Add(Append(nil, body[:min(len(body), 3000)], kind, 5), byte(kind))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, kind byte) {
		const limit = 1 << 20
		got, err := Decompress(nil, body, Kind(kind%4), limit)
		if err != nil && !errors.Is(err, ErrCompressed) || len(got) > limit {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
