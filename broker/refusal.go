package broker

import (
	"errors"
	"io"
	"syscall"

	"github.com/aerobee-mq/aerobee/broker/manage"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// errorCode is one row of the table that maps what went wrong below the broker to what clients are told.
type errorCode struct {
	is     func(error) bool
	code   int32
	prefix string
	reason refusedFor
}

// Beginnings of remarks that clients and dashboards match.
const (
	remarkBusy        = "[REJECTREQUEST]system busy, start flow control for a while: "
	remarkUnavailable = "service not available now. It may be caused by one of the following reasons: the broker's disk is full, messages are put to the slave, message store has been shut down, etc: "
)

// errorCodes is the one table from error kinds to response codes; the first row that fits counts, and what fits none is 1.
// 13 and 29 make a client fail at once, 2 and 14 make it try another broker: a passing trouble must never get the former.
func errorCodes() []errorCode {
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	full := func(err error) bool {
		_, is := errors.AsType[*store.FullError](err)
		return is || errors.Is(err, commitlog.ErrFull)
	}
	disk := func(err error) bool {
		var code syscall.Errno
		return errors.As(err, &code) || errors.Is(err, io.ErrShortWrite)
	}
	return []errorCode{
		{is(commitlog.ErrFlushTimeout), protocol.ResFlushDiskTimeout, "", refusedBusy},
		{is(commitlog.ErrBusy), protocol.ResSystemBusy, remarkBusy, refusedBusy},
		{is(commitlog.ErrFailed), protocol.ResServiceNotAvailable, remarkUnavailable, refusedFailed},
		{full, protocol.ResServiceNotAvailable, remarkUnavailable, refusedFull},
		{is(commitlog.ErrClosed), protocol.ResServiceNotAvailable, remarkUnavailable, refusedClosed},
		{is(message.ErrTooBig), protocol.ResMessageIllegal, "the message is illegal: ", refusedRequest},
		{is(store.ErrTooManyLights), protocol.ResLMQQuotaExceeded, "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded: ", refusedRequest},
		{is(store.ErrTooLate), protocol.ResIllegalOperation, "recall failed: ", refusedRequest},
		{is(store.ErrNoTopic), protocol.ResTopicNotExist, "", refusedRequest},
		{disk, protocol.ResServiceNotAvailable, "", refusedDisk},
	}
}

// refusedFor is why a send was refused, as the metrics tell it.
type refusedFor int

// The reasons.
const (
	refusedRequest refusedFor = iota // the sender's own doing: no such topic, no permission, too big
	refusedBusy                      // too much waits for the disk, or for something to be made
	refusedFull                      // the disk is too full
	refusedDisk                      // the disk refuses to write
	refusedFailed                    // a sync has failed: nothing is written until a restart
	refusedClosed                    // the node stops
	refusedOther
	refusedReasons
)

// String is the reason's label.
func (r refusedFor) String() string {
	return [...]string{"request", "busy", "disk_full", "disk_error", "sync_failed", "stopping", "other"}[r]
}

// noteRefused counts a send that was refused.
func (b *Broker) noteRefused(err error) {
	b.stats.refused[b.reasonOf(err)].Add(1)
}

func (b *Broker) reasonOf(err error) refusedFor {
	if own, is := errors.AsType[*apart.Refusal](err); is {
		if own.Code == protocol.ResSystemBusy {
			return refusedBusy
		}
		return refusedRequest
	}
	for _, row := range b.codes {
		if row.is(err) {
			return row.reason
		}
	}
	return refusedOther
}

// refusalOf is the answer to an error. A refusal made by the broker itself stays what it is.
func (b *Broker) refusalOf(err error) *apart.Refusal {
	if member, is := errors.AsType[*manage.ListError](err); is {
		r := b.refusalOf(member.Err)
		return &apart.Refusal{Code: r.Code, Remark: r.Remark + member.Rest}
	}
	if own, is := errors.AsType[*apart.Refusal](err); is {
		return own
	}
	for _, row := range b.codes {
		if row.is(err) {
			return &apart.Refusal{Code: row.code, Remark: row.prefix + err.Error()}
		}
	}
	return &apart.Refusal{Code: protocol.ResSystemError, Remark: err.Error()}
}

func topicMissing(topic string) *apart.Refusal {
	return apart.Refuse(protocol.ResTopicNotExist, "topic[%.300s] not exist, apply first please!", topic)
}

func groupMissing(group string) *apart.Refusal {
	return apart.Refuse(protocol.ResSubscriptionGroupNotExist, "subscription group not exist, %.300s", group)
}

func queueIllegal(queue int32, topic string, limit int32) *apart.Refusal {
	return apart.Refuse(protocol.ResInvalidParameter, "request queueId[%d] is illegal, topic:[%.300s] has %d queues, ids 0 to %d", queue, topic, limit, limit-1)
}
