package api

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
)

func messages(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		q := admin.Query{Topic: c.v.Text("topic"), Key: c.v.Text("key"), From: c.v.Time("from"), To: c.v.Time("to"), Max: int(c.v.Int("limit"))}
		if c.v.Has("id") {
			q.Key, q.Unique = c.v.Text("id"), true
		}
		var list []admin.Message
		var err error
		if q.Key == "" {
			list, err = browse(ctx, a, &q)
		} else {
			list, err = a.Messages(ctx, q)
		}
		body := v1.Messages{Messages: []v1.Message{}}
		for i := range list[:min(len(list), q.Max)] {
			body.Messages = append(body.Messages, messageBody(&list[i]))
		}
		return c.reply(body, err)
	})
}

// maxBrowsed bounds the bodies that one answer shows of all queues together, in bytes. Each queue has its share.
const maxBrowsed = 32 << 20

// browse reads a topic's queues from a time on, the messages that were stored first.
func browse(ctx context.Context, a *admin.Admin, q *admin.Query) ([]admin.Message, error) {
	readers, err := a.Readers(ctx, q.Topic)
	if err != nil {
		return nil, err
	}
	var out []admin.Message
	room := maxBrowsed
	for i, r := range readers {
		if room <= 0 {
			break
		}
		if !q.From.IsZero() {
			if r.Next, err = a.OffsetAt(ctx, r.Queue, q.From); err != nil {
				return nil, err
			}
		}
		part, took, err := browseQueue(ctx, r, q, max(room/(len(readers)-i), 1))
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
		room -= took
	}
	slices.SortStableFunc(out, func(x, y admin.Message) int { return x.StoredAt.Compare(y.StoredAt) })
	return out[:min(len(out), q.Max)], nil
}

// browseQueue reads one queue until its bodies fill the room, which the last one may pass, and says how much they take.
func browseQueue(ctx context.Context, r *admin.Reader, q *admin.Query, room int) (out []admin.Message, took int, err error) {
	for len(out) < q.Max && took < room {
		before := r.Next
		part, err := r.Read(ctx, 0)
		if err != nil {
			return nil, 0, err
		}
		for i := range part {
			if took >= room || !q.To.IsZero() && part[i].StoredAt.After(q.To) {
				return out, took, nil
			}
			out, took = append(out, part[i]), took+len(part[i].Body)
		}
		if r.Next == before {
			break
		}
	}
	return out, took, nil
}

func messageBody(m *admin.Message) v1.Message {
	b := v1.Message{ID: m.ID, OffsetID: m.OffsetID, Topic: m.Topic, Broker: m.BrokerName, Queue: m.QueueID, Offset: m.Offset, Tag: m.Tag, Keys: append([]string{}, m.Keys...),
		Properties: orNone(m.Properties), BornAt: stamp(m.BornAt), BornHost: m.BornHost.String(), StoredAt: stamp(m.StoredAt), StoreHost: m.StoreHost.String(),
		ReconsumeTimes: m.ReconsumeTimes, Bytes: m.StoreSize}
	if utf8.Valid(m.Body) {
		text := string(m.Body)
		b.Body = &text
	} else {
		b.BodyBase64 = base64.StdEncoding.EncodeToString(m.Body)
	}
	return b
}

func oneMessage(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		m, err := a.Find(ctx, c.v.Text("id"), c.v.Text("topic"))
		if err != nil {
			return badID(err)
		}
		return c.reply(messageBody(&m), nil)
	})
}

// badID takes an id that is none for one that nothing has.
func badID(err error) error {
	if errors.Is(err, admin.ErrNoID) {
		return &problem{"not-found", err.Error()}
	}
	return err
}
