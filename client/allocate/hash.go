package allocate

import (
	"crypto/md5" // #nosec G501 -- Java's hash of the ring; it guards nothing
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
)

// defaultVirtualNodes is how often Java puts each client on the ring.
const defaultVirtualNodes = 10

// ConsistentHash gives a queue to the next client on a ring of hashes, so that few queues move when a client comes or goes.
type ConsistentHash struct {
	VirtualNodes int // places of each client on the ring; 0 is Java's 10
}

// Name is "CONSISTENT_HASH".
func (ConsistentHash) Name() string { return "CONSISTENT_HASH" }

// Allocate returns the queues whose next place on the ring is me's.
func (s ConsistentHash) Allocate(me string, queues []Queue, clients []string) ([]Queue, error) {
	if s.VirtualNodes < 0 {
		return nil, fmt.Errorf("allocate: %d virtual nodes, at least 1 are needed", s.VirtualNodes)
	}
	if !slices.Contains(clients, me) {
		return nil, nil
	}
	nodes := s.VirtualNodes
	if nodes == 0 {
		nodes = defaultVirtualNodes
	}
	owner := make(map[uint32]string, nodes*len(clients))
	for _, c := range clients {
		for i := range nodes {
			owner[ringHash(c+"-"+strconv.Itoa(i))] = c // where two collide, the later one stands, as in Java's map
		}
	}
	ring := make([]uint32, 0, len(owner))
	for h := range owner {
		ring = append(ring, h)
	}
	slices.Sort(ring)
	var mine []Queue
	for _, q := range queues {
		at, _ := slices.BinarySearch(ring, ringHash(fmt.Sprintf("MessageQueue [topic=%s, brokerName=%s, queueId=%d]", q.Topic, q.BrokerName, q.QueueID)))
		if owner[ring[at%len(ring)]] == me {
			mine = append(mine, q)
		}
	}
	return mine, nil
}

// ringHash is the first four bytes of the text's MD5.
func ringHash(text string) uint32 {
	sum := md5.Sum([]byte(text)) // #nosec G401 -- see the import
	return binary.BigEndian.Uint32(sum[:])
}
