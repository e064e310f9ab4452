package remoting

import (
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// BeginFrame is [Conn.BeginSoon] for a frame in whichever encoding it says: the binary one has no room for request codes above 32767. f is
// numbered here, and not changed.
func (c *Conn) BeginFrame(f *protocol.Frame, deadline time.Time, w Answerer) (opaque int32, err error) {
	request := *f
	request.Opaque = 0
	if w != nil {
		end := int64(0)
		if !deadline.IsZero() {
			end = max(1, int64(deadline.Sub(c.host.start)))
		}
		if opaque, _, err = c.calls.reserve(w, end); err != nil {
			return 0, err
		}
		request.Opaque = opaque
	}
	if c.host.Sign != nil {
		c.host.Sign(&request)
	}
	if err := c.Send(&request); err != nil && (w == nil || c.calls.take(opaque) != nil) {
		return 0, err
	}
	return opaque, nil
}
