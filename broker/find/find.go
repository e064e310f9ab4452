// Package find answers the parts of a query for messages (12) that the key index does not: messages by tag, and the order of
// what was found. Package broker calls it. Nothing is kept here; all of it may be called at once.
package find

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// Store is what a search needs of the store.
type Store interface {
	// Read returns records of a queue from an offset on, at most maxCount, that match (nil matches all), and the offset to go on from.
	Read(q message.Queue, from message.QueueOffset, maxCount int, match func(tagsCode int64) bool) ([]byte, message.QueueOffset, error)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool)
}

const (
	// window is how many entries of a queue are looked at in one step backwards: as many as a Get scans.
	window = 800
	// MaxScanned bounds the entries that a search by tag looks at, in all queues: what lies behind them is not found.
	MaxScanned = 200_000
	// maxBytes bounds what a search finds, as Apache's clients take frames of 16 MiB; one message always fits.
	maxBytes = 15 << 20
)

// found is a record and its place in the log.
type found struct {
	at  message.LogOffset
	rec []byte
}

// newest holds the newest records that were found so far.
type newest struct {
	most int // records
	all  []found
	size int  // bytes
	cut  bool // some had to go
}

// add takes records in and lets the oldest go that are too many, or too large together.
func (n *newest) add(some []found) {
	n.all = append(n.all, some...)
	slices.SortFunc(n.all, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	n.size = 0
	for i := len(n.all) - 1; i >= 0; i-- {
		n.size += len(n.all[i].rec)
		if kept := len(n.all) - i; kept > n.most || (kept > 1 && n.size > maxBytes) {
			n.size -= len(n.all[i].rec)
			n.all, n.cut = slices.Clone(n.all[i+1:]), true
			return
		}
	}
}

// full reports whether nothing older than a place in the log would be kept.
func (n *newest) full() bool { return len(n.all) >= n.most || n.cut }

// ByTag returns the newest messages of the queues that bear exactly this tag and were stored between from and to, at most most of
// them and 15 MiB, in the order in which they were stored. RocketMQ indexes tags; here the queues, which hold the tags' hashes, are
// searched from their ends backwards instead, so that messages without such a query cost nothing.
func ByTag(s Store, queues []message.Queue, tag string, most int, from, to message.StoreTime) ([]byte, error) {
	n := newest{most: most}
	each := message.QueueOffset(max(MaxScanned/max(len(queues), 1), window))
	for _, q := range queues {
		if err := inQueue(s, q, tag, each, from, to, &n); err != nil {
			return nil, err
		}
	}
	out := make([]byte, 0, n.size)
	for _, f := range n.all {
		out = append(out, f.rec...)
	}
	return out, nil
}

// inQueue is ByTag of one queue, of which it looks at so many entries.
func inQueue(s Store, q message.Queue, tag string, entries message.QueueOffset, from, to message.StoreTime, all *newest) error {
	own := newest{most: all.most}
	top := s.MaxOffset(q)
	least := max(s.MinOffset(q), top-entries, 0)
	for top > least && !own.full() {
		base := max(top-window, least)
		if err := inWindow(s, q, tag, base, top, from, to, &own); err != nil {
			return err
		}
		if t, ok := s.StoreTimeAt(q, base); ok && t < from {
			break
		}
		top = base
	}
	all.add(own.all)
	return nil
}

// inWindow looks at the messages of a queue from one offset up to another.
func inWindow(s Store, q message.Queue, tag string, base, top message.QueueOffset, from, to message.StoreTime, own *newest) error {
	code := message.TagsCode([]byte(tag))
	for base < top {
		recs, next, err := s.Read(q, base, window, func(c int64) bool { return c == code })
		if err != nil {
			return err
		}
		var some []found
		err = each(recs, func(rec []byte, r *message.Record) {
			if has, _ := r.Properties.Get(message.PropTags); string(has) == tag && r.QueueOffset < top && r.StoreTime >= from && r.StoreTime <= to {
				some = append(some, found{r.LogOffset, bytes.Clone(rec)}) // not what else was read with it
			}
		})
		own.add(some)
		if err != nil || next <= base {
			return err
		}
		base = next
	}
	return nil
}

func each(recs []byte, visit func(rec []byte, r *message.Record)) error {
	for len(recs) > 0 {
		r, err := message.ParseRecord(recs)
		if err != nil {
			return err
		}
		visit(recs[:r.Size], &r)
		recs = recs[r.Size:]
	}
	return nil
}

// Reversed returns records in the opposite order: a key query finds the newest first, clients get them as they were stored.
func Reversed(recs []byte) ([]byte, error) {
	out, end := make([]byte, len(recs)), len(recs)
	err := each(recs, func(rec []byte, _ *message.Record) {
		end -= len(rec)
		copy(out[end:], rec)
	})
	return out, err
}
