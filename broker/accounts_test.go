package broker

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// accounts asks about users and lists.
type accounts struct{ *peer }

func (a accounts) user(code int32, remark string, request int32, name, body string) string {
	a.t.Helper()
	got := a.call(request, fields{"username": name}, []byte(body))
	a.wantTold(code, remark, got)
	return string(got.Body)
}

func (a accounts) acl(code int32, remark string, request int32, subject, body string) string {
	a.t.Helper()
	got := a.call(request, fields{"subject": subject}, []byte(body))
	a.wantTold(code, remark, got)
	return string(got.Body)
}

func (a accounts) told(want, got string) {
	a.t.Helper()
	if got != want {
		a.t.Errorf("told %s, want %s", got, want)
	}
}

const (
	createUser, updateUser, deleteUser, getUser, listUsers = protocol.ReqAuthCreateUser, protocol.ReqAuthUpdateUser, protocol.ReqAuthDeleteUser, protocol.ReqAuthGetUser, protocol.ReqAuthListUser
	createACL, updateACL, deleteACL, getACL, listACLs      = protocol.ReqAuthCreateACL, protocol.ReqAuthUpdateACL, protocol.ReqAuthDeleteACL, protocol.ReqAuthGetACL, protocol.ReqAuthListACL
)

func TestUsers(t *testing.T) {
	var log bytes.Buffer
	n := newNode(t, func(o *Options, _ *store.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	a := accounts{n.dial()}
	a.told("", a.user(0, "", listUsers, "", ""))
	a.told("", a.user(0, "", getUser, "alice", ""))
	a.user(0, "", createUser, "alice", `{"password":"secret-1"}`)
	a.user(0, "", createUser, "root", `{"password":"secret-2","userType":"super","userStatus":"DISABLE","username":"ignored"}`)
	const alice, root = `{"password":"secret-1","userStatus":"enable","userType":"Normal","username":"alice"}`, `{"password":"secret-2","userStatus":"disable","userType":"Super","username":"root"}`
	a.told(alice, a.user(0, "", getUser, "alice", ""))
	a.told("["+alice+","+root+"]", a.user(0, "", listUsers, "", ""))
	a.told("["+root+"]", string(a.want(0, a.call(listUsers, fields{"filter": "oo"}, nil)).Body))
	a.user(16, "The user is existed", createUser, "alice", `{"password":"x"}`)
	a.user(16, "password can not be blank", createUser, "bob", `{"password":" "}`)
	a.user(29, "The username is blank", createUser, "", `{"password":"x"}`)
	a.user(29, "The username is blank", updateUser, "", `{"password":"x"}`)
	a.user(29, "The username is blank", getUser, " ", "")
	a.user(16, "username can not be blank", deleteUser, "", "")
	a.user(16, "The user is not exist", updateUser, "bob", `{"password":"x"}`)
	a.user(1, "the request has no body", createUser, "bob", "")
	a.user(1, "JSON body", createUser, "bob", "{")
	a.user(29, "the username has 256 bytes, the limit is 255", createUser, strings.Repeat("x", 256), `{"password":"x"}`)
	a.user(29, "the password has 1025 bytes, the limit is 1024", createUser, "bob", `{"password":"`+strings.Repeat("x", 1025)+`"}`)
	a.user(0, "", updateUser, "alice", `{"userType":"Super"}`)
	a.told(strings.Replace(alice, "Normal", "Super", 1), a.user(0, "", getUser, "alice", ""))
	a.user(0, "", updateUser, "alice", `{"password":"secret-3","userType":"unknown","userStatus":"disable"}`)
	a.told(`{"password":"secret-3","userStatus":"disable","userType":"Super","username":"alice"}`, a.user(0, "", getUser, "alice", ""))
	a.user(0, "", deleteUser, "alice", "")
	a.user(0, "", deleteUser, "alice", "")
	a.told("["+root+"]", a.user(0, "", listUsers, "", ""))
	if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "user created") {
		t.Errorf("logged:\n%s", log.String())
	}
}

const (
	aclPub  = `{"actions":["Pub"],"decision":"Allow","resource":"Topic:a"}`
	aclDeny = `{"actions":["Sub","All"],"decision":"Deny","resource":"Topic:a","sourceIps":["10.0.0.0/8","::1"]}`
	aclSub  = `{"actions":["Sub"],"decision":"Allow","resource":"Group:g*"}`
)

func aclPolicies(entries ...string) string {
	return `"policies":[{"entries":[` + strings.Join(entries, ",") + `],"policyType":"Custom"}]`
}

func TestAccessControlLists(t *testing.T) {
	n := newNode(t)
	a := accounts{n.dial()}
	a.user(0, "", createUser, "alice", `{"password":"x"}`)
	a.user(0, "", createUser, "bob", `{"password":"x"}`)
	a.told("", a.acl(0, "", listACLs, "", ""))
	a.told("", a.acl(0, "", getACL, "User:alice", ""))
	a.acl(16, "The subject is not exist.", getACL, "User:eve", "")
	a.acl(16, "The subject of User:eve is not exist.", createACL, "User:eve", "{"+aclPolicies(aclPub)+"}")
	a.acl(0, "", createACL, "User:alice", "{"+aclPolicies(`{"actions":["pub","fly"],"decision":"ALLOW","resource":"topic:a"}`, aclSub)+"}")
	a.told(`{`+aclPolicies(aclPub, aclSub)+`,"subject":"User:alice"}`, a.acl(0, "", getACL, "User:alice", ""))
	a.acl(0, "", updateACL, "User:nobody", `{"subject":"user:alice",`+aclPolicies(aclDeny)+`}`)
	alice := `{` + aclPolicies(aclDeny, aclSub) + `,"subject":"User:alice"}`
	a.told(alice, a.acl(0, "", getACL, "User:alice", ""))
	a.acl(0, "", createACL, "User:bob", `{"policies":[{"policyType":"Default","entries":[`+aclPub+`]},{"policyType":"none"}]}`)
	bob := `{"policies":[{"entries":[` + aclPub + `],"policyType":"Default"}],"subject":"User:bob"}`
	list := func(subject, resource string) string {
		return string(a.want(0, a.call(listACLs, fields{"subjectFilter": subject, "resourceFilter": resource}, nil)).Body)
	}
	a.told("["+alice+","+bob+"]", list("", ""))
	a.told("["+bob+"]", list("bob", ""))
	a.told(`[{`+aclPolicies(aclSub)+`,"subject":"User:alice"}]`, list("", "Group"))
	a.told("", list("", "alice"))
	a.told("", list("eve", ""))
	for remark, body := range map[string]string{
		"The body of acl is null": `{}`, "the request has no body": ``, "JSON body": `{`,
	} {
		a.acl(1, remark, createACL, "User:alice", body)
	}
	a.acl(1, "The subject is null.", createACL, "alice", "{"+aclPolicies(aclPub)+"}")
	a.acl(16, "The subject is null.", getACL, "", "")
	for remark, entry := range map[string]string{
		"The resource is null.": `{"actions":["Pub"],"decision":"Allow","resource":"a"}`, "The actions is empty.": `{"decision":"Allow","resource":"Topic:a"}`,
		"The actions can not be Any.": `{"actions":["any"],"decision":"Allow","resource":"Topic:a"}`, "The decision is null or illegal.": `{"actions":["Pub"],"resource":"Topic:a"}`,
		"The source ip is invalid.": `{"actions":["Pub"],"decision":"Allow","resource":"Topic:a","sourceIps":["host"]}`,
	} {
		a.acl(16, remark, updateACL, "User:alice", "{"+aclPolicies(entry)+"}")
	}
	a.acl(16, "The policies is empty.", createACL, "User:alice", `{"policies":[{"policyType":"Custom"}]}`)
	a.told(alice, a.acl(0, "", getACL, "User:alice", ""))
}

func TestAccessControlListsAreCut(t *testing.T) {
	n := newNode(t)
	a := accounts{n.dial()}
	a.user(0, "", createUser, "alice", `{"password":"x"}`)
	cut := func(code int32, remark string, fs fields) {
		t.Helper()
		a.wantTold(code, remark, a.call(deleteACL, fs, nil))
	}
	cut(16, "The acl is not exist.", fields{"subject": "User:alice"})
	cut(16, "The subject is not exist.", fields{"subject": "User:eve"})
	cut(16, "The subject is null.", nil)
	a.acl(0, "", createACL, "User:alice", "{"+aclPolicies(aclPub, aclSub)+"}")
	cut(16, "The resource is null.", fields{"subject": "User:alice", "resource": "a"})
	cut(0, "", fields{"subject": "User:alice", "resource": "Topic:none"})
	cut(0, "", fields{"subject": "User:alice", "resource": "Topic:a", "policyType": "default"})
	a.told(`{`+aclPolicies(aclPub, aclSub)+`,"subject":"User:alice"}`, a.acl(0, "", getACL, "User:alice", ""))
	cut(0, "", fields{"subject": "User:alice", "resource": "Topic:a"})
	a.told(`{`+aclPolicies(aclSub)+`,"subject":"User:alice"}`, a.acl(0, "", getACL, "User:alice", ""))
	cut(0, "", fields{"subject": "User:alice", "resource": "Group:g*"})
	cut(16, "The acl is not exist.", fields{"subject": "User:alice"})
	a.acl(0, "", createACL, "User:alice", "{"+aclPolicies(aclPub, aclSub)+"}")
	cut(0, "", fields{"subject": "User:alice"})
	a.told("", a.acl(0, "", getACL, "User:alice", ""))
	a.acl(0, "", createACL, "User:alice", "{"+aclPolicies(aclPub)+"}")
	a.user(0, "", deleteUser, "alice", "")
	a.user(0, "", createUser, "alice", `{"password":"y"}`)
	a.told("", a.acl(0, "", getACL, "User:alice", ""))
}
