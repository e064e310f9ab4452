package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
)

func stored(offset int, body []byte, flag message.SysFlag, props ...string) []byte {
	var p message.Properties
	for i := 0; i < len(props); i += 2 {
		p = message.AppendProperty(p, props[i], props[i+1])
	}
	r := message.Record{SysFlag: flag, BornHost: netip.MustParseAddrPort("10.0.0.1:5"), StoreHost: netip.MustParseAddrPort("10.0.0.2:10911"),
		Body: body, Topic: []byte("t"), Properties: p, BornTime: 1700000000000, ReconsumeTimes: 3, Flag: 9}
	out := message.AppendRecord(nil, &r)
	message.Seal(out, message.LogOffset(1000+offset), message.QueueOffset(offset), 1700000000123)
	return out
}

func bodies(ds []Delivery) string {
	var all []string
	for i := range ds {
		all = append(all, fmt.Sprintf("%d:%s", ds[i].Offset, ds[i].Body))
	}
	return strings.Join(all, " ")
}

func TestDecodeDelivery(t *testing.T) {
	d := Decoder{Queue: Queue{BrokerName: "b", QueueID: 2, Topic: "t"}}
	ds, whole, err := d.Decode(stored(7, []byte("hello"), 0, "UNIQ_KEY", "id", "TAGS", "a", "KEYS", "x y", "DELAY", "3", "mine", "1", "WAIT", "true"))
	if err != nil || !whole || len(ds) != 1 {
		t.Fatalf("%d deliveries, whole %v, %v", len(ds), whole, err)
	}
	got := ds[0]
	want := Message{Topic: "t", Body: []byte("hello"), Tag: "a", Keys: []string{"x", "y"}, DelayLevel: 3, Flag: 9, Properties: map[string]string{"mine": "1"}}
	if diff := cmp.Diff(want, got.Message); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got.ID != "id" || got.OffsetID != "0A00000200002A9F00000000000003EF" || got.Offset != 7 || got.LogOffset != 1007 || got.ReconsumeTimes != 3 ||
		got.Queue != d.Queue || got.StoredAt.UnixMilli() != 1700000000123 || got.BornAt.UnixMilli() != 1700000000000 ||
		got.BornHost.String() != "10.0.0.1:5" || got.Property("WAIT") != "true" || got.Property("absent") != "" {
		t.Errorf("got %+v", got)
	}
	c := got.Clone()
	clear(got.Body)
	if string(c.Body) != "hello" || c.Properties["mine"] != "1" || c.Property("UNIQ_KEY") != "id" || c.Keys[1] != "y" {
		t.Errorf("clone %+v", c)
	}
}

func TestDecodeCompressed(t *testing.T) {
	plain := bytes.Repeat([]byte("aerobee "), 100)
	for _, kind := range []compression.Kind{compression.Zlib, compression.LZ4, compression.ZSTD} {
		body := compression.Append(nil, plain, kind, 5)
		d := Decoder{}
		ds, _, err := d.Decode(stored(0, body, message.FlagCompressed|kind.Flag()))
		if err != nil || len(ds) != 1 || !bytes.Equal(ds[0].Body, plain) || ds[0].broken != nil || ds[0].SysFlag&message.FlagCompressed != 0 {
			t.Errorf("%v: %d deliveries, %v", kind, len(ds), err)
		}
	}
	d := Decoder{}
	ds, _, err := d.Decode(stored(0, []byte("not compressed"), message.FlagCompressed))
	if err != nil || len(ds) != 1 || ds[0].broken == nil {
		t.Errorf("a body that cannot be read: %v, %v", ds, err)
	}
}

