package memfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
)

// both is a memory file system beside the real one, which it must be like.
type both struct {
	*rapid.T
	mem, disk vfs.FS
	root      string // of the real one; the other's is "root"
	memOpen   []vfs.File
	diskOpen  []vfs.File
}

// kind is what callers may tell apart of an error.
func kind(err error) string {
	for _, k := range []error{fs.ErrNotExist, io.EOF} {
		if errors.Is(err, k) {
			return k.Error()
		}
	}
	if err != nil {
		return "error"
	}
	return "nil"
}

// same does one thing to both and compares what they say.
func (b *both) same(what string, do func(m vfs.FS, root string) (any, error)) {
	mem, memErr := do(b.mem, "root")
	disk, diskErr := do(b.disk, b.root)
	if diff := cmp.Diff(disk, mem); diff != "" || kind(memErr) != kind(diskErr) {
		b.Fatalf("%s: memory says %v, the disk %v (-disk +memory):\n%s", what, memErr, diskErr, diff)
	}
}

func (b *both) open(what string, open func(m vfs.FS, root string) (vfs.File, error)) {
	mem, memErr := open(b.mem, "root")
	disk, diskErr := open(b.disk, b.root)
	if kind(memErr) != kind(diskErr) {
		b.Fatalf("%s: memory says %v, the disk %v", what, memErr, diskErr)
	}
	if memErr == nil {
		b.memOpen, b.diskOpen = append(b.memOpen, mem), append(b.diskOpen, disk)
	}
}

// onOpen does one thing to the same open file of both and compares what they say.
func (b *both) onOpen(what string, do func(f vfs.File) (any, error)) {
	if len(b.memOpen) == 0 {
		return
	}
	i := rapid.IntRange(0, len(b.memOpen)-1).Draw(b.T, "open")
	mem, memErr := do(b.memOpen[i])
	disk, diskErr := do(b.diskOpen[i])
	if diff := cmp.Diff(disk, mem); diff != "" || kind(memErr) != kind(diskErr) {
		b.Fatalf("%s: memory says %v, the disk %v (-disk +memory):\n%s", what, memErr, diskErr, diff)
	}
}

func (b *both) name(label string) string {
	return rapid.SampledFrom([]string{"a", "b", "d/a", "d/e/b", "none/a"}).Draw(b.T, label)
}

func (b *both) offset() int64 {
	return rapid.SampledFrom([]int64{0, 1, 100, pageSize - 1, pageSize, 3*pageSize - 7, 5 * pageSize}).Draw(b.T, "offset")
}

func (b *both) bytes() []byte {
	p := bytes.Repeat([]byte{byte(rapid.IntRange(0, 2).Draw(b.T, "byte"))}, rapid.SampledFrom([]int{1, 50, pageSize, 2*pageSize + 9}).Draw(b.T, "length"))
	return p
}

