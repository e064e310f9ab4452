package broker

import (
	"slices"
	"strings"

	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Clients lists the members of all groups by their keys.
func (b *Broker) Clients() []v1.Client {
	var out []v1.Client
	b.clientMu.Lock()
	b.clients.Each(func(c member.Client[*session], group string, consumes bool) {
		l := v1.Client{ClientID: c.ID, Address: c.Conn.remote.String(), Language: c.Language, Version: protocol.VersionName(c.Version), Group: group, Role: "producer"}
		if consumes {
			l.Role = "consumer"
		}
		out = append(out, l)
	})
	b.clientMu.Unlock()
	slices.SortFunc(out, func(x, y v1.Client) int { return strings.Compare(x.Key(), y.Key()) })
	return out
}
