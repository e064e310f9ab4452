package broker

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

func TestErrorsHaveTheirCodes(t *testing.T) {
	b := &Broker{codes: errorCodes()}
	f := func(err error, code int32, prefix string) {
		t.Helper()
		r := b.refusalOf(fmt.Errorf("put: %w: 99 of 64 bytes", err))
		if r.Code != code || !strings.HasPrefix(r.Remark, prefix) || !strings.Contains(r.Remark, "99 of 64") {
			t.Errorf("%v: %d %q, want %d %q", err, r.Code, r.Remark, code, prefix)
		}
	}
	f(commitlog.ErrBusy, protocol.ResSystemBusy, "[REJECTREQUEST]system busy")
	f(commitlog.ErrFull, protocol.ResServiceNotAvailable, "service not available now")
	f(&store.FullError{}, protocol.ResServiceNotAvailable, "service not available now")
	f(commitlog.ErrClosed, protocol.ResServiceNotAvailable, "service not available now")
	f(commitlog.ErrFailed, protocol.ResServiceNotAvailable, "service not available now")
	f(commitlog.ErrFlushTimeout, protocol.ResFlushDiskTimeout, "")
	f(message.ErrTooBig, protocol.ResMessageIllegal, "the message is illegal")
	f(store.ErrNoTopic, protocol.ResTopicNotExist, "")
	f(errors.New("else"), protocol.ResSystemError, "")
	if r := b.refusalOf(fmt.Errorf("more: %w", apart.Refuse(29, "own"))); r.Code != 29 || r.Remark != "own" {
		t.Errorf("the broker's own refusal became %d %q", r.Code, r.Remark)
	}
}

// busyStore answers what it is told to, as the disk would; told nothing, it passes messages on.
type busyStore struct {
	Store
	mu          sync.Mutex
	on          bool
	put, commit error
}

func (s *busyStore) set(on bool, put, commit error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.put, s.commit = on, put, commit
}

func (s *busyStore) Put(r *message.Record, sink store.Sink, token uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return s.Store.Put(r, sink, token)
	}
	if s.put == nil {
		if s.commit == commitlog.ErrFlushTimeout {
			sink.Committed(token, []store.Appended{{LogOffset: 5, QueueOffset: 6}}, s.commit)
		} else {
			sink.Committed(token, nil, s.commit)
		}
		sink.Flush()
	}
	return s.put
}

func TestStoreRefusalsReachTheClient(t *testing.T) {
	var failing *busyStore
	n := newNodeOver(t, func(s Store) Store {
		failing = &busyStore{Store: s}
		return failing
	})
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	f := func(put, commit error, code int32, msgID bool) {
		t.Helper()
		failing.set(true, put, commit)
		got := p.send("t", 0, "UNIQ_KEY=U", "x")
		if got.Code != code || got.Fields.String("MSG_REGION") == "" || (got.Fields.String("msgId") != "") != msgID {
			t.Errorf("answered %d %v", got.Code, got.Fields)
		}
	}
	f(commitlog.ErrBusy, nil, protocol.ResSystemBusy, false)
	f(&store.FullError{}, nil, protocol.ResServiceNotAvailable, false)
	f(nil, commitlog.ErrFailed, protocol.ResServiceNotAvailable, false)
	// Stored, but not confirmed: a success with a warning, which the client needs the whole header for.
	f(nil, commitlog.ErrFlushTimeout, protocol.ResFlushDiskTimeout, true)
	failing.set(true, commitlog.ErrBusy, nil)
	p.oneway(protocol.ReqSendMessageV2, sendFields("t", 0, ""), []byte("x"))
	p.call(protocol.ReqGetMaxOffset, fields{"topic": "t", "queueId": "0"}, nil) // the one-way send is through
	failing.set(false, nil, nil)
	p.want(0, p.send("t", 0, "", "after"))
}
