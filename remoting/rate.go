package remoting

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/protocol"
)

// busy is how RocketMQ's answers begin that ask a client to come again later.
const busy = "[REJECTREQUEST]system busy, start flow control for a while: "

// holdRate takes the bucket of the peer's address, for as long as the connection lives.
func (c *Conn) holdRate() {
	if c.host.Rates != nil && !c.info.Own {
		c.bucket = c.host.Rates.Hold(ratelimit.Network(c.info.Remote.Addr()))
	}
}

func (c *Conn) releaseRate() {
	if c.bucket != nil {
		c.host.Rates.Release(ratelimit.Network(c.info.Remote.Addr()), c.bucket)
	}
}

// tooFast refuses a request for which its address has no room: with SYSTEM_BUSY, which clients take for a passing trouble; a one-way request gets no answer, but
// a line in the log.
func (c *Conn) tooFast(f *protocol.Frame) bool {
	wait := c.host.Rates.Take(c.bucket)
	if wait <= 0 {
		return false
	}
	code, remark := c.Later(f, c.host.Rates.Refusal(ratelimit.Network(c.info.Remote.Addr()), wait))
	c.Refuse(f, code, remark)
	return true
}

// Later is what [Options].Admit returns of a request that its sender may repeat, and why. A one-way request, whose sender hears nothing of it, is logged.
func (c *Conn) Later(f *protocol.Frame, why string) (code int32, remark string) {
	if f.IsOneway() {
		c.host.log.Warn("remoting: one-way request dropped: "+why, "code", f.Code, "peer", c.info.Remote.String())
	}
	return protocol.ResSystemBusy, busy + why
}

// TooMany is what a peer is told when [Conn.Go] has run out of goroutines: how many there may be, and by which setting.
func (c *Conn) TooMany() string {
	return fmt.Sprintf("%stoo many requests are waiting, the limit is %d (memoryLimit divided by %d)", busy, c.host.MaxTasks, taskRoom)
}

// taskRoom is how much of the memory's limit there has to be for each of [Options.MaxTasks]: the stack of one is an eighth of it.
const taskRoom = 64 << 10
