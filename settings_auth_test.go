package aerobee

import (
	"path/filepath"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// authEffects are those of the settings about users. A request that names somebody who is not there tells who asks for what.
func authEffects() map[string]func(*testing.T) {
	const root = `{"username":"root","password":"top"}`
	config := func(p *peer, user, password string) *protocol.Frame {
		return p.as(user, password, protocol.ReqGetBrokerConfig, "")
	}
	fromFile := func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "plain_acl.yml")
		writeText(t, path, "accounts:\n- accessKey: dave\n  secretKey: d\n  admin: true\n")
		p := start(t, "aclEnable", "true", "plainAclFile", path).dial(t)
		p.wantCode(config(p, "dave", "d"), protocol.ResSuccess, "")
		p.wantCode(config(p, "dave", "e"), protocol.ResNoPermission, "check signature failed.")
	}
	return map[string]func(*testing.T){
		"authenticationEnabled": func(t *testing.T) {
			p := start(t, "authenticationEnabled", "true").dial(t)
			p.wantCode(config(p, "nobody", "x"), protocol.ResNoPermission, "User:nobody is not found.")
			p = start(t).dial(t)
			p.wantCode(config(p, "nobody", "x"), protocol.ResSuccess, "")
		},
		"authorizationEnabled": func(t *testing.T) {
			p := start(t, "authorizationEnabled", "true").dial(t)
			p.wantCode(config(p, "nobody", "x"), protocol.ResNoPermission, "User:nobody not found.")
		},
		"authenticationWhitelist": func(t *testing.T) {
			p := start(t, "authenticationEnabled", "true", "authenticationWhitelist", "12, 26").dial(t)
			p.wantCode(config(p, "", ""), protocol.ResSuccess, "")
			p.wantCode(p.call(protocol.ReqGetBrokerRuntimeInfo, ""), protocol.ResNoPermission, "username cannot be null.")
		},
		"authorizationWhitelist": func(t *testing.T) {
			p := start(t, "authorizationEnabled", "true", "authorizationWhitelist", "26").dial(t)
			p.wantCode(config(p, "", ""), protocol.ResSuccess, "")
			p.wantCode(p.call(protocol.ReqGetBrokerRuntimeInfo, ""), protocol.ResNoPermission, "Authorization failed.")
		},
		"initAuthenticationUser": func(t *testing.T) {
			p := start(t, "authenticationEnabled", "true", "authorizationEnabled", "true", "initAuthenticationUser", root).dial(t)
			p.wantCode(config(p, "root", "top"), protocol.ResSuccess, "")
		},
		"innerClientAuthenticationCredentials": func(t *testing.T) {
			// Two nodes: the one registers at the other, which asks for users, and gets in as the user that both name.
			inner := []string{"innerClientAuthenticationCredentials", `{"accessKey":"inner","secretKey":"i"}`, "authenticationEnabled", "true", "authorizationEnabled", "true"}
			other := start(t, append(inner, "brokerName", "broker-o")...)
			node := start(t, append(inner, "brokerName", "broker-i", "namesrvAddr", other.Addr())...)
			p := node.dial(t)
			p.wantCode(p.sendAs("inner", "i", "Registered"), protocol.ResSuccess, "")
			if r := other.dial(t).route("Registered"); r == nil || r.Brokers[0].Name != "broker-i" {
				t.Errorf("the other's route: %+v", r)
			}
		},
		"aclEnable":    fromFile,
		"plainAclFile": fromFile,
	}
}
