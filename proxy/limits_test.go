package proxy_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// zipped is a message whose body becomes so many bytes.
func zipped(t *testing.T, n, size int) *pb.Message {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := plain("orders", fmt.Sprintf("01%032d", n), z.String())
	m.SystemProperties.BodyEncoding = pb.Encoding_GZIP
	return m
}

// TestInflationIsBounded: a small body that becomes large is refused, and those that are taken come back uncompressed, as many as there are.
func TestInflationIsBounded(t *testing.T) {
	const largest = 64 << 10
	n := start(t, map[string]string{"maxMessageSize": fmt.Sprint(largest)})
	n.topic("orders", "NORMAL")
	p, c := n.client("p"), n.client("c")
	c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "g", "orders"))
	n.begin(c, "orders", "g")
	r, err := p.SendMessage(p.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{zipped(t, 0, 5*largest)}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_MESSAGE_BODY_TOO_LARGE)
	for i := range 8 {
		p.send(zipped(t, i, 3*largest))
	}
	for got := 0; got < 8; {
		st, all := c.receive(receiving("orders", "g"))
		want(t, st, pb.Code_OK)
		for _, m := range all {
			if m.GetSystemProperties().GetBodyEncoding() != pb.Encoding_IDENTITY || len(m.GetBody()) != 3*largest {
				t.Fatalf("a body of %d bytes, %s", len(m.GetBody()), m.GetSystemProperties().GetBodyEncoding())
			}
		}
		got += len(all)
	}
}

// TestClientIDsLeaveRoomForOthers: one connection with many client ids does not keep remoting clients out.
func TestClientIDsLeaveRoomForOthers(t *testing.T) {
	n := start(t, map[string]string{"maxConnections": "200"})
	n.topic("orders", "NORMAL")
	u, refused := n.client("x"), 0
	for i := range 220 {
		u.id = fmt.Sprint("id", i)
		r, err := u.SendMessage(u.ctx(), &pb.SendMessageRequest{Messages: []*pb.Message{plain("orders", fmt.Sprintf("01%032d", i), "x")}})
		if err != nil {
			t.Fatal(err)
		}
		if r.GetStatus().GetCode() == pb.Code_TOO_MANY_REQUESTS {
			refused++
		}
	}
	if refused != 120 {
		t.Errorf("%d of 220 client ids were refused, want 120", refused)
	}
	n.topic("others", "NORMAL")
}

// TestHugeHeaders: 64 KiB are taken, more are not.
func TestHugeHeaders(t *testing.T) {
	n := start(t, nil)
	u := n.client("p")
	f := func(size int) error {
		_, err := u.Heartbeat(metadata.AppendToOutgoingContext(u.ctx(), "x-junk", strings.Repeat("z", size)), &pb.HeartbeatRequest{})
		return err
	}
	if err := f(60 << 10); err != nil {
		t.Errorf("60 KiB: %v", err)
	}
	if err := f(1 << 20); err == nil {
		t.Error("1 MiB of headers was taken")
	}
}

// TestHugeSettings: a stream that brings them ends.
func TestHugeSettings(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	u, set := n.client("p"), producer("orders")
	set.UserAgent = &pb.UA{Hostname: strings.Repeat("h", 2<<20)}
	st, err := u.Telemetry(u.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Send(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_Settings{Settings: set}}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Recv(); grpcstatus.Code(err) != codes.InvalidArgument {
		t.Errorf("settings of 2 MiB: %v", err)
	}
}

// TestSlowReaderIsCutOff: a client that asks for more than may be held and reads none of it loses its connection, and nobody else.
func TestSlowReaderIsCutOff(t *testing.T) {
	if inFront {
		t.Skip("the memory's limit is the broker's as well")
	}
	n := start(t, map[string]string{"memoryLimit": "80m"}) // a quarter of it may be held
	n.topic("orders", "NORMAL")
	p, quick := n.client("p"), n.client("quick")
	// Else its transport would take more and more by itself.
	conn, err := grpc.NewClient("passthrough:///"+n.serve, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithInitialWindowSize(64<<10))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	slow := &user{MessagingServiceClient: pb.NewMessagingServiceClient(conn), t: t, id: "slow", conn: conn}
	const messages = 120 // of 256 KiB
	for i := range messages {
		p.send(plain("orders", fmt.Sprintf("01%032d", i), strings.Repeat("x", 256<<10)))
	}
	quick.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "g", "orders"))
	n.begin(quick, "orders", "g")
	one := receiving("orders", "g")
	one.BatchSize = 1
	ctx := slow.ctx()
	slow.conn.Connect()
	for s := slow.conn.GetState(); s != connectivity.Ready; s = slow.conn.GetState() {
		if !slow.conn.WaitForStateChange(ctx, s) {
			t.Fatal("no connection")
		}
	}
	for range messages {
		if _, err := slow.ReceiveMessage(ctx, one); err != nil {
			break // it was cut off already
		}
	}
	if slow.conn.GetState() == connectivity.Ready && !slow.conn.WaitForStateChange(ctx, connectivity.Ready) {
		t.Fatal("the slow reader was not cut off")
	}
	st, got := quick.receive(one)
	want(t, st, pb.Code_OK)
	if len(got) != 1 || len(got[0].GetBody()) != 256<<10 {
		t.Errorf("another client got %d messages", len(got))
	}
}
