package permit_test

import (
	"encoding/hex"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/permit"
)

// TestCertificates stand for users where there is no header, and nowhere else.
func TestCertificates(t *testing.T) {
	const at = "20261123T170000Z"
	f := func(holder, authorization, wantVouched, wantUser, want string) {
		t.Helper()
		g := &gate{signs: true, asks: true}
		err := permit.Admit(g, &permit.Asked{Message: &pb.QueryRouteRequest{Topic: named("a")}, Authorization: authorization, Time: at, Holder: holder})
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q with the certificate of %q: %v, want %q", authorization, holder, err, want)
		}
		if g.vouched != wantVouched || g.user != wantUser {
			t.Errorf("%q with the certificate of %q: vouched for %q, asked for the rights of %q, want %q and %q", authorization, holder, g.vouched, g.user, wantVouched, wantUser)
		}
	}
	const nonsense = "nonsense"
	signed := "MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=" + hex.EncodeToString(sign.Sum("a", []byte(at)))
	f("alice", "", "alice", "alice", "")
	f("bob", "", "", "", "who?") // there is no such user
	f("", "", "", "", "who?")
	f("alice", signed, "", "alice", "")
	f("alice", "x Credential=alice, Signature=00", "", "", "who?")
	f("alice", "x Credential=", "", "", "who?")
	f("alice", nonsense, "", "", "authentication header is incorrect.")
	for holder, want := range map[string]string{"alice": "alice", "bob": "", "": ""} {
		if got := permit.User(&gate{signs: true}, &permit.Asked{Message: &pb.QueryRouteRequest{}, Holder: holder}); got != want {
			t.Errorf("with the certificate of %q asks %q, want %q", holder, got, want)
		}
	}
	if got := permit.User(&gate{signs: true}, &permit.Asked{Message: &pb.QueryRouteRequest{}, Holder: "alice", Authorization: "x Credential=bob"}); got != "bob" {
		t.Errorf("bob has signed, and %q asks", got)
	}
	g := &gate{asks: true}
	if err := permit.Admit(g, &permit.Asked{Message: &pb.QueryRouteRequest{Topic: named("a")}, Holder: "alice"}); err != nil || g.user != "alice" || g.vouched != "" {
		t.Errorf("where nothing is to be signed: %v, asked for the rights of %q", err, g.user)
	}
}
