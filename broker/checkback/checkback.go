// Package checkback asks producers what became of their transactions. It owns one loop, [Loop.Run]: for each half message whose
// time has come it tells the broker to ask a producer of the group, and it gives up the messages that were asked about too
// often, or are too old. The broker makes one Loop and runs it on one goroutine of its own.
//
// What is due, and how often it was asked, is the store's to know; a restart changes neither.
package checkback

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// Store is what a Loop needs of the store; everything in it is documented there.
type Store interface {
	Half(handle message.LogOffset) (transaction.Entry, message.Record, error)
	HalvesDue(now int64, n int) []transaction.Entry
	HalvesAsked(es []transaction.Entry) error
	ShiftHalves(by time.Duration)
	EndHalf(handle message.LogOffset, r *message.Record, sink commitlog.Sink, token uint64) error
	LoseHalf(ctx context.Context, e transaction.Entry, cause error) error
	Kick()
}

// Options say how a Loop asks. All of them must be set but MaxAge.
type Options struct {
	// Interval is the time between two questions about one half message.
	Interval time.Duration
	// Max is how often is asked before a half message is given up. Questions count that nobody was there to hear, as
	// Apache counts them.
	Max int32
	// MaxAge is the age at which a half message is given up however often was asked, 0 for never.
	MaxAge time.Duration
	// Ask asks a producer of the group about a half message, as [transaction.Asked] has made it, and reports whether there was one.
	Ask func(group string, e transaction.Entry, r *message.Record) bool
	// Ready makes sure that messages can be given up: that the topic for them is there.
	Ready  func(ctx context.Context) error
	Now    func() time.Time
	Logger *slog.Logger
}

const (
	batch = 64
	// roundQuestions and roundBytes end a round that goes on for long: whoever is asked about a million half messages after a long
	// night takes them as he can, and nobody's connection is drowned in them.
	roundQuestions = 1024
	roundBytes     = 16 << 20
	// nap is how soon the loop looks again: how late a question may come.
	nap = 500 * time.Millisecond
	// clockSlack is how far the clock may go back without being said to have jumped.
	clockSlack = time.Second
)

// Loop asks producers and counts what it does. Its counts may be read at any time.
type Loop struct {
	store   Store
	opt     Options
	latest  time.Time
	failing bool
	// interval, oldest and max are Options.Interval, MaxAge and Max as they are now.
	interval, oldest atomic.Int64
	max              atomic.Int32

	asked, unheard, givenUp atomic.Int64
}

// New makes a loop that does not run yet.
func New(s Store, o Options) *Loop {
	l := &Loop{store: s, opt: o, latest: o.Now()}
	l.Set(o.Interval, o.MaxAge, o.Max)
	return l
}

// Set changes the options Interval, MaxAge and Max. It is for any goroutine.
func (l *Loop) Set(interval, maxAge time.Duration, most int32) {
	l.interval.Store(int64(interval))
	l.oldest.Store(int64(maxAge))
	l.max.Store(most)
}

// Counts are how often was asked, how many of those questions found no producer, and how many messages were given up.
func (l *Loop) Counts() (asked, unheard, givenUp int64) {
	return l.asked.Load(), l.unheard.Load(), l.givenUp.Load()
}

// Run asks until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := l.Round(ctx)
		if err != nil && ctx.Err() == nil && !l.failing {
			l.opt.Logger.Error("half messages could not be dealt with; it is tried again", "error", err)
		}
		l.failing = err != nil
		timer.Reset(nap)
	}
}

