package varint

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// put is one change with every shape of field.
func put(kind byte, u uint64, i int64, u32 uint32, i32 int32, s string) []byte {
	b := binary.AppendUvarint([]byte{kind}, u)
	b = binary.AppendVarint(b, i)
	b = binary.AppendUvarint(b, uint64(u32))
	b = binary.AppendVarint(b, int64(i32))
	return AppendText(b, s)
}

type fields struct {
	kind byte
	u    uint64
	i    int64
	u32  uint32
	i32  int32
	s    string
}

func take(b []byte) (f fields, err error) {
	r := NewReader(b)
	f = fields{kind: r.Byte(), u: r.Uint(), i: r.Int(), u32: r.Uint32(), i32: r.Int32(), s: string(r.Text())}
	return f, r.End("test", f.kind, 7)
}

func TestReader(t *testing.T) {
	for _, f := range []fields{
		{},
		{1, 1, -1, 1, -1, "x"},
		{255, math.MaxUint64, math.MinInt64, math.MaxUint32, math.MinInt32, strings.Repeat("long", 100)},
		{2, 127, 63, 128, 64, "\x00"},
	} {
		b := put(f.kind, f.u, f.i, f.u32, f.i32, f.s)
		if got, err := take(b); err != nil || got != f {
			t.Errorf("got %v, %v, want %v", got, err, f)
		}
		for n := range b {
			if _, err := take(b[:n]); err == nil || !strings.Contains(err.Error(), "test change of kind") {
				t.Errorf("the first %d of %d bytes: %v", n, len(b), err)
			}
		}
		if _, err := take(append(b, 0)); err == nil || !strings.Contains(err.Error(), "1 bytes too many") {
			t.Errorf("one byte too many: %v", err)
		}
	}
}

// TestTooLarge: what does not fit is malformed, and nothing behind it is read.
func TestTooLarge(t *testing.T) {
	f := func(name string, b []byte, read func(*Reader) bool) {
		t.Helper()
		r := NewReader(b)
		if zero := read(&r); !zero || r.OK() || r.Byte() != 0 || r.End("test", 1, 0) == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	f("2^32 as uint32", append(binary.AppendUvarint(nil, 1<<32), 9), func(r *Reader) bool { return r.Uint32() == 0 })
	f("2^31 as int32", append(binary.AppendVarint(nil, 1<<31), 9), func(r *Reader) bool { return r.Int32() == 0 })
	f("a text of 2^63 bytes", append(binary.AppendUvarint(nil, 1<<63), 9), func(r *Reader) bool { return r.Text() == nil })
	f("a varint of eleven bytes", []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x09"), func(r *Reader) bool { return r.Uint() == 0 })
}

// TestTextIsFenced: appending to a text that was read does not reach the bytes behind it.
func TestTextIsFenced(t *testing.T) {
	b := AppendText(AppendText(nil, "ab"), "cd")
	r := NewReader(b)
	_ = append(r.Text(), "zzz"...)
	if got := string(r.Text()); got != "cd" {
		t.Errorf("the second text is %q", got)
	}
}

// FuzzReader: whatever the bytes, a change that reads without error is the one that its fields encode to, up to the
// length of its varints, and nothing panics.
func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add(put(1, 1, -1, 1, -1, "x"))
	f.Add(put(9, math.MaxUint64, math.MinInt64, math.MaxUint32, math.MinInt32, ""))
	f.Add([]byte("\x01\x80\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := take(b)
		if err != nil {
			return
		}
		again := put(v.kind, v.u, v.i, v.u32, v.i32, v.s)
		if len(again) > len(b) {
			t.Fatalf("%x reads as %v, which needs more bytes: %x", b, v, again)
		}
		if w, err := take(again); err != nil || w != v {
			t.Fatalf("%x reads as %v, then as %v, %v", b, v, w, err)
		}
	})
}
