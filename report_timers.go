package aerobee

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store"
)

func (s *Server) timerSource() api.TimerSource {
	return api.TimerSource{List: s.listTimers, Count: s.countTimers, Cancel: s.cancelTimer}
}

// withStore is nil when the node has a store that serves.
func (s *Server) withStore() error {
	if err := s.ready(); err != nil {
		return err
	}
	if s.store == nil {
		return errNoBroker
	}
	return nil
}

// listTimers lists pending messages. A place is a due time in ms and a handle with a hyphen between them.
func (s *Server) listTimers(topic, after string, limit int) (v1.Timers, error) {
	if err := s.withStore(); err != nil {
		return v1.Timers{}, err
	}
	var due, created int64
	if after != "" {
		a, b, _ := strings.Cut(after, "-")
		var errDue, errCreated error
		due, errDue = strconv.ParseInt(a, 10, 64)
		created, errCreated = strconv.ParseInt(b, 10, 64)
		if errDue != nil || errCreated != nil {
			return v1.Timers{}, &api.BadRequest{Status: http.StatusBadRequest, Err: fmt.Errorf("after is %.60q, it must be what an answer gave as next", after)}
		}
	}
	page := v1.Timers{Timers: []v1.Timer{}}
	entries := s.store.Timers(topic, due, message.LogOffset(created), limit)
	for _, e := range entries {
		page.Timers = append(page.Timers, s.describeTimer(e))
	}
	if n := len(entries); n == limit {
		page.Next = fmt.Sprintf("%d-%d", entries[n-1].Due, entries[n-1].Created)
	}
	return page, nil
}

// describeTimer tells of a pending message what its record says; it may be delivered, or its segment go, meanwhile.
func (s *Server) describeTimer(e timer.Entry) v1.Timer {
	t := v1.Timer{Handle: int64(e.Created), Due: time.UnixMilli(e.Due).UTC()}
	b, err := s.store.View(nil, e.At)
	var r message.Record
	if err == nil {
		r, err = message.ParseRecord(b)
	}
	if err != nil {
		t.Problem = err.Error()
		return t
	}
	p := r.Properties
	t.Topic, t.UniqueKey, t.Keys, t.Tags = p.GetString(message.PropRealTopic), p.GetString(message.PropUniqueKey), p.GetString(message.PropKeys), p.GetString(message.PropTags)
	t.Queue, _ = strconv.Atoi(p.GetString(message.PropRealQueueID))
	t.Level, _ = strconv.Atoi(p.GetString(message.PropDelay))
	t.BodyBytes, t.Stored = len(r.Body), time.UnixMilli(int64(r.StoreTime)).UTC()
	return t
}

func (s *Server) countTimers() (v1.TimerCounts, error) {
	if err := s.withStore(); err != nil {
		return v1.TimerCounts{}, err
	}
	all := v1.TimerCounts{Topics: []v1.TimerCount{}}
	for _, c := range s.store.TimerCounts() {
		all.Pending += c.Pending
		all.Topics = append(all.Topics, v1.TimerCount{Topic: c.Topic, Pending: c.Pending, First: time.UnixMilli(c.First).UTC(), Last: time.UnixMilli(c.Last).UTC()})
	}
	return all, nil
}

func (s *Server) cancelTimer(ctx context.Context, handle int64) (v1.Timer, error) {
	if err := s.withStore(); err != nil {
		return v1.Timer{}, err
	}
	e, err := s.store.CancelTimer(ctx, message.LogOffset(handle))
	switch {
	case errors.Is(err, store.ErrNotPending):
		return v1.Timer{}, &api.BadRequest{Status: http.StatusNotFound, Err: err}
	case errors.Is(err, store.ErrTooLate):
		return v1.Timer{}, &api.BadRequest{Status: http.StatusConflict, Err: err}
	case err != nil:
		return v1.Timer{}, err
	}
	return s.describeTimer(e), nil
}
