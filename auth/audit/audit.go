// Package audit keeps the record of administrative acts: who, from where, what, with which outcome, when. It owns the file audit.log in the
// store's directory, JSON lines that are only ever added to, and the older ones beside it (audit.log.1 and up): when one is full its successor begins, and
// the oldest goes.
//
// A server makes one [Log]; package auth/admission writes what comes as remoting requests, package api what comes over HTTP. All methods may be called at once.
//
// An act first takes room with [Log.Begin], which bounds how many are under way, and gives it back with [Log.Write]. That does not wait: a
// goroutine writes, syncs, and then says so, whereupon the act is answered. So what was answered stands on the disk, and no connection waits
// for it but the one whose act it is. A disk that does not take the record holds no act up: the server's log says that it is missing.
//
// What is refused costs whoever asks nothing, so refusals are written at a bounded rate ([Log.Refused]); the next record says how many were left out.
package audit

import (
	"log/slog"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
)

// The outcomes of acts.
const (
	Done    = "done"
	Refused = "refused"
	Failed  = "failed"
	Unknown = "unknown" // nobody wanted an answer, or the connection ended before there was one
)

const (
	maxOpen = 1024 // acts under way
	maxText = 300  // letters of one text in a record
	maxLast = 1000 // records that are kept in memory
	// refusalBurst and refusalPause bound how often refusals are written: so many at once, and then one in each pause.
	refusalBurst = 60
	refusalPause = time.Second
)

// Record is one act, a line of the file.
type Record struct {
	At      time.Time `json:"at"`
	Who     string    `json:"who,omitempty"` // a user, or whom a certificate names; nothing where nobody had to say
	From    string    `json:"from"`          // the address that asked
	Via     string    `json:"via,omitempty"` // the load balancer that told that address
	What    string    `json:"what"`          // a request's name, or method and path
	About   string    `json:"about,omitempty"`
	Outcome string    `json:"outcome"`        // done, refused, failed or unknown
	Code    int       `json:"code"`           // of the answer
	Why     string    `json:"why,omitempty"`  // what was answered, or the reason that was given
	Left    int       `json:"left,omitempty"` // how many refusals before this one were left out
}

// Page is the body that tells the newest records, the oldest of them first.
type Page struct {
	Records []Record `json:"records"`
}

// Options configure a [Log]. Zero values mean the default.
type Options struct {
	MaxBytes int64            // of one file; default 16 MiB
	Files    int              // full ones that are kept; default 4
	Now      func() time.Time // default time.Now
	Logger   *slog.Logger     // default slog.Default()
}

// Log is the record of one server.
type Log struct {
	o     Options
	quiet *quietlog.Limiter
	room  chan struct{} // one for each act under way
	queue chan entry    // has room for all of them
	done  chan struct{}

	mu      sync.Mutex // guards what follows
	closed  bool
	dir     string   // "" until Keep
	last    []Record // the newest last
	tokens  int      // refusals that may be written now
	counted time.Time
	left    int
}

// entry is a record on its way, and who waits for it.
type entry struct {
	r    Record
	done func()
}

// New returns a Log that keeps its records in memory until [Log.Keep]. [Log.Close] must follow.
func New(o Options) *Log {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 16 << 20
	}
	if o.Files <= 0 {
		o.Files = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	l := &Log{o: o, quiet: quietlog.New(o.Logger), room: make(chan struct{}, maxOpen), queue: make(chan entry, maxOpen), done: make(chan struct{}), tokens: refusalBurst}
	go l.run()
	return l
}

// Begin takes the room that an act needs. false: as many are under way as there may be, and the act must not begin.
func (l *Log) Begin() bool {
	select {
	case l.room <- struct{}{}:
		return true
	default:
		return false
	}
}

// BeginOpen is Begin for what anybody may ask for: it leaves half of the room to administrators.
func (l *Log) BeginOpen() bool { return len(l.room) < l.MaxAnybody() && l.Begin() }

// MaxAnybody is how many acts may be under way for one to begin that anybody may ask for.
func (l *Log) MaxAnybody() int { return maxOpen / 2 }

// MaxOpen is how many acts may be under way.
func (l *Log) MaxOpen() int { return maxOpen }

// Write records an act for which [Log.Begin] has taken room, and gives that back. done, if not nil, is called when the record is on the
// disk, on a goroutine that others wait for: it must not block. What is written after [Log.Close] is lost, and done is called at once.
func (l *Log) Write(r Record, done func()) {
	r = l.clean(r)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.room
		if done != nil {
			done()
		}
		return
	}
	r.Left, l.left = l.left, 0
	l.queue <- entry{r, done} // does not wait, since there is room for all that Begin lets in
	l.mu.Unlock()
}

// Leave gives back the room of an act that [Log.Write] does not record.
func (l *Log) Leave() { <-l.room }

// Refused records an act that was refused, for which no room was taken; or counts it alone, where there are too many of them.
func (l *Log) Refused(r Record) {
	now := l.o.Now()
	l.mu.Lock()
	if n := int(min(now.Sub(l.counted)/refusalPause, refusalBurst)); n > 0 {
		l.tokens = min(l.tokens+n, refusalBurst)
		l.counted = now
	}
	ok := l.tokens > 0
	if ok {
		l.tokens--
	}
	l.mu.Unlock()
	if ok = ok && l.Begin(); ok {
		r.Outcome = Refused
		l.Write(r, nil)
		return
	}
	l.mu.Lock()
	l.left++
	l.mu.Unlock()
}

// clean bounds a record's texts and gives it its time.
func (l *Log) clean(r Record) Record {
	if r.At.IsZero() {
		r.At = l.o.Now()
	}
	r.At = r.At.UTC()
	for _, text := range []*string{&r.Who, &r.From, &r.Via, &r.What, &r.About, &r.Why} {
		*text = short(*text)
	}
	return r
}

// short cuts a text between two letters.
func short(text string) string {
	n := 0
	for i := range text {
		if n++; n > maxText {
			return text[:i] + "…"
		}
	}
	return text
}

// Last returns the newest n records at most, the oldest of them first. Those of before the server's start are among them.
func (l *Log) Last(n int) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = min(max(n, 0), len(l.last))
	return append([]Record{}, l.last[len(l.last)-n:]...)
}

// remember keeps records in memory.
func (l *Log) remember(more ...Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last, more...)
	if over := len(l.last) - maxLast; over > maxLast { // not at each one
		l.last = append([]Record(nil), l.last[over:]...)
	}
}

// Close writes what is on its way and ends the Log. Calling it again is harmless, and so is nil.
func (l *Log) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	<-l.done
}

// run writes records, those together that have come meanwhile.
func (l *Log) run() {
	defer close(l.done)
	for first := range l.queue {
		batch := []entry{first}
		for more := true; more; {
			select {
			case e, ok := <-l.queue:
				if more = ok; ok {
					batch = append(batch, e)
				}
			default:
				more = false
			}
		}
		l.write(batch)
		for _, e := range batch {
			<-l.room
			if e.done != nil {
				e.done()
			}
		}
	}
}

// write puts records into the file and the memory.
func (l *Log) write(batch []entry) {
	records := make([]Record, 0, len(batch))
	for _, e := range batch {
		records = append(records, e.r)
	}
	l.mu.Lock()
	dir := l.dir
	l.mu.Unlock()
	if dir != "" {
		if err := l.append(dir, records); err != nil {
			l.quiet.Warn("audit: records are missing in "+FileName, "records", len(records), "first", records[0].What, "by", records[0].Who, "from", records[0].From, "error", err)
		}
	}
	l.remember(records...)
}
