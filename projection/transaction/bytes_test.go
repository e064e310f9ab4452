package transaction

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

func TestChangesRoundTrip(t *testing.T) {
	var a, b Table
	e := Entry{Created: 1000, At: 5000, Queue: 7, Stored: 1_700_000_000_000, Due: 1_700_000_006_000, Checks: 3}
	for _, change := range [][]byte{AppendAdd(nil, e), AppendAdd(nil, Entry{Created: 9, At: 9}), AppendChecked(nil, 1000, 4, 1_700_000_036_000), AppendComplete(nil, 9)} {
		for range 2 { // twice counts once
			if err := a.Apply(change, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.Snapshot(func(change []byte) {
		if err := b.Apply(change, 1); err != nil {
			t.Error(err)
		}
	})
	e.Checks, e.Due = 4, 1_700_000_036_000
	if diff := cmp.Diff([]Entry{e}, b.Before(1<<62)); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedChangesAreRefused(t *testing.T) {
	f := func(change []byte, want string) {
		t.Helper()
		var table Table
		if err := table.Apply(change, 77); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "77") {
			t.Errorf("%x: %v, want %q with the offset", change, err, want)
		}
		if table.Len() != 0 {
			t.Errorf("%x: the table has changed", change)
		}
	}
	whole := AppendAdd(nil, Entry{Created: 1000, At: 5000, Queue: 7, Stored: 5, Due: 6, Checks: 3})
	f(nil, "transaction")
	f([]byte{9}, "kind 9")
	f(whole[:len(whole)-1], "transaction")
	f(append(bytes.Clone(whole), 0), "transaction")
	f(AppendAdd(nil, Entry{Created: 5, At: -1}), "out of range")
	f(AppendChecked(nil, 5, -1, 0), "out of range")
}

// FuzzApply feeds changes to a table: whatever they are, its heap and its map stay one thing, and a snapshot says the same again.
func FuzzApply(f *testing.F) {
	f.Add(AppendAdd(nil, Entry{Created: 1000, At: 5000, Queue: 7, Stored: 5, Due: 6, Checks: 3}))
	f.Add(AppendChecked(nil, 8, 2, 9))
	f.Add(AppendComplete(nil, 8))
	f.Fuzz(func(t *testing.T, change []byte) {
		var table, again Table
		table.Add(Entry{Created: 8, At: 8, Due: 3})
		table.Add(Entry{Created: 16, At: 16, Due: 2})
		table.Claim(16)
		_ = table.Apply(change, 1)
		checkHeap(t, &table)
		table.Snapshot(func(change []byte) {
			if err := again.Apply(change, 1); err != nil {
				t.Error(err)
			}
		})
		if diff := cmp.Diff(table.Before(1<<62), again.Before(1<<62)); diff != "" {
			t.Error(diff)
		}
	})
}

func checkHeap(t *testing.T, table *Table) {
	t.Helper()
	for i, s := range table.heap {
		if s.pos != i || table.byHandle[s.Created] != s || i > 0 && less(s, table.heap[(i-1)/2]) {
			t.Errorf("heap place %d is wrong: %+v", i, s)
		}
	}
	unclaimed := 0
	for _, s := range table.byHandle {
		if s.pos != posClaimed {
			unclaimed++
		}
	}
	if unclaimed != len(table.heap) {
		t.Errorf("%d unclaimed entries, %d in the heap", unclaimed, len(table.heap))
	}
}

func TestHalfAndItsEnds(t *testing.T) {
	sent := message.Record{Topic: []byte("T"), QueueID: 3, SysFlag: message.FlagTransactionPrepared | message.FlagCompressed, Body: []byte("x"),
		Properties: message.Properties("KEYS\x01k\x02TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01U1\x02")}
	half := sent
	Half(&half)
	f := func(what string, got message.Record, topic string, queue message.QueueID, flag message.SysFlag, prepared message.LogOffset, properties string) {
		t.Helper()
		if string(got.Topic) != topic || got.QueueID != queue || got.SysFlag != flag || got.PreparedOffset != prepared {
			t.Errorf("%s: topic %s, queue %d, flag %d, prepared %d", what, got.Topic, got.QueueID, got.SysFlag, got.PreparedOffset)
		}
		if text := strings.NewReplacer("\x01", "=", "\x02", " ").Replace(string(got.Properties)); text != properties {
			t.Errorf("%s: properties %q, want %q", what, text, properties)
		}
	}
	const stored = "KEYS=k TRAN_MSG=true PGROUP=pg UNIQ_KEY=U1 __transactionId__=U1 REAL_TOPIC=T REAL_QID=3 "
	f("half", half, message.TopicHalf, 0, message.FlagCompressed, 0, stored)
	e := Entry{Created: 100, At: 900, Checks: 2}
	asked, committed, given := half, half, half
	if err := Asked(&asked, e); err != nil {
		t.Fatal(err)
	}
	f("asked", asked, "T", 3, message.FlagCompressed, 0, stored+"TRANSACTION_CHECK_TIMES=2 ")
	if err := Committed(&committed, e); err != nil {
		t.Fatal(err)
	}
	f("committed", committed, "T", 3, message.FlagCompressed|message.FlagTransactionCommit, 100,
		"KEYS=k TRAN_MSG=true PGROUP=pg UNIQ_KEY=U1 __transactionId__=U1 TRANSACTION_CHECK_TIMES=2 ")
	GivenUp(&given, e)
	f("given up", given, message.TopicCheckMax, 0, message.FlagCompressed, 100, stored+"TRANSACTION_CHECK_TIMES=2 ")
	if err := Resumed(&given, 1234); err != nil {
		t.Fatal(err)
	}
	f("resumed", given, message.TopicHalf, 0, message.FlagCompressed, 1234, stored)
	if err := Resumed(&committed, 1); err == nil {
		t.Error("a committed message is resumed")
	}
	for _, wrong := range []message.Properties{{}, message.Properties("REAL_TOPIC\x01T\x02"), message.Properties("REAL_TOPIC\x01T\x02REAL_QID\x01-1\x02"),
		message.Properties("REAL_TOPIC\x01RMQ_SYS_TRANS_HALF_TOPIC\x02REAL_QID\x010\x02")} {
		if err := Committed(&message.Record{Properties: wrong}, e); err == nil {
			t.Errorf("%q is committed", wrong)
		}
	}
}

func TestImmunity(t *testing.T) {
	f := func(value string, millis int64, own bool) {
		t.Helper()
		r := message.Record{}
		if value != "absent" {
			r.Properties = message.AppendProperty(nil, message.PropImmunity, value)
		}
		if got, is := Immunity(&r, 6000); got != millis || is != own {
			t.Errorf("%q: %d ms, own %v", value, got, is)
		}
	}
	f("absent", 6000, false)
	f("", 6000, false)
	f("60", 60000, true)
	f("1", 6000, true)
	f("-5", 6000, true)
	f("x", 6000, true)
	f("9223372036854775807", 6000, true)
}
