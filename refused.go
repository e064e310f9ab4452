package aerobee

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/aerobee-mq/aerobee/api/v1/rights"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/remoting"
)

// noteRefused writes into the log what a client is told when it is refused: the same text that it gets, each once a minute however often
// it is said. What is said in the normal course of things (nothing to pull, no such offset, nobody online) is left out. The broker's
// own troubles are warnings; what the client has asked wrongly is not.
func (s *Server) noteRefused(c *remoting.Conn, f *protocol.Frame) {
	if f.Remark == "" || slices.Contains(ordinary(), f.Code) || c.Own() {
		return
	}
	s.refusals.Say(levelOf(slices.Contains(troubled(), f.Code)), "a request is refused", f.Remark, "code", f.Code, "peer", c.RemoteAddr())
}

// noteRefusedGRPC is noteRefused for what a gRPC client is told; where a broker's own answer is passed on, it has been noted already.
func (s *Server) noteRefusedGRPC(request string, st *pb.Status) {
	if st.GetMessage() != "" {
		s.refusals.Say(levelOf(st.GetCode() >= pb.Code_INTERNAL_ERROR), "a gRPC request is refused", st.GetMessage(), "request", request, "code", st.GetCode().String())
	}
}

func levelOf(trouble bool) slog.Level {
	if trouble {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// reportRefused tells what clients were told, the newest last.
func (s *Server) reportRefused() ([]rights.Refusal, error) {
	out := []rights.Refusal{}
	for _, said := range s.refusals.Texts() {
		r := rights.Refusal{Remark: said.Text, Times: int64(said.Times), First: said.First.UTC(), Last: said.Last.UTC()}
		for i := 0; i+1 < len(said.Args); i += 2 {
			value := fmt.Sprint(said.Args[i+1])
			switch said.Args[i] {
			case "code":
				r.Code = value
			case "peer":
				r.Peer = value
			case "request":
				r.Request = value
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// ordinary are the codes of answers that are no refusals.
func ordinary() []int32 {
	return []int32{protocol.ResPullNotFound, protocol.ResPullRetryImmediately, protocol.ResPullOffsetMoved, protocol.ResQueryNotFound, protocol.ResConsumerNotOnline,
		protocol.ResPollingTimeout, protocol.ResNoMessage}
}

// troubled are the codes by which a broker says that the trouble is its own.
func troubled() []int32 {
	return []int32{protocol.ResSystemBusy, protocol.ResFlushDiskTimeout, protocol.ResSlaveNotAvailable, protocol.ResFlushSlaveTimeout, protocol.ResServiceNotAvailable,
		protocol.ResPollingFull, protocol.ResFlowControl}
}
