package route

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKV(t *testing.T) {
	kv := NewKV(map[string]map[string]string{"n": {"a": "1"}})
	kv.Put("n", "b", "2")
	kv.Put("m", "a", "3")
	kv.Delete("n", "a")
	kv.Delete("absent", "a")
	if v, ok := kv.Get("n", "b"); v != "2" || !ok {
		t.Errorf("got %q, %v", v, ok)
	}
	if _, ok := kv.Get("n", "a"); ok {
		t.Error("a deleted value is there")
	}
	kv.Delete("m", "a")
	if list, ok := kv.List("m"); !ok || len(list) != 0 {
		t.Errorf("an emptied namespace: %v, %v", list, ok)
	}
	if _, ok := kv.List("absent"); ok {
		t.Error("a namespace that nobody made is there")
	}
	all := kv.All()
	all["n"]["b"] = "changed"
	if d := cmp.Diff(map[string]map[string]string{"n": {"b": "2"}, "m": {}}, kv.All()); d != "" {
		t.Error(d)
	}
}
