package proxy

// What brokers ask of clients, by their telemetry streams: RecoverOrphanedTransaction for CHECK_TRANSACTION_STATE (39), PrintThreadStackTrace for
// GET_CONSUMER_RUNNING_INFO (307), VerifyMessage for CONSUME_MESSAGE_DIRECTLY (309), NotifyUnsubscribeLite for the request of that name (200073). Other
// requests are for remoting clients alone.

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// maxAsked bounds the questions that wait for a client's answer.
const maxAsked = 64

// question is a broker's request that waits for the client's answer.
type question struct {
	code   int32
	asked  time.Time
	answer func(*protocol.Frame)
}

// asked passes a broker's request on.
func (c *client) asked(broker string, f *protocol.Frame, answer func(*protocol.Frame)) {
	var err error
	switch f.Code {
	case protocol.ReqCheckTransactionState:
		err = c.recoverTransaction(broker, f)
	case protocol.ReqGetConsumerRunningInfo:
		err = c.ask(f.Code, answer, nil, func(nonce string) *pb.TelemetryCommand {
			return &pb.TelemetryCommand{Command: &pb.TelemetryCommand_PrintThreadStackTraceCommand{
				PrintThreadStackTraceCommand: &pb.PrintThreadStackTraceCommand{Nonce: nonce}}}
		})
	case protocol.ReqConsumeMessageDirectly:
		err = c.verify(f, answer)
	case protocol.ReqNotifyUnsubscribeLite:
		if !c.tell(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_NotifyUnsubscribeLiteCommand{
			NotifyUnsubscribeLiteCommand: &pb.NotifyUnsubscribeLiteCommand{LiteTopic: f.Fields.String("liteTopic")}}}) {
			err = errNoStream
		}
	case protocol.ReqNotifyConsumerIDsChanged:
		return // gRPC clients ask for their queues every few seconds
	default:
		err = fmt.Errorf("clients that speak gRPC do not serve request %d", f.Code)
	}
	if err == nil {
		return
	}
	c.s.opt.Logger.Debug("a broker's request was not passed on", "client", c.who.ID, "code", f.Code, "error", err)
	if answer != nil {
		answer(&protocol.Frame{Code: protocol.ResSystemError, Remark: err.Error()})
	}
}

// recoverTransaction asks a producer what became of a half message.
func (c *client) recoverTransaction(broker string, f *protocol.Frame) error {
	var h protocol.CheckTransactionHeader
	if err := h.Decode(f.Fields); err != nil {
		return err
	}
	r, err := message.ParseRecord(f.Body)
	if err != nil {
		return err
	}
	if real, ok := r.Properties.Get(message.PropRealTopic); ok {
		r.Topic = real
	}
	id := convert.TransactionID{Broker: broker, LogOffset: h.CommitLogOffset, QueueOffset: h.TranStateTableOffset}
	with := c.s.carry(&r)
	if !c.tellOf(&pb.TelemetryCommand{Command: &pb.TelemetryCommand_RecoverOrphanedTransactionCommand{
		RecoverOrphanedTransactionCommand: &pb.RecoverOrphanedTransactionCommand{Message: with.m, TransactionId: id.String()}}}, with) {
		return errNoStream
	}
	return nil
}

// verify has a consumer consume a message.
func (c *client) verify(f *protocol.Frame, answer func(*protocol.Frame)) error {
	r, err := message.ParseRecord(f.Body)
	if err != nil {
		return err
	}
	with := c.s.carry(&r)
	return c.ask(f.Code, answer, with, func(nonce string) *pb.TelemetryCommand {
		return &pb.TelemetryCommand{Command: &pb.TelemetryCommand_VerifyMessageCommand{VerifyMessageCommand: &pb.VerifyMessageCommand{Nonce: nonce, Message: with.m}}}
	})
}

var errNoStream = fmt.Errorf("the client has no telemetry stream, or takes nothing from it")

// ask sends a command under a new nonce, with a message in it or nil.
func (c *client) ask(code int32, answer func(*protocol.Frame), with *carried, command func(nonce string) *pb.TelemetryCommand) error {
	if answer == nil {
		return nil
	}
	c.mu.Lock()
	if len(c.questions) >= maxAsked {
		c.dropOldLocked()
	}
	if len(c.questions) >= maxAsked {
		c.mu.Unlock()
		return fmt.Errorf("%d questions wait for the client's answer, the limit is %d", maxAsked, maxAsked)
	}
	c.nonce++
	nonce := strconv.FormatUint(c.nonce, 10)
	if c.questions == nil {
		c.questions = map[string]question{}
	}
	c.questions[nonce] = question{code, c.s.opt.Now(), answer}
	c.mu.Unlock()
	if !c.tellOf(command(nonce), with) {
		c.take(nonce)
		return errNoStream
	}
	return nil
}

// answerTime is how long an answer is waited for.
const answerTime = time.Minute

func (c *client) dropOldLocked() {
	for nonce, q := range c.questions {
		if c.s.opt.Now().Sub(q.asked) > answerTime {
			delete(c.questions, nonce)
		}
	}
}

// take ends a question's waiting.
func (c *client) take(nonce string) (question, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q, ok := c.questions[nonce]
	delete(c.questions, nonce)
	return q, ok
}

// answered passes a client's answer on to the broker that has asked.
func (c *client) answered(nonce string, in *pb.TelemetryCommand) {
	q, ok := c.take(nonce)
	if !ok {
		return
	}
	f := &protocol.Frame{Code: protocol.ResSuccess}
	switch code := in.GetStatus().GetCode(); {
	case q.code == protocol.ReqConsumeMessageDirectly:
		f.Body = protocol.MarshalBody(consumed{Result: consumeResult(code), Remark: "from gRPC client"})
	case code != pb.Code_OK:
		f.Code, f.Remark = protocol.ResSystemError, in.GetStatus().GetMessage()
	default:
		f.Body = protocol.MarshalBody(running{Jstack: in.GetThreadStackTrace().GetThreadStackTrace(), Properties: map[string]string{}})
	}
	q.answer(f)
}

// consumed is the answer's body of 309, running that of 307, as far as a gRPC client can say.
type consumed struct {
	AutoCommit bool   `json:"autoCommit"`
	Result     string `json:"consumeResult,omitempty"`
	Order      bool   `json:"order"`
	Remark     string `json:"remark"`
	SpentMills int64  `json:"spentTimeMills"`
}

type running struct {
	Jstack     string            `json:"jstack"`
	Properties map[string]string `json:"properties"`
}

func consumeResult(code pb.Code) string {
	switch code {
	case pb.Code_OK:
		return "CR_SUCCESS"
	case pb.Code_FAILED_TO_CONSUME_MESSAGE:
		return "CR_LATER"
	case pb.Code_MESSAGE_CORRUPTED:
		return "CR_RETURN_NULL"
	}
	return ""
}
