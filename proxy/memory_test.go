package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// streamBytes bounds what a telemetry stream takes of the server's memory, heap and stacks, with its connection. Of that gRPC's transport has four goroutines'
// stacks, 14 to 16 KiB, and about 12 KiB of heap.
const streamBytes = 36 << 10

// streamsVariable has the test's own program be the clients: "ADDRESS NUMBER".
const streamsVariable = "AEROBEE_TEST_STREAMS"

// TestStreamMemory measures what telemetry streams take of the server's memory. The clients are a process of their own.
func TestStreamMemory(t *testing.T) {
	if told := os.Getenv(streamsVariable); told != "" {
		openStreams(t, told)
		return
	}
	if testing.Short() {
		t.Skip("the race detector's own memory counts")
	}
	const streams = 500
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	idleHeap, idleStacks := memoryInUse()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStreamMemory$", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", streamsVariable, n.serve, streams))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := false
	lines := bufio.NewScanner(stdout)
	for !ready && lines.Scan() {
		ready = lines.Text() == "READY"
	}
	heap, stacks := memoryInUse()
	_ = stdin.Close()
	_, _ = io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err != nil || !ready {
		t.Fatalf("the clients: %v", err)
	}
	perHeap, perStacks := (heap-idleHeap)/streams, (stacks-idleStacks)/streams
	t.Logf("a stream takes %d bytes of heap and %d of stacks", perHeap, perStacks)
	if per := perHeap + perStacks; per > streamBytes {
		t.Errorf("a stream takes %d bytes, the limit is %d", per, streamBytes)
	}
}

// memoryInUse is what heap and stacks hold, without garbage: each collection halves stacks that are too large.
func memoryInUse() (heap, stacks int64) {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}

// openStreams has producers agree on settings, each over a connection of its own, and keeps the streams open until the input ends.
func openStreams(t *testing.T, told string) {
	addr, count, _ := strings.Cut(told, " ")
	number, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, number)
	var all sync.WaitGroup
	for i := range number {
		all.Go(func() { errs[i] = openStream(t.Context(), addr, i) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	fmt.Println("READY")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func openStream(ctx context.Context, addr string, i int) error {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", fmt.Sprintf("host.example.com@%d@1@abcdef", i), "x-mq-language", "GO", "x-mq-protocol", "v2",
		"x-mq-client-version", "5.1.3", "x-mq-request-id", "f3b5fa3e-6b5e-4b3c-8d2f-8f5c6a7b8c9d", "x-mq-date-time", "20260102T030405Z")
	st, err := pb.NewMessagingServiceClient(conn).Telemetry(ctx)
	if err != nil {
		return err
	}
	if err := st.Send(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: producer("orders")}}); err != nil {
		return err
	}
	in, err := st.Recv()
	if err == nil && in.GetStatus().GetCode() != pb.Code_OK {
		err = fmt.Errorf("the settings are answered with %v", in.GetStatus())
	}
	return err
}
