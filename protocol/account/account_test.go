package account_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/account"
	"github.com/google/go-cmp/cmp"
)

func TestHeadersAreReadAsTheyAreWritten(t *testing.T) {
	var f protocol.Frame
	in := account.ACLHeader{Subject: "User:a", PolicyType: "Custom", Resource: "Topic:t"}
	in.Append(&f.Fields)
	var out account.ACLHeader
	if out.Decode(&f); out != in {
		t.Errorf("%+v comes back as %+v", in, out)
	}
	f.Fields = nil
	filters := account.ACLsHeader{SubjectFilter: "a"}
	filters.Append(&f.Fields)
	var again account.ACLsHeader
	if again.Decode(&f); again != filters || len(f.Fields) != 1 {
		t.Errorf("%+v comes back as %+v of %d fields", filters, again, len(f.Fields))
	}
	f.Fields = nil
	user, users := account.UserHeader{Name: "u"}, account.UsersHeader{Filter: "f"}
	user.Append(&f.Fields)
	users.Append(&f.Fields)
	var gotUser account.UserHeader
	var gotUsers account.UsersHeader
	gotUser.Decode(&f)
	gotUsers.Decode(&f)
	if gotUser != user || gotUsers != users {
		t.Errorf("%+v and %+v come back as %+v and %+v", user, users, gotUser, gotUsers)
	}
}

func TestBodiesAreFastjsons(t *testing.T) {
	acl := account.ACL{Subject: "User:a", Policies: []account.Policy{{Type: "Custom", Entries: []account.Entry{{Actions: []string{"Pub"}, Decision: "Allow", Resource: "Topic:t", SourceIPs: []string{"::1"}}, {Resource: "*"}}}}}
	const text = `{"policies":[{"entries":[{"actions":["Pub"],"decision":"Allow","resource":"Topic:t","sourceIps":["::1"]},{"resource":"*"}],"policyType":"Custom"}],"subject":"User:a"}`
	if got := string(protocol.MarshalBody(acl)); got != text {
		t.Errorf("%s, want %s", got, text)
	}
	var again account.ACL
	if err := protocol.UnmarshalBody([]byte(text), &again); err != nil || !cmp.Equal(again, acl) {
		t.Errorf("%+v, %v", again, err)
	}
	if got := string(protocol.MarshalBody(account.User{Name: "u", Status: "enable"})); got != `{"userStatus":"enable","username":"u"}` {
		t.Errorf("a user is %s", got)
	}
}

// FuzzBodies: no body does harm.
func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"policies":[{"entries":[{"actions":["Pub"],"decision":"Allow"}]}]}`))
	f.Add([]byte(`{"username":"u","password":"p"}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = protocol.UnmarshalBody(b, &account.ACL{})
		_ = protocol.UnmarshalBody(b, &account.User{})
	})
}
