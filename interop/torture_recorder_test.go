package interop

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unique"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// Topics of the torture test, and how many queues each has.
const (
	freeTopic   = "torture-free"  // consumed concurrently
	orderTopic  = "torture-order" // consumed in order
	delayTopic  = "torture-delay" // messages of delay level 1
	freeQueues  = 4
	orderQueues = 2
	delayQueues = 2
)

func tortureTopics() map[string]int {
	return map[string]int{freeTopic: freeQueues, orderTopic: orderQueues, delayTopic: delayQueues}
}

// recorder gathers the events of all clients and of the server's life.
type recorder struct {
	mu     sync.Mutex // guards all below
	events []history.Event
	acked  map[history.Key]string              // acknowledged → topic
	got    map[string]map[history.Key]struct{} // by group
	wished map[string]map[history.Key]struct{} // by group: refused, and not seen again
	halves map[history.Key]bool                // messages of transactions, and whether their producers said commit
	sends  int                                 // acknowledgements since the last kill
}

func newRecorder() *recorder {
	return &recorder{halves: map[history.Key]bool{}, acked: map[history.Key]string{}, got: map[string]map[history.Key]struct{}{}, wished: map[string]map[history.Key]struct{}{}}
}

func now() history.Time { return history.Time(time.Now().UnixMicro()) }

func (r *recorder) add(e history.Event) {
	if e.At == 0 {
		e.At = now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	switch e.Kind {
	case history.SendAcked:
		r.acked[e.Key] = e.Place.Topic
		r.sends++
	case history.Half:
		r.halves[e.Key] = false
	case history.Decided:
		r.halves[e.Key] = r.halves[e.Key] || e.Commit
	case history.Delivered, history.Popped, history.Began:
		entry(r.got, e.Group)[e.Key] = struct{}{}
		if e.Retry > 0 {
			delete(entry(r.wished, e.Group), e.Key)
		}
	case history.Refused:
		entry(r.wished, e.Group)[e.Key] = struct{}{}
	case history.Killed:
		r.sends = 0
	}
}

func entry(m map[string]map[history.Key]struct{}, group string) map[history.Key]struct{} {
	if m[group] == nil {
		m[group] = map[history.Key]struct{}{}
	}
	return m[group]
}

// recent is how many sends were acknowledged since the last kill.
func (r *recorder) recent() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sends
}

// undelivered is an error until every group has what was acknowledged, and again what it refused.
func (r *recorder) undelivered(groups map[string][]string) error { return r.undeliveredBut("", groups) }

// undeliveredBut is undelivered without the messages of one producer.
func (r *recorder) undeliveredBut(forgiven string, groups map[string][]string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for group, topics := range groups {
		if n := len(r.wished[group]); n > 0 {
			return fmt.Errorf("%s waits for %d messages that it refused", group, n)
		}
		got, missing, example := entry(r.got, group), 0, history.Key{}
		for key, topic := range r.acked {
			for _, wanted := range topics {
				commit, half := r.halves[key]
				if _, has := got[key]; topic == wanted && !has && key.Producer != forgiven && (commit || !half) {
					missing, example = missing+1, key
				}
			}
		}
		if missing > 0 {
			return fmt.Errorf("%s has not got %d of %d messages, such as %v", group, missing, len(r.acked), example)
		}
	}
	return nil
}

// check judges what has been gathered.
func (r *recorder) check(rules history.Rules) history.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return history.Check(r.events, rules)
}

// line takes one line of the Java program, and reports false for one that is no event.
func (r *recorder) line(text string) bool {
	e, err := parseEvent(strings.Fields(text))
	if err != nil {
		return false
	}
	r.add(e)
	return true
}

// words reads fields one after the other and keeps the first error.
type words struct {
	rest []string
	err  error
}

func (w *words) next() string {
	if len(w.rest) == 0 {
		w.err = fmt.Errorf("too few words")
		return ""
	}
	word := w.rest[0]
	w.rest = w.rest[1:]
	return word
}

func (w *words) number() int64 {
	n, err := strconv.ParseInt(w.next(), 10, 64)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n
}

func (w *words) key() history.Key { return parseKey(w.next()) }

// parseEvent reads a line as Torture.java describes it.
func parseEvent(fields []string) (history.Event, error) {
	w := &words{rest: fields}
	verb := w.next()
	e := history.Event{At: history.Time(w.number())}
	switch verb {
	case "B":
		e.Kind, e.Key, e.Sum = history.SendBegun, w.key(), uint32(w.number())
		e.Place = history.Place{Topic: shared(w.next()), Queue: int(w.number()), Offset: -1}
	case "A":
		e.Kind, e.Key = history.SendAcked, w.key()
		e.Place = history.Place{Topic: shared(w.next()), Queue: int(w.number()), Offset: w.number()}
	case "L":
		e.Kind, e.Key = history.SendLost, w.key()
	case "D":
		e.Kind, e.Group, e.Key, e.Sum, e.Retry = history.Delivered, shared(w.next()), w.key(), uint32(w.number()), int(w.number())
		e.Place = history.Place{Topic: shared(w.next()), Queue: int(w.number()), Offset: w.number()}
	case "R":
		e.Kind, e.Group, e.Key = history.Refused, shared(w.next()), w.key()
	case "J":
		e.Kind = history.Joined
	default:
		return machineEvent(verb, e, w)
	}
	return e, w.err
}

// parseKey reads "producer:sequence"; what is not of this form becomes a key that nobody sends.
func parseKey(text string) history.Key {
	producer, number, _ := strings.Cut(text, ":")
	sequence, err := strconv.Atoi(number)
	if err != nil || len(producer) > 8 {
		return history.Key{Producer: "unreadable"}
	}
	return history.Key{Producer: shared(producer), Sequence: sequence}
}

// shared is the one copy of a name, so that a million events do not keep the lines alive that they came in.
func shared(name string) string { return unique.Make(name).Value() }
