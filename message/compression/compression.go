// Package compression compresses the bodies of messages as RocketMQ's clients do: producers through package client, and whoever
// shows or hands out bodies decompresses them. It owns the three formats and how the system flag names them. Everything here is safe to call at once.
package compression

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/aerobee-mq/aerobee/message"
)

// Kind is a format.
type Kind byte

// The kinds of compression. Java's clients read all of them from 5.0 on, and zlib always.
const (
	Zlib Kind = iota // a zlib stream (RFC 1950); RocketMQ's default
	LZ4              // an LZ4 frame
	ZSTD             // a Zstandard frame
)

// String is the kind as RocketMQ's settings name it.
func (k Kind) String() string {
	switch k {
	case Zlib:
		return "ZLIB"
	case LZ4:
		return "LZ4"
	case ZSTD:
		return "ZSTD"
	}
	return fmt.Sprintf("Kind(%d)", byte(k))
}

// DefaultLevel is the level of RocketMQ's producers.
const DefaultLevel = 5

// ErrCompressed is wrapped by every error of [Decompress]: the bytes are not of that kind, or are too much.
var ErrCompressed = errors.New("compressed body is broken")

// ErrTooLarge is wrapped beside it where an original is larger than the limit.
var ErrTooLarge = errors.New("more than the limit")

// Flag is what a message's system flag says of a body of this kind.
func (k Kind) Flag() message.SysFlag {
	switch k {
	case LZ4:
		return message.FlagCompressed | message.FlagCompressionLZ4
	case ZSTD:
		return message.FlagCompressed | message.FlagCompressionZstd
	}
	return message.FlagCompressed | message.FlagCompressionZlib
}

// Of is the kind of a body with that system flag, whose bit for "compressed" is not looked at. Without a kind's bits it is zlib, as
// from clients that know no other.
func Of(f message.SysFlag) (Kind, error) {
	switch f & message.FlagCompressionMask {
	case 0, message.FlagCompressionZlib:
		return Zlib, nil
	case message.FlagCompressionLZ4:
		return LZ4, nil
	case message.FlagCompressionZstd:
		return ZSTD, nil
	}
	return 0, fmt.Errorf("%w: the system flag 0x%x names no known compression", ErrCompressed, int32(f))
}

// Append appends the compressed body to dst. level goes from 1 (fast) to 9 (small); others mean [DefaultLevel].
func Append(dst, body []byte, kind Kind, level int) []byte {
	if level < 1 || level > 9 {
		level = DefaultLevel
	}
	if kind == ZSTD {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(fmt.Sprintf("BUG: zstd refuses level %d: %v", level, err))
		}
		return w.EncodeAll(body, dst)
	}
	out := bytes.NewBuffer(dst)
	var w io.WriteCloser
	if kind == LZ4 {
		z := lz4.NewWriter(out)
		if err := z.Apply(lz4.ConcurrencyOption(1), lz4.BlockSizeOption(lz4.Block64Kb)); err != nil {
			panic(fmt.Sprintf("BUG: lz4 refuses its options: %v", err))
		}
		w = z
	} else {
		z, err := zlib.NewWriterLevel(out, level)
		if err != nil {
			panic(fmt.Sprintf("BUG: zlib refuses level %d: %v", level, err))
		}
		w = z
	}
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// Decompress appends the original of body to dst. It refuses originals of more than limit bytes, before it holds many more. Errors
// wrap [ErrCompressed].
func Decompress(dst, body []byte, kind Kind, limit int) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	if err := Copy(out, body, kind, limit); err != nil {
		return dst, err
	}
	return out.Bytes(), nil
}

// Copy writes the original of body to w, a piece at a time. It refuses originals of more than limit bytes, of which it has written as many by then. Errors
// wrap [ErrCompressed].
func Copy(w io.Writer, body []byte, kind Kind, limit int) error {
	r, done, err := reader(body, kind, limit)
	if err != nil {
		return fmt.Errorf("%w: %s, %d bytes: %w", ErrCompressed, kind, len(body), err)
	}
	defer done()
	n, err := io.Copy(w, io.LimitReader(r, int64(limit)+1))
	switch {
	case n > int64(limit) || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%w: %s, %d bytes become %w of %d", ErrCompressed, kind, len(body), ErrTooLarge, limit)
	case err != nil:
		return fmt.Errorf("%w: %s, %d bytes: %w", ErrCompressed, kind, len(body), err)
	}
	return nil
}

// MaxBody bounds what [Body] expands to: far more than any broker takes.
const MaxBody = 64 << 20

// Body is the original of a message's body, whose system flag says whether and how it is compressed: body itself if it is not. It
// refuses originals of more than 64 MiB. Errors wrap [ErrCompressed].
func Body(body []byte, f message.SysFlag) ([]byte, error) { return BodyWithin(body, f, MaxBody) }

// BodyWithin is [Body] with another limit, in bytes.
func BodyWithin(body []byte, f message.SysFlag, limit int) ([]byte, error) {
	if f&message.FlagCompressed == 0 {
		return body, nil
	}
	kind, err := Of(f)
	if err != nil {
		return nil, err
	}
	return Decompress(nil, body, kind, limit)
}

func reader(body []byte, kind Kind, limit int) (r io.Reader, done func(), err error) {
	in := bytes.NewReader(body)
	switch kind {
	case Zlib:
		z, err := zlib.NewReader(in)
		return z, func() {}, err
	case LZ4:
		z := lz4.NewReader(in)
		return z, func() {}, nil
	case ZSTD:
		memory := max(uint64(limit)+1, 1<<20)
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(memory),
			zstd.WithDecoderMaxWindow(max(memory, 8<<20)))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return nil, nil, fmt.Errorf("unknown kind %d", byte(kind))
}