func TestDecodeInnerBatch(t *testing.T) {
	var batch []byte
	for i := range 3 {
		batch = message.AppendUnit(batch, message.Unit{Body: fmt.Append(nil, "m", i), Properties: message.AppendProperty(nil, "UNIQ_KEY", fmt.Sprint("id", i))})
	}
	flag := message.FlagInnerBatch | message.FlagNeedUnwrap
	d := Decoder{}
	for name, record := range map[string][]byte{
		"plain":      stored(10, batch, flag),
		"compressed": stored(10, compression.Append(nil, batch, compression.Zlib, 5), flag|message.FlagCompressed),
	} {
		ds, _, err := d.Decode(append(record, stored(13, []byte("next"), 0)...))
		if err != nil || bodies(ds) != "10:m0 11:m1 12:m2 13:next" || ds[1].ID != "id1" {
			t.Errorf("%s: got %s, %v", name, bodies(ds), err)
		}
	}
	var tagged []byte
	for _, tag := range []string{"a", "b", "a"} {
		tagged = message.AppendUnit(tagged, message.Unit{Body: []byte(tag), Properties: message.AppendProperty(nil, "TAGS", tag)})
	}
	d.Tags = []string{"a"} // each message has its own, the record none
	if ds, _, err := d.Decode(stored(10, tagged, flag)); err != nil || bodies(ds) != "10:a 12:a" {
		t.Errorf("of tag a: %s, %v", bodies(ds), err)
	}
	d.Tags = nil
	ds, _, err := d.Decode(stored(10, batch[:len(batch)-1], flag))
	if err != nil || len(ds) != 1 || ds[0].broken == nil {
		t.Errorf("half a batch: %v, %v", bodies(ds), err)
	}
}

func TestDecodeDamaged(t *testing.T) {
	one, two, three := stored(1, []byte("one"), 0), stored(2, []byte("two"), 0), stored(3, []byte("three"), 0)
	d := Decoder{}
	bad := bytes.Clone(two)
	bad[84] = 0x7F // the body's length
	ds, whole, err := d.Decode(bytes.Join([][]byte{one, bad, three}, nil))
	if bodies(ds) != "1:one 3:three" || !whole || !errors.Is(err, ErrSkipped) {
		t.Errorf("got %s, %v, %v", bodies(ds), whole, err)
	}
	ds, whole, err = d.Decode(bytes.Join([][]byte{one, two[:50]}, nil))
	if bodies(ds) != "1:one" || whole || !errors.Is(err, ErrSkipped) {
		t.Errorf("got %s, %v, %v", bodies(ds), whole, err)
	}
}

func TestDecodeRetryTopic(t *testing.T) {
	d := Decoder{Queue: Queue{Topic: "t"}, RetryTopic: "t", Namespace: "ns", Delta: 5}
	ds, _, _ := d.Decode(stored(1, []byte("x"), 0, "RETRY_TOPIC", "ns%orders"))
	if ds[0].Topic != "orders" || ds[0].Offset != 6 {
		t.Errorf("topic %s, offset %d", ds[0].Topic, ds[0].Offset)
	}
	d.RetryTopic = "other"
	if ds, _, _ = d.Decode(stored(1, []byte("x"), 0, "RETRY_TOPIC", "ns%orders")); ds[0].Topic != "t" {
		t.Errorf("topic %s", ds[0].Topic)
	}
}

func FuzzDecode(f *testing.F) {
	batch := message.AppendUnit(nil, message.Unit{Body: []byte("x")})
	f.Add(stored(1, []byte("one"), 0, "UNIQ_KEY", "id", "KEYS", "a b", "p", "q"))
	f.Add(append(stored(1, batch, message.FlagInnerBatch|message.FlagNeedUnwrap), stored(2, compression.Append(nil, []byte("body"), compression.ZSTD, 1),
		message.FlagCompressed|message.FlagCompressionZstd)...))
	f.Add(stored(1, nil, message.FlagStoreHostV6)[:60])
	f.Fuzz(func(t *testing.T, b []byte) {
		d := Decoder{Queue: Queue{Topic: "t"}, RetryTopic: "t"}
		ds, whole, err := d.Decode(b)
		if !whole && err == nil {
			t.Error("something was left out without a word")
		}
		for i := range ds {
			d := &ds[i]
			if d.size <= 0 || d.OffsetID == "" || d.ID == "" && d.Property("UNIQ_KEY") != "" {
				t.Errorf("delivery %+v", d)
			}
			_ = d.Clone()
		}
	})
}
