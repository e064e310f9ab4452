package cluster

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
)

// What [errors.Is] finds in the errors of this package. An [*Error] is found by its code.
var (
	ErrClosed        = errors.New("closed")                            // the cluster, or what stands on it, was closed
	ErrNoRoute       = errors.New("no route")                          // the topic has no queue, or no broker with an address, for what is asked
	ErrUnreachable   = errors.New("not reachable")                     // a connection could not be made, or was lost before the answer
	ErrTopicNotFound = errors.New("topic does not exist")              // code 17
	ErrBusy          = errors.New("busy")                              // codes 2 (overload) and 215 (flow control)
	ErrUnavailable   = errors.New("service not available")             // code 14: disk full, shutting down, or no master
	ErrNotPermitted  = errors.New("not permitted")                     // code 16
	ErrIllegal       = errors.New("not valid")                         // codes 13 and 29
	ErrNotSupported  = errors.New("request not supported by the peer") // code 3
	ErrNotFound      = errors.New("not found")                         // codes 22 and 206: no such offset, message, entry, or nobody online
	ErrFlushTimeout  = errors.New("not confirmed in time")             // codes 10, 11, 12, where they are not a success
)

// Error is a peer's refusal: an answer whose code is not SUCCESS.
type Error struct {
	Code    int32  // the response code
	Remark  string // the peer's own words
	Addr    string // who refused
	Request int32  // the code of the request
}

// Error names the request, the peer, the code by number and name, and the remark.
func (e *Error) Error() string {
	text := fmt.Sprintf("request %d to %s was refused with %d (%s)", e.Request, e.Addr, e.Code, codeName(e.Code))
	if e.Remark != "" {
		text += ": " + e.Remark
	}
	return text
}

// Is reports whether the code stands for one of this package's sentinels.
func (e *Error) Is(target error) bool {
	kind := kindOf(e.Code)
	return kind != nil && target == kind
}

func kindOf(code int32) error {
	switch code {
	case protocol.ResTopicNotExist:
		return ErrTopicNotFound
	case protocol.ResSystemBusy, protocol.ResFlowControl:
		return ErrBusy
	case protocol.ResServiceNotAvailable:
		return ErrUnavailable
	case protocol.ResNoPermission:
		return ErrNotPermitted
	case protocol.ResMessageIllegal, protocol.ResInvalidParameter:
		return ErrIllegal
	case protocol.ResRequestCodeNotSupported:
		return ErrNotSupported
	case protocol.ResQueryNotFound, protocol.ResConsumerNotOnline:
		return ErrNotFound
	case protocol.ResFlushDiskTimeout, protocol.ResSlaveNotAvailable, protocol.ResFlushSlaveTimeout:
		return ErrFlushTimeout
	}
	return nil
}

func codeName(code int32) string {
	switch code {
	case protocol.ResSystemError:
		return "SYSTEM_ERROR"
	case protocol.ResSystemBusy:
		return "SYSTEM_BUSY"
	case protocol.ResRequestCodeNotSupported:
		return "REQUEST_CODE_NOT_SUPPORTED"
	case protocol.ResFlushDiskTimeout:
		return "FLUSH_DISK_TIMEOUT"
	case protocol.ResSlaveNotAvailable:
		return "SLAVE_NOT_AVAILABLE"
	case protocol.ResFlushSlaveTimeout:
		return "FLUSH_SLAVE_TIMEOUT"
	case protocol.ResMessageIllegal:
		return "MESSAGE_ILLEGAL"
	case protocol.ResServiceNotAvailable:
		return "SERVICE_NOT_AVAILABLE"
	case protocol.ResNoPermission:
		return "NO_PERMISSION"
	case protocol.ResTopicNotExist:
		return "TOPIC_NOT_EXIST"
	case protocol.ResPullOffsetMoved:
		return "PULL_OFFSET_MOVED"
	case protocol.ResQueryNotFound:
		return "QUERY_NOT_FOUND"
	case protocol.ResSubscriptionParseFailed:
		return "SUBSCRIPTION_PARSE_FAILED"
	case protocol.ResSubscriptionNotExist:
		return "SUBSCRIPTION_NOT_EXIST"
	case protocol.ResSubscriptionNotLatest:
		return "SUBSCRIPTION_NOT_LATEST"
	case protocol.ResSubscriptionGroupNotExist:
		return "SUBSCRIPTION_GROUP_NOT_EXIST"
	case protocol.ResInvalidParameter:
		return "INVALID_PARAMETER"
	case protocol.ResConsumerNotOnline:
		return "CONSUMER_NOT_ONLINE"
	case protocol.ResConsumeMsgTimeout:
		return "CONSUME_MSG_TIMEOUT"
	case protocol.ResFlowControl:
		return "FLOW_CONTROL"
	case protocol.ResGoAway:
		return "GO_AWAY"
	}
	return "see ResponseCode"
}

// Check is nil for an answer with code SUCCESS, and an [*Error] for every other one. addr and request say whose answer it is,
// and to what.
func Check(f *protocol.Frame, addr string, request int32) error {
	if f.Code == protocol.ResSuccess {
		return nil
	}
	return &Error{Code: f.Code, Remark: f.Remark, Addr: addr, Request: request}
}
