package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// planted tells a story with a bug in it and returns what the checker says of its crashes.
func planted(t *testing.T, plant func(l *life), wrap func(l *life, fs vfs.FS) vfs.FS) string {
	t.Helper()
	var all []string
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, 1, commitlog.SyncFlush)
		l.o.Retention = Retention{Age: -1}
		l.disk.choose = func(p opPoint, nth int) (bool, int) { return p.kind == "segment" && nth%2 == 0, 0 }
		l.o.FS = wrap(l, l.disk.wrapped())
		l.s = openTest(t, l.o)
		l.now.Store(l.s)
		l.topic("A")
		l.topic("B")
		plant(l)
		l.disk.record(true)
		for i := range 20 {
			l.put(l.queues()[i%3], 300)
			l.put(l.queues()[i%3], 300)
			l.flush()
		}
		l.disk.record(false)
		abandon(l.s)
		o := l.o
		o.OnArrive = nil
		for _, c := range l.disk.taken {
			o.FS = c.fs
			all = append(all, c.verdicts(o, nil)...)
		}
	})
	return strings.Join(all, "\n")
}

func asItIs(_ *life, fs vfs.FS) vfs.FS { return fs }

// TestTheCheckerFindsPlantedBugs proves the checker of the crash tests: each bug is named, and without a bug it is silent.
func TestTheCheckerFindsPlantedBugs(t *testing.T) {
	f := func(name, want string, plant func(l *life), wrap func(l *life, fs vfs.FS) vfs.FS) {
		t.Run(name, func(t *testing.T) {
			got := planted(t, plant, wrap)
			if want == "" && got != "" {
				t.Errorf("nothing is wrong, and the checker says\n%s", got)
			}
			if want != "" && !strings.Contains(got, want) {
				t.Errorf("the checker does not say %q, but:\n%s", want, got)
			}
		})
	}
	nothing := func(*life) {}
	f("no bug", "", nothing, asItIs)

	var lying atomic.Bool
	f("an answer before the sync", "lost: ", func(*life) { lying.Store(true) }, func(_ *life, fs vfs.FS) vfs.FS { return &lazyFS{FS: fs, lying: &lying} })

	f("one record dropped", "were acknowledged", func(l *life) {
		put := l.put
		l.put = func(q message.Queue, size int) {
			if l.count != 7 {
				put(q, size)
				return
			}
			token := l.led.put(q, l.text(size)) // acknowledged, and never put
			l.led.Committed(token, []Appended{{LogOffset: l.s.log.Published()}}, nil)
		}
	}, asItIs)

	f("two swapped", "reordered: ", func(l *life) {
		l.put = func(q message.Queue, size int) {
			switch {
			case l.count < 6 || l.count > 7:
				l.putOne(q, size)
			case l.count == 6: // this one and the next, the other way round
				first, second := l.text(size), l.text(size)
				a, b := l.led.put(q, first), l.led.put(q, second)
				if err := l.s.Put(record(q.Topic, int(q.ID), second), l.led, a); err != nil {
					l.t.Fatal(err)
				}
				if err := l.s.Put(record(q.Topic, int(q.ID), first), l.led, b); err != nil {
					l.t.Fatal(err)
				}
			}
		}
	}, asItIs)

	late := func(plant func(l *life)) func(l *life) { // a story with timers, of which the fifth is spoiled
		return func(l *life) {
			l.topic(delayedTo.Topic)
			put := l.put
			l.put = func(q message.Queue, size int) {
				put(q, size)
				if l.wait(30*time.Second, 10); l.count == 10 {
					plant(l)
				}
			}
		}
	}
	last := func(l *life) timer.Entry {
		l.s.mu.Lock()
		defer l.s.mu.Unlock()
		return l.s.timers.Before(1 << 62)[l.s.timers.Len()-1]
	}
	add := func(l *life, e timer.Entry) {
		l.s.mu.Lock()
		l.s.timers.Add(e)
		l.s.mu.Unlock()
		l.s.wakeTimers()
	}
	f("timers without a bug", "", late(func(l *life) { l.withdraw() }), asItIs)
	f("a timer early", "ms early", late(func(l *life) {
		e := last(l)
		e.Due -= 60_000
		add(l, e)
		time.Sleep(time.Second)
		synctest.Wait()
	}), asItIs)
	f("a timer lost", "delivered 0 times", late(func(l *life) {
		if err := l.s.giveUp(context.Background(), last(l), errors.New("planted")); err != nil {
			l.t.Fatal(err)
		}
	}), asItIs)
	f("a timer twice", "delivered 2 times", late(func(l *life) {
		e := last(l)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		add(l, e)
		time.Sleep(time.Second)
		synctest.Wait()
	}), asItIs)
	f("a timer recalled and delivered", "taken back and delivered", late(func(l *life) {
		l.led.mu.Lock()
		defer l.led.mu.Unlock()
		l.led.timers["m10xxxxxxxxxx"].begun, l.led.timers["m10xxxxxxxxxx"].settled = true, l.s.log.Published()
	}), asItIs)

	popping := func(then func(l *life, m handedOut)) func(l *life) {
		return func(l *life) {
			l.topic(popTopic)
			l.popGroup()
			put := l.put
			l.put = func(q message.Queue, size int) {
				if put(q, size); l.count != 7 {
					return
				}
				put(popPlain, size)
				l.flush()
				l.popSome(popPlain, 1, 1000)
				then(l, l.led.pops.held[0])
			}
		}
	}
	f("no bug in pops", "", popping(func(l *life, m handedOut) { l.ackOne(m) }), asItIs)
	f("an acknowledgement dropped", "was acknowledged and comes again", popping(func(l *life, m handedOut) {
		l.led.pops.begun[m.text], l.led.pops.acked[m.text] = true, l.s.log.Published()
	}), asItIs)
	f("a popped message dropped", "is taken for acknowledged, and nobody has", popping(func(l *life, m handedOut) {
		if _, _, err := l.s.PopAck(popGroup, m.queue, m.popTime, []message.QueueOffset{m.offset}, nobody{}); err != nil {
			l.t.Fatal(err)
		}
	}), asItIs)
	f("a copy put twice", "to the retry topic 2 times", popping(func(l *life, m handedOut) {
		mustTopic(l.t, l.s, popRetries.Topic, 1)
		mustPut(l.t, l.s, record(popRetries.Topic, 0, m.text))
	}), asItIs)

	f("one delivered early", "early: ", nothing, func(l *life, fs vfs.FS) vfs.FS { return &hastyFS{FS: fs, l: l} })
}

