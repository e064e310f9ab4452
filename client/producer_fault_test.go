package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

func cancelled() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx, cancel
}

func fakeClient(t *testing.T, brokers []*fakeBroker, config client.Config) *client.Client {
	t.Helper()
	config.NameServers = []string{brokers[0].addr}
	return newClient(t, config)
}

func one() *client.Message { return &client.Message{Topic: "t", Body: []byte("body")} }

func TestRetryOnAnotherBroker(t *testing.T) {
	bs := fakeCluster(t, nil, "a", "b")
	bs[0].script = func(_ int, s fakeSend) { s.answer(protocol.ResSystemBusy, 0) }
	bs[1].script = func(n int, s fakeSend) { s.answer(0, int64(n)) }
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	for range 20 {
		r, err := p.Send(t.Context(), one())
		if err != nil || r.Queue.BrokerName != "b" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if n := len(bs[0].sent()); n != 1 {
		t.Errorf("the busy broker was asked %d times, then it should have been avoided", n)
	}
}

func TestRefusalIsFinal(t *testing.T) {
	bs := fakeCluster(t, func(_ int, s fakeSend) { s.answer(protocol.ResMessageIllegal, 0) }, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	_, err := p.Send(t.Context(), one())
	var refusal *client.Error
	if !errors.As(err, &refusal) || refusal.Code != 13 || refusal.Remark != "as the script says" || refusal.Addr != bs[0].addr || !errors.Is(err, client.ErrIllegal) {
		t.Errorf("%v", err)
	}
	if n := len(bs[0].sent()); n != 1 {
		t.Errorf("%d tries", n)
	}
}

func TestRetriesEnd(t *testing.T) {
	bs := fakeCluster(t, func(_ int, s fakeSend) { s.answer(protocol.ResSystemBusy, 0) }, "a", "b")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{Retries: 1})
	_, err := p.Send(t.Context(), one())
	if !errors.Is(err, client.ErrBusy) || !strings.Contains(err.Error(), "in 2 tries") {
		t.Errorf("%v", err)
	}
	outcome := make(chan error, 2)
	if err := p.SendAsync(t.Context(), one(), func(_ client.SendResult, err error) { outcome <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; !errors.Is(err, client.ErrBusy) || !strings.Contains(err.Error(), "in 2 tries") {
		t.Errorf("asynchronous: %v", err)
	}
}

func TestLostConnection(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) {
		if n == 0 {
			_ = s.conn.Close()
			return
		}
		s.answer(0, int64(n))
	}, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	if r, err := p.Send(t.Context(), one()); err != nil || r.Offset != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestReconnectsSilently: a server closes a connection that has been idle; the next send must not notice.
func TestReconnectsSilently(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) { s.answer(0, int64(n)) }, "a")
	closed := make(chan struct{}, 10)
	p := newProducer(t, fakeClient(t, bs, client.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		var d net.Dialer
		nc, err := d.DialContext(ctx, "tcp", addr)
		return closeTold{nc, closed}, err
	}}), client.ProducerConfig{Retries: -1})
	for i := range 5 {
		if r, err := p.Send(t.Context(), one()); err != nil || int(r.Offset) != i {
			t.Fatalf("send %d: %+v, %v", i, r, err)
		}
		bs[0].hangUp()
		<-closed
	}
}

// closeTold tells when the client has closed its side. It hides the raw socket, so the portable code paths are run too.
type closeTold struct {
	net.Conn
	closed chan struct{}
}

func (c closeTold) Close() error {
	err := c.Conn.Close()
	c.closed <- struct{}{}
	return err
}

