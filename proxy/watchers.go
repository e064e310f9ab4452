package proxy

import (
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	grpcstatus "google.golang.org/grpc/status"
)

// maxWatchers bounds the streams of health watches and of reflection, of all clients together. Each holds a goroutine for as long as its
// client likes, and nobody knows these clients by an id.
const maxWatchers = 256

// watchers counts those streams.
type watchers struct{ open atomic.Int64 }

// begin counts a stream in, if it is such a one, or says why there may be no more. end must be called when it is over.
func (w *watchers) begin(method string) (end func(), err error) {
	switch method {
	case grpc_health_v1.Health_Watch_FullMethodName, grpc_reflection_v1.ServerReflection_ServerReflectionInfo_FullMethodName,
		grpc_reflection_v1alpha.ServerReflection_ServerReflectionInfo_FullMethodName:
	default:
		return func() {}, nil
	}
	if n := w.open.Add(1); n > maxWatchers {
		w.open.Add(-1)
		return nil, grpcstatus.Errorf(codes.ResourceExhausted, "%d health watches and reflections are open, as many as there may be: ask Health/Check instead", maxWatchers)
	}
	return func() { w.open.Add(-1) }, nil
}