// lazyFS says that segments are synced when they are not.
type lazyFS struct {
	vfs.FS
	lying *atomic.Bool
}

func (f *lazyFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, opts...)
	if err != nil || fileKind(name) != "segment" {
		return file, err
	}
	return lazyFile{file, f.lying}, nil
}

type lazyFile struct {
	vfs.File
	lying *atomic.Bool
}

func (f lazyFile) SyncData() error {
	if f.lying.Load() {
		return nil
	}
	return f.File.SyncData()
}

// hastyFS tells of messages when they are written, before they are synced.
type hastyFS struct {
	vfs.FS
	l *life
}

func (f *hastyFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, opts...)
	if err != nil || fileKind(name) != "segment" {
		return file, err
	}
	return hastyFile{file, f.l}, nil
}

type hastyFile struct {
	vfs.File
	l *life
}

func (f hastyFile) WriteAt(b []byte, at int64) (int, error) {
	for rest := b; len(rest) > 0; {
		r, err := message.ParseRecord(rest)
		if err != nil {
			break
		}
		if string(r.Topic) == "A" {
			f.l.led.arrive([]Arrival{{Topic: "A", Queue: r.QueueID, QueueOffset: r.QueueOffset, Record: rest[:r.Size]}})
		}
		rest = rest[r.Size:]
	}
	return f.File.WriteAt(b, at)
}
