package convert

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Queues are the queues of a topic on one broker: those that can only be read, those that can only be written, those that can be both; a topic without permissions has them all without.
func Queues(r *pb.Resource, broker *pb.Broker, perm topic.Perm, readable, writable int32, types []pb.MessageType) []*pb.MessageQueue {
	queues := max(readable, writable)
	if !perm.Readable() {
		readable = 0
	}
	if !perm.Writable() {
		writable = 0
	}
	both, none := min(readable, writable), int32(0)
	if perm&(topic.PermRead|topic.PermWrite) == 0 {
		none = max(1, queues)
	}
	out := make([]*pb.MessageQueue, 0, max(readable, writable))
	id := int32(0)
	add := func(n int32, p pb.Permission) {
		for range n {
			out = append(out, &pb.MessageQueue{Topic: r, Id: id, Permission: p, Broker: broker, AcceptMessageTypes: types})
			id++
		}
	}
	add(readable-both, pb.Permission_READ)
	add(writable-both, pb.Permission_WRITE)
	add(both, pb.Permission_READ_WRITE)
	add(none, pb.Permission_NONE)
	return out
}

// Types are the message types that a topic takes, by its attribute message.type.
func Types(attribute string) []pb.MessageType {
	switch attribute {
	case "", "NORMAL":
		return []pb.MessageType{pb.MessageType_NORMAL}
	case "MIXED":
		return []pb.MessageType{pb.MessageType_NORMAL, pb.MessageType_FIFO, pb.MessageType_DELAY, pb.MessageType_TRANSACTION}
	}
	if t, ok := pb.MessageType_value[attribute]; ok {
		return []pb.MessageType{pb.MessageType(t)}
	}
	return []pb.MessageType{pb.MessageType_MESSAGE_TYPE_UNSPECIFIED}
}

// Endpoints are an address, or a host name, and a port.
func Endpoints(addr string) *pb.Endpoints {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	n, _ := strconv.ParseInt(port, 10, 32)
	e := &pb.Endpoints{Scheme: pb.AddressScheme_DOMAIN_NAME, Addresses: []*pb.Address{{Host: host, Port: int32(n)}}}
	if ip, err := netip.ParseAddr(host); err == nil {
		e.Scheme = pb.AddressScheme_IPv4
		if ip.Is6() && !ip.Is4In6() {
			e.Scheme = pb.AddressScheme_IPv6
		}
	}
	return e
}
