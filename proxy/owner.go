package proxy

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/permit"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// What brokers let one client do, another must not do by its id. So an id belongs to who came with it first, as far as it is known who they are: by
// the certificate, and by the user who has signed.

// userKey is the key of the user who has signed a request.
type userKey struct{}

// userOf is the user of a request that was admitted, see [permit.User].
func (s *Server) userOf(ctx context.Context, m proto.Message) string {
	return permit.User(s.opt.Guard, s.asked(ctx, m))
}

// signsAnewLocked notes that the owner of an id signs as another user now: they come by a connection by which they have come before, and access keys change.
func (t *clients) signsAnewLocked(c *client, asks *backend.Client) {
	if n := t.conns[ends{asks.Remote, asks.Local}]; n != nil && asks.User != "" && c.user != "" && asks.Subject == c.who.Subject && slices.Contains(n.clients, c) {
		c.user = asks.User
	}
}

// yields tells whether the one who has an id leaves it to another, who has shown more of who they are.
func (c *client) yields(asks *backend.Client) bool {
	if c.who.Subject != asks.Subject {
		return c.who.Subject == "" && (c.user == "" || c.user == asks.User)
	}
	return c.user == "" && asks.User != ""
}

// othersID refuses an id to whom it does not belong.
func (c *client) othersID(asks *backend.Client) error {
	switch {
	case c.who.Subject != asks.Subject:
		return status.New(pb.Code_FORBIDDEN, "the client id %s is in use by the holder of another certificate than %q", asks.ID, asks.Subject)
	case asks.User != "" && c.user != asks.User:
		return status.New(pb.Code_FORBIDDEN, "the client id %s is in use by another user than %q", asks.ID, asks.User)
	}
	return nil
}
