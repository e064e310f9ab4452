package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/internal/certificate"
)

// TestTLSFlags has commands connect to a node that takes nothing but TLS, over remoting and over HTTP.
func TestTLSFlags(t *testing.T) {
	dir := t.TempDir()
	node, err := aerobee.Start(aerobee.Config{Data: dir, Listen: []string{"127.0.0.1:0"}, Settings: map[string]string{"tls.server.mode": "enforcing"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	s := session{node.Addr()}
	ca := filepath.Join(dir, certificate.DevelopmentFile)
	check := func(line, want string) {
		t.Helper()
		if out := s.run(t, line); !strings.Contains(out, want) {
			t.Errorf("%s\nprints %s\nwant %q", line, out, want)
		}
	}
	check("aerobee topic create Orders --tls-ca "+ca, "Orders")
	check("aerobee send Orders hello --tls --tls-skip-verify", "queue")
	check("aerobee receive Orders --group readers --count 1 --tls-ca "+ca, "hello")
	check("aerobee status --tls-ca "+ca, "tls.server.mode  enforcing")
	check("aerobee topic list --tls", "was issued by nobody whom this machine knows: give --tls-ca FILE")
	check("aerobee topic list --tls-ca "+filepath.Join(dir, "missing"), "no such file")
	check("aerobee topic list --tls-cert "+ca, `certificate "`+ca+`" with key ""`)
	check("aerobee topic list --timeout 1s", "aerobee: ")
	check("aerobee proxy --listen 127.0.0.1:0 --namesrv "+node.Addr()+" --cluster-tls --cluster-ca "+filepath.Join(dir, "absent"), "absent: no such file")
	check("aerobee proxy --listen 127.0.0.1:0 --namesrv "+node.Addr()+" --cluster-tls --cluster-cert "+ca, "tls.client.certPath="+ca+" has no key")
	check("aerobee proxy --listen 127.0.0.1:0 --namesrv "+node.Addr()+" --cluster-ca "+ca, "tls.enable=true")
}
