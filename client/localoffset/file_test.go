package localoffset

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
)

func TestLocalOffsets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "host@DEFAULT", "g", "offsets.json")
	a, b := Queue{BrokerName: "x", QueueID: 1, Topic: "t"}, Queue{BrokerName: "x", QueueID: 2, Topic: "t"}
	o := New(path)
	if _, found, err := o.Load(context.Background(), a); found || err != nil {
		t.Fatalf("without a file: %v, %v", found, err)
	}
	for _, offsets := range []map[Queue]int64{{a: 5}, {b: 7}, {a: 6}, {a: 6}} {
		if err := o.Save(context.Background(), offsets); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if want := `{"offsetTable":{{"brokerName":"x","queueId":1,"topic":"t"}:6,{"brokerName":"x","queueId":2,"topic":"t"}:7}}`; err != nil || string(text) != want {
		t.Errorf("file %s, %v", text, err)
	}
	again := New(path)
	if offset, found, err := again.Load(context.Background(), b); offset != 7 || !found || err != nil {
		t.Errorf("read again: %d, %v, %v", offset, found, err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files beside it: %v, %v", left, err)
	}
}

// TestLocalOffsetsOfJava reads what Java's client has written, and its spare copy when the file is damaged.
func TestLocalOffsetsOfJava(t *testing.T) {
	got, err := readOffsets("testdata/java_offsets.json")
	want := map[Queue]int64{{BrokerName: "broker-a", QueueID: 0, Topic: "t"}: 3, {BrokerName: "broker-a", QueueID: 1, Topic: "t"}: 42}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v -want +got\n%s", err, diff)
	}
	path := filepath.Join(t.TempDir(), "offsets.json")
	spare, _ := os.ReadFile("testdata/java_offsets.json")
	for name, text := range map[string][]byte{path: []byte("{half"), path + ".bak": spare} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := New(path)
	if offset, found, err := o.Load(context.Background(), Queue{BrokerName: "broker-a", QueueID: 1, Topic: "t"}); offset != 42 || !found || err != nil {
		t.Errorf("from the spare copy: %d, %v, %v", offset, found, err)
	}
	if err := os.Remove(path + ".bak"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := New(path).Load(context.Background(), Queue{}); err == nil {
		t.Error("a damaged file was taken for none")
	}
}

func FuzzReadOffsets(f *testing.F) {
	f.Add([]byte(`{"offsetTable":{{"brokerName":"x","queueId":1,"topic":"t"}:6}}`))
	f.Add([]byte(`{"offsetTable":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "offsets.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := readOffsets(path)
		if err == nil && table == nil {
			t.Error("a file was taken for none")
		}
		body := protocol.ResetOffset{OffsetTable: table}
		var back protocol.ResetOffset
		if err == nil && protocol.UnmarshalBody(body.Append(nil), &back) != nil {
			t.Errorf("what was read cannot be written: %v", table)
		}
	})
}