// Round deals with what is due now, as much as a round may. It is Run's, and for tests.
func (l *Loop) Round(ctx context.Context) error {
	now := l.opt.Now()
	if now.Before(l.latest.Add(-clockSlack)) {
		l.opt.Logger.Warn("the clock went back; half messages wait as long as they would have", "from", l.latest, "to", now)
		l.store.ShiftHalves(now.Sub(l.latest))
		l.latest = now
	}
	if now.After(l.latest) {
		l.latest = now
	}
	var failed error
	unheard := map[string]int{}
	defer l.tell(unheard)
	for asked, size := 0, 0; ctx.Err() == nil && asked < roundQuestions && size < roundBytes; {
		due := l.store.HalvesDue(now.UnixMilli(), batch)
		if len(due) == 0 {
			return failed
		}
		var ask, old []transaction.Entry
		for i := range due {
			due[i].Due = now.Add(time.Duration(l.interval.Load())).UnixMilli()
			if l.over(due[i], now) {
				old = append(old, due[i])
				continue
			}
			due[i].Checks++
			ask = append(ask, due[i])
		}
		// The note comes first: whatever happens to the questions, the loop goes on to the next.
		if err := l.store.HalvesAsked(due); err != nil {
			return errors.Join(failed, err)
		}
		for _, e := range ask {
			size += l.ask(ctx, e, unheard)
		}
		asked += len(ask)
		failed = errors.Join(failed, l.giveUp(ctx, old))
	}
	return failed
}

// over reports whether nobody is to be asked about an entry any more.
func (l *Loop) over(e transaction.Entry, now time.Time) bool {
	oldest := time.Duration(l.oldest.Load())
	return e.Checks >= l.max.Load() || oldest > 0 && now.UnixMilli()-e.Stored > oldest.Milliseconds()
}

// tell says which groups nobody was there of.
func (l *Loop) tell(unheard map[string]int) {
	for group, n := range unheard {
		l.opt.Logger.Warn("nobody of a producer group is connected to be asked about its transactions", "group", group, "transactions", n,
			"questions until they are given up", l.max.Load())
	}
}

// ask has a producer asked about an entry, and returns how many bytes that took.
func (l *Loop) ask(ctx context.Context, e transaction.Entry, unheard map[string]int) (size int) {
	now, r, err := l.store.Half(e.Created)
	if errors.Is(err, transaction.ErrGone) {
		return 0 // it has just ended
	}
	if err == nil {
		group := transaction.Group(&r)
		if err = transaction.Asked(&r, now); err == nil {
			l.asked.Add(1)
			if !l.opt.Ask(group, now, &r) {
				l.unheard.Add(1)
				unheard[group]++
			}
			return r.Size
		}
		err = errors.Join(err, l.store.LoseHalf(ctx, e, err))
	}
	l.opt.Logger.Error("nobody can be asked about a half message", "created at", int64(e.Created), "times", e.Checks, "error", err)
	return 0
}

// giveUp puts messages where administrators look for them.
func (l *Loop) giveUp(ctx context.Context, es []transaction.Entry) error {
	if len(es) == 0 {
		return nil
	}
	defer l.store.Kick()
	failed := l.opt.Ready(ctx)
	for _, e := range es {
		now, r, err := l.store.Half(e.Created)
		if errors.Is(err, transaction.ErrGone) {
			continue
		}
		if err == nil {
			transaction.GivenUp(&r, now)
			err = l.store.EndHalf(e.Created, &r, &given{l, now, transaction.Group(&r)}, 0)
		}
		if err != nil && !errors.Is(err, transaction.ErrGone) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// given is the sink of one message that is given up.
type given struct {
	l     *Loop
	e     transaction.Entry
	group string
}

// Committed says that it has been given up; if not, the next round tries again.
func (g *given) Committed(_ uint64, _ []commitlog.Appended, err error) {
	if err != nil {
		return
	}
	g.l.givenUp.Add(1)
	g.l.opt.Logger.Error("a transaction is given up, nobody knows how it ended; "+message.TopicCheckMax+" has the message",
		"group", g.group, "created at", int64(g.e.Created), "asked", g.e.Checks, "stored", time.UnixMilli(g.e.Stored))
}

// Flush does nothing: Committed has said it all.
func (g *given) Flush() {}
