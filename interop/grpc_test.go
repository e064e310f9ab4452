package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGrpcJava runs the official Java client that speaks gRPC, alone and crosswise with the one that speaks remoting.
func TestGrpcJava(t *testing.T) {
	t.Parallel()
	onEachGrpcTarget(t, javaGrpcProgram)
}

// TestGrpcGo does the same with the official Go clients.
func TestGrpcGo(t *testing.T) {
	t.Parallel()
	onEachGrpcTarget(t, func(t *testing.T) program {
		p := goProgram(t)
		p.name, p.command = "go over gRPC", append(p.command, "grpc")
		home := t.TempDir()
		p.env = append(p.env, "rocketmq.client.logRoot="+home, "rocketmq.client.logLevel=warn")
		return p
	})
}

// onEachGrpcTarget runs the program's scenarios against every chosen server, each with a fresh store, soon asked about transactions, and with lite topics,
// which Apache has switched off.
func onEachGrpcTarget(t *testing.T, make func(*testing.T) program) {
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := make(t)
			runSuite(t, p, startGrpcServer(t, target, append(askingSoon(target), "enableLmq=true", "enableMultiDispatch=true")...))
		})
	}
}

// javaGrpcProgram compiles the Java scenarios for gRPC, with the remoting client beside.
func javaGrpcProgram(t *testing.T) program {
	t.Helper()
	need(t, "java", "javac", "mvn")
	home := t.TempDir()
	jars := strings.Join([]string{javaJars(t, "grpc", javaGrpc), javaJars(t, "client", javaNew)}, string(os.PathListSeparator))
	var sources []string
	for _, kind := range []string{"common", "v5", "grpc"} {
		some, err := filepath.Glob(filepath.Join("java/src", kind, "interop/*.java"))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, some...)
	}
	classes := cacheDir(t, "classes-grpc")
	fetched(t, classes, "classes of gRPC "+javaGrpc+" "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	return program{name: "java over gRPC " + javaGrpc, command: append(javaCommand(home),
		"-Drocketmq.log.root="+home, "-Drocketmq.log.level=WARN",
		"-cp", classes+string(os.PathListSeparator)+jars, "interop.GrpcMain")}
}
