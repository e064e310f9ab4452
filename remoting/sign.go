package remoting

import "github.com/aerobee-mq/aerobee/protocol"

// signed is the head of a request after [Options].Sign has had it. One that cannot be read goes out as it is: the peer says what is wrong.
func (c *Conn) signed(head, body []byte) []byte {
	if c.host.Sign == nil {
		return head
	}
	var f protocol.Frame
	if len(head) < 4 || protocol.DecodeFrame(head[4:], &f) != nil {
		return head
	}
	f.Body = body
	c.host.Sign(&f)
	return protocol.AppendHead(nil, &f, len(body))
}
