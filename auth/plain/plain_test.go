package plain_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/auth/plain"
	"github.com/aerobee-mq/aerobee/projection/user"
)

// sample has the forms that such files come in.
const sample = `# who may do what
globalWhiteRemoteAddresses:
  - 10.10.103.*
  - 192.168.0.{7,9}   # two

accounts:
- accessKey: alice
  secretKey: 'a # secret'
  whiteRemoteAddress: 10.1.2.3,10.1.5-6.*
  admin: false
  defaultTopicPerm: DENY
  defaultGroupPerm: SUB
  topicPerms:
  - topicA=DENY
  - topicB=PUB|SUB
  - "topicC=SUB"
  groupPerms:
    # a list further in
    - groupA=DENY
    - groupB = PUB|SUB
- accessKey: root
  secretKey: r
  admin: true
  topicPerms: [x=PUB, 'y=ANY']
other:
  - nothing of ours
`

func TestFile(t *testing.T) {
	var s plain.Set
	if err := s.Read([]byte(sample)); err != nil {
		t.Fatal(err)
	}
	alice, root := s.Find("alice"), s.Find("root")
	if s.Len() != 2 || alice == nil || root == nil || alice.Password != "a # secret" || alice.User.Kind != user.Normal || root.User.Kind != user.Super || s.Find("bob") != nil {
		t.Fatalf("%+v, %+v", alice, root)
	}
	f := func(a *plain.Account, action, resource, want string) {
		t.Helper()
		r, _ := acl.ParseResource(resource)
		v := decide.By(a.List, nil, &decide.Question{Subject: a.User.Subject(), Actions: []string{action}, Resource: r})
		if v.Reason() != want {
			t.Errorf("%s on %s: %s", action, resource, v.Reason())
		}
	}
	f(alice, "Pub", "Topic:topicA", "Custom: Deny All on Topic:topicA")
	f(alice, "Pub", "Topic:topicB", "Custom: Allow Pub,Sub,Get on Topic:topicB")
	f(alice, "Get", "Topic:topicC", "Custom: Allow Sub,Get on Topic:topicC")
	f(alice, "Pub", "Topic:topicC", "Default: Deny All on Topic:*")
	f(alice, "Sub", "Group:groupA", "Custom: Deny All on Group:groupA")
	f(alice, "Sub", "Group:groupB", "Custom: Allow Pub,Sub,Get on Group:groupB")
	f(alice, "Sub", "Group:any", "Default: Allow Sub,Get on Group:*")
	f(alice, "Create", "Topic:topicB", "Default: Deny All on Topic:*")
	f(root, "Pub", "Topic:x", "Custom: Allow Pub,Get on Topic:x")
	f(root, "Sub", "Topic:y", "Custom: Allow Pub,Sub,Get on Topic:y")
	f(root, "Sub", "Topic:z", "no entry fits")
}

func TestWhiteAddresses(t *testing.T) {
	var s plain.Set
	if err := s.Read([]byte(sample)); err != nil {
		t.Fatal(err)
	}
	f := func(name, from string, want bool) {
		t.Helper()
		if got := s.Passes(name, netip.MustParseAddr(from)); got != want {
			t.Errorf("%s from %s: %t", name, from, got)
		}
	}
	f("", "10.10.103.200", true)
	f("", "10.10.104.200", false)
	f("", "::ffff:10.10.103.1", true)
	f("", "192.168.0.7", true)
	f("", "192.168.0.8", false)
	f("", "192.168.0.9", true)
	f("alice", "10.1.2.3", true)
	f("bob", "10.1.2.3", false)
	f("alice", "10.1.6.77", true)
	f("alice", "10.1.7.77", false)
	f("alice", "::1", false)
	var none *plain.Set
	if none.Passes("", netip.Addr{}) || none.Find("x") != nil || s.Passes("", netip.Addr{}) {
		t.Error("nobody passes")
	}
	var six plain.Set
	if err := six.Read([]byte("globalWhiteRemoteAddresses: [fe80:0:0:1:*, '2001:db8::7']\n")); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]bool{"fe80:0:0:1::5": true, "fe80:0:0:2::5": false, "2001:db8::7": true, "2001:db8::8": false} {
		if got := six.Passes("", netip.MustParseAddr(from)); got != want {
			t.Errorf("%s: %t", from, got)
		}
	}
	var all plain.Set
	if err := all.Read([]byte("globalWhiteRemoteAddresses:\n- '*'\n")); err != nil || !all.Passes("", netip.Addr{}) {
		t.Errorf("everybody: %v", err)
	}
}

func TestWrongFiles(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var s plain.Set
		if err := s.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	f("accounts:\n- secretKey: geheim\n", "the account in line 2 has no accessKey")
	f("accounts:\n- accessKey: a\n", "the account a has no secretKey")
	f("accounts:\n- accessKey: a\n  secretKey: geheim\n  topicPerms:\n  - x\n", `topicPerms: "x" is not NAME=PERMISSION`)
	f("accounts:\n- accessKey: a\n  secretKey: geheim\n  topicPerms:\n  - x=ALL\n", "none of PUB, SUB, PUB|SUB, ANY and DENY")
	f("accounts:\n- accessKey: a\n  secretKey: geheim\n  defaultGroupPerm: x\n", "defaultGroupPerm: the permission is none of")
	f("accounts:\n- accessKey: a\n  secretKey: geheim\n  whiteRemoteAddress: 1.2.3\n", `"1.2.3" is no address`)
	f("globalWhiteRemoteAddresses:\n- 1.2.3.256\n", `"1.2.3.256" is no address`)
	f("globalWhiteRemoteAddresses:\n- 1.2.9-3.1\n", `"1.2.9-3.1" is no address`)
	f("accounts:\n\t- accessKey: a\n", "line 2 begins with a tab")
	f("accounts:\n  accessKey: a\n", "line 2: accounts is a list")
	f("- a\n", "line 1 stands under no key")
	f("geheim\n", "line 1 is neither KEY: VALUE nor an item")
	f("accounts:\n- accessKey: a\n  - b\n", "line 3 is an item of no list")
	f(strings.Repeat(" ", 1<<20+1), "1048577 bytes, the limit is 1048576")
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("accounts:\n  -\n    accessKey: a\n    secretKey: b\n    groupPerms: [a=SUB]\n"))
	f.Add([]byte("globalWhiteRemoteAddresses: [1.2.3.{4,5}, fe80:*]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s plain.Set
		if s.Read(text) == nil && s.Len() > len(text) {
			t.Fatalf("%d accounts", s.Len())
		}
		s.Passes("a", netip.MustParseAddr("10.0.0.1"))
	})
}
