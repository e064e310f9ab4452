package topic

import (
	"encoding/binary"

	"github.com/aerobee-mq/aerobee/internal/varint"
)

// GlobalScope is the scope that RocketMQ's tools give to static topics: clients know the queues under a broker that is called after it.
const GlobalScope = "__global__"

// Static says that a topic is static: clients know its queues by the numbers that they have in the whole cluster, whichever broker holds
// them. All of them are the topic's queues here, each under its own number and from offset 0 on, so no number and no offset is ever another.
type Static struct {
	Epoch int64  // grows with each change, ms since 1970 when RocketMQ's tools make it
	Scope string // GlobalScope, or what another tool has named
}

func appendStatic(dst []byte, s *Static) []byte {
	return varint.AppendText(binary.AppendVarint(dst, s.Epoch), s.Scope)
}

func readStatic(r *varint.Reader) *Static {
	return &Static{Epoch: r.Int(), Scope: string(r.Text())}
}

func sameStatic(a, b *Static) bool { return a == b || a != nil && b != nil && *a == *b }
