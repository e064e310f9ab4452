package interop

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is what the two halves of the story have reported so far.
type ledger struct {
	mu   sync.Mutex // guards sent and got
	sent int        // messages 0..sent-1 were acknowledged to the producer
	got  map[int]int
}

func (l *ledger) onLine(line string) {
	verb, number, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch verb {
	case "SENT":
		l.sent = n + 1
	case "GOT":
		l.got[n]++
	}
}

// missing is an error as long as an acknowledged message, or one of the first atLeast, was not received.
func (l *ledger) missing(atLeast int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range max(l.sent, atLeast) {
		if l.got[n] == 0 {
			return fmt.Errorf("%d messages acknowledged, %d received, first missing: %d", l.sent, len(l.got), n)
		}
	}
	return nil
}

func (l *ledger) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// again counts the messages below limit that were received more than once.
func (l *ledger) again(limit int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := 0
	for n, times := range l.got {
		if n < limit && times > 1 {
			count++
		}
	}
	return count
}

// TestStory is the main story: a Java producer sends, a Go consumer receives and acknowledges, the server dies by kill -9
// under both, comes back, the consumer resumes, nothing acknowledged is lost, and what the group had long committed does
// not come again. A second Go consumer then starts where the first one stopped.
func TestStory(t *testing.T) {
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) { story(t, startServer(t, target)) })
	}
}

func story(t *testing.T, s *server) {
	const queues, part = 4, 300
	java, goClient := javaProgram(t, javaNew), goProgram(t)
	java.command = append(java.command, "story")
	goClient.command = append(goClient.command, "story")
	topic, group := "story-topic", "story-group"
	if err := createTopic(s.broker, topic, queues); err != nil {
		t.Fatal(err)
	}
	if err := createGroup(s.broker, group, defaultRetries); err != nil {
		t.Fatal(err)
	}
	names := []string{"INTEROP_TOPIC=" + topic, "INTEROP_GROUP=" + group}
	l := &ledger{got: map[int]int{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	start := time.Now()
	producer := java.begin(t, s, l.onLine, names...)
	consumer := goClient.begin(t, s, l.onLine, names...)
	must(eventually(90*time.Second, "the first part arrives", func() error { return l.missing(part) }))
	settled := l.acknowledged()
	must(eventually(30*time.Second, "the group commits the first part", func() error { return committedBeyond(s, topic, group, queues, settled) }))
	must(eventually(60*time.Second, "a second part, more than a second later", func() error { return l.missing(settled + 2*part) }))
	must(s.restart())
	before := l.acknowledged()
	must(eventually(90*time.Second, "sending and receiving go on", func() error { return l.missing(before + part) }))
	producer.tell("STOP")
	must(producer.wait())
	must(eventually(60*time.Second, "everything acknowledged arrives", func() error { return l.missing(0) }))
	must(eventually(60*time.Second, "the group commits everything", func() error { return committedBeyond(s, topic, group, queues, l.acknowledged()) }))
	consumer.tell("STOP")
	must(consumer.wait())

	if n := l.again(settled - part); n > 0 {
		t.Errorf("%d messages that were committed long before the kill came again", n)
	}
	t.Logf("%s: %d messages through one kill -9 in %v, %d received more than once", s.name, l.acknowledged(),
		time.Since(start).Round(100*time.Millisecond), l.again(l.acknowledged()))
	successor(t, s, goClient, l, names)
}

// successor starts a second consumer on the empty backlog: it must receive the one new message, and none of the old.
func successor(t *testing.T, s *server, goClient program, l *ledger, names []string) {
	t.Helper()
	total := l.acknowledged()
	fresh := &ledger{got: map[int]int{}}
	consumer := goClient.begin(t, s, fresh.onLine, names...)
	if err := send(s.broker, names[0][len("INTEROP_TOPIC="):], strconv.Itoa(total)); err != nil {
		t.Fatal(err)
	}
	arrived := func() error {
		fresh.mu.Lock()
		defer fresh.mu.Unlock()
		if fresh.got[total] == 0 {
			return fmt.Errorf("%d other messages so far", len(fresh.got))
		}
		return nil
	}
	if err := eventually(60*time.Second, "the successor receives the next message", arrived); err != nil {
		t.Fatal(err)
	}
	consumer.tell("STOP")
	if err := consumer.wait(); err != nil {
		t.Error(err)
	}
	if len(fresh.got) != 1 {
		t.Errorf("the successor received %d messages, want only the new one", len(fresh.got))
	}
}

// committedBeyond is an error until the group's committed offsets add up to at least total.
func committedBeyond(s *server, topic, group string, queues, total int) error {
	sum, err := s.committed(topic, group, queues)
	if err == nil && sum < int64(total) {
		err = fmt.Errorf("committed offsets add up to %d, want at least %d", sum, total)
	}
	return err
}
