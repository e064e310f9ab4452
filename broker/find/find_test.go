package find_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/broker/find"
	"github.com/aerobee-mq/aerobee/message"
)

// queues is a store of a topic's queues, each a list of tags; the n-th message of all was stored at time n.
type queues struct {
	records [][][]byte
	codes   [][]int64
	limit   int // of one Read
	gets    int
	pad     int // bytes of blanks behind each body
}

func (s *queues) add(queue int, tag string) {
	n := 0
	for _, q := range s.records {
		n += len(q)
	}
	for len(s.records) <= queue {
		s.records, s.codes = append(s.records, nil), append(s.codes, nil)
	}
	r := message.Record{Topic: []byte("t"), QueueID: message.QueueID(queue), QueueOffset: message.QueueOffset(len(s.records[queue])), LogOffset: message.LogOffset(n * 1000),
		StoreTime: message.StoreTime(n), Body: append(fmt.Appendf(nil, "%s%d", tag, n), bytes.Repeat([]byte(" "), s.pad)...), Properties: message.AppendProperty(nil, message.PropTags, tag)}
	r.StoreHost, r.BornHost = netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.0.2:2")
	b := message.AppendRecord(nil, &r)
	s.records[queue] = append(s.records[queue], b)
	s.codes[queue] = append(s.codes[queue], message.TagsCode([]byte(tag)))
}

func (s *queues) Read(q message.Queue, from message.QueueOffset, maxCount int, match func(int64) bool) (dst []byte, next message.QueueOffset, err error) {
	s.gets++
	recs := s.records[q.ID]
	at := int(from)
	for n := 0; at < len(recs) && n < min(maxCount, s.limit); n++ {
		if match(s.codes[q.ID][at]) {
			dst = append(dst, recs[at]...)
		}
		at++
	}
	return dst, message.QueueOffset(at), nil
}
func (s *queues) MinOffset(message.Queue) message.QueueOffset { return 0 }
func (s *queues) MaxOffset(q message.Queue) message.QueueOffset {
	return message.QueueOffset(len(s.records[q.ID]))
}
func (s *queues) StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool) {
	r, err := message.ParseRecord(s.records[q.ID][off])
	return r.StoreTime, err == nil
}

func texts(t *testing.T, recs []byte) (out []string) {
	for len(recs) > 0 {
		r, err := message.ParseRecord(recs)
		if err != nil {
			t.Fatal(err)
		}
		out, recs = append(out, string(r.Body)), recs[r.Size:]
	}
	return out
}

func TestByTag(t *testing.T) {
	s := &queues{limit: 100}
	for i := range 3000 {
		s.add(i%2, []string{"a", "b", "a", "a", "c"}[i%5])
	}
	all := []message.Queue{{Topic: "t", ID: 0}, {Topic: "t", ID: 1}}
	f := func(tag string, most int, from, to message.StoreTime, want ...string) {
		t.Helper()
		got, err := find.ByTag(s, all, tag, most, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if texts := texts(t, got); !slices.Equal(texts, want) {
			t.Errorf("tag %s, %d of %d to %d: %v, want %v", tag, most, from, to, texts, want)
		}
	}
	f("c", 3, 0, 9999, "c2989", "c2994", "c2999")
	f("c", 2, 0, 10, "c4", "c9")
	f("b", 9, 2000, 2010, "b2001", "b2006")
	f("z", 9, 0, 9999)
	f("c", 9, 5000, 9999)
	s.gets = 0
	f("a", 1, 0, 9999, "a2998")
	if s.gets > 20 {
		t.Errorf("the newest message was found with %d reads", s.gets)
	}
}

// The newest that fit into a frame are found, whatever was asked for and however large they are.
func TestByTagIsBounded(t *testing.T) {
	s := &queues{limit: 4, pad: 1 << 20}
	for i := range 40 {
		s.add(i%2, "a")
	}
	all := []message.Queue{{Topic: "t", ID: 0}, {Topic: "t", ID: 1}}
	got, err := find.ByTag(s, all, "a", 64, 0, 9999)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := 26; i < 40; i++ {
		want = append(want, fmt.Sprint("a", i))
	}
	var names []string
	for _, text := range texts(t, got) {
		names = append(names, strings.TrimRight(text, " "))
	}
	if !slices.Equal(names, want) || len(got) > 15<<20 {
		t.Errorf("%v in %d bytes, want %v in at most 15 MiB", names, len(got), want)
	}
}

func TestReversed(t *testing.T) {
	s := &queues{}
	for range 3 {
		s.add(0, "x")
	}
	got, err := find.Reversed(slices.Concat(s.records[0]...))
	if err != nil || !slices.Equal(texts(t, got), []string{"x2", "x1", "x0"}) {
		t.Errorf("%v, %v", texts(t, got), err)
	}
	if _, err := find.Reversed([]byte("no record")); err == nil {
		t.Error("no error for what is no record")
	}
}
