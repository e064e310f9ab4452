package store

import (
	"fmt"
	"math/rand/v2"
	"path"
	"runtime"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// opPoint is where a crash can be injected: what is done to which kind of file, and the function that does it. All of
// them stand in testdata/crashpoints.txt.
type opPoint struct {
	kind string // of the file: segment, block, cache.sst, abort, …
	op   string // create, write, sync, rename, remove, removeall, mkdir
	in   string // the function, package.Name or package.(*Type).Name; pebble for what the database does on its own
}

func (p opPoint) String() string { return fmt.Sprintf("%s.%s in %s", p.kind, p.op, p.in) }

// crashDisk is a crashable file system that names each change before it is made, and takes the disk as a crash would
// leave it there.
type crashDisk struct {
	fs *vfs.MemFS

	mu     sync.Mutex
	on     bool
	seen   map[opPoint]int
	choose func(p opPoint, nth int) (crash bool, kept int)
	fail   func(p opPoint, nth int) error
	look   func() promise // what has been promised; it is asked before the disk is taken
	rng    *rand.Rand
	taken  []*crashed
}

// crashed is a disk after a crash and what had been promised by then. mu guards the promise while its check adds to it.
type crashed struct {
	mu sync.Mutex

	at   opPoint
	nth  int
	kept int // percent of what was not synced
	fs   *vfs.MemFS
	promise
}

func (c *crashed) String() string {
	return fmt.Sprintf("crash before change %d of %v, %d %% of the unsynced kept", c.nth, c.at, c.kept)
}

func newCrashDisk(fs *vfs.MemFS, seed uint64) *crashDisk {
	return &crashDisk{fs: fs, seen: make(map[opPoint]int), rng: rand.New(rand.NewPCG(seed, 77)), look: func() promise { return promise{} }}
}

func (d *crashDisk) wrapped() vfs.FS {
	return errorfs.Wrap(d.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		name := opName(op.Kind)
		if name == "" {
			return nil
		}
		return d.change(opPoint{fileKind(op.Path), name, caller(op.Path)})
	}))
}

func (d *crashDisk) change(p opPoint) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.on {
		return nil
	}
	d.seen[p]++
	nth := d.seen[p]
	if d.choose != nil {
		if yes, kept := d.choose(p, nth); yes {
			c := &crashed{at: p, nth: nth, kept: kept, promise: d.look()}
			c.fs = d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: d.rng})
			d.taken = append(d.taken, c)
		}
	}
	if d.fail != nil {
		return d.fail(p, nth)
	}
	return nil
}

func (d *crashDisk) record(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on = on
}

func opName(k errorfs.OpKind) string {
	switch k {
	case errorfs.OpCreate:
		return "create"
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt:
		return "write"
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return "sync"
	case errorfs.OpRename:
		return "rename"
	case errorfs.OpLink:
		return "link"
	case errorfs.OpReuseForWrite:
		return "reuse"
	case errorfs.OpRemove:
		return "remove"
	case errorfs.OpRemoveAll:
		return "removeall"
	case errorfs.OpMkdirAll:
		return "mkdir"
	}
	return ""
}

// fileKind says what kind of file a path of a store in the directory "store" is.
func fileKind(p string) string {
	rel, inside := strings.CutPrefix(p, "store")
	rel, base := strings.Trim(rel, "/"), strings.TrimSuffix(path.Base(p), ".tmp")
	top, rest, _ := strings.Cut(rel, "/")
	switch {
	case !inside:
		return "parent"
	case rel == "":
		return "store"
	case rest == "" && (top == "commitlog" || top == "blocks" || top == "cache" || top == "config"):
		return top + "/"
	case top == "commitlog":
		return "segment"
	case top == "blocks" && strings.HasSuffix(p, ".tmp"):
		return "block.tmp"
	case top == "blocks":
		return "block"
	case top == "cache":
		if base[0] >= '0' && base[0] <= '9' {
			return "cache" + path.Ext(base)
		}
		name := base[:strings.IndexAny(base+".", "-.")]
		return "cache." + strings.ToLower(name)
	case top == "config":
		return "table"
	case top == "consumequeue":
		return "queuefile"
	}
	return strings.TrimSuffix(base, path.Ext(base))
}

const modulePath = "github.com/aerobee-mq/aerobee/"

// blockWriter shapes the log's writes: who has it write is named, not it.
const blockWriter = "commitlog.(*blocks)."

// caller names the function of the store that makes a change, without the closures in it. The database changes its own
// files, most of them on its own goroutines.
func caller(file string) string {
	pcs := make([]uintptr, 40)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "cockroachdb/pebble") && !strings.Contains(f.Function, "/vfs") {
			return "pebble"
		}
		if name, ours := strings.CutPrefix(f.Function, modulePath); ours && !strings.HasSuffix(f.File, "_test.go") && !strings.HasPrefix(name, "store/cutdb.gate") && !strings.Contains(name, blockWriter) {
			name, _, _ = strings.Cut(name, ".func")
			return strings.TrimPrefix(name, "store/")
		}
		if !more {
			return "pebble"
		}
	}
}
