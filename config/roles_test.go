package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestProxyStandsAlone(t *testing.T) {
	check := func(want string, pairs ...Property) {
		t.Helper()
		_, _, err := Load(Source{Name: "test", Pairs: pairs})
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%v: %s, want %q", pairs, got, want)
		}
	}
	namesrv := Property{Key: "namesrvAddr", Value: "127.0.0.1:9876"}
	check("<nil>", Property{Key: "roles", Value: "proxy"}, namesrv)
	check("the role proxy needs the NameServers", Property{Key: "roles", Value: "proxy"})
	check("the role proxy stands alone", Property{Key: "roles", Value: "proxy;broker"}, namesrv)
	check(`role "prox" is unknown: the roles are namesrv, broker and proxy`, Property{Key: "roles", Value: "prox"})
}

// TestUsersNeedABroker: a node that could not ask anybody does not start as if it did.
func TestUsersNeedABroker(t *testing.T) {
	for _, key := range []string{"authenticationEnabled", "authorizationEnabled", "aclEnable"} {
		for roles, refused := range map[string]bool{"namesrv": true, "proxy": true, "broker": false, "namesrv;broker": false} {
			_, _, err := Load(Source{Name: "test", Pairs: []Property{{Key: key, Value: "true"}, {Key: "roles", Value: roles}, {Key: "namesrvAddr", Value: "127.0.0.1:9876"}}})
			if got := strings.Contains(fmt.Sprint(err), "need the role broker"); got != refused {
				t.Errorf("%s as %s: %v", key, roles, err)
			}
		}
	}
}
