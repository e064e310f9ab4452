package aerobee

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/internal/testnet"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// recorder is a broker that keeps what it is asked, and refuses all of it as one that has not been told who asks.
type recorder struct {
	addr string

	mu    sync.Mutex
	asked []*protocol.Frame // guarded by mu
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	b := &recorder{}
	mux := remoting.NewMux()
	for code, row := range access.Codes() {
		mux.Handle(code, row.Name, func(c *remoting.Conn, f *protocol.Frame) {
			b.mu.Lock()
			b.asked = append(b.asked, f.Clone())
			b.mu.Unlock()
			r := f.Reply(protocol.ResNoPermission, "username cannot be null.")
			_ = c.Send(&r)
		})
	}
	server := remoting.NewServer(remoting.Options{Mux: mux})
	t.Cleanup(func() {
		if err := server.Shutdown(t.Context()); err != nil {
			t.Log(err) // the test's context has ended: connections are cut, nothing is left
		}
	})
	b.addr = testnet.Accept(t, func(nc net.Conn) { server.Serve(nc, remoting.ConnInfo{}) })
	return b
}

// told are the requests of each code so far: how many, and how many of them are signed with a password.
func (b *recorder) told(password string) (asked, claimed, signed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.asked {
		if f.Code == protocol.ReqHeartBeat || f.Code == protocol.ReqUnregisterClient {
			continue // of the producer of a test message, which comes with the message
		}
		asked++
		if sign.Claims(f) {
			claimed++
		}
		if sign.Signed(f, password) {
			signed++
		}
	}
	return asked, claimed, signed
}

// TestStrangersGetNoSignature: whoever reaches a NameServer registers a broker there, and the signature of a request without fields would be one for every
// other such request, that for all users with their passwords (3005) among them.
func TestStrangersGetNoSignature(t *testing.T) {
	f := func(trusted bool, more ...string) {
		t.Helper()
		ns := start(t, "roles", "namesrv") // which asks nobody
		s := guarded(t, append([]string{"roles", "broker", "namesrvAddr", ns.Addr(), "innerClientAuthenticationCredentials", `{"accessKey":"inner","secretKey":"hidden"}`}, more...)...)
		b := newRecorder(t)
		body := `{"topicConfigSerializeWrapper":{"topicConfigTable":{"Loot":{"topicName":"Loot","perm":6,"readQueueNums":1,"writeQueueNums":1},"Bait":{"topicName":"Bait","perm":6,"readQueueNums":1,"writeQueueNums":1}},"dataVersion":{"counter":1,"timestamp":1}}}`
		p := ns.dial(t)
		p.wantCode(p.call(protocol.ReqRegisterBroker, body, "brokerName", "stranger", "brokerAddr", b.addr, "clusterName", s.cfg.ClusterName, "brokerId", "0", "haServerAddr", b.addr), protocol.ResSuccess, "")
		w := &web{t: t, s: s, header: http.Header{"Authorization": {basic("root", "top")}}}
		for _, q := range []struct {
			method, path, body string
			status             int
		}{
			{"GET", "/brokers/stranger", "", 409},
			{"GET", "/brokers/stranger/settings", "", 409},
			{"PUT", "/topics/Loot", `{"readQueues":2,"writeQueues":2}`, 409},
			{"POST", "/topics/Loot/messages", `{"body":"x"}`, 409},
		} {
			var why v1.Problem
			w.ask(q.method, q.path, q.body, q.status, &why)
			said := strings.Contains(why.Detail, b.addr+", which leads to 127.0.0.1, is not trusted: ") && strings.Contains(why.Detail, "start this node with --admin-from 127.0.0.1")
			if said == trusted {
				t.Errorf("trusted %v: %s %s: %s", trusted, q.method, q.path, why.Detail)
			}
		}
		asked, claimed, signed := b.told("hidden")
		if asked < 4 || trusted && signed != asked || !trusted && claimed > 0 {
			t.Errorf("trusted %v: %d requests, %d with a name or a signature, %d signed", trusted, asked, claimed, signed)
		}
	}
	f(false)
	f(true, "adminFrom", "127.0.0.1")
	f(false, "adminFrom", "192.0.2.0/24")
}

// TestWhereItSigns: at its own addresses, at its NameServers as they are named, and where --admin-from says, wherever a name says that it leads.
func TestWhereItSigns(t *testing.T) {
	s := start(t, "innerClientAuthenticationCredentials", `{"accessKey":"inner","secretKey":"hidden"}`, "namesrvAddr", "127.0.0.1:1;ns.invalid:9876", "advertise", "192.0.2.1:7000",
		"adminFrom", "10.0.0.0/8,2001:db8::/32")
	f := func(addr, to string, want bool) {
		t.Helper()
		why := s.signsTo(addr, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(to)))
		if (why == nil) != want {
			t.Errorf("%s, which leads to %s: %v", addr, to, why)
		}
	}
	f(s.Addr(), s.Addr(), true)
	f("192.0.2.1:7000", "192.0.2.1:7000", true)
	f("192.0.2.1:7001", "192.0.2.1:7001", false)
	f("127.0.0.1:1", "127.0.0.1:1", true)
	f("127.0.0.1:2", "127.0.0.1:2", false)
	f("ns.invalid:9876", "192.0.2.9:9876", true)
	f("ns.invalid:10911", "192.0.2.9:10911", false)
	f("10.1.2.3:10911", "10.1.2.3:10911", true)
	f("b.invalid:10911", "[::ffff:10.1.2.3]:10911", true)
	f("b.invalid:10911", "[2001:db8::7]:10911", true)
	f("10.1.2.3:10911", "192.0.2.9:10911", false)
}