func (b *both) actions() map[string]func(*rapid.T) {
	step := func(f func()) func(*rapid.T) {
		return func(t *rapid.T) {
			b.T = t
			f()
		}
	}
	return map[string]func(*rapid.T){
		"create": step(func() {
			n := b.name("name")
			b.open("create "+n, func(m vfs.FS, root string) (vfs.File, error) {
				return m.Create(filepath.Join(root, n), vfs.WriteCategoryUnspecified)
			})
		}),
		"open": step(func() {
			n := b.name("name")
			b.open("open "+n, func(m vfs.FS, root string) (vfs.File, error) { return m.Open(filepath.Join(root, n)) })
		}),
		"openReadWrite": step(func() {
			n := b.name("name")
			b.open("open "+n, func(m vfs.FS, root string) (vfs.File, error) {
				return m.OpenReadWrite(filepath.Join(root, n), vfs.WriteCategoryUnspecified)
			})
		}),
		"write": step(func() {
			p := b.bytes()
			b.onOpen("write", func(f vfs.File) (any, error) { return f.Write(bytes.Clone(p)) })
		}),
		"writeAt": step(func() {
			p, off := b.bytes(), b.offset()
			b.onOpen("writeAt", func(f vfs.File) (any, error) { return f.WriteAt(bytes.Clone(p), off) })
		}),
		"read": step(func() {
			size := len(b.bytes())
			b.onOpen("read", func(f vfs.File) (any, error) {
				p := make([]byte, size)
				n, err := f.Read(p)
				return p[:n], err
			})
		}),
		"readAt": step(func() {
			size, off := len(b.bytes()), b.offset()
			b.onOpen("readAt", func(f vfs.File) (any, error) {
				p := bytes.Repeat([]byte{7}, size)
				n, err := f.ReadAt(p, off)
				return p[:n], err
			})
		}),
		"names": step(func() {
			from, to := b.name("from"), b.name("to")
			switch rapid.IntRange(0, 3).Draw(b.T, "what") {
			case 0:
				b.same("rename "+from+" "+to, func(m vfs.FS, root string) (any, error) {
					return nil, m.Rename(filepath.Join(root, from), filepath.Join(root, to))
				})
			case 1:
				b.same("link "+from+" "+to, func(m vfs.FS, root string) (any, error) {
					return nil, m.Link(filepath.Join(root, from), filepath.Join(root, to))
				})
			case 2:
				b.same("remove "+from, func(m vfs.FS, root string) (any, error) { return nil, m.Remove(filepath.Join(root, from)) })
			case 3:
				b.same("mkdir d/e", func(m vfs.FS, root string) (any, error) { return nil, m.MkdirAll(filepath.Join(root, "d", "e"), 0o755) })
			}
		}),
		"removeAll": step(func() {
			b.same("remove all of d", func(m vfs.FS, root string) (any, error) { return nil, m.RemoveAll(filepath.Join(root, "d")) })
		}),
		"": step(b.compare),
	}
}

// compare looks at all names and sizes.
func (b *both) compare() {
	for _, dir := range []string{"", "d", "d/e"} {
		b.same("list "+dir, func(m vfs.FS, root string) (any, error) {
			names, err := m.List(filepath.Join(root, dir))
			all := map[string]string{}
			for _, n := range names {
				info, err := m.Stat(filepath.Join(root, dir, n))
				if err != nil {
					return nil, err
				}
				all[n] = "directory"
				if !info.IsDir() {
					all[n] = fmt.Sprint(info.Name(), " ", info.Size())
				}
			}
			return all, err
		})
	}
}

// TestLikeADisk does the same to a memory file system and to the real one: they say the same.
func TestLikeADisk(t *testing.T) {
	dir, n := t.TempDir(), 0
	property.Check(t, func(t *rapid.T) {
		n++
		b := &both{T: t, mem: New(), disk: vfs.Default, root: filepath.Join(dir, fmt.Sprint(n))}
		b.same("make the root", func(m vfs.FS, root string) (any, error) { return nil, m.MkdirAll(root, 0o755) })
		t.Repeat(b.actions())
		for i := range b.memOpen {
			if err := errors.Join(b.memOpen[i].Close(), b.diskOpen[i].Close()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSparse makes a long file: only what was written has memory, and zeros have none.
func TestSparse(t *testing.T) {
	m := New()
	f, err := m.Create("long", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		text string
		off  int64
	}{{"\x00", 1<<30 - 1}, {"here", 5*pageSize - 2}, {string(make([]byte, 4*pageSize)), 40 * pageSize}} {
		if _, err := f.WriteAt([]byte(w.text), w.off); err != nil {
			t.Fatal(err)
		}
	}
	pages := 0
	for _, p := range m.files["long"].pages {
		if p != nil {
			pages++
		}
	}
	if info, err := f.Stat(); err != nil || info.Size() != 1<<30 || pages != 2 {
		t.Errorf("%d bytes in %d pages, %v", info.Size(), pages, err)
	}
	got := make([]byte, 6)
	if _, err := f.ReadAt(got, 5*pageSize-3); err != nil || string(got) != "\x00here\x00" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestLock takes a lock twice.
func TestLock(t *testing.T) {
	m := New()
	l, err := m.Lock("LOCK")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Lock("LOCK"); err == nil {
		t.Error("the lock was given twice")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Lock("LOCK"); err != nil {
		t.Error(err)
	}
}
