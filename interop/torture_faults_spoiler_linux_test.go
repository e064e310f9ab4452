package interop

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Bugs that only faults bring to light. Each bites once, when it is armed, and has a line of messages of its own.
const (
	spoilRefused = "a send that was refused is answered as stored"                     // o0
	spoilTwice   = "a timer is put right twice by a clock that is behind, and due now" // t0
	spoilAgain   = "a send whose client is cut is handed on twice"                     // o1

	spoilBehind = 2 * time.Hour
)

// faultsSpoiler plants these bugs by a middleman.
type faultsSpoiler struct {
	mu    sync.Mutex // guards all below
	bug   string     // the one that is to bite
	asked map[*passage]map[int32]bool
}

func (s *faultsSpoiler) arm(bug string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bug = bug
}

// unbitten is an error as long as a bug is to bite.
func (s *faultsSpoiler) unbitten() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bug != "" {
		return fmt.Errorf("left: %s", s.bug)
	}
	return nil
}

// bites says whether the bug is to bite here and now, and if so that it has. s.mu is held.
func (s *faultsSpoiler) bites(bug string) bool {
	if s.bug != bug {
		return false
	}
	s.bug = ""
	return true
}

// request looks at what a client asks.
func (s *faultsSpoiler) request(p *passage, f *protocol.Frame, frame []byte) []byte {
	if f.Code != protocol.ReqSendMessage {
		return frame
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch bodyEvent(f.Body).Key.Producer {
	case "o0":
		if s.asked[p] == nil {
			s.asked[p] = map[int32]bool{}
		}
		s.asked[p][f.Opaque] = true
	case "t0":
		at := dueTime.FindSubmatchIndex(frame)
		due, err := strconv.ParseInt(string(frame[at[2]:at[3]]), 10, 64)
		if soon := time.Now().UnixMilli() + 1500; err == nil && due > soon && s.bites(spoilTwice) {
			copy(frame[at[2]:at[3]], strconv.FormatInt(due-2*spoilBehind.Milliseconds(), 10))
		}
	case "o1":
		if !s.bites(spoilAgain) {
			return frame
		}
		for range 2 {
			if err := ask(p.m.backend, frame); err != nil {
				s.bug = err.Error() // never bitten
			}
		}
		p.client.Close()
		return nil
	}
	return frame
}

// ask sends one frame by a connection of its own and waits for the answer.
func ask(addr string, frame []byte) error {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write(frame); err != nil {
		return err
	}
	_, err = readFrame(conn)
	return err
}

// answer looks at what the broker says.
func (s *faultsSpoiler) answer(p *passage, f *protocol.Frame, frame []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.IsResponse() || !s.asked[p][f.Opaque] {
		return frame
	}
	delete(s.asked[p], f.Opaque)
	if f.Code == protocol.ResSuccess || !s.bites(spoilRefused) {
		return frame
	}
	f.Code, f.Remark, f.Fields = protocol.ResSuccess, "", nil
	header := protocol.SendMessageResponseHeader{MsgID: []byte("7F000001000000010000000000000000"), QueueOffset: -1}
	header.Append(&f.Fields)
	return protocol.AppendFrame(nil, f)
}
