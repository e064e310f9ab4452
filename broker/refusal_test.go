package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

func TestErrorsHaveTheirCodes(t *testing.T) {
	b := &Broker{codes: errorCodes()}
	f := func(err error, code int32, prefix string) {
		t.Helper()
		r := b.refusalOf(fmt.Errorf("put: %w: 99 of 64 bytes", err))
		if r.code != code || !strings.HasPrefix(r.remark, prefix) || !strings.Contains(r.remark, "99 of 64") {
			t.Errorf("%v: %d %q, want %d %q", err, r.code, r.remark, code, prefix)
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
	if r := b.refusalOf(fmt.Errorf("more: %w", refuse(29, "own"))); r.code != 29 || r.remark != "own" {
		t.Errorf("the broker's own refusal became %d %q", r.code, r.remark)
	}
}

// busyStore takes nothing, and answers what it is given as the disk would.
type busyStore struct {
	Store
	put    error
	commit error
}

func (s *busyStore) Put(r *message.Record, sink store.Sink, token uint64) error {
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
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
	failing := &busyStore{Store: n.store}
	n.Broker.store = failing
	f := func(put, commit error, code int32, msgID bool) {
		t.Helper()
		failing.put, failing.commit = put, commit
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
	failing.put = commitlog.ErrBusy
	p.oneway(protocol.ReqSendMessageV2, sendFields("t", 0, ""), []byte("x"))
	failing.put = nil
	n.Broker.store = n.store
	p.want(0, p.send("t", 0, "", "after"))
}
