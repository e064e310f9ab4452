package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Versions of the official clients.
const (
	javaNew       = "5.5.0"
	javaOld       = "4.9.8"
	javaGrpc      = "5.2.0"
	pythonPackage = "rocketmq==0.4.4"
	nodePackage   = "ali-ons@3.12.0"
)

// javaJars fetches the class path of java/<kind>/pom.xml at the version.
func javaJars(t *testing.T, kind, version string) string {
	t.Helper()
	dir := cacheDir(t, "java-"+kind+"-"+version)
	pom := filepath.Join("java", kind, "pom.xml")
	fetched(t, dir, "java "+kind+" "+version, exec.Command("mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies",
		"-DoutputDirectory="+dir, "-Drocketmq.version="+version))
	return filepath.Join(dir, "*")
}

// javaProgram compiles the Java scenarios against one version of the official client. The system properties shorten
// waits that are a client's habit, not its behaviour (rebalance every 20 s).
func javaProgram(t *testing.T, version string) program {
	t.Helper()
	need(t, "java", "javac", "mvn")
	jars := javaJars(t, "client", version)
	sources, err := filepath.Glob("java/src/common/interop/*.java")
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob(filepath.Join("java/src", "v"+version[:1], "interop/*.java"))
	if err != nil {
		t.Fatal(err)
	}
	sources = append(sources, own...)
	classes := cacheDir(t, "classes-"+version)
	fetched(t, classes, "classes of "+version+" "+digest(t, sources),
		exec.Command("javac", append([]string{"-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars}, sources...)...))
	home := t.TempDir()
	return program{name: "java " + version, command: append(javaCommand(home), "-cp", classes+string(os.PathListSeparator)+jars, "interop.Main")}
}

// javaCommand is how a Java client program is run, up to its class path.
func javaCommand(home string) []string {
	return []string{"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dfile.encoding=UTF-8", "-Duser.home=" + home, "-Drocketmq.client.logRoot=" + home,
		"-Drocketmq.client.localOffsetStoreDir=" + filepath.Join(home, "offsets"),
		"-Drocketmq.client.rebalance.waitInterval=1000", "-Drocketmq.client.rebalance.lockInterval=1000"}
}

// goProgram builds the Go scenarios, a module of their own so that the product does not depend on the official client.
func goProgram(t *testing.T) program {
	t.Helper()
	binary := cacheDir(t, "bin", "interop-go")
	build(t, binary, "go", ".")
	return program{name: "go", command: []string{binary}}
}

// pythonProgram installs the C++ based client into a virtual environment.
func pythonProgram(t *testing.T) program {
	t.Helper()
	need(t, "python3")
	dir := cacheDir(t, "python")
	python := filepath.Join(dir, "bin", "python")
	fetched(t, dir, pythonPackage, exec.Command("python3", "-m", "venv", dir),
		exec.Command(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pythonPackage))
	return program{name: "python", command: []string{python, "-u", absolute(t, "python/main.py")}, env: []string{"HOME=" + t.TempDir()}}
}

// nodeProgram installs the Node client beside the cache, where NODE_PATH finds it.
func nodeProgram(t *testing.T) program {
	t.Helper()
	need(t, "node", "npm")
	dir := cacheDir(t, "node")
	fetched(t, dir, nodePackage, exec.Command("npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", dir, nodePackage))
	return program{name: "node", command: []string{"node", absolute(t, "node/main.js")},
		env: []string{"NODE_PATH=" + filepath.Join(dir, "node_modules"), "HOME=" + t.TempDir()}}
}

// digest tells whether any of the files has changed.
func digest(t *testing.T, files []string) string {
	t.Helper()
	sum := sha256.New()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n", file, len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
