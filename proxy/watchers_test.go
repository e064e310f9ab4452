package proxy

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

func TestWatchersAreBounded(t *testing.T) {
	var w watchers
	var last func()
	for range maxWatchers {
		end, err := w.begin(grpc_health_v1.Health_Watch_FullMethodName)
		if err != nil {
			t.Fatal(err)
		}
		last = end
	}
	if _, err := w.begin(grpc_health_v1.Health_Watch_FullMethodName); grpcstatus.Code(err) != codes.ResourceExhausted {
		t.Errorf("one more: %v", err)
	}
	if _, err := w.begin(pb.MessagingService_Telemetry_FullMethodName); err != nil {
		t.Errorf("a stream of another kind: %v", err)
	}
	last()
	if _, err := w.begin(grpc_health_v1.Health_Watch_FullMethodName); err != nil {
		t.Errorf("one in the place of another: %v", err)
	}
}
