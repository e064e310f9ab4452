package config

import (
	"encoding/json"
	"strings"
)

// Auth says whom the node lets do what.
type Auth struct {
	// Authenticate has it ask for signatures, Authorize for rights.
	Authenticate, Authorize bool
	// Unsigned and Unasked are the requests that need no signature, or no right: codes, or full names of gRPC messages.
	Unsigned, Unasked []string
	// Plain has the files of 4.x read as well, and asks for both: PlainFile, and all in the directory acl beside it; "" for
	// conf/plain_acl.yml under $ROCKETMQ_HOME.
	Plain     bool
	PlainFile string
	// InitUser and Inner are super users that are made at the start unless they are there, as RocketMQ writes them: JSON objects with
	// username and password, or accessKey and secretKey. The node signs with Inner at other NameServers.
	InitUser, Inner string
}

// Account is a user and the password.
type Account struct{ Name, Password string }

func authKeys() []Key {
	comma := func(at func(*Config) *[]string) field {
		f := list(at)
		f.get = func(c *Config) string { return strings.Join(*at(c), ",") }
		return f
	}
	return []Key{
		apache("authenticationEnabled", "refuse requests that no user has signed; see `aerobee user`", boolean(func(c *Config) *bool { return &c.Auth.Authenticate })),
		apache("authorizationEnabled", "refuse requests that the user's access control list does not allow; see `aerobee acl`", boolean(func(c *Config) *bool { return &c.Auth.Authorize })),
		apache("aclEnable", "ask for signatures and rights as both of the others do, and read plain_acl.yml of RocketMQ 4 as well, again when it changes", boolean(func(c *Config) *bool { return &c.Auth.Plain })),
		own("plainAclFile", "the file that aclEnable reads, and beside it all of the directory acl; default conf/plain_acl.yml under $ROCKETMQ_HOME", text(func(c *Config) *string { return &c.Auth.PlainFile })),
		apache("authenticationWhitelist", "requests that need no signature: codes and full names of gRPC messages, with commas between", comma(func(c *Config) *[]string { return &c.Auth.Unsigned })),
		apache("authorizationWhitelist", "requests that need no right, written as in authenticationWhitelist", comma(func(c *Config) *[]string { return &c.Auth.Unasked })),
		secret(apache("initAuthenticationUser", `a super user to make at the start unless there is one of that name: {"username":"NAME","password":"PASSWORD"}`, text(func(c *Config) *string { return &c.Auth.InitUser }))),
		secret(apache("innerClientAuthenticationCredentials", `the same, whom the node itself signs as, at itself, its NameServers and addresses of --admin-from alone: {"accessKey":"NAME","secretKey":"PASSWORD"}`, text(func(c *Config) *string { return &c.Auth.Inner }))),
	}
}

// Asks tells whether anybody is to be asked for a signature or a right.
func (a *Auth) Asks() bool { return a.Authenticate || a.Authorize || a.Plain }

// First is the account of InitUser, false without one.
func (a *Auth) First() (Account, bool) {
	var x struct{ Username, Password string }
	if a.InitUser == "" || json.Unmarshal([]byte(a.InitUser), &x) != nil {
		return Account{}, false
	}
	return Account{x.Username, x.Password}, true
}

// Own is the account of Inner, false without one.
func (a *Auth) Own() (Account, bool) {
	var x struct{ AccessKey, SecretKey string }
	if a.Inner == "" || json.Unmarshal([]byte(a.Inner), &x) != nil {
		return Account{}, false
	}
	return Account{x.AccessKey, x.SecretKey}, true
}

// validate names what cannot be read, but not what stands there: it may be a password.
func (a *Auth) validate(fail func(format string, args ...any)) {
	first, ok := a.First()
	if a.InitUser != "" && (!ok || strings.TrimSpace(first.Name) == "" || strings.TrimSpace(first.Password) == "") {
		fail(`initAuthenticationUser must be a JSON object such as {"username":"admin","password":"secret"}`)
	}
	own, ok := a.Own()
	if a.Inner != "" && (!ok || strings.TrimSpace(own.Name) == "" || strings.TrimSpace(own.Password) == "") {
		fail(`innerClientAuthenticationCredentials must be a JSON object such as {"accessKey":"admin","secretKey":"secret"}`)
	}
}
