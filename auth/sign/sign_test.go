package sign_test

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/protocol"
)

// What `openssl dgst -sha1 -hmac secret` makes of "aliceT1hello", in base64, and of "20261123T170000Z".
const (
	goldenSignature = "lo21WAxjcDQDuk8FvZA7Cx5Drs4="
	goldenHeader    = "fdb9a797824a93ee685d911d63c81a4437bdedc0"
)

func request(version int32, body string, pairs ...string) *protocol.Frame {
	f := &protocol.Frame{Version: version}
	for i := 0; i < len(pairs); i += 2 {
		f.Fields.Add(pairs[i], pairs[i+1])
	}
	if body != "" {
		f.Body = []byte(body)
	}
	return f
}

// TestSignatures: what was signed holds, and nothing of it can be changed.
func TestSignatures(t *testing.T) {
	c := sign.Credentials{User: "alice", Password: "secret"}
	f := request(513, "hello", "topic", "T", "z", "1")
	c.Frame(f)
	if sign.User(f) != "alice" || !sign.Signed(f, "secret") || sign.Signed(f, "other") || sign.Signed(f, "") {
		t.Fatal("the signature does not hold, or holds for another password")
	}
	if got := f.Fields.String("Signature"); got != goldenSignature {
		t.Errorf("signature %s, want %s", got, goldenSignature)
	}
	change := func(what string, do func(f *protocol.Frame)) {
		t.Helper()
		g := f.Clone()
		do(g)
		if sign.Signed(g, "secret") {
			t.Errorf("%s is not noticed", what)
		}
	}
	change("another body", func(f *protocol.Frame) { f.Body[0] = 'j' })
	change("another topic", func(f *protocol.Frame) { f.Fields[0].Value = []byte("U") })
	change("one field more", func(f *protocol.Frame) { f.Fields.Add("x", "1") })
	change("no signature", func(f *protocol.Frame) { f.Fields = f.Fields[:3] })
	change("an empty signature", func(f *protocol.Frame) { f.Fields[3].Value = []byte{} })

	again := f.Clone()
	again.Fields.Add("SecurityToken", "t")
	c.Token = "u"
	c.Frame(again) // what is there is replaced
	if !sign.Signed(again, "secret") || again.Fields.String("SecurityToken") != "u" || len(again.Fields) != 5 {
		t.Errorf("signed again: %v", again.Fields)
	}
	plain := request(513, "", "topic", "T")
	(&sign.Credentials{}).Frame(plain)
	if len(plain.Fields) != 1 {
		t.Error("who has no name signs")
	}
}

// TestFieldsInOrder: the order of the names counts, not that of the fields.
func TestFieldsInOrder(t *testing.T) {
	c := sign.Credentials{User: "alice", Password: "secret"}
	f := request(513, "hello", "topic", "T", "z", "1")
	c.Frame(f)
	turned := f.Clone()
	turned.Fields[0], turned.Fields[2] = turned.Fields[2], turned.Fields[0]
	if !sign.Signed(turned, "secret") {
		t.Error("the order of the fields counts")
	}
}

// TestOldClients add a field behind their signature.
func TestOldClients(t *testing.T) {
	c := sign.Credentials{User: "alice", Password: "secret"}
	for _, x := range []struct {
		version int32
		holds   bool
	}{{399, true}, {401, false}} {
		f := request(x.version, "", "topic", "T")
		c.Frame(f)
		f.Fields.Add("_UNIQUE_KEY_QUERY", "true")
		if got := sign.Signed(f, "secret"); got != x.holds {
			t.Errorf("version %d: %t", x.version, got)
		}
	}
}

func TestHeaders(t *testing.T) {
	const time = "20261123T170000Z"
	f := func(text, user, problem string) {
		t.Helper()
		h, err := sign.ReadHeader(text)
		switch {
		case problem != "":
			if err == nil || !strings.Contains(err.Error(), problem) {
				t.Errorf("%q: %v, want %q", text, err, problem)
			}
		case err != nil || h.User != user:
			t.Errorf("%q: user %q, %v", text, h.User, err)
		}
	}
	f("MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=00ff", "alice", "")
	f("MQv2-HMAC-SHA1 Credential=alice/region/service, SignedHeaders=x-mq-date-time, Signature=00FF", "alice", "")
	f("x Signature=", "", "")
	f("MQv2-HMAC-SHA1", "", "authentication header is incorrect.")
	f("", "", "authentication header is incorrect.")
	f("x Credential", "", "keyValues length is incorrect, actual length=1.")
	f("x Signature=0", "", "create authentication context error.")
	f(strings.Repeat("x", 4097), "", "4097 bytes, the limit is 4096")

	h, err := sign.ReadHeader("MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=" + goldenHeader)
	if err != nil || !h.Signed(time, "secret") || h.Signed(time, "other") || h.Signed("20261123T170001Z", "secret") {
		t.Errorf("%+v, %v", h, err)
	}
	if (&sign.Header{User: "alice"}).Signed(time, "secret") {
		t.Error("no signature holds")
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"MQv2-HMAC-SHA1 Credential=alice, SignedHeaders=x-mq-date-time, Signature=00ff", "x ,", " ", "x a=b,,", "x Credential=/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := sign.ReadHeader(text); err == nil && (len(h.User) > len(text) || h.Signed(text, "p") && len(h.Signature) != 20) {
			t.Fatalf("%q reads as %+v", text, h)
		}
	})
}
