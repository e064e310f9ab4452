package interop

import (
	"os"
	"os/exec"
	"testing"
)

// springStarter is the version of rocketmq-spring-boot-starter; it brings rocketmq-client 5.3.2.
const springStarter = "2.3.5"

// TestSpring runs an application of RocketMQ's Spring Boot starter: it listens, sends, and sends in transactions.
// Requests are left out: the starter does not send the reply, on no server.
func TestSpring(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			// The starter's producer makes itself known with its next heartbeat, up to 30 s after its first message.
			settings := append(askingSoon(target), "transactionCheckMax=60")
			runSuite(t, springProgram(t), startServer(t, target, settings...))
		})
	}
}

func springProgram(t *testing.T) program {
	t.Helper()
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "spring", springStarter)
	sources := []string{"java/src/common/interop/Driver.java", "java/src/common/interop/Check.java", "java/src/spring/interop/Spring.java"}
	sum := digest(t, sources)
	classes := cacheDir(t, "classes-spring-"+sum[:12]) // Spring runs whatever lies there, what was deleted since too
	fetched(t, classes, "classes of spring "+sum,
		exec.Command("javac", append([]string{"-nowarn", "-parameters", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	home := t.TempDir()
	return program{name: "spring", command: []string{"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dfile.encoding=UTF-8", "-Duser.home=" + home, "-Drocketmq.client.logRoot=" + home, "-Drocketmq.client.rebalance.waitInterval=1000",
		"-Drocketmq.client.rebalance.lockInterval=1000", "-cp", classes + string(os.PathListSeparator) + jars, "interop.Spring"}}
}
