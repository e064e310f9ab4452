package directio_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/aerobee-mq/aerobee/internal/directio"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestBufferIsAligned(t *testing.T) {
	for n := range 40 {
		b := directio.Buffer(n * 1000)
		if len(b) != n*1000 || n > 0 && uintptr(unsafe.Pointer(&b[0]))%directio.Align != 0 {
			t.Fatalf("%d bytes at %p", len(b), b)
		}
	}
}

func TestMemoryHasNoDirectHandle(t *testing.T) {
	fs := vfs.NewMem()
	f, err := fs.Create("f", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := directio.Open(fs, "f", true); !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
}

// A direct handle refuses what is not aligned, and takes it once it is disabled: so the flag is really set and cleared.
func TestDirectHandle(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	plain, err := vfs.Default.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	f, err := directio.Open(vfs.Default, name, true)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("%s: %v", runtime.GOOS, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := directio.Buffer(3 * directio.Align)
	for i := range b {
		b[i] = byte(i % 251)
	}
	if _, err := f.WriteAt(b, directio.Align); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(b))
	if _, err := plain.ReadAt(got, directio.Align); err != nil || !bytes.Equal(got, b) {
		t.Fatalf("read something else through the page cache, %v", err)
	}
	if _, err := f.WriteAt(b[1:100], 7); err == nil {
		t.Skip("the file system writes what is not aligned through the page cache")
	} else if !directio.Refused(err) {
		t.Fatalf("an unaligned write is refused with %v", err)
	}
	if err := directio.Disable(f); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b[1:100], 7); err != nil {
		t.Fatal(err)
	}
}
