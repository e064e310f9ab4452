package proxy

import (
	"context"
	"path"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// A fault in the service of one request must not end the process, which serves thousands of others. Streams end with gRPC's INTERNAL: nobody knows what
// they have said already.

func (s *Server) guardUnary(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			out, err = faultAnswer(path.Base(info.FullMethod), s.faulted(info.FullMethod, fault))
		}
	}()
	if m, ours := in.(proto.Message); ours && strings.HasPrefix(info.FullMethod, "/"+pb.MessagingService_ServiceDesc.ServiceName+"/") {
		if no := s.admit(ctx, m); no != nil {
			out, err = faultAnswer(path.Base(info.FullMethod), no)
			s.noteRefused(info.FullMethod, out)
			return out, err
		}
		if user := s.userOf(ctx, m); user != "" {
			ctx = context.WithValue(ctx, userKey{}, user)
		}
	}
	out, err = handler(ctx, in)
	s.noteRefused(info.FullMethod, out)
	return out, err
}

// noteRefused tells of an answer that refuses a request.
func (s *Server) noteRefused(method string, out any) {
	said, ok := out.(interface{ GetStatus() *pb.Status })
	if !ok || s.opt.Refused == nil {
		return
	}
	switch st := said.GetStatus(); st.GetCode() {
	case pb.Code_CODE_UNSPECIFIED, pb.Code_OK, pb.Code_MULTIPLE_RESULTS, pb.Code_MESSAGE_NOT_FOUND, pb.Code_OFFSET_NOT_FOUND:
	default:
		s.opt.Refused(path.Base(method), st)
	}
}

func (s *Server) guardStream(srv any, g grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	done, err := s.watchers.begin(info.FullMethod)
	if err != nil {
		return err
	}
	defer done()
	defer s.endless.begin(g.Context())()
	defer func() {
		if fault := recover(); fault != nil {
			err = grpcstatus.Error(codes.Internal, s.faulted(info.FullMethod, fault).Text)
		}
	}()
	return handler(srv, g)
}

// faulted writes down a fault, and says what the client is told of it.
func (s *Server) faulted(where string, fault any) *status.Error {
	s.opt.Logger.Error("BUG: a gRPC request met a fault", "request", where, "fault", fault, "stack", string(debug.Stack()))
	return status.New(pb.Code_INTERNAL_SERVER_ERROR, "the server met a fault in %s; its log says more", path.Base(where))
}

// faultAnswer is the answer of a method that ended in a fault, or was refused before it began: gRPC's INTERNAL for methods that are not ours.
func faultAnswer(method string, fault error) (any, error) {
	st := status.Of(fault)
	switch method {
	case "QueryRoute":
		return &pb.QueryRouteResponse{Status: st}, nil
	case "Heartbeat":
		return &pb.HeartbeatResponse{Status: st}, nil
	case "SendMessage":
		return &pb.SendMessageResponse{Status: st}, nil
	case "QueryAssignment":
		return &pb.QueryAssignmentResponse{Status: st}, nil
	case "AckMessage":
		return &pb.AckMessageResponse{Status: st}, nil
	case "ForwardMessageToDeadLetterQueue":
		return &pb.ForwardMessageToDeadLetterQueueResponse{Status: st}, nil
	case "EndTransaction":
		return &pb.EndTransactionResponse{Status: st}, nil
	case "NotifyClientTermination":
		return &pb.NotifyClientTerminationResponse{Status: st}, nil
	case "ChangeInvisibleDuration":
		return &pb.ChangeInvisibleDurationResponse{Status: st}, nil
	case "RecallMessage":
		return &pb.RecallMessageResponse{Status: st}, nil
	case "SyncLiteSubscription":
		return &pb.SyncLiteSubscriptionResponse{Status: st}, nil
	case "UpdateOffset":
		return &pb.UpdateOffsetResponse{Status: st}, nil
	case "GetOffset":
		return &pb.GetOffsetResponse{Status: st}, nil
	case "QueryOffset":
		return &pb.QueryOffsetResponse{Status: st}, nil
	}
	return nil, grpcstatus.Error(codes.Internal, status.Of(fault).GetMessage())
}
