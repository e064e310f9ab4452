package cutdb

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestNothingIsWrittenBehindTheGate: a database that has failed changes no file any more, and reads the ones it has.
func TestNothingIsWrittenBehindTheGate(t *testing.T) {
	var shut atomic.Bool
	mem := vfs.NewMem()
	g := gate{mem, &shut}
	f, err := g.Create("a", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("before")); err != nil {
		t.Fatal(err)
	}
	shut.Store(true)
	refused := map[string]error{}
	_, refused["write"] = f.Write([]byte("after"))
	_, refused["write at"] = f.WriteAt([]byte("after"), 0)
	refused["sync"], refused["sync data"] = f.Sync(), f.SyncData()
	_, refused["sync to"] = f.SyncTo(3)
	_, refused["create"] = g.Create("b", vfs.WriteCategoryUnspecified)
	_, refused["reuse"] = g.ReuseForWrite("a", "b", vfs.WriteCategoryUnspecified)
	refused["link"], refused["rename"], refused["remove"] = g.Link("a", "b"), g.Rename("a", "b"), g.Remove("a")
	for what, err := range refused {
		if !errors.Is(err, errShut) {
			t.Errorf("%s says %v", what, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	names, err := mem.List("")
	if err != nil || len(names) != 1 {
		t.Fatalf("the files are %v, %v", names, err)
	}
	r, err := g.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := r.Read(b); err != nil || string(b) != "before" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