// TestLateAnswer: the answer to a try that was given up must not be taken for that of the next one.
func TestLateAnswer(t *testing.T) {
	var first fakeSend
	bs := fakeCluster(t, func(n int, s fakeSend) {
		if n == 0 {
			first = s
			return
		}
		first.answer(0, 111)
		s.answer(0, 222)
	}, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{SendTimeout: 30 * time.Millisecond})
	if r, err := p.Send(t.Context(), one()); err != nil || r.Offset != 222 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestTimeouts(t *testing.T) {
	got := make(chan struct{}, 10)
	bs := fakeCluster(t, func(int, fakeSend) { got <- struct{}{} }, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{SendTimeout: 20 * time.Millisecond, Retries: -1})
	if _, err := p.Send(context.Background(), one()); !errors.Is(err, client.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a deadline: %v", err)
	}
	<-got
	p = newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Send(ctx, one()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline: %v", err)
	}
	<-got
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	outcome := make(chan error, 1)
	if err := p.SendAsync(ctx, one(), func(_ client.SendResult, err error) { outcome <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("asynchronous: %v", err)
	}
	<-got
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-got
		cancel()
	}()
	if _, err := p.Send(ctx, one()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestStatuses(t *testing.T) {
	codes := []int32{0, 10, 12, 11}
	bs := fakeCluster(t, func(n int, s fakeSend) { s.answer(codes[n%4], 7) }, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	for _, want := range []client.SendStatus{client.SendOK, client.FlushDiskTimeout, client.FlushSlaveTimeout, client.SlaveNotAvailable} {
		if r, err := p.Send(t.Context(), one()); err != nil || r.Status != want || r.Offset != 7 {
			t.Errorf("want %s: %+v, %v", want, r, err)
		}
	}
	p = newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{RetryNotStored: true})
	for range 2 {
		if r, err := p.Send(t.Context(), one()); err != nil || r.Status != client.SendOK && r.Status != client.SlaveNotAvailable {
			t.Errorf("retried: %+v, %v", r, err)
		}
	}
}

// TestBackPressure: the second message waits for the first one's answer; and what has waited comes back exactly once.
func TestBackPressure(t *testing.T) {
	held := make(chan fakeSend, 10)
	bs := fakeCluster(t, func(_ int, s fakeSend) { held <- s }, "a")
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{MaxPendingBytes: 2000})
	m := &client.Message{Topic: "t", Body: make([]byte, 1500)}
	var calls sync.Map
	outcome := make(chan int, 10)
	done := func(id int) func(client.SendResult, error) {
		return func(_ client.SendResult, err error) {
			if _, twice := calls.LoadOrStore(id, err); twice || err != nil {
				t.Errorf("callback %d: twice %v, %v", id, twice, err)
			}
			outcome <- id
		}
	}
	if err := p.SendAsync(t.Context(), m, done(1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.SendAsync(ctx, m, done(2)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a full gate: %v", err)
	}
	go func() { (<-held).answer(0, 1) }()
	if err := p.SendAsync(t.Context(), m, done(3)); err != nil {
		t.Fatal(err)
	}
	(<-held).answer(0, 2)
	if a, b := <-outcome, <-outcome; a != 1 || b != 3 {
		t.Errorf("callbacks %d and %d", a, b)
	}
}

func TestCloseWaitsForWhatIsInFlight(t *testing.T) {
	held := make(chan fakeSend, 1)
	bs := fakeCluster(t, func(n int, s fakeSend) {
		if n == 0 {
			held <- s
		}
	}, "a")
	c := fakeClient(t, bs, client.Config{})
	p := newProducer(t, c, client.ProducerConfig{})
	called := make(chan error, 1)
	if err := p.SendAsync(t.Context(), one(), func(_ client.SendResult, err error) { called <- err }); err != nil {
		t.Fatal(err)
	}
	s := <-held
	closed := make(chan error)
	go func() { closed <- c.Close(context.Background()) }()
	for { // until Close has shut the door
		if err := p.SendOneWay(t.Context(), one()); errors.Is(err, client.ErrClosed) {
			break
		}
		runtime.Gosched()
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned with a message in flight: %v", err)
	default:
	}
	s.answer(0, 1)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	select {
	case err := <-called:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Error("Close returned before the callback")
	}
	noneLeft(t)
}

func TestCloseCutsOff(t *testing.T) {
	got := make(chan struct{}, 1)
	bs := fakeCluster(t, func(int, fakeSend) { got <- struct{}{} }, "a")
	c := fakeClient(t, bs, client.Config{})
	p := newProducer(t, c, client.ProducerConfig{})
	outcome := make(chan error, 1)
	if err := p.SendAsync(t.Context(), one(), func(_ client.SendResult, err error) { outcome <- err }); err != nil {
		t.Fatal(err)
	}
	<-got
	ctx, cancel := cancelled()
	defer cancel()
	if err := c.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v", err)
	}
	select {
	case err := <-outcome:
		if err == nil {
			t.Error("a message without answer was called sent")
		}
	default:
		t.Error("Close returned before the callback")
	}
	noneLeft(t)
}

func TestHeartbeatAndLeaving(t *testing.T) {
	bs := fakeCluster(t, func(_ int, s fakeSend) { s.answer(0, 0) }, "a")
	c := fakeClient(t, bs, client.Config{InstanceName: "i", Namespace: "ns"})
	bs[0].routes["ns%t"] = bs[0].routes["t"]
	p := newProducer(t, c, client.ProducerConfig{Group: "g"})
	r, err := p.Send(t.Context(), one())
	if err != nil || r.Queue.Topic != "t" {
		t.Fatalf("%+v, %v", r, err)
	}
	if s := bs[0].sent()[0]; s.topic != "ns%t" || s.group != "ns%g" || !strings.Contains(s.properties, "INSTANCE_ID\x01ns\x02") {
		t.Errorf("on the wire: topic %s, group %s, properties %q", s.topic, s.group, s.properties)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	bs[0].mu.Lock()
	defer bs[0].mu.Unlock()
	if len(bs[0].left) == 0 || bs[0].left[0] != (protocol.UnregisterClientHeader{ClientID: c.ID(), ProducerGroup: "ns%g"}) {
		t.Errorf("left: %+v", bs[0].left)
	}
	want := `{"clientID":"` + c.ID() + `","consumerDataSet":[],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"ns%g"}],"withoutSub":false}`
	for _, beat := range bs[0].beats {
		if beat != want {
			t.Errorf("heartbeat\n%s\nwant\n%s", beat, want)
		}
	}
	if len(bs[0].beats) == 0 || bs[0].conns != 1 {
		t.Errorf("%d heartbeats over %d connections", len(bs[0].beats), bs[0].conns)
	}
}

func TestNameServersInTurnAndDiscovery(t *testing.T) {
	bs := fakeCluster(t, func(_ int, s fakeSend) { s.answer(0, 0) }, "a")
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	deadAddr := dead.Addr().String()
	_ = dead.Close()
	p := newProducer(t, newClient(t, client.Config{NameServers: []string{deadAddr + ";" + bs[0].addr}}), client.ProducerConfig{})
	if _, err := p.Send(t.Context(), one()); err != nil {
		t.Errorf("with a dead NameServer before: %v", err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(bs[0].addr + ";\n")) }))
	defer web.Close()
	p = newProducer(t, newClient(t, client.Config{Discovery: web.URL + "/rocketmq/nsaddr"}), client.ProducerConfig{})
	if _, err := p.Send(t.Context(), one()); err != nil {
		t.Errorf("by discovery: %v", err)
	}
	p = newProducer(t, newClient(t, client.Config{NameServers: []string{deadAddr}}), client.ProducerConfig{})
	if _, err := p.Send(t.Context(), one()); !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), deadAddr) {
		t.Errorf("with a dead NameServer alone: %v", err)
	}
}

