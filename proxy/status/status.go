// Package status turns what went wrong into the status that gRPC clients of RocketMQ read: it stands in the body of an answer, with a
// code of RocketMQ's own. Package proxy and those below it make errors with [New]; everything here is pure.
package status

import (
	"context"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Error is a refusal with the code that clients get.
type Error struct {
	Code pb.Code
	Text string
}

// Error makes it an error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Text) }

// New makes a refusal.
func New(code pb.Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// OK is the status of success. It is made anew each time: answers may be changed.
func OK() *pb.Status { return &pb.Status{Code: pb.Code_OK, Message: "OK"} }

// Of is the status of an error, OK for none.
func Of(err error) *pb.Status {
	var e *Error
	switch {
	case err == nil:
		return OK()
	case errors.As(err, &e):
		return &pb.Status{Code: e.Code, Message: e.Text}
	case errors.Is(err, context.DeadlineExceeded):
		return &pb.Status{Code: pb.Code_PROXY_TIMEOUT, Message: err.Error()}
	}
	return &pb.Status{Code: pb.Code_INTERNAL_SERVER_ERROR, Message: err.Error()}
}

// Answer is what a broker's answer means, nil for success. Source: ResponseBuilder of RocketMQ 5.
func Answer(code int32, remark string) error {
	if code == protocol.ResSuccess {
		return nil
	}
	if remark == "" {
		remark = fmt.Sprint(code)
	}
	return &Error{Code: CodeOf(code), Text: remark}
}

// CodeOf is the code for a broker's response code.
func CodeOf(code int32) pb.Code {
	switch code {
	case protocol.ResSuccess:
		return pb.Code_OK
	case protocol.ResSystemBusy:
		return pb.Code_TOO_MANY_REQUESTS
	case protocol.ResRequestCodeNotSupported:
		return pb.Code_NOT_IMPLEMENTED
	case protocol.ResSubscriptionGroupNotExist:
		return pb.Code_CONSUMER_GROUP_NOT_FOUND
	}
	return pb.Code_INTERNAL_SERVER_ERROR
}

// All is the status of an answer whose entries have these: theirs, if it is one and the same.
func All(entries []*pb.Status) *pb.Status {
	if len(entries) == 0 {
		return &pb.Status{Code: pb.Code_INTERNAL_SERVER_ERROR, Message: "there is no result"}
	}
	for _, e := range entries[1:] {
		if e.GetCode() != entries[0].GetCode() {
			return &pb.Status{Code: pb.Code_MULTIPLE_RESULTS, Message: pb.Code_MULTIPLE_RESULTS.String()}
		}
	}
	return &pb.Status{Code: entries[0].GetCode(), Message: entries[0].GetCode().String()}
}
