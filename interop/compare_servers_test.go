//go:build numbers

package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The contenders of most rows.
func apacheAsync() contender {
	return apacheContender("apache-async", "Apache ASYNC_FLUSH", "ASYNC_FLUSH")
}
func apacheSync() contender {
	return apacheContender("apache-sync", "Apache SYNC_FLUSH", "SYNC_FLUSH")
}
func aerobeeSync() contender {
	return aerobeeContender("aerobee", "Aerobee SYNC_FLUSH")
}
func aerobeeAsync() contender {
	return aerobeeContender("aerobee-async", "Aerobee ASYNC_FLUSH", "--flush", "ASYNC_FLUSH")
}

// aerobeeContender is this work tree's server with all roles on one port.
func aerobeeContender(name, title string, flags ...string) contender {
	return contender{
		name: name, title: title, product: "Aerobee", ports: 1,
		version: func(t *testing.T) string {
			out, err := exec.Command(aerobeeBinary(t), "--version").Output()
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimPrefix(strings.TrimSpace(string(out)), "aerobee version ")
		},
		address: func(ports []int) (namesrv, broker string) { return local(ports[0]), local(ports[0]) },
		commands: func(t *testing.T, dir string, ports []int) []*process {
			command := []string{filepath.Join(cacheDir(t, "bin"), "aerobee"), "serve", "--data", filepath.Join(dir, "data"), "--listen", local(ports[0]),
				"--set", "diskMaxUsedSpaceRatio=90"}
			if given := os.Getenv("AEROBEE_INTEROP_BINARY"); given != "" {
				command[0] = given
			}
			return []*process{{name: name, dir: dir, command: append(command, flags...), abrupt: true}}
		},
		ready: func(on *standing) error {
			resp, err := http.Get("http://" + on.broker + "/ready")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				body, _ := io.ReadAll(resp.Body)
				return fmt.Errorf("/ready: %s: %s", resp.Status, body)
			}
			return nil
		},
	}
}

// apacheContender is Apache RocketMQ's NameServer and broker, started at once.
func apacheContender(name, title, flush string) contender {
	return contender{
		name: name, title: title, jit: true, product: "Apache RocketMQ", ports: 2,
		version: func(t *testing.T) string {
			need(t, "java", "mvn")
			javaJars(t, "server", javaNew)
			return javaNew + " on " + javaVersion(t)
		},
		address: func(ports []int) (namesrv, broker string) { return local(ports[0]), local(ports[1]) },
		commands: func(t *testing.T, dir string, ports []int) []*process {
			namesrv := []string{fmt.Sprintf("listenPort=%d", ports[0]), "bindAddress=127.0.0.1"}
			broker := []string{"brokerClusterName=DefaultCluster", "brokerName=broker-a", "brokerId=0", "brokerIP1=127.0.0.1", "bindAddress=127.0.0.1",
				fmt.Sprintf("listenPort=%d", ports[1]), "namesrvAddr=" + local(ports[0]), "flushDiskType=" + flush, "diskMaxUsedSpaceRatio=90"}
			return []*process{
				apacheProcess(t, dir, "namesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", namesrv, "-Xms256m", "-Xmx256m"),
				apacheProcess(t, dir, "broker", "org.apache.rocketmq.broker.BrokerStartup", broker, "-Xms2g", "-Xmx2g", "-Xmn1g", "-XX:MaxDirectMemorySize=4g"),
			}
		},
		ready: func(on *standing) error {
			conn, err := net.DialTimeout("tcp", on.broker, time.Second) // a killed broker's route may still stand
			if err != nil {
				return err
			}
			conn.Close()
			return routed(on.namesrv, "TBW102", on.broker)
		},
	}
}

// javaVersion is the first line of what `java -version` says: `openjdk version "17.0.15" 2025-04-15`.
func javaVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("java", "-version").CombinedOutput()
	if err != nil {
		t.Fatalf("java -version: %v\n%s", err, out)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.ReplaceAll(first, `"`, "")
}

// apacheProcess is one of Apache's programs with the options of its own start script, but for the sizes.
func apacheProcess(t *testing.T, dir, name, class string, config []string, sizes ...string) *process {
	t.Helper()
	home := filepath.Join(dir, name)
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	writeLogback(t, home)
	file := filepath.Join(home, name+".conf")
	config = append(config, "storePathRootDir="+filepath.Join(home, "store"), "kvConfigPath="+filepath.Join(home, "kvConfig.json"))
	if err := os.WriteFile(file, []byte(strings.Join(config, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	command := append(apacheOptions(home, sizes...), "-cp", filepath.Join(cacheDir(t, "java-server-"+javaNew), "*"), class, "-c", file)
	return &process{name: name, dir: home, command: command, abrupt: true}
}

// apacheOptions is how a server of Apache's is run by its own start script, but for the sizes, up to its class path.
func apacheOptions(home string, sizes ...string) []string {
	command := append([]string{"java", "-server"}, sizes...)
	command = append(command, "-XX:+UseG1GC", "-XX:G1HeapRegionSize=16m", "-XX:G1ReservePercent=25", "-XX:InitiatingHeapOccupancyPercent=30", "-XX:SoftRefLRUPolicyMSPerMB=0",
		"-XX:-OmitStackTraceInFastThrow", "-XX:-UseLargePages", "-Drocketmq.home.dir="+home, "-Duser.home="+home)
	for _, name := range []string{"sun.nio.ch", "java.nio", "java.lang", "java.util", "java.util.concurrent", "jdk.internal.ref", "jdk.internal.misc"} {
		command = append(command, "--add-opens=java.base/"+name+"=ALL-UNNAMED", "--add-exports=java.base/"+name+"=ALL-UNNAMED")
	}
	return command
}
