package faultfs

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func set(t *testing.T, f *Faults, text string) {
	t.Helper()
	if err := f.Set(text); err != nil {
		t.Fatal(err)
	}
}

// disk is a file system in memory with the files d/a and d/b/c, and what makes it fail.
func disk(t *testing.T) (*Faults, vfs.FS) {
	t.Helper()
	f := &Faults{}
	fs := f.Wrap(vfs.NewMem())
	if err := fs.MkdirAll("d/b", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d/a", "d/b/c"} {
		file, err := fs.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return f, fs
}

func openFile(t *testing.T, fs vfs.FS, name string) vfs.File {
	t.Helper()
	file, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func content(t *testing.T, file vfs.File) string {
	t.Helper()
	b := make([]byte, 10)
	n, err := file.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestEveryOperationCanFail(t *testing.T) {
	f, fs := disk(t)
	file := openFile(t, fs, "d/a")
	ops := map[string]func() error{
		"open d/a eio":       func() error { _, err := fs.Open("d/a"); return err },
		"open a eio":         func() error { _, err := fs.OpenReadWrite("d/a", vfs.WriteCategoryUnspecified); return err },
		"open d eio":         func() error { _, err := fs.OpenDir("d"); return err },
		"open lock eio":      func() error { _, err := fs.Lock("d/lock"); return err },
		"create x eio":       func() error { _, err := fs.Create("d/x", vfs.WriteCategoryUnspecified); return err },
		"create y eio":       func() error { return fs.Link("d/a", "d/y") },
		"create z eio":       func() error { _, err := fs.ReuseForWrite("d/a", "d/z", vfs.WriteCategoryUnspecified); return err },
		"rename */w eio":     func() error { return fs.Rename("d/a", "d/w") },
		"remove a eio":       func() error { return fs.Remove("d/a") },
		"remove b eio":       func() error { return fs.RemoveAll("d/b") },
		"mkdir d/n eio":      func() error { return fs.MkdirAll("d/n", 0o700) },
		"list d eio":         func() error { _, err := fs.List("d"); return err },
		"usage d eio":        func() error { _, err := fs.GetDiskUsage("d"); return err },
		"read a eio":         func() error { _, err := file.Read(make([]byte, 1)); return err },
		"read d/* eio":       func() error { _, err := file.ReadAt(make([]byte, 1), 0); return err },
		"write,sync a eio":   func() error { _, err := file.WriteAt([]byte("x"), 0); return err },
		"write d/? eio":      func() error { _, err := file.Write([]byte("x")); return err },
		"write * eio":        func() error { return file.Preallocate(0, 1) },
		"sync d/a eio":       file.Sync,
		"* * eio":            file.SyncData,
		"write,sync */a eio": func() error { _, err := file.SyncTo(1); return err },
	}
	for text, op := range ops {
		set(t, f, text)
		if err := op(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "(injected)") {
			t.Errorf("%s: %v", text, err)
		}
		if f.Hits() != 1 {
			t.Errorf("%s: %d hits", text, f.Hits())
		}
	}
	set(t, f, "* b/* eio; write a/b/c/d eio")
	if got := content(t, file); got != "0123456789" {
		t.Errorf("d/a holds %q after operations that all failed", got)
	}
}

func TestWhenRulesApply(t *testing.T) {
	f, fs := disk(t)
	file := openFile(t, fs, "d/a")
	run := func(text, want string) {
		t.Helper()
		set(t, f, text)
		got := ""
		for range 6 {
			if err := file.Sync(); err == nil {
				got += "."
			} else {
				got += "x"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	run("sync a eio", "xxxxxx")
	run("sync a eio nth=3", "..xxxx")
	run("sync a eio nth=3 times=2", "..xx..")
	run("sync a eio times=1; sync a enospc nth=4 times=1", "x..x..")
	run("sync a eio chance=0", "......")
	run("# nothing\n\nsync c eio", "......")
	set(t, f, "seed 7; sync a eio chance=0.5")
	once := f.String()
	for range 100 {
		_ = file.Sync()
	}
	hits := f.Hits()
	if hits < 30 || hits > 70 {
		t.Errorf("%d of 100 failed with a chance of one half", hits)
	}
	set(t, f, "seed 7; sync a eio chance=0.5")
	if f.String() != once {
		t.Errorf("a new script does not begin anew:\n%s", f)
	}
	for range 100 {
		_ = file.Sync()
	}
	if f.Hits() != hits {
		t.Errorf("the same seed made %d and %d fail", hits, f.Hits())
	}
}

func TestEffects(t *testing.T) {
	f, fs := disk(t)
	file := openFile(t, fs, "d/a")
	set(t, f, "write a short times=1")
	if n, err := file.WriteAt([]byte("abcd"), 0); n != 2 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a short write: %d, %v", n, err)
	}
	if got := content(t, file); got != "ab23456789" {
		t.Errorf("a short write leaves %q", got)
	}
	set(t, f, "read a flip times=1; read a short nth=2 times=1")
	if got := content(t, file); got != "ab23446789" {
		t.Errorf("a flipped read gives %q", got)
	}
	if n, err := file.ReadAt(make([]byte, 10), 0); n != 5 || err == nil {
		t.Errorf("a short read: %d, %v", n, err)
	}
	if got := content(t, file); got != "ab23456789" {
		t.Errorf("then %q is read", got)
	}
	set(t, f, "write a enospc; sync a erofs; usage d enospc")
	if _, err := file.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.ENOSPC) || !vfs.IsNoSpaceError(err) {
		t.Errorf("write: %v", err)
	}
	if err := file.Sync(); !errors.Is(err, syscall.EROFS) {
		t.Errorf("sync: %v", err)
	}
	use, err := f.Wrap(usedFS{}).GetDiskUsage("d")
	if err != nil || use.AvailBytes != 0 || use.UsedBytes != 100 {
		t.Errorf("usage: %+v, %v", use, err)
	}
	set(t, f, "usage d used=96")
	use, err = f.Wrap(usedFS{}).GetDiskUsage("d")
	if err != nil || use.TotalBytes != 100<<30 || use.UsedBytes != 96<<30 || use.AvailBytes != 4<<30 {
		t.Errorf("usage as it is told: %+v, %v", use, err)
	}
}

// usedFS is a disk of 100 bytes, 40 of them free.
type usedFS struct{ vfs.FS }

func (usedFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{TotalBytes: 100, AvailBytes: 40, UsedBytes: 60}, nil
}

func TestDelayAndClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, fs := disk(t)
		file := openFile(t, fs, "d/a")
		set(t, f, "sync a delay=3s; sync a delay=2s; clock -26h")
		begin := time.Now()
		if err := file.Sync(); err != nil || time.Since(begin) != 5*time.Second {
			t.Errorf("a sync took %v, %v", time.Since(begin), err)
		}
		if got := time.Until(f.Now()); got != -26*time.Hour {
			t.Errorf("the clock is %v ahead", got)
		}
		set(t, f, "")
		if got := time.Until(f.Now()); got != 0 {
			t.Errorf("without a script the clock is %v ahead", got)
		}
	})
}

func TestScriptsThatCannotBeRead(t *testing.T) {
	f := &Faults{}
	set(t, f, "sync a eio")
	for text, want := range map[string]string{
		"sync a":             "OPS PATTERN EFFECT",
		"fsync a eio":        `no operation "fsync"`,
		"sync [ eio":         "pattern [",
		"sync a ebadf":       `no effect "ebadf"`,
		"sync a used=90":     "used=90 is an effect on usage alone",
		"usage a used=101":   "used=101: a disk is used by 0 to 100 percent",
		"sync a delay=soon":  "delay",
		"sync a eio after=3": `no condition "after=3"`,
		"sync a eio nth=x":   "nth",
		"clock tomorrow":     "tomorrow",
		"seed -1":            "seed",
	} {
		err := f.Set("# first\n" + text)
		if err == nil || !strings.Contains(err.Error(), "rule 2") || !strings.Contains(err.Error(), want) && want != "nth" && want != "delay" {
			t.Errorf("%q: %v", text, err)
		}
	}
	if !strings.Contains(f.String(), "sync a eio # named 0, hit 0") {
		t.Errorf("an unreadable script has changed the rules:\n%s", f)
	}
}

func TestOverHTTP(t *testing.T) {
	f := &Faults{}
	ask := func(method, body string, code int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(method, "/faults", strings.NewReader(body)))
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %q: %d %q, want %d with %q", method, body, w.Code, w.Body, code, want)
		}
	}
	ask("GET", "", 200, "clock 0s\n")
	ask("PUT", "sync * eio; clock +1h", 200, "clock 1h0m0s\nsync * eio # named 0, hit 0\n")
	ask("PUT", "sync * no", 400, "no effect")
	ask("GET", "", 200, "sync * eio")
	ask("POST", "", 200, "clock 0s\n")
	ask("PUT", strings.Repeat("#", maxScript+1), 400, "too large")
}
