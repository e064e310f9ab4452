package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// model is what a store ought to hold, kept the simplest way.
type model struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *vfs.MemFS
	s     *Store
	log   []string // what was done
	count int

	queues  map[message.Queue][]string // bodies by queue offset
	topics  map[string]bool
	offsets map[message.Queue]message.QueueOffset
	delayed map[string]bool // bodies that wait for their time
	mu      sync.Mutex      // guards what arrive changes, while the store runs on its own
	wrong   []string
}

func (m *model) note(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

func (m *model) queue() message.Queue {
	names := []string{"A", "B", "C"}
	return message.Queue{Topic: names[m.rng.IntN(len(names))], ID: message.QueueID(m.rng.IntN(2))}
}

func (m *model) step() {
	q := m.queue()
	switch op := m.rng.IntN(40); {
	case op < 20:
		m.put(q)
	case op < 24:
		m.putDelayed(q)
	case op < 27:
		off := message.QueueOffset(m.rng.IntN(100))
		if err := m.s.CommitOffset("g", q, off); (err == nil) != m.topics[q.Topic] {
			m.fail("commit of %v says %v", q, err)
		}
		if m.topics[q.Topic] {
			m.note("commit %v %d", q, off)
			m.offsets[q] = off
		}
	case op < 28 && m.waiting() == 0:
		m.deleteTopic(q.Topic)
	case op < 31:
		m.note("make %s", q.Topic)
		mustTopic(m.t, m.s, q.Topic, 2)
		m.topics[q.Topic] = true
	case op < 33:
		m.note("cut")
		ask(m.t, m.s)
	case op < 36:
		d := time.Duration(m.rng.IntN(40)) * time.Second
		m.note("sleep %v", d)
		time.Sleep(d)
		synctest.Wait()
	case op < 38:
		m.crash()
	case op < 39:
		m.note("close")
		closeTest(m.t, m.s)
		m.s = openTest(m.t, m.options())
		m.check()
	}
}

func (m *model) body() string {
	m.count++
	return fmt.Sprintf("m%d%s", m.count, strings.Repeat("x", m.rng.IntN(6000)))
}

func (m *model) put(q message.Queue) {
	r := record(q.Topic, int(q.ID), m.body())
	a, err := m.s.PutWait(context.Background(), r)
	if (err == nil) != m.topics[q.Topic] {
		m.fail("put to %v says %v", q, err)
	}
	if err != nil {
		return
	}
	m.note("put %v @%d, log offset %d", q, a.QueueOffset, a.LogOffset)
	m.mu.Lock()
	defer m.mu.Unlock()
	if int(a.QueueOffset) >= len(m.queues[q]) || m.queues[q][a.QueueOffset] != string(r.Body) {
		m.fail("queue offset %d of %v is not where the message is", a.QueueOffset, q)
	}
}

// arrive learns of every message, in order: those that were put, and delayed ones when their time has come.
func (m *model) arrive(as []Arrival) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range as {
		q := message.Queue{Topic: a.Topic, ID: a.Queue}
		r, err := message.ParseRecord(a.Record)
		if err != nil || int(a.QueueOffset) != len(m.queues[q]) {
			m.wrong = append(m.wrong, fmt.Sprintf("message %d arrives in %v, want %d, %v", a.QueueOffset, q, len(m.queues[q]), err))
			return
		}
		body := string(r.Body)
		if r.PreparedOffset != 0 {
			if !m.delayed[body] {
				m.wrong = append(m.wrong, fmt.Sprintf("a delayed message arrives in %v that should not: %.10s", q, body))
			}
			delete(m.delayed, body)
		}
		m.queues[q] = append(m.queues[q], body)
	}
}

func (m *model) waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.delayed)
}

func (m *model) options() Options {
	o := smallRetention(m.fs)
	o.OnArrive = m.arrive
	return o
}

func (m *model) putDelayed(q message.Queue) {
	if !m.topics[q.Topic] {
		return
	}
	body := m.body()
	level := 1 + m.rng.IntN(5)
	m.note("put delayed to %v, level %d", q, level)
	m.mu.Lock()
	m.delayed[body] = true
	m.mu.Unlock()
	putDelayed(m.t, m.s, record(q.Topic, int(q.ID), body), level)
}

func (m *model) deleteTopic(name string) {
	m.note("delete %s", name)
	err := m.s.DeleteTopic(context.Background(), name)
	if (err == nil) != m.topics[name] {
		m.fail("deleting topic %s says %v", name, err)
	}
	delete(m.topics, name)
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range message.QueueID(2) {
		q := message.Queue{Topic: name, ID: id}
		delete(m.queues, q)
		delete(m.offsets, q)
	}
}

func (m *model) crash() {
	m.s.flushOffsets()
	fs := torn(m.fs, m.rng.Uint64())
	abandon(m.s)
	how := m.rng.IntN(3)
	if how > 0 {
		remove(m.t, fs, "store/cache")
	}
	if how > 1 {
		remove(m.t, fs, "store/index")
	}
	m.note("crash, %d parts lost", how)
	m.fs = fs
	m.s = openTest(m.t, m.options())
	m.check()
}

func (m *model) check() {
	m.t.Helper()
	synctest.Wait() // for what is due already
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.wrong) > 0 {
		m.fail("%s", strings.Join(m.wrong, "\n"))
	}
	for name := range m.topics {
		if _, ok := m.s.Topic(name); !ok {
			m.fail("topic %s is gone", name)
		}
		for id := range message.QueueID(2) {
			m.checkQueue(message.Queue{Topic: name, ID: id})
		}
	}
	if got := len(m.s.Topics()); got != len(m.topics) {
		m.fail("there are %d topics, want %d", got, len(m.topics))
	}
}

func (m *model) checkQueue(q message.Queue) {
	m.t.Helper()
	least, next := m.s.MinOffset(q), m.s.MaxOffset(q)
	if int(next) != len(m.queues[q]) {
		m.fail("%v goes up to %d, want %d", q, next, len(m.queues[q]))
	}
	want := strings.Join(m.queues[q][least:], " ")
	if got := bodies(m.t, m.s, q, least); got != want {
		m.fail("%v from %d on holds %d bytes, want %d", q, least, len(got), len(want))
	}
	want2, ok := m.offsets[q]
	if got, have := m.s.Offset("g", q); have != ok || got != want2 {
		m.fail("the offset of %v is %d %v, want %d %v", q, got, have, want2, ok)
	}
}

func TestRandomLives(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			m := &model{
				t: t, rng: rand.New(rand.NewPCG(seed, 1)), fs: vfs.NewCrashableMem(),
				queues: make(map[message.Queue][]string), topics: make(map[string]bool),
				offsets: make(map[message.Queue]message.QueueOffset), delayed: make(map[string]bool),
			}
			m.note("seed %d", seed)
			m.s = openTest(t, m.options())
			for range 400 {
				m.step()
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			m.check()
			if n := m.waiting(); n > 0 {
				m.fail("%d delayed messages never arrived", n)
			}
			closeTest(t, m.s)
			if out, err := verify(m.fs); err != nil {
				m.fail("verify: %v\n%s", err, out)
			}
			if slices.Index(m.log, "cut") < 0 {
				m.fail("nothing much has happened")
			}
		})
	}
}
