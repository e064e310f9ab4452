package convert_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

func zipped(t testing.TB, size int) *pb.Message {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(make([]byte, size))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return &pb.Message{Body: z.Bytes(), SystemProperties: &pb.SystemProperties{BodyEncoding: pb.Encoding_GZIP}}
}

func TestASmallBodyThatBecomesLargeIsRefused(t *testing.T) {
	i := convert.NewInflater(1000, 1<<20)
	if _, err := i.StoredBody(t.Context(), zipped(t, 4000)); err != nil {
		t.Errorf("4,000 bytes: %v", err)
	}
	if _, err := i.StoredBody(t.Context(), zipped(t, 4001)); status.Of(err).GetCode() != pb.Code_MESSAGE_BODY_TOO_LARGE {
		t.Errorf("4,001 bytes: %v", err)
	}
}

// stored is a record with a compressed body.
func stored(plain []byte, kind compression.Kind) *message.Record {
	return &message.Record{Topic: []byte("t"), Body: compression.Append(nil, plain, kind, 5), SysFlag: kind.Flag(), StoreHost: netip.MustParseAddrPort("10.0.0.1:1")}
}

// TestBodiesAreOpenedOneByOne: each when its message leaves, and one that would become too large goes out with gzip's wrapping, which all clients read.
func TestBodiesAreOpenedOneByOne(t *testing.T) {
	in := convert.NewInflater(1000, 1<<20).Batch()
	var all []*pb.Message
	sizes := []int{3000, 4001, 4000, 1 << 20, 0}
	for _, size := range sizes {
		r := stored(bytes.Repeat([]byte("x"), size), compression.Zlib)
		m := in.Message(r)
		if !bytes.Equal(m.GetBody(), r.Body) {
			t.Errorf("a body of %d bytes is uncompressed at once", size)
		}
		all = append(all, m)
	}
	for n, size := range sizes {
		m := all[n]
		in.Open(m)
		in.Open(m) // once is enough
		defer in.End()
		encoding, body := pb.Encoding_IDENTITY, m.GetBody()
		if size > 4000 {
			encoding = pb.Encoding_GZIP
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if body, err = io.ReadAll(z); err != nil { // it looks at sum and size, too
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
		if got := m.GetSystemProperties().GetBodyEncoding(); got != encoding || !bytes.Equal(body, bytes.Repeat([]byte("x"), size)) {
			t.Errorf("%d bytes: %d bytes, %s", size, len(body), got)
		}
		if sum := fmt.Sprintf("%X", md5.Sum(m.GetBody())); m.GetSystemProperties().GetBodyDigest().GetChecksum() != sum {
			t.Errorf("%d bytes: digest %s, want %s", size, m.GetSystemProperties().GetBodyDigest().GetChecksum(), sum)
		}
	}
}

// TestOpenedBodiesAreBounded: over all answers; what has gone, or whose answer has ended, makes room.
func TestOpenedBodiesAreBounded(t *testing.T) {
	const size = 3000 // held twice
	i := convert.NewInflater(1000, 6*size)
	open := func(in *convert.Inflation, want pb.Encoding) *pb.Message {
		t.Helper()
		m := in.Message(stored(make([]byte, size), compression.Zlib))
		in.Open(m)
		if got := m.GetSystemProperties().GetBodyEncoding(); got != want {
			t.Errorf("a body goes out as %s, want %s", got, want)
		}
		return m
	}
	a, b, c := i.Batch(), i.Batch(), i.Batch()
	first := open(a, pb.Encoding_IDENTITY)
	open(b, pb.Encoding_IDENTITY)
	a.Sent(first)
	if first.Body != nil {
		t.Error("a body that has gone is kept")
	}
	second := open(a, pb.Encoding_IDENTITY) // the first may lie in gRPC's transport
	open(c, pb.Encoding_GZIP)
	a.Sent(second)
	open(c, pb.Encoding_IDENTITY)
	open(c, pb.Encoding_GZIP)
	b.End()
	open(c, pb.Encoding_IDENTITY)
	a.End()
	c.End()
	c.End()
	for range 3 {
		open(a, pb.Encoding_IDENTITY)
	}
	open(a, pb.Encoding_GZIP)
}

// TestOtherCompressionsAreGzippedAnew: bodies that would become too large, of codecs that gRPC has no name for.
func TestOtherCompressionsAreGzippedAnew(t *testing.T) {
	plain := bytes.Repeat([]byte("what gRPC clients read "), 1000)
	for _, kind := range []compression.Kind{compression.LZ4, compression.ZSTD} {
		in := convert.NewInflater(1000, 1<<20).Batch()
		m := in.Message(stored(plain, kind))
		in.Open(m)
		z, err := gzip.NewReader(bytes.NewReader(m.GetBody()))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		got, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(got, plain) || m.GetSystemProperties().GetBodyEncoding() != pb.Encoding_GZIP {
			t.Errorf("%s: %d bytes in %s, %v", kind, len(got), m.GetSystemProperties().GetBodyEncoding(), err)
		}
		in.End()
	}
}

// TestWhatCannotBeReadGoesOutAsItIs: damaged bodies, of any codec.
func TestWhatCannotBeReadGoesOutAsItIs(t *testing.T) {
	cut := stored(make([]byte, 9000), compression.Zlib)
	cut.Body = cut.Body[:len(cut.Body)-8]
	torn := stored(bytes.Repeat([]byte("0123456789"), 900), compression.ZSTD)
	torn.Body = torn.Body[:len(torn.Body)-8]
	for _, r := range []*message.Record{cut, {Topic: []byte("t"), Body: []byte("x\x9c"), SysFlag: message.FlagCompressed}, torn} {
		in := convert.NewInflater(1000, 1<<20).Batch()
		m := in.Message(r)
		in.Open(m)
		if m.GetSystemProperties().GetBodyEncoding() != pb.Encoding_GZIP || !bytes.Equal(m.GetBody(), r.Body) {
			t.Errorf("%q became %q", r.Body, m.GetBody())
		}
	}
}

// FuzzOpen: whatever a body holds, it comes out uncompressed, in gzip's wrapping, or as it is.
func FuzzOpen(f *testing.F) {
	f.Add(stored(make([]byte, 5000), compression.Zlib).Body)
	f.Add(stored([]byte("hello"), compression.Zlib).Body)
	f.Add([]byte("x\x9c\x00\x00\x00\x00"))
	i := convert.NewInflater(1000, 1<<20)
	f.Fuzz(func(t *testing.T, body []byte) {
		in, r := i.Batch(), &message.Record{Topic: []byte("t"), Body: body, SysFlag: message.FlagCompressed}
		m := in.Message(r)
		in.Open(m)
		defer in.End()
		switch z, err := gzip.NewReader(bytes.NewReader(m.GetBody())); {
		case m.GetSystemProperties().GetBodyEncoding() == pb.Encoding_IDENTITY:
			if len(m.GetBody()) > 4000 {
				t.Errorf("%d bytes uncompressed", len(m.GetBody()))
			}
		case bytes.Equal(m.GetBody(), body):
		case err != nil:
			t.Error(err)
		default:
			if _, err := io.Copy(io.Discard, z); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestABodyWaitsForItsTurnNoLongerThanItsRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	i, refused := convert.NewInflater(1000, 1<<20), 0
	for range 100 { // a free slot may be taken all the same
		if _, err := i.StoredBody(ctx, zipped(t, 10)); errors.Is(err, context.Canceled) {
			refused++
		}
	}
	if refused == 0 {
		t.Error("the end of the request is not looked at")
	}
}
