package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
)

// heard is a logger's handler that keeps what is worth a warning.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *heard) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (h *heard) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *heard) WithGroup(string) slog.Handler                { return h }

func (h *heard) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&h.text, " %s=%v", a.Key, a.Value)
		return true
	})
	h.text.WriteString("\n")
	return nil
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// restOptions is a store of several small segments.
func restOptions(fs vfs.FS) Options {
	o := testOptions(fs)
	o.SegmentSize, o.MemoryLimit = 64<<10, 64<<10
	return o
}

// storeAtRest is a closed store with three segments, blocks, a group with an offset and a message that waits. It was
// stopped cleanly, or not.
func storeAtRest(t *testing.T, clean bool) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	s := openTest(t, restOptions(fs))
	mustTopic(t, s, "T", 2)
	if err := s.PutGroup(context.Background(), group.New("g")); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		time.Sleep(time.Millisecond) // each has a store time of its own
		mustPut(t, s, record("T", i%2, fmt.Sprintf("m%02d-%s", i, strings.Repeat("x", 3000)), message.PropKeys, "k"))
		if i == 30 {
			if err := s.CommitOffset("g", message.Queue{Topic: "T"}, 7); err != nil {
				t.Fatal(err)
			}
			s.flushOffsets()
			putDelayed(t, s, record("T", 0, "late"), 18)
			ask(t, s)
		}
	}
	if !clean {
		after := synced(fs)
		abandon(s)
		return after
	}
	closeTest(t, s)
	return fs
}

// damageDone is one way to damage a store.
type damageDone struct {
	name string
	file string // what must be named
	do   func(t *testing.T, fs *vfs.MemFS)
}

func fileBytes(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rewrite(t *testing.T, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// damages lists ways to damage the files of a directory: each stride-th bit, truncation, loss, and a file in another's place.
func damages(t *testing.T, fs *vfs.MemFS, dir string, stride int) (out []damageDone) {
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	add := func(what, file string, do func(t *testing.T, fs *vfs.MemFS)) {
		out = append(out, damageDone{what, file, do})
	}
	for i, name := range names {
		file := path.Join(dir, name)
		if info, err := fs.Stat(file); err != nil || info.IsDir() || name == "lock" {
			continue
		}
		b := fileBytes(t, fs, file)
		for at := stride / 2; at < len(b); at += stride {
			add(fmt.Sprintf("bit %d of byte %d", at%8, at), file, func(t *testing.T, fs *vfs.MemFS) {
				c := slices.Clone(b)
				c[at] ^= 1 << (at % 8)
				rewrite(t, fs, file, c)
			})
		}
		for _, n := range []int{0, len(b) / 3, len(b) - 1} {
			add(fmt.Sprintf("cut to %d of %d bytes", n, len(b)), file, func(t *testing.T, fs *vfs.MemFS) { rewrite(t, fs, file, b[:max(n, 0)]) })
		}
		add("missing", file, func(t *testing.T, fs *vfs.MemFS) {
			if err := fs.Remove(file); err != nil {
				t.Fatal(err)
			}
		})
		if len(b) > 8192 {
			add("a page of zeros", file, func(t *testing.T, fs *vfs.MemFS) {
				c := slices.Clone(b)
				clear(c[4096:8192])
				rewrite(t, fs, file, c)
			})
		}
		for j, other := range names {
			if info, err := fs.Stat(path.Join(dir, other)); i == j || err != nil || info.IsDir() || other == "lock" {
				continue
			}
			add("a copy of "+other, file, func(t *testing.T, fs *vfs.MemFS) { rewrite(t, fs, file, fileBytes(t, fs, path.Join(dir, other))) })
		}
	}
	return out
}

// sayWhatWasThere reads everything and returns what is different from what was stored, as words, "" for nothing. What was
// stored is there as it was or not at all.
func sayWhatWasThere(t *testing.T, s *Store) string {
	t.Helper()
	var lost []string
	for id := range 2 {
		q := message.Queue{Topic: "T", ID: message.QueueID(id)}
		got := map[message.QueueOffset]string{}
		next, tries := message.QueueOffset(0), 0
		for next < 25 {
			b, res := s.Get(nil, q, next, 32, 1<<20, nil)
			if res.Err != nil {
				if tries++; tries > 5 {
					lost = append(lost, fmt.Sprintf("queue %d from %d: %v", id, next, res.Err))
					break
				}
				synctest.Wait() // a damaged block is made again
				continue
			}
			for len(b) > 0 {
				r, err := message.ParseChecked(b)
				if err != nil {
					t.Fatalf("a damaged message is served: %v", err)
				}
				got[r.QueueOffset] = string(r.Body)
				b = b[r.Size:]
			}
			if res.Next <= next {
				break
			}
			next = res.Next
		}
		for off := range message.QueueOffset(25) {
			want := fmt.Sprintf("m%02d-", 2*int(off)+id)
			switch body, ok := got[off]; {
			case !ok:
				lost = append(lost, fmt.Sprintf("queue %d lacks %d", id, off))
			case !strings.HasPrefix(body, want) || len(body) != len(want)+3000:
				t.Errorf("queue %d, offset %d: %.20q", id, off, body)
			}
		}
	}
	if off, ok := s.Offset("g", message.Queue{Topic: "T"}); !ok || off != 7 {
		lost = append(lost, fmt.Sprintf("the offset is %d %v", off, ok))
	}
	if n := s.Stats().PendingTimers; n != 1 {
		lost = append(lost, fmt.Sprintf("%d delayed messages", n))
	}
	return strings.Join(lost, ", ")
}

// checkDamage opens a damaged store. What is lost by it must be named: by the error of the start, or in the log.
func checkDamage(t *testing.T, fs *vfs.MemFS, d damageDone) (named, complaint string) {
	t.Helper()
	said := &heard{}
	o := restOptions(fs)
	o.Logger = slog.New(said)
	s, err := Open(o)
	if err != nil {
		if !strings.Contains(err.Error(), path.Base(d.file)) && !strings.Contains(err.Error(), path.Dir(d.file)) {
			return "", fmt.Sprintf("%s, %s: the start fails without its name: %v", d.file, d.name, err)
		}
		return "start", ""
	}
	defer s.Close()
	lost := sayWhatWasThere(t, s)
	if lost == "" {
		return "nothing lost", ""
	}
	if text := said.String(); !strings.Contains(text, path.Base(d.file)) {
		return "", fmt.Sprintf("%s, %s: %s; and in the log\n%s", d.file, d.name, lost, text)
	}
	return "log", ""
}

func TestDamageIsNeverSilent(t *testing.T) {
	stride := 197
	if testing.Short() {
		stride = 4999
	}
	for _, clean := range []bool{true, false} {
		for dir, stride := range map[string]int{"store/commitlog": stride, "store/blocks": stride / 10, "store/cache": stride, "store": 1} {
			t.Run(fmt.Sprintf("clean stop %v, %s", clean, dir), func(t *testing.T) {
				var fs *vfs.MemFS
				synctest.Test(t, func(t *testing.T) { fs = storeAtRest(t, clean) })
				all := damages(t, fs, dir, stride)
				outcomes := map[string]int{}
				for _, d := range all {
					var named, complaint string
					synctest.Test(t, func(t *testing.T) {
						clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
						d.do(t, clone)
						named, complaint = checkDamage(t, clone, d)
					})
					outcomes[named]++
					if complaint != "" {
						t.Error(complaint)
					}
				}
				t.Logf("%d damages: %v", len(all), outcomes)
			})
		}
	}
}
