//go:build numbers

package interop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// grpcStreams opens many telemetry streams and looks at the memory.
func (a *arena) grpcStreams(on *standing) map[string]float64 {
	a.t.Helper()
	a.do(on.launch())
	a.do(on.awaitReady())
	topic, n := a.topic(on, "streams"), max(1, int(grpcStreams*min(1, a.scale)))
	before, err := on.rss()
	a.do(err)
	most, begin := sync.OnceValue(on.watch()), time.Now()
	defer most()
	end, err := openStreams(a.t.Context(), on.grpcAddress(), topic, n)
	took := time.Since(begin)
	defer end()
	a.do(err)
	time.Sleep(min(idleFor, a.span)) // nothing happens, that is the point
	rest, err := on.rss()
	a.do(err)
	highest := most()
	return map[string]float64{"rss": highest, "rest": rest, "kib": max(0, highest-before) * 1e6 / 1024 / float64(n), "seconds": took.Seconds()}
}

// streamsAtOnce is how many streams are opened at once.
const streamsAtOnce = 64

// openStreams has n producers agree on settings, each over a connection of its own. end closes them, also after an error.
func openStreams(ctx context.Context, addr, topic string, n int) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex // guards what follows
	var conns []*grpc.ClientConn
	var errs []error
	var workers sync.WaitGroup
	next := make(chan int)
	for range streamsAtOnce {
		workers.Go(func() {
			for i := range next {
				conn, err := openStream(ctx, addr, topic, fmt.Sprintf("stream-%d", i))
				mu.Lock()
				if conn != nil {
					conns = append(conns, conn)
				}
				if err != nil {
					errs = append(errs, fmt.Errorf("stream %d: %w", i, err))
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	return func() {
		cancel()
		for _, conn := range conns {
			conn.Close()
		}
	}, errors.Join(errs[:min(len(errs), 3)]...)
}

func openStream(ctx context.Context, addr, topic, id string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithReadBufferSize(1<<10), grpc.WithWriteBufferSize(1<<10))
	if err != nil {
		return nil, err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", id, "x-mq-language", "GO", "x-mq-protocol", "v2", "x-mq-client-version", "5.1.3", "x-mq-request-id", id,
		"x-mq-date-time", "20260102T030405Z")
	stream, err := pb.NewMessagingServiceClient(conn).Telemetry(ctx, grpc.WaitForReady(true))
	if err != nil {
		return conn, err
	}
	set := &pb.Settings{ClientType: pb.ClientType_PRODUCER.Enum(), PubSub: &pb.Settings_Publishing{Publishing: &pb.Publishing{Topics: []*pb.Resource{{Name: topic}}}}}
	if err := stream.Send(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: set}}); err != nil {
		return conn, err
	}
	got, err := stream.Recv()
	if err == nil && got.GetStatus().GetCode() != pb.Code_OK {
		err = fmt.Errorf("the settings are answered with %v", got.GetStatus())
	}
	return conn, err
}
