package pop

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// TestBytes pins the bytes of the changes down: stores in the field hold them.
func TestBytes(t *testing.T) {
	k := Key{1, 300, 3}
	offs := []message.QueueOffset{1000, 1001, 1005}
	fresh := Taken{Lease: Lease{Key: k, From: 1000, mark: 9}, Fresh: offs, Next: 1010}
	again := Taken{Lease: Lease{Key: k, From: 1010, mark: 10, ordered: true, attempt: "a"}, Again: offs[:1], Next: 1010}
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{AppendPop(nil, 500, 60_000, fresh), "0101e807e0d40300000109ac0206e8070a0002e807020301"},
		{AppendPop(nil, 500, 60_000, again), "0101e807e0d403010161010aac0206f2070001e8070100"},
		{appendAck(nil, kindAck, k, 500, offs), "0201ac0206e80702e807020301"},
		{appendAck(nil, kindAhead, k, 500, offs[:1]), "0301ac0206e80701e80701"},
		{appendRenew(nil, k, 1000, 500, 600, 10_000, true), "0401ac0206e807e807b009904e01"},
		{AppendExpire(nil, 1000), "05e807"},
		{AppendRetire(nil, k, 1000), "0601ac0206e807"},
		{AppendReset(nil, k, 1000, 500), "0701ac0206e807e807"},
		{AppendAdvance(nil, k, 1000), "0801ac0206e807"},
		{AppendRemove(nil, k), "0901ac0206"},
		{AppendForget(nil, 1, 300), "0a01ac02"},
		{AppendRewind(nil, 500), "0be807"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	var tab Table
	for _, change := range [][]byte{AppendPop(nil, 500, 60_000, fresh), appendRenew(nil, k, 1001, 500, 600, 10_000, true), appendAck(nil, kindAhead, k, 500, []message.QueueOffset{1012})} {
		if err := tab.Apply(change, 5000); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"0c01ac02068827f207000000000301f40701",
		"0d01ac0206882703" + "e80701e807c0a907000000" + "0101c801a09c01020001" + "0401c701c0a907020000",
	}
	var got []string
	tab.Snapshot(func(change []byte) { got = append(got, fmt.Sprintf("%x", change)) })
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("a snapshot is\n%q\nwant\n%q", got, want)
	}
}