// TestRouteChanges: after a broker has gone and its topic lies on another, a failed send finds the new one.
func TestRouteChanges(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) { s.answer(0, int64(n)) }, "a", "b")
	oneBroker := bs[0].routes["t"]
	oneBroker.Brokers, oneBroker.Queues = oneBroker.Brokers[1:], oneBroker.Queues[1:]
	both := bs[0].routes["t"]
	bs[0].routes["t"] = oneBroker
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	if r, err := p.Send(t.Context(), one()); err != nil || r.Queue.BrokerName != "b" {
		t.Fatalf("%+v, %v", r, err)
	}
	both.Brokers, both.Queues = both.Brokers[:1], both.Queues[:1]
	bs[0].mu.Lock()
	bs[0].routes["t"] = both
	bs[0].mu.Unlock()
	bs[1].stop()
	if r, err := p.Send(t.Context(), one()); err != nil || r.Queue.BrokerName != "a" {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestCallbackThatWaits: what a callback sends is on its way while the callback waits, and so is what others send meanwhile.
func TestCallbackThatWaits(t *testing.T) {
	got := make(chan string, 10)
	var first fakeSend
	brokers := fakeCluster(t, func(n int, s fakeSend) {
		switch n {
		case 0:
			first = s // keeps the connection busy: nothing is a lone request
		case 1:
			s.answer(0, 1)
		default:
			s.answer(0, int64(n))
			got <- string(s.frame.Body)
		}
	}, "b")
	c := newClient(t, client.Config{NameServers: []string{brokers[0].addr}})
	p := newProducer(t, c, client.ProducerConfig{})
	send := func(body string, done func()) {
		if err := p.SendAsync(t.Context(), &client.Message{Topic: "t", Body: []byte(body)}, func(client.SendResult, error) { done() }); err != nil {
			t.Error(err)
		}
	}
	ended, goOn := make(chan bool), make(chan bool)
	send("0", func() {})
	send("1", func() {
		send("2", func() {})
		if body := <-got; body != "2" {
			t.Errorf("got %s", body)
		}
		goOn <- true
		if body := <-got; body != "3" {
			t.Errorf("got %s", body)
		}
		close(ended)
	})
	<-goOn
	send("3", func() {})
	<-ended
	first.answer(0, 0)
}
