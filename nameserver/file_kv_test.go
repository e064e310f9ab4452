package nameserver

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"
)

// crashable is a file system with the directory "data", which survives crashes.
func crashable(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("data", 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(root.Sync(), root.Close()); err != nil {
		t.Fatal(err)
	}
	return fs
}

func kvOf(value string) map[string]map[string]string {
	return map[string]map[string]string{"n": {"k": value}}
}

// A crash before each write, sync and rename of a save, with any part of what was not synced lost: the old table or the new one is there, and
// once the save has returned, the new one.
func TestKVSaveIsAtomic(t *testing.T) {
	mem := crashable(t)
	var crashes []vfs.FS
	saving := false
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(errorfs.Op) error {
		if saving {
			for seed := range uint64(4) {
				crashes = append(crashes, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 33 * int(seed), RNG: rand.New(rand.NewPCG(seed, uint64(len(crashes))))}))
			}
		}
		return nil
	}))
	kv := NewFileKV(fs, "data", "kvConfig.json")
	if table, err := kv.Load(); err != nil || table != nil {
		t.Fatalf("without a file: %v, %v", table, err)
	}
	if err := kv.Save(kvOf("old")); err != nil {
		t.Fatal(err)
	}
	saving = true
	if err := kv.Save(kvOf("new")); err != nil {
		t.Fatal(err)
	}
	saving = false
	if len(crashes) < 4*5 {
		t.Fatalf("%d crashes only", len(crashes))
	}
	for i, crashed := range crashes {
		table, err := NewFileKV(crashed, "data", "kvConfig.json").Load()
		if err != nil || !cmp.Equal(table, kvOf("old")) && !cmp.Equal(table, kvOf("new")) {
			t.Errorf("crash %d: %v, %v", i, table, err)
		}
	}
	table, err := NewFileKV(mem.CrashClone(vfs.CrashCloneCfg{}), "data", "kvConfig.json").Load()
	if err != nil || !cmp.Equal(table, kvOf("new")) {
		t.Errorf("after the save: %v, %v", table, err)
	}
}

// Each operation of a save may fail: then the save says so, and the next one works.
func TestKVSaveSaysThatItFailed(t *testing.T) {
	for failing := 0; ; failing++ {
		n := 0
		fs := errorfs.Wrap(crashable(t), errorfs.InjectorFunc(func(errorfs.Op) error {
			n++
			if n-1 == failing {
				return errorfs.ErrInjected
			}
			return nil
		}))
		kv := NewFileKV(fs, "data", "kvConfig.json")
		if err := kv.Save(kvOf("v")); err == nil {
			if n > failing {
				t.Errorf("operation %d failed, the save did not", failing)
			}
			if failing < 5 {
				t.Errorf("a save of %d operations only", failing)
			}
			return
		}
		if err := kv.Save(kvOf("v")); err != nil {
			t.Errorf("after a failed operation %d: %v", failing, err)
		}
	}
}

func FuzzFileKV(f *testing.F) {
	f.Add([]byte(`{"configTable":{"ORDER_TOPIC_CONFIG":{"golden":"broker-a:4"}}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fs := vfs.NewMem()
		file, err := fs.Create("kv", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		kv := NewFileKV(fs, "", "kv")
		table, err := kv.Load()
		if err != nil {
			return
		}
		if err := kv.Save(table); err != nil {
			t.Fatal(err)
		}
		if again, err := kv.Load(); err != nil || !cmp.Equal(again, table) {
			t.Errorf("%v became %v, %v", table, again, err)
		}
	})
}
