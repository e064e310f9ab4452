// Package dead looks after dead letters: messages that a group has failed to process as often as it may, and which wait in
// %DLQ%group for a person. It lists them, shows one, and sends them to their group again. Package broker makes one [Letters];
// package api serves it. It keeps nothing and is safe to use at once.
package dead

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
)

// ErrNone reports a group without dead letters, or a message that is none of the group's.
var ErrNone = errors.New("no dead letter")

// Store is what is needed of the store.
type Store interface {
	Topics() []topic.Config
	Topic(name string) (topic.Config, bool)
	// Read returns records of a queue from an offset on, at most maxCount, that match (nil matches all), and the offset to go on from.
	Read(q message.Queue, from message.QueueOffset, maxCount int, match func(tagsCode int64) bool) ([]byte, message.QueueOffset, error)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool)
	View(dst []byte, at message.LogOffset) ([]byte, error)
}

// Group is a group that has dead letters. Times are when the oldest and the newest died.
type Group struct {
	Group    string    `json:"group"`
	Messages int64     `json:"messages"`
	Oldest   time.Time `json:"oldest"`
	Newest   time.Time `json:"newest"`
}

// Letter is one dead letter. Body and Properties are there when one is asked for by its id.
type Letter struct {
	ID         string            `json:"id"`       // offset message id, as `aerobee message get` takes it
	UniqueID   string            `json:"uniqueId"` // of the message that was sent first
	Topic      string            `json:"topic"`    // to which it was sent
	Tag        string            `json:"tag"`
	Keys       string            `json:"keys"`
	Reconsumed int32             `json:"reconsumed"` // how often it came back
	BornAt     time.Time         `json:"bornAt"`
	DiedAt     time.Time         `json:"diedAt"`
	Bytes      int               `json:"bytes"` // of the body
	Properties map[string]string `json:"properties,omitempty"`
	Body       []byte            `json:"body,omitempty"` // as it was stored, compressed where the producer compressed it
}

// Letters are the dead letters of a store. Put stores a record of a group's retry topic, which it makes if need be, and waits until
// it is on disk.
type Letters struct {
	Store Store
	Put   func(ctx context.Context, group string, r *message.Record) error
	Log   *slog.Logger
}

// queues are those in which a group's dead letters lie: one, unless somebody has given the topic more.
func (l *Letters) queues(group string) []message.Queue {
	t, ok := l.Store.Topic(message.DLQTopic(group))
	if !ok {
		return nil
	}
	var out []message.Queue
	for id := range max(t.ReadQueues, t.WriteQueues) {
		out = append(out, message.Queue{Topic: t.Name, ID: message.QueueID(id)})
	}
	return out
}

// Groups lists the groups that have dead letters.
func (l *Letters) Groups() []Group {
	out := []Group{}
	for _, t := range l.Store.Topics() {
		if !message.IsDLQ(t.Name) {
			continue
		}
		g := Group{Group: strings.TrimPrefix(t.Name, message.DLQPrefix)}
		for _, q := range l.queues(g.Group) {
			least, end := max(l.Store.MinOffset(q), 0), l.Store.MaxOffset(q)
			if end <= least {
				continue
			}
			g.Messages += int64(end - least)
			if at, ok := l.Store.StoreTimeAt(q, least); ok && (g.Oldest.IsZero() || timeOf(at).Before(g.Oldest)) {
				g.Oldest = timeOf(at)
			}
			if at, ok := l.Store.StoreTimeAt(q, end-1); ok && timeOf(at).After(g.Newest) {
				g.Newest = timeOf(at)
			}
		}
		if g.Messages > 0 {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(a.Group, b.Group) })
	return out
}

func timeOf(t message.StoreTime) time.Time { return message.Shown(time.UnixMilli(int64(t))) }

const (
	// maxText bounds the ids, topics, tags and keys of one list, in bytes.
	maxText = 8 << 20
	// readBatch is how many records are read at once: they come with their bodies.
	readBatch = 32
)

