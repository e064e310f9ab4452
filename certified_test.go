package aerobee

import (
	"bytes"
	"crypto/tls"
	"crypto/x509/pkix"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/remoting"
)

// holders are certificates of these names, each with a further name of its organization, and a file with all of them as authorities.
func holders(t *testing.T, names ...string) (certs map[string]tls.Certificate, file string) {
	t.Helper()
	certs = map[string]tls.Certificate{}
	var all bytes.Buffer
	for _, name := range names {
		cert, one := holder(t, pkix.Name{CommonName: name, Organization: []string{"Shop"}})
		text, err := os.ReadFile(one)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		certs[name] = cert
	}
	file = filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(file, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return certs, file
}

// shows connects to a node inside TLS, with certificates.
func (s *Server) shows(t *testing.T, certs ...tls.Certificate) *peer {
	t.Helper()
	nc, err := tls.Dial("tcp", s.Addr(), &tls.Config{Certificates: certs, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	return over(t, nc)
}

func over(t *testing.T, nc net.Conn) *peer {
	t.Helper()
	c := remoting.Client(nc, remoting.Options{})
	t.Cleanup(func() { _ = c.Close() })
	return &peer{t, c}
}

// grpcShows is grpcTo inside TLS, with certificates.
func grpcShows(t *testing.T, s *Server, id string, certs ...tls.Certificate) grpcUser {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///"+s.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{Certificates: certs, InsecureSkipVerify: true})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return grpcUser{pb.NewMessagingServiceClient(c), metadata.AppendToOutgoingContext(t.Context(), "x-mq-client-id", id)}
}

// wantSend sends a message to a topic by gRPC.
func (u grpcUser) wantSend(t *testing.T, topic string, code pb.Code, text string) {
	t.Helper()
	r, err := u.SendMessage(u.ctx, &pb.SendMessageRequest{Messages: []*pb.Message{{Topic: &pb.Resource{Name: topic}, Body: []byte("x"),
		SystemProperties: &pb.SystemProperties{MessageId: "01"}}}})
	if st := r.GetStatus(); err != nil || st.GetCode() != code || text != "" && st.GetMessage() != text {
		t.Errorf("gRPC: a message to %s: %v %q, %v, want %v %q", topic, st.GetCode(), st.GetMessage(), err, code, text)
	}
}

// wantAudit asks over HTTP, inside TLS, for what is for super users.
func wantAudit(t *testing.T, s *Server, code int, header http.Header, certs ...tls.Certificate) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr()+"/api/v1/audit", nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(q.Header, header)
	way := &http.Transport{TLSClientConfig: &tls.Config{Certificates: certs, InsecureSkipVerify: true}}
	defer way.CloseIdleConnections()
	r, err := way.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err != nil || r.StatusCode != code {
		t.Errorf("with %d certificates and %v: %s %s, %v, want %d", len(certs), header, r.Status, body, err, code)
	}
}

const (
	noName   = "username cannot be null."
	noRight  = "User:alice has no permission to access Topic:Other from 127.0.0.1, no matched policies."
	disabled = "User:alice is disabled."
)

// TestCertificateIsAUser: whoever shows a certificate is the user whom it names, with that user's rights and no more, behind either protocol; and who signs
// is who has signed.
func TestCertificateIsAUser(t *testing.T) {
	certs, file := holders(t, "alice", "nobody", "boss")
	s := guarded(t, "tls.server.need.client.auth", "optional", "tls.server.trustCertPath", file, "tlsUserFromSubject", "CN")
	root := s.dial(t)
	as := func(code int32, body string, fields ...string) {
		t.Helper()
		root.wantCode(root.as("root", "top", code, body, fields...), protocol.ResSuccess, "")
	}
	as(protocol.ReqAuthCreateUser, `{"password":"a"}`, "username", "alice")
	as(protocol.ReqAuthCreateACL, `{"subject":"User:alice","policies":[{"entries":[{"resource":"Topic:Orders","actions":["Pub","Sub"],"decision":"Allow"}]}]}`, "subject", "User:alice")
	root.wantCode(root.sendAs("root", "top", "Other"), protocol.ResSuccess, "")

	alice, stranger, none := s.shows(t, certs["alice"]), s.shows(t, certs["nobody"]), s.shows(t)
	alice.wantCode(alice.send("Orders", "x"), protocol.ResSuccess, "")
	alice.wantCode(alice.send("Other", "x"), protocol.ResNoPermission, noRight)
	alice.wantCode(alice.call(protocol.ReqGetBrokerConfig, ""), protocol.ResNoPermission, "User:alice has no permission to access Cluster:DefaultCluster")
	alice.wantCode(alice.sendAs("alice", "wrong", "Orders"), protocol.ResNoPermission, "check signature failed.")
	alice.wantCode(alice.sendAs("root", "top", "Other"), protocol.ResSuccess, "")
	alice.wantCode(alice.call(protocol.ReqDeleteTopicInBroker, "", "topic", "Orders"), protocol.ResNoPermission, "User:alice has no permission to access Topic:Orders")
	as(protocol.ReqAuthUpdateUser, `{"userStatus":"enable"}`, "username", "alice") // its answer waits for the record, and for those before it
	all := s.safety.acts.Last(2)
	if len(all) != 2 || all[0].Who != "alice" || all[0].About != "topic=Orders" {
		t.Errorf("recorded is %+v, want a refusal of alice", all)
	}
	for _, p := range []*peer{stranger, none, over(t, claiming(t, s))} {
		p.wantCode(p.send("Orders", "x"), protocol.ResNoPermission, noName)
	}

	u := grpcShows(t, s, "alice", certs["alice"])
	u.wantSend(t, "Orders", pb.Code_OK, "")
	u.wantSend(t, "Other", pb.Code_UNAUTHORIZED, noRight)
	u.signedBy("alice", "wrong").wantSend(t, "Orders", pb.Code_UNAUTHORIZED, "check signature failed.")
	grpcShows(t, s, "root", certs["alice"]).signedBy("root", "top").wantSend(t, "Other", pb.Code_OK, "")
	grpcShows(t, s, "nobody", certs["nobody"]).wantSend(t, "Orders", pb.Code_UNAUTHORIZED, noName)
	grpcShows(t, s, "none").wantSend(t, "Orders", pb.Code_UNAUTHORIZED, noName)
	grpcTo(t, s, "plain").wantSend(t, "Orders", pb.Code_UNAUTHORIZED, noName)

	as(protocol.ReqAuthCreateUser, `{"password":"b","userType":"Super"}`, "username", "boss")
	wantAudit(t, s, http.StatusOK, nil, certs["boss"])
	wantAudit(t, s, http.StatusForbidden, nil, certs["alice"])
	wantAudit(t, s, http.StatusUnauthorized, nil, certs["nobody"])
	wantAudit(t, s, http.StatusUnauthorized, nil)
	wantAudit(t, s, http.StatusUnauthorized, http.Header{"Authorization": {"Bearer x"}}, certs["boss"])
	wantAudit(t, s, http.StatusUnauthorized, http.Header{"Authorization": {"Digest x"}}, certs["boss"])
	wantAudit(t, s, http.StatusUnauthorized, http.Header{"Cookie": {"aerobee_session=x"}}, certs["boss"])
	wantAudit(t, s, http.StatusForbidden, http.Header{"Sec-Fetch-Site": {"cross-site"}}, certs["boss"])
	as(protocol.ReqAuthUpdateUser, `{"userStatus":"disable"}`, "username", "boss")
	wantAudit(t, s, http.StatusUnauthorized, nil, certs["boss"])

	as(protocol.ReqAuthUpdateUser, `{"userStatus":"disable"}`, "username", "alice")
	alice.wantCode(alice.send("Orders", "x"), protocol.ResNoPermission, disabled)
	u.wantSend(t, "Orders", pb.Code_UNAUTHORIZED, disabled)
	as(protocol.ReqAuthDeleteUser, "", "username", "alice")
	alice.wantCode(alice.send("Orders", "x"), protocol.ResNoPermission, noName)
	u.wantSend(t, "Orders", pb.Code_UNAUTHORIZED, noName)
}

// claiming is a connection with the header of a load balancer that says to have verified a certificate of root.
func claiming(t *testing.T, s *Server) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	const addresses, verified = "\x0a\x00\x00\x01\x0a\x00\x00\x02\x30\x39\x2a\x9f", "\x01\x00\x00\x00\x00\x22\x00\x04root"
	if _, err := nc.Write([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x1b" + addresses + "\x20\x00\x0c" + verified)); err != nil {
		t.Fatal(err)
	}
	return nc
}

// testUserFromSubject: the common name, the whole subject or neither is a user's name.
func testUserFromSubject(t *testing.T) {
	certs, file := holders(t, "root")
	for rule, names := range map[string]map[string]int32{
		"CN":  {"root": protocol.ResSuccess, "CN=root,O=Shop": protocol.ResNoPermission},
		"DN":  {"root": protocol.ResNoPermission, "CN=root,O=Shop": protocol.ResSuccess},
		"off": {"root": protocol.ResNoPermission, "CN=root,O=Shop": protocol.ResNoPermission},
	} {
		for name, code := range names {
			p := start(t, "authenticationEnabled", "true", "authorizationEnabled", "true", "initAuthenticationUser", `{"username":"`+name+`","password":"top"}`,
				"tls.server.need.client.auth", "require", "tls.server.trustCertPath", file, "tlsUserFromSubject", rule).shows(t, certs["root"])
			remark := ""
			if code != protocol.ResSuccess {
				remark = noName
			}
			p.wantCode(p.call(protocol.ReqGetBrokerConfig, ""), code, remark)
		}
	}
	wantRefused(t, "tlsUserFromSubject", "CN", "tlsUserFromSubject=CN needs certificates of clients: set tls.server.need.client.auth")
}
