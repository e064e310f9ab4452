package backup

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzReceive: arbitrary bytes are refused, and then the directory has not got its name; or they are a whole copy. Nothing is
// written elsewhere.
func FuzzReceive(f *testing.F) {
	var b bytes.Buffer
	files := []File{
		{Name: "commitlog/00000000000000000000", Data: 5, Size: 4096, From: strings.NewReader("hello")},
		{Name: "blocks/a-b", Data: 3, Size: 3, From: strings.NewReader("abc")},
		{Name: "abort", Data: 2, Size: 2, From: strings.NewReader("1\n")},
	}
	if err := Send(context.Background(), &b, Plan{Segments: 1, Blocks: 1, End: 5}, files); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Add(bytes.ReplaceAll(b.Bytes(), []byte("blocks/a-b"), []byte("../../../x")))
	f.Fuzz(func(t *testing.T, stream []byte) {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("home", 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := Receive(fs, "home/copy", bytes.NewReader(stream), nil)
		_, stat := fs.Stat("home/copy")
		if (err == nil) != (stat == nil) {
			t.Errorf("received with %v, the directory: %v", err, stat)
		}
		for _, dir := range []string{"", "home"} {
			names, err := fs.List(dir)
			if err != nil || len(names) > 1 {
				t.Errorf("%q holds %v, %v", dir, names, err)
			}
		}
	})
}
