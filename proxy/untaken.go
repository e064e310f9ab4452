package proxy

import (
	"container/list"
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// untaken knows the answers with messages that are being written. A client that does not take them makes the server hold them, one for each stream that it
// has opened: gRPC itself waits for as long as the connection lives. When all of them hold too much, the connection is cut off whose answer has
// moved least lately, unless its client has taken something within the last five seconds: it is not slow, there is much. At
// twice as much that does not count. One is cut off as well whose answer has
// not moved for the idle time.
type untaken struct {
	most int64
	idle time.Duration
	cut  func(at ends, bytes, sum int64) // closes a connection; bytes are those of its answers

	mu    sync.Mutex // guards what follows, and all answers
	sum   int64
	going int64      // bytes of sum whose connections were cut off
	all   *list.List // of *answer, the one that has moved least lately first
}

// answer is one of them.
type answer struct {
	u     *untaken
	at    ends
	sizes []int64 // of its messages
	next  int     // how many of them gRPC has got
	left  int64   // what it holds
	moved time.Time
	took  time.Time // when the client has taken something of it last; zero for never
	gone  bool      // its connection was cut off
	place *list.Element
}

// takes is how lately a client has taken something that does not count as slow.
const takes = 5 * time.Second

// messageHead is what a message costs beside its body, about.
const messageHead = 1 << 10

// begin counts an answer with these messages. The caller calls end.
func (u *untaken) begin(ctx context.Context, messages []*pb.Message) *answer {
	a := &answer{u: u, moved: time.Now(), sizes: make([]int64, len(messages))}
	if p, ok := peer.FromContext(ctx); ok {
		a.at = ends{addrPort(p.Addr), addrPort(p.LocalAddr)}
	}
	for i, m := range messages {
		a.sizes[i] = int64(len(m.GetBody())) + messageHead
		a.left += a.sizes[i]
	}
	u.mu.Lock()
	u.sum += a.left
	a.place = u.all.PushBack(a)
	at, bytes, sum := u.overLocked()
	u.mu.Unlock()
	if bytes > 0 {
		u.cut(at, bytes, sum)
	}
	return a
}

// overLocked chooses the connection to cut off, if the answers hold too much; bytes is 0 if they do not. One answer alone always passes.
func (u *untaken) overLocked() (at ends, bytes, sum int64) {
	sum = u.sum
	if sum-u.going <= u.most || u.all.Len() < 2 {
		return ends{}, 0, sum
	}
	var quick map[ends]bool
	if sum-u.going <= 2*u.most { // who takes a little now and then must not hold more and more
		quick = u.quickLocked(time.Now())
	}
	for e := u.all.Front(); e != nil && e != u.all.Back(); e = e.Next() {
		if a := e.Value.(*answer); !a.gone && !quick[a.at] {
			return a.at, u.goLocked(a.at), sum
		}
	}
	return ends{}, 0, sum
}

// quickLocked are the connections whose clients have taken something lately. One that only opens new answers has not.
func (u *untaken) quickLocked(now time.Time) map[ends]bool {
	quick := map[ends]bool{}
	for e := u.all.Back(); e != nil; e = e.Prev() {
		a := e.Value.(*answer)
		if now.Sub(a.moved) >= takes {
			break // nor have those before it, which have moved before
		}
		if now.Sub(a.took) < takes {
			quick[a.at] = true
		}
	}
	return quick
}

// goLocked notes that a connection is cut off, and returns what its answers hold.
func (u *untaken) goLocked(at ends) (bytes int64) {
	for e := u.all.Front(); e != nil; e = e.Next() {
		if a := e.Value.(*answer); a.at == at && !a.gone {
			a.gone = true
			bytes += a.left
		}
	}
	u.going += bytes
	return bytes
}

// sweep cuts off the connections whose answers have not moved for the idle time.
func (u *untaken) sweep(now time.Time) {
	for {
		u.mu.Lock()
		var at ends
		var bytes int64
		for e := u.all.Front(); e != nil && bytes == 0; e = e.Next() {
			a := e.Value.(*answer)
			if now.Sub(a.moved) < u.idle {
				break
			}
			if !a.gone {
				at, bytes = a.at, u.goLocked(a.at)
			}
		}
		sum := u.sum
		u.mu.Unlock()
		if bytes == 0 {
			return
		}
		u.cut(at, bytes, sum)
	}
}

// sent notes that gRPC has got the next message. It takes one beyond what the client has room for, so the one before has gone.
func (a *answer) sent() {
	a.u.mu.Lock()
	defer a.u.mu.Unlock()
	if a.next > 0 {
		a.lessLocked(a.sizes[a.next-1])
		a.took = time.Now()
	}
	a.next++
	a.moved = time.Now()
	a.u.all.MoveToBack(a.place)
}

// end ends the answer, whether it was taken or not.
func (a *answer) end() {
	a.u.mu.Lock()
	defer a.u.mu.Unlock()
	a.lessLocked(a.left)
	a.u.all.Remove(a.place)
}

func (a *answer) lessLocked(n int64) {
	a.left -= n
	a.u.sum -= n
	if a.gone {
		a.u.going -= n
	}
}

// cutOff closes a connection that does not take its answers, and says so.
func (l *listener) cutOff(at ends, bytes, sum int64) {
	var found []*conn
	l.mu.Lock()
	for c := range l.open {
		if (ends{addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())}) == at {
			found = append(found, c)
		}
	}
	l.mu.Unlock()
	for _, c := range found {
		l.log.Warn("a gRPC connection is closed: slow reader: it does not take its answers", "peer", c.RemoteAddr().String(), "bytes", bytes, "of", sum, "limit", l.mostUntaken)
		_ = c.Close()
	}
}
