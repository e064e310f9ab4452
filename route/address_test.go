package route

import (
	"net/netip"
	"strings"
	"testing"
)

func port(text string) netip.AddrPort {
	if text == "" {
		return netip.AddrPort{}
	}
	return netip.MustParseAddrPort(text)
}

func TestChooseAddress(t *testing.T) {
	const canonical = "192.0.2.1:10911"
	f := func(rules string, c Client, want string) {
		t.Helper()
		var parsed []Rule
		for _, text := range strings.Fields(rules) {
			r, err := ParseRule(text)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, r)
		}
		if got := ChooseAddress(parsed, c, port(canonical)); got != want {
			t.Errorf("rules %q, client %v: got %v, want %s", rules, c, got, want)
		}
	}
	lan := Client{Remote: port("10.0.0.9:5555"), Local: port("10.0.0.1:9876")}
	v6 := Client{Remote: port("[2001:db8::9]:5555"), Local: port("[2001:db8::1]:9876")}

	// Without rules: this side of the connection, with its port, in both families.
	f("", lan, "10.0.0.1:9876")
	f("", v6, "[2001:db8::1]:9876")
	f("", Client{Local: port("[::ffff:10.0.0.1]:9876")}, "10.0.0.1:9876")
	f("", Client{Local: port("[fe80::1%eth0]:9876")}, "[fe80::1]:9876")
	f("", Client{Local: port("127.0.0.1:9876")}, "127.0.0.1:9876")
	// Nothing is known.
	f("", Client{}, canonical)
	f("", Client{Local: port("0.0.0.0:9876")}, canonical)
	f("", Client{Local: port("10.0.0.1:0")}, canonical)

	// A PROXY header's destination comes before the connection to the proxy, what a client dialled before both.
	proxied := Client{Remote: port("198.51.100.7:1"), Local: port("10.0.0.1:9876"), Proxy: port("203.0.113.5:80")}
	f("", proxied, "203.0.113.5:80")
	proxied.Dialed = port("203.0.113.6:8081")
	f("", proxied, "203.0.113.6:8081")

	// Rules come first; without a port they take the broker's own.
	f("203.0.113.5", lan, "203.0.113.5:10911")
	f("203.0.113.5:30911", proxied, "203.0.113.5:30911")
	f("2001:db8::5", v6, "[2001:db8::5]:10911")
	f("[2001:db8::5]:30911", v6, "[2001:db8::5]:30911")
	// A name is told as it is, in the network that it is for.
	named := []Rule{{Addr: netip.MustParseAddr("10.0.0.1"), Name: "broker-0.brokers", From: netip.MustParsePrefix("10.0.0.0/8")}}
	if got := ChooseAddress(named, lan, port(canonical)); got != "broker-0.brokers:10911" {
		t.Errorf("a named rule: got %s", got)
	}
	if got := ChooseAddress(named, v6, port(canonical)); got != "[2001:db8::1]:9876" {
		t.Errorf("a named rule for others: got %s", got)
	}
	named[0].Port = 30911
	if got := ChooseAddress(named, lan, port(canonical)); got != "broker-0.brokers:30911" {
		t.Errorf("a named rule with a port: got %s", got)
	}
	// A rule for other clients does not count.
	f("203.0.113.5:30911@198.51.100.0/24", lan, "10.0.0.1:9876")
	f("203.0.113.5:30911@198.51.100.0/24", proxied, "203.0.113.5:30911")
	f("203.0.113.5@0.0.0.0/0", v6, "[2001:db8::1]:9876")
	// The narrowest network first, a rule for all last, else the given order.
	f("203.0.113.5 10.0.0.1:1@10.0.0.0/8 10.0.0.2:2@10.0.0.0/24", lan, "10.0.0.2:2")
	f("10.0.0.1:1@10.0.0.0/8 10.0.0.2:2@10.0.0.0/8", lan, "10.0.0.1:1")
	f("10.0.0.1:1 10.0.0.2:2", lan, "10.0.0.1:1")
	f("10.0.0.3:3@10.0.0.0/8", Client{Remote: port("[::ffff:10.0.0.9]:1"), Local: port("10.0.0.1:9876")}, "10.0.0.3:3")
}

func TestParseRuleNamesWhatIsWrong(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := ParseRule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
	f("", "wanted HOST[:PORT][@CIDR]")
	f("broker.example.com", "is not an IP address")
	f("broker.example.com:10911", `"broker.example.com" is not an IP address`)
	f("10.0.0.1:0", "not between 1 and 65535")
	f("10.0.0.1:65536", "not between 1 and 65535")
	f("10.0.0.1@10.0.0.0/33", "10.0.0.0/33")
}

func FuzzParseRule(f *testing.F) {
	f.Add("10.0.0.1:10911@10.0.0.0/8")
	f.Add("[2001:db8::5]:30911")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err == nil && (!r.Addr.IsValid() || strings.Contains(text, "@") != r.From.IsValid()) {
			t.Errorf("%q became %+v", text, r)
		}
	})
}
