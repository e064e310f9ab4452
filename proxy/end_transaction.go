package proxy

// EndTransaction.
//
// Callers: producers, after their local transaction, and when they were asked about it.
//
// Behaviour: the transaction's id says where the half message lies; the broker there ends it, and the answer comes when that is on disk. Who does not
// know yet is thanked.
//
// Codes: 40002 topic; 40008 the id is empty, or no server's like this; 50001 nothing waits there, or it is another producer's.

import (
	"context"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// EndTransaction serves the request of that name.
func (s *Server) EndTransaction(ctx context.Context, r *pb.EndTransactionRequest) (*pb.EndTransactionResponse, error) {
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error { return s.endTransaction(ctx, c, r) })
	return &pb.EndTransactionResponse{Status: status.Of(err)}, nil
}

func (s *Server) endTransaction(ctx context.Context, c *client, r *pb.EndTransactionRequest) error {
	name, err := check.Topic(r.GetTopic())
	if err != nil {
		return err
	}
	if message.BlankName(r.GetTransactionId()) {
		return status.New(pb.Code_INVALID_TRANSACTION_ID, "transaction id cannot be empty")
	}
	id, err := convert.ParseTransactionID(r.GetTransactionId())
	if err != nil {
		return err
	}
	h := &protocol.EndTransactionHeader{Topic: name, ProducerGroup: name, TranStateTableOffset: id.QueueOffset, CommitLogOffset: id.LogOffset,
		FromTransactionCheck: r.GetSource() == pb.TransactionSource_SOURCE_SERVER_CHECK, MsgID: r.GetMessageId(), TransactionID: r.GetMessageId(), BrokerName: id.Broker}
	switch r.GetResolution() {
	case pb.TransactionResolution_COMMIT:
		h.CommitOrRollback = int32(message.FlagTransactionCommit)
	case pb.TransactionResolution_ROLLBACK:
		h.CommitOrRollback = int32(message.FlagTransactionRollback)
	}
	return s.call(ctx, c, id.Broker, request(protocol.ReqEndTransaction, h), nil)
}
