package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee"
)

// TestACL grants, explains and takes back, at a node that asks for users, with credentials from a file.
func TestACL(t *testing.T) {
	server, err := aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{"brokerName": "broker-a", "authenticationEnabled": "true", "authorizationEnabled": "true",
		"initAuthenticationUser": `{"username":"root","password":"top"}`}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s := session{server.Addr()}
	file := filepath.Join(t.TempDir(), "tools.yml")
	if err := os.WriteFile(file, []byte("accessKey: root\nsecretKey: top\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(command string, want ...string) {
		t.Helper()
		got := s.run(t, "aerobee "+command)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("aerobee %s printed %s; want %q", command, got, part)
			}
		}
	}
	as := " --credentials " + file
	f("user list", "username cannot be null.", "[exit 1]")
	f("user list"+as, "root  Super  enable")
	f("user create alice --password secret"+as, "created user alice on 1 of 1 brokers")
	f("acl list"+as, "No lists.")
	f("acl explain --user alice --action Pub --topic Orders"+as, "denied", "no entry fits")
	f("acl grant alice --topic 'Ord*' --action pub,Sub"+as, "alice: Allow Pub,Sub on Topic:Ord*, on 1 of 1 brokers")
	f("acl explain --user alice --action Pub --topic Orders"+as, "allowed", "Custom: Allow Pub,Sub on Topic:Ord*")
	f("acl grant alice --topic Orders --action All --deny --from 10.0.0.0/8"+as, "alice: Deny All on Topic:Orders")
	f("acl explain --user alice --action Pub --topic Orders --from 10.1.2.3"+as, "denied", "Custom: Deny All on Topic:Orders from 10.0.0.0/8")
	f("acl explain --user alice --action Pub --topic Orders --from 11.1.2.3 --json"+as, `"allowed":true,"reason":"Custom: Allow Pub,Sub on Topic:Ord*"`)
	f("acl explain --user root --action Delete --on-cluster DefaultCluster"+as, "allowed", "a super user may do everything")
	f("acl explain --user nobody --action Pub --topic Orders"+as, "there is no user nobody", "[exit 1]")
	f("acl list --json"+as, `"resource":"Topic:Orders","actions":["All"],"from":["10.0.0.0/8"],"decision":"Deny"`)
	f("acl revoke alice --topic Orders"+as, "alice: nothing more is said of Topic:Orders")
	f("user change alice --status disable"+as, "changed user alice")
	f("acl explain --user alice --action Pub --topic Orders"+as, "denied", "the user is disabled")
	f("acl grant alice --topic a --group b --action Pub"+as, "give one of --topic, --group, --on-cluster and --resource", "[exit 2]")
	f("acl grant alice --topic a --action Any"+as, `"Any" is no action`, "[exit 2]")
	f("acl grant alice --resource x --action Pub"+as, `"x" is no resource`, "[exit 2]")
	f("acl explain --user alice --action Pub --topic 'a*'"+as, "a resource that is one", "[exit 2]")
	f("acl explain --user alice --action Pub --topic a --from x"+as, `--from "x" is no address`, "[exit 2]")

	// mqadmin's commands sign alike, and so do those that send.
	f("admin listUser -c DefaultCluster", "username cannot be null.")
	f("admin listUser -c DefaultCluster"+as, "alice", "root")
	f("send Orders hello"+as, "sent ", "to broker-a")
}
