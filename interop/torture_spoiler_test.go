package interop

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Bugs of the machines that a spoiler plants, all in one run, each once. Each has lines of messages of its own.
const (
	spoilTimerEarly = "a timer delivered early"                            // t0
	spoilTimerTwice = "a timer delivered twice"                            // t1
	spoilRollback   = "a rolled back transaction visible"                  // x0
	spoilHalf       = "a half message visible"                             // x1
	spoilCommit     = "a commit lost"                                      // x2
	spoilPopEarly   = "a popped message again, too early"                  // pop-single
	spoilPopAcked   = "an acknowledged message again"                      // pop-single
	spoilOwners     = "two owners of each queue, from then on"             // owned
	spoilScatter    = "a sharding key in two queues in turn, from then on" // scatteredLine
)

// scatteredLine is the line of messages whose sharding key is scattered. Each queue by itself stays in order.
const scatteredLine = "k0"

// lasting says whether a bug goes on once it bites.
func lasting(bug string) bool { return bug == spoilOwners || bug == spoilScatter }

// spoiled are the faults by which the bugs must be found: by the first letter of a line, how many messages have each.
func spoiled() map[string]map[history.Fault]int {
	return map[string]map[history.Fault]int{
		"t": {history.Early: 1, history.Duplicated: 1},
		"x": {history.Phantom: 2, history.Lost: 1},
		"p": {history.Early: 1, history.Duplicated: 1},
	}
}

// spoiler makes a middleman a broker whose machines are wrong.
type spoiler struct {
	mu       sync.Mutex // guards all below
	left     []string   // bugs that have not bitten
	halves   map[string]history.Key
	pops     map[*passage]map[int32]bool
	replay   protocol.Frame // a pop's answer with one message that nobody acknowledges
	replayed time.Time      // when it came first
	turn     int            // of the two queues of the scattered line
}

func newSpoiler() *spoiler {
	return &spoiler{halves: map[string]history.Key{}, pops: map[*passage]map[int32]bool{}}
}

// arm lets all bugs bite.
func (s *spoiler) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = []string{spoilTimerEarly, spoilTimerTwice, spoilRollback, spoilHalf, spoilCommit, spoilPopEarly, spoilPopAcked, spoilOwners, spoilScatter}
}

// unbitten is an error as long as bugs are left.
func (s *spoiler) unbitten() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := slices.DeleteFunc(slices.Clone(s.left), lasting); len(left) > 0 {
		return fmt.Errorf("left: %s", strings.Join(left, ", "))
	}
	return nil
}

// bites says whether the bug is to bite here and now. s.mu is held.
func (s *spoiler) bites(bug string) bool {
	before := len(s.left)
	if !lasting(bug) {
		s.left = slices.DeleteFunc(s.left, func(b string) bool { return b == bug })
		return len(s.left) < before
	}
	return slices.Contains(s.left, bug)
}

var (
	dueTime  = regexp.MustCompile(`TIMER_DELIVER_MS(?:\\u0001|\x01)(\d{13})`)
	uniqueID = regexp.MustCompile(`UNIQ_KEY(?:\\u0001|\x01)([0-9A-F]+)`)
)

func (s *spoiler) request(p *passage, f *protocol.Frame, frame []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Code {
	case protocol.ReqSendMessageV2:
		return s.send(p, f, frame)
	case protocol.ReqEndTransaction:
		return s.end(f, frame)
	case protocol.ReqPopMessage:
		if f.Fields.String("consumerGroup") == "pop-single" {
			if s.pops[p] == nil {
				s.pops[p] = map[int32]bool{}
			}
			s.pops[p][f.Opaque] = true
		}
	case protocol.ReqAckMessage:
		if f.Fields.String("consumerGroup") == "pop-single" && s.bites(spoilPopAcked) {
			return p.say(f, nil)
		}
	case protocol.ReqLockBatchMQ:
		var lock protocol.LockBatchRequest
		if json.Unmarshal(f.Body, &lock) != nil || lock.ConsumerGroup != "owned" {
			return frame
		}
		p.id = lock.ClientID
		if s.bites(spoilOwners) {
			return p.say(f, protocol.LockBatchResponse{Locked: lock.Queues})
		}
	case protocol.ReqGetConsumerListByGroup:
		if p.id != "" && f.Fields.String("consumerGroup") == "owned" && s.bites(spoilOwners) {
			return p.say(f, protocol.ConsumerIDList{ConsumerIDs: []string{p.id}})
		}
	}
	return frame
}

