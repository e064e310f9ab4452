package interop

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// aclSettings have a server ask for users and rights.
func aclSettings(target string) []string {
	out := []string{"authenticationEnabled=true", "authorizationEnabled=true", `initAuthenticationUser={"username":"root","password":"top-secret"}`,
		`innerClientAuthenticationCredentials={"accessKey":"inner","secretKey":"inner-secret"}`}
	if target != "aerobee" {
		const in = "org.apache.rocketmq.auth."
		out = append(out, "authenticationProvider="+in+"authentication.provider.DefaultAuthenticationProvider",
			"authenticationMetadataProvider="+in+"authentication.provider.LocalAuthenticationMetadataProvider",
			"authorizationProvider="+in+"authorization.provider.DefaultAuthorizationProvider",
			"authorizationMetadataProvider="+in+"authorization.provider.LocalAuthorizationMetadataProvider")
	}
	return out
}

// aclSaid is what the official clients are told, by each attempt of java/src/tools/Acl.java.
func aclSaid() []string {
	return strings.Split(strings.TrimSpace(`
unsigned: 16 username cannot be null.
wrong password: 16 check signature failed.
nobody: 16 User:nobody is not found.
right password: ok
unsigned send: 16 username cannot be null.
create user: ok
send without a rule: 16 User:alice has no permission to access Topic:AclOpen from 127.0.0.1, no matched policies.
create acl: ok
send with a rule: ok
wrong password send: 16 check signature failed.
another topic: 16 User:alice has no permission to access Topic:TBW102 from 127.0.0.1, no matched policies.
send to what is denied: 16 User:alice has no permission to access Topic:AclShut from 127.0.0.1, the decision is deny.
denied from elsewhere: ok
denied from here: 16 User:alice has no permission to access Topic:AclFar from 127.0.0.1, the decision is deny.
topic by alice: 16 User:alice has no permission to access Topic:AclNone from 127.0.0.1, no matched policies.
user by alice: 16 User:alice has no permission to access Cluster:DefaultCluster from 127.0.0.1, no matched policies.
group's members by alice: 16 User:alice has no permission to access Group:AclGroup from 127.0.0.1, no matched policies.
consume without a rule: java.lang.IllegalStateException: nothing came
consume with a rule: ok
send by who is disabled: 16 User:alice is disabled.
send by who is deleted: 16 User:alice is not found.
`), "\n")
}

// TestAcl has the official Java clients sign, wrongly and rightly, and do what they may and may not.
func TestAcl(t *testing.T) {
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "server", javaNew) // the tools come with the broker
	sources := []string{"java/src/tools/Acl.java"}
	classes := cacheDir(t, "classes-acl")
	fetched(t, classes, "classes of acl "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			s := startServer(t, target, aclSettings(target)...)
			command := append(javaCommand(t.TempDir()), "-cp", classes+string(os.PathListSeparator)+jars, "Acl", s.namesrv, s.broker)
			out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out[max(0, len(out)-4000):])
			}
			var said []string
			for line := range strings.Lines(string(out)) {
				if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "SAID "); ok {
					said = append(said, rest)
				}
			}
			if diff := cmp.Diff(aclSaid(), said); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestAclGrpc has the official gRPC client of Java do the same, where alice may use one topic and one group.
func TestAclGrpc(t *testing.T) {
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "grpc", javaGrpc)
	sources := []string{"java/src/tools/AclGrpc.java"}
	classes := cacheDir(t, "classes-acl-grpc")
	fetched(t, classes, "classes of acl over gRPC "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	s := startServer(t, "aerobee", aclSettings("aerobee")...)
	root := sign.Credentials{User: "root", Password: "top-secret"}
	a, err := admin.New(admin.Options{NameServers: []string{s.namesrv}, Sign: root.Signer()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	allow := func(resource, action string) account.Entry {
		return account.Entry{Resource: resource, Actions: []string{action}, Decision: "Allow"}
	}
	for _, name := range []string{"AclOpen", "AclShut"} {
		if _, err := a.PutTopic(t.Context(), admin.Target{}, protocol.TopicConfig{TopicName: name, Attributes: map[string]string{"message.type": "NORMAL"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"AclGroup", "AclOther"} {
		if _, err := a.PutGroup(t.Context(), admin.Target{}, protocol.NewSubscriptionGroupConfig(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		a.CreateUser(t.Context(), s.broker, account.User{Name: "alice", Password: "a-secret"}),
		a.CreateACL(t.Context(), s.broker, account.ACL{Subject: "User:alice", Policies: []account.Policy{{Entries: []account.Entry{
			allow("Topic:AclOpen", "Pub"), allow("Topic:AclO*", "Sub"), allow("Group:AclGroup", "Sub")}}}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	command := append(javaCommand(t.TempDir()), "-Drocketmq.log.root="+t.TempDir(), "-cp", classes+string(os.PathListSeparator)+jars, "AclGrpc", s.broker)
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-4000):])
	}
	for _, want := range [][2]string{
		{"unsigned", "username cannot be null."}, {"wrong password", "check signature failed."}, {"right password", "ok"},
		{"denied topic", "User:alice has no permission to access Topic:AclShut from 127.0.0.1, no matched policies."},
		{"group without a rule", "IllegalStateException"}, // a stream that is refused ends, as RocketMQ's does, and the client does not look why
		{"group with a rule", "ok"},
	} {
		_, said, found := strings.Cut(string(out), "SAID "+want[0]+": ")
		said, _, _ = strings.Cut(said, "\n")
		if !found || !strings.Contains(said, want[1]) || want[1] == "ok" && said != "ok" {
			t.Errorf("%s: %s, want %s", want[0], said, want[1])
		}
	}
}
