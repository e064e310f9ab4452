package interop

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// TestStrangers has RocketMQ's own mqadmin come from another machine's address, as a load balancer tells it: making topics and looking around works as
// with Apache RocketMQ, deleting and settings are refused with words that say how to allow them, and are allowed so.
func TestStrangers(t *testing.T) {
	need(t, "java", "mvn")
	jars := javaJars(t, "server", javaNew)
	f := func(name string, allowed bool, settings ...string) {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, "aerobee", settings...)
			from := comingFrom(t, s.broker, "192.0.2.7")
			mqadmin := func(want string, words ...string) {
				t.Helper()
				command := append(javaCommand(t.TempDir()), "-cp", jars, "org.apache.rocketmq.tools.command.MQAdminStartup")
				command = append(append(command, words...), "-n", from)
				out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
				if err != nil || !strings.Contains(string(out), want) {
					t.Errorf("mqadmin %s: %v, want %q\n%s", strings.Join(words, " "), err, want, out[:min(len(out), 3000)])
				}
			}
			deleted, config := "delete topic [Strange] from NameServer success", "maxMessageSize"
			if !allowed {
				const refused = "192.0.2.7 (as 127.0.0.1 says) is none of them; to allow it, start the server with --admin-from 192.0.2.7/32"
				deleted, config = refused, refused
			}
			mqadmin("create topic to", "updateTopic", "-b", from, "-t", "Strange")
			mqadmin("Strange", "topicList")
			mqadmin("DefaultCluster", "clusterList")
			mqadmin("brokerVersionDesc", "brokerStatus", "-b", from)
			mqadmin(config, "getBrokerConfig", "-b", from)
			mqadmin(deleted, "deleteTopic", "-c", "DefaultCluster", "-t", "Strange")
		})
	}
	f("strangers", false)
	f("administrators", true, "adminFrom=192.0.2.0/24")
}

// comingFrom passes connections on to a server, each with a PROXY header that says whom it is for, and returns its own address. The header's
// destination is that address too, so that the server sends clients back to it.
func comingFrom(t *testing.T, server, client string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				in.Close()
				continue
			}
			fmt.Fprintf(out, "PROXY TCP4 %s 127.0.0.1 5000 %s\r\n", client, port)
			go func() {
				io.Copy(out, in)
				out.Close()
			}()
			go func() {
				io.Copy(in, out)
				in.Close()
			}()
		}
	}()
	return l.Addr().String()
}