// say answers a request in the broker's place; an error closes the passage at the next frame.
func (p *passage) say(f *protocol.Frame, body any) []byte {
	reply := f.Reply(protocol.ResSuccess, "")
	if body != nil {
		reply.Body = protocol.MarshalBody(body)
	}
	p.tell(protocol.AppendFrame(nil, &reply))
	return nil
}

// send spoils a timed message or a half message.
func (s *spoiler) send(p *passage, f *protocol.Frame, frame []byte) []byte {
	key := bodyEvent(f.Body).Key
	if id := uniqueID.FindSubmatch(frame); id != nil && key.Producer[0] == 'x' {
		s.halves[string(id[1])] = key
	}
	switch key.Producer {
	case "t0":
		at := dueTime.FindSubmatchIndex(frame)
		due, err := strconv.ParseInt(string(frame[at[2]:at[3]]), 10, 64)
		if soon := time.Now().UnixMilli() + 300; err == nil && due > soon+1000 && s.bites(spoilTimerEarly) {
			copy(frame[at[2]:at[3]], strconv.FormatInt(soon, 10))
		}
	case "t1":
		if s.bites(spoilTimerTwice) {
			again := *f
			again.Opaque += 1 << 28 // the client asks nothing by this number
			return append(frame, protocol.AppendFrame(nil, &again)...)
		}
	case scatteredLine:
		if s.bites(spoilScatter) {
			queue, err := strconv.Atoi(f.Fields.String("e"))
			if err != nil {
				return frame
			}
			s.turn = 1 - s.turn
			set(f, "e", strconv.Itoa((queue+s.turn)%keyedQueues))
			return protocol.AppendFrame(nil, f)
		}
	case "x1":
		if kind(key) > 6 && s.bites(spoilHalf) { // one about which the broker is to ask
			set(f, "f", "0")
			set(f, "i", strings.Replace(f.Fields.String("i"), "TRAN_MSG", "NOT_HALF", 1))
			return protocol.AppendFrame(nil, f)
		}
	}
	return frame
}

// end makes a rollback a commit, and a commit a rollback.
func (s *spoiler) end(f *protocol.Frame, frame []byte) []byte {
	producer, verdict := s.halves[f.Fields.String("transactionId")].Producer, f.Fields.String("commitOrRollback")
	switch {
	case producer == "x0" && verdict == "12" && s.bites(spoilRollback):
		set(f, "commitOrRollback", "8")
	case producer == "x2" && verdict == "8" && s.bites(spoilCommit):
		set(f, "commitOrRollback", "12")
	default:
		return frame
	}
	return protocol.AppendFrame(nil, f)
}

// set changes a header field.
func set(f *protocol.Frame, name, value string) {
	for i := range f.Fields {
		if string(f.Fields[i].Key) == name {
			f.Fields[i].Value = []byte(value)
		}
	}
}

// kind is what Machines.java makes of a key: Java's hash of it by ten.
func kind(key history.Key) int {
	hash := int32(0)
	for _, c := range key.String() {
		hash = hash*31 + c
	}
	return int((hash%10 + 10) % 10)
}

// answer gives a message that somebody has just popped once more.
func (s *spoiler) answer(p *passage, f *protocol.Frame, frame []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.IsResponse() || !s.pops[p][f.Opaque] {
		return frame
	}
	delete(s.pops[p], f.Opaque)
	if age := time.Since(s.replayed); age > 300*time.Millisecond && age < 2*time.Second && s.bites(spoilPopEarly) {
		again := s.replay
		again.Opaque = f.Opaque
		set(&again, "popTime", strconv.FormatInt(time.Now().UnixMilli(), 10))
		return protocol.AppendFrame(nil, &again)
	}
	if records := splitRecords(f.Body); len(s.left) > 0 && len(records) == 1 && f.Code == protocol.ResSuccess {
		if e, _, err := parseRecord(records[0]); err == nil && kind(e.Key) == 0 && binary.BigEndian.Uint32(records[0][72:]) == 0 { // at its second delivery it is acknowledged
			s.replay, s.replayed = *f.Clone(), time.Now()
		}
	}
	return frame
}
