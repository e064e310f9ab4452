package interop

import (
	"io"
	"net/http"
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

// TestJavaCertificateIsUser has the official Java client come with a certificate and no credentials: it is the user whom the certificate names, and may do what
// that user may. RocketMQ has nothing like it: there it would be nobody.
func TestJavaCertificateIsUser(t *testing.T) {
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "server", javaNew) // the tools come with the broker
	sources := []string{"java/src/tools/Acl.java", "java/src/tools/AclCertificate.java"}
	classes := cacheDir(t, "classes-acl-certificate")
	fetched(t, classes, "classes of certificates "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	authority := newAuthority(t, t.TempDir())
	serverCert, serverKey := authority.issue("server")
	s := startServer(t, "aerobee", append(aclSettings("aerobee"), "tls.server.certPath="+serverCert, "tls.server.keyPath="+serverKey,
		"tls.server.need.client.auth=require", "tls.server.trustCertPath="+authority.file, "tlsUserFromSubject=CN")...)
	root := sign.Credentials{User: "root", Password: "top-secret"}
	a, err := admin.New(admin.Options{NameServers: []string{s.namesrv}, Sign: root.Signer()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, name := range []string{"CertOpen", "CertShut"} {
		if _, err := a.PutTopic(t.Context(), admin.Target{}, protocol.TopicConfig{TopicName: name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.PutGroup(t.Context(), admin.Target{}, protocol.NewSubscriptionGroupConfig("CertGroup")); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		a.CreateUser(t.Context(), s.broker, account.User{Name: "orders", Password: "never-said"}),
		a.CreateACL(t.Context(), s.broker, account.ACL{Subject: "User:orders", Policies: []account.Policy{{Entries: []account.Entry{
			{Resource: "Topic:CertOpen", Actions: []string{"Pub", "Sub", "Get"}, Decision: "Allow"}, {Resource: "Group:CertGroup", Actions: []string{"Sub"}, Decision: "Allow"}}}}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	says := func(name string, more ...string) []string {
		t.Helper()
		cert, key := authority.issue(name)
		command := append(javaCommand(t.TempDir()), "-Dtls.enable=true", "-Dtls.test.mode.enable=false", "-Dtls.client.authServer=true",
			"-Dtls.client.trustCertPath="+authority.file, "-Dtls.client.certPath="+cert, "-Dtls.client.keyPath="+key,
			"-cp", classes+string(os.PathListSeparator)+jars, "AclCertificate", s.namesrv, s.broker)
		out, err := exec.CommandContext(t.Context(), command[0], append(command[1:], more...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out[max(0, len(out)-4000):])
		}
		var said []string
		for line := range strings.Lines(string(out)) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "SAID "); ok {
				said = append(said, rest)
			}
		}
		return said
	}
	if diff := cmp.Diff([]string{
		"send: ok",
		"another topic: 16 User:orders has no permission to access Topic:CertShut from 127.0.0.1, no matched policies.",
		"consume: ok",
		"topic: 16 User:orders has no permission to access Topic:CertNone from 127.0.0.1, no matched policies.",
		"wrong password: 16 check signature failed.",
		"signed by root: ok",
	}, says("orders")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := audited(t, s, "root", "top-secret"); !strings.Contains(got, `"who":"orders"`) || !strings.Contains(got, "CertNone") {
		t.Errorf("the audit log does not name the user: %s", got)
	}
	if diff := cmp.Diff([]string{"send: 16 username cannot be null."}, says("somebody", "once")); diff != "" {
		t.Errorf("a certificate that names no user (-want +got)\n%s", diff)
	}
	if err := a.UpdateUser(t.Context(), s.broker, account.User{Name: "orders", Status: "disable"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"send: 16 User:orders is disabled."}, says("orders", "once")); diff != "" {
		t.Errorf("a user who is disabled (-want +got)\n%s", diff)
	}
}

// audited is what the server tells of its audit log.
func audited(t *testing.T, s *server, user, password string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.broker+"/api/v1/audit", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth(user, password)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: %s", r.Status, err, b)
	}
	return string(b)
}
