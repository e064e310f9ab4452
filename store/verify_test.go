package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/inspect"
)

func verify(fs vfs.FS) (string, error) {
	var out strings.Builder
	rep, err := inspect.Verify(fs, "store", func(p inspect.Problem) { fmt.Fprintln(&out, p) })
	fmt.Fprintf(&out, "%d messages, %d problems\n", rep.Records-rep.States, rep.Problems)
	if err == nil && rep.Problems > 0 {
		err = fmt.Errorf("%d problems", rep.Problems)
	}
	return out.String(), err
}

// verifiedStore is a closed store of several segments in which a topic was deleted and made again.
func verifiedStore(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	o := testOptions(fs)
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	for round := range 2 {
		mustTopic(t, s, "T", 1)
		for i := range 20 {
			mustPut(t, s, record("T", 0, fmt.Sprint("m", i, strings.Repeat("x", 3000))))
		}
		if round == 0 {
			if err := s.DeleteTopic(context.Background(), "T"); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeTest(t, s)
	return fs
}

func TestVerifyFindsNothingInASoundStore(t *testing.T) {
	out, err := verify(verifiedStore(t))
	if err != nil || !strings.Contains(out, "0 problems") || !strings.Contains(out, "40 messages") {
		t.Errorf("verify says %v:\n%s", err, out)
	}
}

// TestVerifyKnowsLightQueues: checkpoints say where light queues go on, and so do the records before them.
func TestVerifyKnowsLightQueues(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	for i := range 60 {
		mustPut(t, s, litRecord("T", fmt.Sprint("m", i, strings.Repeat("x", 3000)), "a", fmt.Sprint("b", i%3)))
	}
	closeTest(t, s)
	if out, err := verify(fs); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestVerifyNamesTheDamage(t *testing.T) {
	f := func(name, dir string, nth int, at int64, want string) {
		t.Run(name, func(t *testing.T) {
			fs := verifiedStore(t)
			names, err := fs.List(dir)
			if err != nil || len(names) <= nth {
				t.Fatalf("%s holds %v, %v", dir, names, err)
			}
			slices.Sort(names)
			poke(t, fs, fs.PathJoin(dir, names[nth]), at)
			out, err := verify(fs)
			if err == nil || !strings.Contains(out, want) {
				t.Errorf("verify says %v, want %q in\n%s", err, want, out)
			}
		})
	}
	f("in a body", "store/commitlog", 0, 30_000, "fails its CRC")
	f("behind the end", "store/commitlog", 1, 64_000, "not in zeros: byte 64000 of the file is 0x5a")
	f("in a block", "store/blocks", 0, 10, "index block store/blocks/000")
}

func poke(t *testing.T, fs vfs.FS, file string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(file, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x5a
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyRefusesAStoreInUse(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	defer closeTest(t, s)
	if _, err := verify(fs); err == nil || !strings.Contains(err.Error(), "store directory store is in use by process ") {
		t.Errorf("verify of an open store says %v", err)
	}
}

func TestDump(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	a := mustPut(t, s, record("T", 0, "hello", message.PropTags, "x"))
	closeTest(t, s)
	dump := func(from message.LogOffset, max int) string {
		t.Helper()
		var out strings.Builder
		err := inspect.Dump(fs, "store", from, max, func(l inspect.DumpLine) error {
			_, err := fmt.Fprintln(&out, l)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	out := dump(0, 0)
	for _, want := range []string{"begin of checkpoint 0", "1 topic", fmt.Sprintf("%d T queue 0 offset 0", a.LogOffset), `TAGS="x"`, " end\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the dump lacks %q:\n%s", want, out)
		}
	}
	one := dump(a.LogOffset, 1)
	if n := strings.Count(one, "\n"); n != 2 { // the segment's line and one record
		t.Errorf("a dump of one record has %d lines:\n%s", n, one)
	}
	full := errors.New("the reader has gone")
	if err := inspect.Dump(fs, "store", 0, 0, func(inspect.DumpLine) error { return full }); !errors.Is(err, full) {
		t.Errorf("a dump that nobody takes ends with %v", err)
	}
}