// List returns a group's newest dead letters, at most most, the oldest first; fewer where their keys and tags are more than 8 MiB.
func (l *Letters) List(group string, most int) ([]Letter, error) {
	out, size := []Letter{}, 0
	for _, q := range l.queues(group) {
		err := l.newest(q, most, func(r *message.Record) error {
			letter := l.letter(r)
			out, size = append(out, letter), size+letter.text()
			for size > maxText && len(out) > 1 {
				size -= out[0].text()
				out[0] = Letter{}
				out = out[1:]
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(out, func(a, b Letter) int { return a.DiedAt.Compare(b.DiedAt) })
		for len(out) > most {
			size -= out[0].text()
			out = out[1:]
		}
		out = append(make([]Letter, 0, len(out)), out...) // what was cut is not kept
	}
	return out, nil
}

// text is how many bytes of a letter's members its sender has chosen.
func (l *Letter) text() int { return len(l.UniqueID) + len(l.Topic) + len(l.Tag) + len(l.Keys) }

// each visits the newest records of each queue of a group's dead letters.
func (l *Letters) each(group string, most int, visit func(r *message.Record) error) error {
	for _, q := range l.queues(group) {
		if err := l.newest(q, most, visit); err != nil {
			return err
		}
	}
	return nil
}

// newest visits the newest records of a queue.
func (l *Letters) newest(q message.Queue, most int, visit func(r *message.Record) error) error {
	end := l.Store.MaxOffset(q)
	for at := max(l.Store.MinOffset(q), end-message.QueueOffset(most), 0); at < end; {
		recs, next, err := l.Store.Read(q, at, min(most, readBatch), nil)
		if err != nil {
			return err
		}
		for len(recs) > 0 {
			r, err := message.ParseRecord(recs)
			if err != nil {
				return err
			}
			if err := visit(&r); err != nil {
				return err
			}
			recs = recs[r.Size:]
		}
		if next <= at {
			break
		}
		at = next
	}
	return nil
}

func (l *Letters) letter(r *message.Record) Letter {
	p := r.Properties
	text := func(name string) string { v, _ := p.Get(name); return string(v) }
	return Letter{
		ID: string(message.AppendID(nil, r.StoreHost, r.LogOffset)), UniqueID: text(message.PropUniqueKey), Topic: origin(r), Tag: text(message.PropTags), Keys: text(message.PropKeys),
		Reconsumed: r.ReconsumeTimes, BornAt: message.Shown(time.UnixMilli(r.BornTime)), DiedAt: timeOf(r.StoreTime), Bytes: len(r.Body),
	}
}

// origin is the topic that a dead letter was sent to first, "" if it does not say.
func origin(r *message.Record) string {
	for _, name := range []string{message.PropRetryTopic, message.PropDLQOriginTopic} {
		if v, _ := r.Properties.Get(name); len(v) > 0 {
			return string(v)
		}
	}
	return ""
}

// Get returns one dead letter of a group with all that is in it.
func (l *Letters) Get(group, id string) (Letter, error) {
	r, err := l.record(group, id)
	if err != nil {
		return Letter{}, err
	}
	out := l.letter(&r)
	out.Properties, out.Body = map[string]string{}, r.Body
	for name, value := range r.Properties.All() {
		out.Properties[string(name)] = string(value)
	}
	return out, nil
}

func (l *Letters) record(group, id string) (message.Record, error) {
	_, at, err := message.ParseID(id)
	if err != nil {
		return message.Record{}, fmt.Errorf("%w of group %s: %w", ErrNone, group, err)
	}
	raw, err := l.Store.View(nil, at)
	if err != nil {
		return message.Record{}, fmt.Errorf("%w of group %s: %w", ErrNone, group, err)
	}
	r, err := message.ParseRecord(raw)
	if err == nil && string(r.Topic) != message.DLQTopic(group) {
		err = fmt.Errorf("%w of group %s: message %s is in topic %s", ErrNone, group, id, r.Topic)
	}
	return r, err
}
