package aerobee

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/directio"
)

// testDirectIO looks at this process's descriptors of a node's log for those past the page cache, told by the flag that a probe opened
// past it has and one opened through it has not.
func testDirectIO(t *testing.T) {
	dir := t.TempDir()
	probe := filepath.Join(dir, "probe", "file")
	if err := os.Mkdir(filepath.Dir(probe), 0o755); err != nil {
		t.Fatal(err)
	}
	plain, err := os.OpenFile(probe, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	without := descriptorFlags(t, filepath.Dir(probe))
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := directio.Open(vfs.Default, probe, true)
	if err != nil {
		t.Skip("no direct I/O here: ", err)
	}
	with := descriptorFlags(t, filepath.Dir(probe))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if len(without) != 1 || len(with) != 1 || with[0] == without[0] {
		t.Fatalf("flags of a direct handle %o, of another %o", with, without)
	}
	flag := with[0] &^ without[0]
	for value, want := range map[string]bool{"true": true, "false": false} {
		data := filepath.Join(dir, value)
		start(t, "memory", "false", "data", data, "mappedFileSizeCommitLog", "16m", "directIO", value)
		got := false
		for _, flags := range descriptorFlags(t, filepath.Join(data, "commitlog")) {
			got = got || flags&flag != 0
		}
		if got != want {
			t.Errorf("directIO=%s: the log has handles past the page cache: %v, want %v", value, got, want)
		}
	}
}

// descriptorFlags returns the flags of this process's descriptors of files in a directory.
func descriptorFlags(t *testing.T, dir string) []uint64 {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skip("descriptors cannot be listed here")
	}
	var out []uint64
	for _, link := range links {
		if name, err := os.Readlink(link); err != nil || filepath.Dir(name) != dir {
			continue
		}
		info, err := os.ReadFile(filepath.Join("/proc/self/fdinfo", filepath.Base(link)))
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(info)) {
			if text, ok := strings.CutPrefix(line, "flags:"); ok {
				flags, err := strconv.ParseUint(strings.TrimSpace(text), 8, 64)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, flags)
			}
		}
	}
	return out
}
