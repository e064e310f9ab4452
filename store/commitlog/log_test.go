package commitlog_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/cockroachdb/pebble/v2/vfs"
)

var host = netip.MustParseAddrPort("10.0.0.7:10911")

// model is a follower that remembers what it was told, and a checkpoint of the queues' next offsets.
type model struct {
	mu          sync.Mutex
	queues      map[string]*commitlog.Queue
	applied     []string // "topic/queue@offset body"
	at          []message.LogOffset
	end         message.LogOffset
	checkpoints int
	noState     bool
	pad         int // bytes added to each state record
}

func newModel() *model { return &model{queues: map[string]*commitlog.Queue{}} }

const stateTopic = "state"

func key(topic []byte, id message.QueueID) string { return fmt.Sprintf("%s/%d", topic, id) }

func (m *model) queue(topic string, id message.QueueID) *commitlog.Queue {
	return m.Resolve([]byte(topic), id)
}

func (m *model) Resolve(topic []byte, id message.QueueID) *commitlog.Queue {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key(topic, id)
	if m.queues[k] == nil {
		m.queues[k] = commitlog.NewQueue(k, 0)
	}
	return m.queues[k]
}

func (m *model) Apply(group []commitlog.Appended) {
	for _, a := range group {
		r, err := message.ParseChecked(a.Record)
		if err != nil {
			panic(err)
		}
		if r.LogOffset != a.LogOffset || r.QueueOffset != a.QueueOffset || r.StoreTime != a.StoreTime || a.LogOffset < m.end {
			panic(fmt.Sprintf("BUG: applied %+v for record at %d, end %d", a, r.LogOffset, m.end))
		}
		m.end = a.LogOffset + message.LogOffset(r.Size)
		if string(r.Topic) == stateTopic {
			m.restore(r.Body)
			continue
		}
		m.mu.Lock()
		m.applied = append(m.applied, fmt.Sprintf("%s@%d %s", key(r.Topic, r.QueueID), r.QueueOffset, head(r.Body)))
		m.at = append(m.at, a.LogOffset)
		m.mu.Unlock()
	}
}

func head(b []byte) string { return string(b[:min(len(b), 12)]) }

func (m *model) restore(body []byte) {
	var k string
	var next int64
	for line := range bytes.Lines(body) {
		if _, err := fmt.Sscan(string(line), &k, &next); err != nil {
			panic(err)
		}
		topic, id, _ := bytes.Cut([]byte(k), []byte("/"))
		q := m.queue(string(topic), message.QueueID(id[0]-'0'))
		if int64(q.Next()) < next {
			q.Restore(message.QueueOffset(next))
		}
	}
}

func (m *model) Checkpoint(_ message.LogOffset, put func(*message.Record, *commitlog.Queue) error) error {
	m.checkpoints++
	if m.noState {
		return nil
	}
	q := m.queue(stateTopic, 0)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(m.queues)) {
		next := m.queues[k].Next()
		if m.queues[k] == q {
			continue
		}
		if err := put(record(stateTopic, 0, fmt.Sprintf("%s %d %s\n", k, next, strings.Repeat(".", m.pad))), q); err != nil {
			return err
		}
	}
	return put(record(stateTopic, 0, fmt.Sprintf("%s/0 %d\n", stateTopic, q.Next())), q)
}

func (m *model) log() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.applied)
}

func record(topic string, id message.QueueID, body string) *message.Record {
	return &message.Record{Topic: []byte(topic), QueueID: id, Body: []byte(body), BornTime: 1, BornHost: host, Properties: message.Properties("K\x01v\x02")}
}

// sink remembers outcomes by token.
type sink struct {
	mu      sync.Mutex
	got     map[uint64]error
	at      map[uint64]commitlog.Span
	offset  map[uint64]message.QueueOffset
	flushes int
	twice   bool
}

func newSink() *sink {
	return &sink{got: map[uint64]error{}, at: map[uint64]commitlog.Span{}, offset: map[uint64]message.QueueOffset{}}
}

func (s *sink) Committed(token uint64, recs []commitlog.Appended, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.got[token]; ok {
		s.twice = true
	}
	s.got[token] = err
	if len(recs) > 0 {
		s.at[token] = commitlog.Span{At: recs[0].LogOffset, Size: int32(len(recs[0].Record))}
		s.offset[token] = recs[0].QueueOffset
	}
}

func (s *sink) Flush() { s.mu.Lock(); s.flushes++; s.mu.Unlock() }

func (s *sink) outcome(t *testing.T, token uint64) error {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	err, ok := s.got[token]
	if !ok {
		t.Fatalf("token %d was not answered", token)
	}
	return err
}

func options(fs vfs.FS, m *model) commitlog.Options {
	o := commitlog.Options{FS: fs, Dir: "log", SegmentSize: 4096, FillWindow: -1, StoreHost: host, Now: func() time.Time { return time.UnixMilli(1000) }}
	if m != nil {
		o.Follower = m
	}
	return o
}

func open(t *testing.T, o commitlog.Options) *commitlog.Log {
	t.Helper()
	l, err := commitlog.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func appendOK(t *testing.T, l *commitlog.Log, m *model, s *sink, token uint64, topic string, id message.QueueID, body string) {
	t.Helper()
	if err := l.Append(m.queue(topic, id), record(topic, id, body), s, token); err != nil {
		t.Fatal(err)
	}
}

func TestAppendedRecordsAreReadAppliedAndReplayed(t *testing.T) {
	fs := vfs.NewMem()
	m, s := newModel(), newSink()
	l := open(t, options(fs, m))
	for i := range 100 {
		appendOK(t, l, m, s, uint64(i), "t", message.QueueID(i%3), fmt.Sprintf("body %d", i))
		if i%7 == 0 {
			l.Kick()
		}
	}
	l.Kick()
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := s.outcome(t, uint64(i)); err != nil {
			t.Fatal(err)
		}
		b, err := l.Read(nil, []commitlog.Span{s.at[uint64(i)]})
		if err != nil {
			t.Fatal(err)
		}
		r, err := message.ParseChecked(b)
		if err != nil || string(r.Body) != fmt.Sprintf("body %d", i) || r.QueueOffset != message.QueueOffset(i/3) || r.StoreHost != host {
			t.Fatalf("record %d: %+v, %v", i, r, err)
		}
	}
	if n := len(l.Segments()); n < 4 || m.checkpoints != n {
		t.Fatalf("%d segments, %d checkpoints", n, m.checkpoints)
	}
	want, end := m.log(), l.Published()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, clean := range []message.LogOffset{0, end} {
		m2 := newModel()
		o := options(fs, m2)
		o.CleanEnd = clean
		l2 := open(t, o)
		if l2.Published() != end || !slices.Equal(m2.log(), want) {
			t.Fatalf("replayed %d of %d records up to %d of %d", len(m2.log()), len(want), l2.Published(), end)
		}
		if next := m2.queue("t", 0).Next(); next != 34 {
			t.Fatalf("next offset %d", next)
		}
		if err := l2.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// answers returns how many tokens were answered, how often a flush came and whether one token was answered twice.
func (s *sink) answers() (n, flushes int, twice bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got), s.flushes, s.twice
}
