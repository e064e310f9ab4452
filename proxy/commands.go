package proxy

import (
	"encoding/binary"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// commands reads what a telemetry stream brings. Where gRPC's transport lets it, it waits for the five bytes in front of a message alone, which takes half
// of the stack that [grpc.ServerStream.RecvMsg] takes.
type commands struct {
	g    grpc.ServerStream
	raw  transportStream // nil where only g can be read
	most int             // bytes of a command
	head [5]byte         // whether the command is compressed, and its length
}

// transportStream is what gRPC's transport gives for each stream.
type transportStream interface {
	ReadMessageHeader(head []byte) error
	Read(n int) (mem.BufferSlice, error)
}

func (r *commands) init(g grpc.ServerStream, most int) {
	r.g, r.most = g, most
	r.raw, _ = grpc.ServerTransportStreamFromContext(g.Context()).(transportStream)
}

// wait returns when a command comes, or when the stream has ended: io.EOF, or how it broke off.
func (r *commands) wait() error {
	if r.raw == nil {
		return nil // read waits
	}
	return r.raw.ReadMessageHeader(r.head[:])
}

// read reads the command that wait has seen.
func (r *commands) read(to *pb.TelemetryCommand) error {
	if r.raw == nil {
		return r.g.RecvMsg(to)
	}
	n := int64(binary.BigEndian.Uint32(r.head[1:]))
	switch {
	case r.head[0] != 0: // the transport refuses streams of compressed messages before
		return grpcstatus.Error(codes.Unimplemented, "the telemetry command is compressed")
	case n > int64(r.most):
		return grpcstatus.Errorf(codes.ResourceExhausted, "the telemetry command has %d bytes, the limit is %d", n, r.most)
	}
	data, err := r.raw.Read(int(n))
	if err != nil {
		return err
	}
	defer data.Free()
	if err := proto.Unmarshal(data.Materialize(), to); err != nil {
		return grpcstatus.Errorf(codes.Internal, "the telemetry command cannot be read: %v", err)
	}
	return nil
}
