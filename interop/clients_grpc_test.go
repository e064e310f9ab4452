package interop

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Versions of the official gRPC clients outside Java and Go.
const (
	pythonGrpcPackage = "rocketmq-python-client==5.1.2"
	nodeGrpcPackage   = "rocketmq-client-nodejs@1.0.8"
)

// pythonGrpcProgram installs the gRPC client into a virtual environment.
func pythonGrpcProgram(t *testing.T) program {
	t.Helper()
	need(t, "python3")
	dir := cacheDir(t, "python-grpc")
	python := filepath.Join(dir, "bin", "python")
	fetched(t, dir, pythonGrpcPackage, exec.Command("python3", "-m", "venv", dir),
		exec.Command(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pythonGrpcPackage))
	return program{name: "python over gRPC", command: []string{python, "-u", absolute(t, "grpc/python/main.py")}, env: []string{"HOME=" + t.TempDir()}}
}

// nodeGrpcProgram installs the gRPC client for Node beside the cache, where NODE_PATH finds it.
func nodeGrpcProgram(t *testing.T) program {
	t.Helper()
	need(t, "node", "npm")
	dir := cacheDir(t, "node-grpc")
	fetched(t, dir, nodeGrpcPackage, exec.Command("npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", dir, nodeGrpcPackage))
	return program{name: "node over gRPC", command: []string{"node", absolute(t, "grpc/node/main.js")},
		env: []string{"NODE_PATH=" + filepath.Join(dir, "node_modules"), "HOME=" + t.TempDir()}}
}

// TestGrpcPython runs the official Python client that speaks gRPC.
func TestGrpcPython(t *testing.T) {
	t.Parallel()
	onEachGrpcTarget(t, pythonGrpcProgram)
}

// TestGrpcNode runs the official Node client that speaks gRPC.
func TestGrpcNode(t *testing.T) {
	t.Parallel()
	onEachGrpcTarget(t, nodeGrpcProgram)
}
