//go:build rust

package interop

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGrpcRust runs the official Rust client, which speaks gRPC. It stands behind a build tag because a first build takes minutes.
func TestGrpcRust(t *testing.T) {
	t.Parallel()
	onEachGrpcTarget(t, rustProgram)
}

// rustProgram builds the Rust scenarios in the cache.
func rustProgram(t *testing.T) program {
	t.Helper()
	need(t, "cargo")
	dir := cacheDir(t, "rust")
	cargo := exec.Command("cargo", "build", "--quiet", "--locked", "--manifest-path", "grpc/rust/Cargo.toml", "--target-dir", dir)
	run(t, cargo)
	return program{name: "rust over gRPC", command: []string{filepath.Join(dir, "debug", "interop-rust")}, env: []string{"HOME=" + t.TempDir()}}
}
