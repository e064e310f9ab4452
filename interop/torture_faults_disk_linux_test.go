package interop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk is a tmpfs of its own, which can be made full and read-only.
type smallDisk struct{ dir string }

const (
	diskBytes = 1 << 30
	diskSpare = 64 << 10 // what a full one has left: the last writes come through
)

// mountDisk mounts a disk under dir/data. Without the right to mount there is none, and the test goes on without what it would have had to bear, unless
// the suite is required to be whole.
func mountDisk(t *testing.T, dir string) *smallDisk {
	t.Helper()
	d := &smallDisk{dir: filepath.Join(dir, "data")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes))
	if errors.Is(err, syscall.EPERM) && os.Getenv("AEROBEE_INTEROP_REQUIRED") != "1" {
		t.Log("without full and read-only disks: a disk of its own needs the right to mount (root, or a user namespace: unshare -rm go test)")
		return nil
	}
	if err != nil {
		t.Fatalf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *smallDisk) remount(flags uintptr, options string) error {
	if err := syscall.Mount("", d.dir, "", syscall.MS_REMOUNT|flags, options); err != nil {
		return fmt.Errorf("remount %s %s: %w", d.dir, options, err)
	}
	return nil
}

// fill makes the disk so small that what it holds fills it.
func (d *smallDisk) fill() (usedBytes int64, err error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &stat); err != nil {
		return 0, err
	}
	usedBytes = int64(stat.Blocks-stat.Bfree) * stat.Bsize
	return usedBytes, d.remount(0, fmt.Sprintf("size=%d", usedBytes+diskSpare))
}

// free gives the disk its size back.
func (d *smallDisk) free() error { return d.remount(0, fmt.Sprintf("size=%d", diskBytes)) }

// readOnly wants that nobody has files open for writing.
func (d *smallDisk) readOnly() error { return d.remount(syscall.MS_RDONLY, "") }

func (d *smallDisk) writable() error { return d.remount(0, "") }
