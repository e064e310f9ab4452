package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

const (
	// maxClientID bounds a client's id in bytes.
	maxClientID = 512
	// maxVersion is how much is kept of what a client calls its version, in bytes.
	maxVersion = 64
)

// callerOf says who has sent a request.
func callerOf(ctx context.Context) (backend.Client, error) {
	version := header(ctx, "x-mq-client-version")
	c := backend.Client{ID: header(ctx, "x-mq-client-id"), Version: strings.Clone(version[:min(len(version), maxVersion)]), Language: language(header(ctx, "x-mq-language"))}
	c.User, _ = ctx.Value(userKey{}).(string)
	if p, ok := peer.FromContext(ctx); ok {
		c.Remote, c.Local = addrPort(p.Addr), addrPort(p.LocalAddr)
		if own, ok := p.AuthInfo.(*identity); ok {
			c.Secure, c.Subject = own.secure, own.subject
		}
	}
	switch {
	case strings.TrimSpace(c.ID) == "":
		return c, status.New(pb.Code_CLIENT_ID_REQUIRED, "client id cannot be empty: the header x-mq-client-id is missing")
	case len(c.ID) > maxClientID:
		return c, status.New(pb.Code_BAD_REQUEST, "the client id has %d bytes, the limit is %d", len(c.ID), maxClientID)
	}
	return c, nil
}

func header(ctx context.Context, name string) string {
	if v := metadata.ValueFromIncomingContext(ctx, name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// language is a client's language by the name that gRPC clients give it.
func language(name string) protocol.Language {
	switch name {
	case "GOLANG":
		return protocol.LanguageGo
	case "DOT_NET":
		return protocol.LanguageDotnet
	case "":
		return protocol.LanguageOther
	}
	return protocol.LanguageOf([]byte(name))
}

// remaining is how much time the client gives us.
func (s *Server) remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return s.opt.RequestTimeout
}

// call is one request to a broker on behalf of a client. take reads the answer of a success; any other code is an error, with the code that
// clients get.
func (s *Server) call(ctx context.Context, c *client, broker string, f *protocol.Frame, take func(f *protocol.Frame) error) error {
	return s.callRaw(ctx, c, broker, f, func(f *protocol.Frame) error {
		if err := status.Answer(f.Code, f.Remark); err != nil || take == nil {
			return err
		}
		return take(f)
	})
}

// callRaw is call with answers of all codes for take.
func (s *Server) callRaw(ctx context.Context, c *client, broker string, f *protocol.Frame, take func(f *protocol.Frame) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.opt.RequestTimeout)
	defer cancel()
	return s.callWaiting(ctx, c, broker, f, take)
}

// callWaiting is callRaw for a request that waits for messages: ctx alone says how long.
func (s *Server) callWaiting(ctx context.Context, c *client, broker string, f *protocol.Frame, take func(f *protocol.Frame) error) error {
	link, err := c.linked()
	if err != nil {
		return err
	}
	var taken error
	err = link.Call(ctx, broker, f, func(f *protocol.Frame) {
		defer func() { // it runs on the link's goroutine, where nobody guards it
			if fault := recover(); fault != nil {
				taken = s.faulted(fmt.Sprintf("the answer to request %d", f.Code), fault)
			}
		}()
		taken = take(f)
	})
	if err != nil {
		return err
	}
	return taken
}

// appender is what a request header of the protocol package can do.
type appender interface{ Append(fs *protocol.Fields) }

// request makes a frame of a header.
func request(code int32, h appender) *protocol.Frame {
	f := &protocol.Frame{Code: code, Fields: make(protocol.Fields, 0, 16)}
	h.Append(&f.Fields)
	return f
}
