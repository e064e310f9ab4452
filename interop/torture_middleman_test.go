package interop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Bugs that the middleman can plant between real clients and a real broker.
const (
	plantNothing = "nothing"
	plantAnswer  = "an answer before the sync"
	plantDrop    = "one record dropped"
	plantSwap    = "two records swapped"
	plantEarly   = "one record delivered early"
)

// middleman stands before a broker, as the only address that clients know, and makes it a broker with one bug. The bug bites
// once, when it is armed and the moment allows it. Bugs are planted into the line g7, which pipelines into queue 1 of the free topic.
type middleman struct {
	plant          string
	front, backend string
	listener       net.Listener
	bitten         chan struct{} // closed when the bug has bitten
	running        sync.WaitGroup

	mu    sync.Mutex // guards all below
	armed bool
	held  []byte    // the body of a send that was kept from the broker, to be delivered early
	spoil bugBearer // bugs of machines or kinds, nil for those of plain messages
	conns []net.Conn
}

// bugBearer changes what goes through a middleman.
type bugBearer interface {
	// request returns what the broker is to get for a request, nil for nothing, answer what the client is to get of the broker's.
	request(p *passage, f *protocol.Frame, frame []byte) []byte
	answer(p *passage, f *protocol.Frame, frame []byte) []byte
}

// newMiddleman listens on a port with as many digits as the broker's, because it changes addresses in answers in place.
func newMiddleman(t *testing.T, port int, backend, plant string) *middleman {
	t.Helper()
	m := &middleman{plant: plant, front: local(port), backend: backend, bitten: make(chan struct{})}
	if len(m.front) != len(backend) {
		t.Fatalf("%s and %s have different lengths", m.front, backend)
	}
	var err error
	if m.listener, err = net.Listen("tcp", m.front); err != nil {
		t.Fatal(err)
	}
	m.running.Go(m.accept)
	t.Cleanup(func() {
		m.listener.Close()
		m.mu.Lock()
		conns := slices.Clone(m.conns)
		m.mu.Unlock()
		for _, conn := range conns {
			conn.Close()
		}
		m.running.Wait()
	})
	return m
}

func (m *middleman) accept() {
	for {
		client, err := m.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", m.backend)
		if err != nil {
			client.Close() // the broker is away, and so are we
			continue
		}
		m.mu.Lock()
		m.conns = append(m.conns, client, broker)
		m.mu.Unlock()
		p := &passage{m: m, client: client, broker: broker, pulls: map[int32]bool{}}
		m.running.Go(func() { p.pump(broker, client, p.request) })
		m.running.Go(func() { p.pump(client, broker, p.answer) })
	}
}

// arm lets the bug bite.
func (m *middleman) arm() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed = true
}

// bite says whether the bug is to bite here and now, and if so that it has.
func (m *middleman) bite(plants ...string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.armed || !slices.Contains(plants, m.plant) {
		return false
	}
	m.armed = false
	close(m.bitten)
	return true
}

// hold keeps one send from the broker, and says whether this is the one.
func (m *middleman) hold(body []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.armed || m.plant != plantEarly || m.held != nil {
		return false
	}
	m.held = slices.Clone(body)
	return true
}

// holding is the body of the send that was kept, nil without.
func (m *middleman) holding() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held
}

// passage is one client's connection, and ours to the broker for it.
type passage struct {
	m              *middleman
	client, broker net.Conn
	writing        sync.Mutex // orders whole frames to the client

	mu    sync.Mutex // guards all below
	pulls map[int32]bool
	id    string // the client's
}

// pump moves frames until either side closes; through says which frame goes on, nil for none.
func (p *passage) pump(to, from net.Conn, through func(frame []byte) []byte) {
	defer p.client.Close()
	defer p.broker.Close()
	for {
		frame, err := readFrame(from)
		if err != nil {
			return
		}
		if frame = through(frame); frame == nil {
			continue
		}
		if to == p.client {
			err = p.tell(frame)
		} else {
			_, err = to.Write(frame)
		}
		if err != nil {
			return
		}
	}
}

func (p *passage) tell(frame []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := p.client.Write(frame)
	return err
}

// readFrame returns a whole frame with its length.
func readFrame(from io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > 16<<20 {
		return nil, fmt.Errorf("a frame of %d bytes", size)
	}
	frame := append(length[:], make([]byte, size)...)
	_, err := io.ReadFull(from, frame[4:])
	return frame, err
}

// request looks at what a client asks. A send may be kept from the broker and be answered all the same.
func (p *passage) request(frame []byte) []byte {
	var f protocol.Frame
	if protocol.DecodeFrame(slices.Clone(frame[4:]), &f) != nil {
		return frame
	}
	if p.m.spoil != nil {
		return p.m.spoil.request(p, &f, frame)
	}
	switch f.Code {
	case protocol.ReqPullMessage:
		if f.Fields.String("topic") == freeTopic && f.Fields.String("queueId") == "1" {
			p.mu.Lock()
			p.pulls[f.Opaque] = true
			p.mu.Unlock()
		}
	case protocol.ReqSendMessage, protocol.ReqSendMessageV2:
		if bodyEvent(f.Body).Key.Producer != "g7" {
			return frame
		}
		if p.m.bite(plantAnswer, plantDrop) {
			reply := f.Reply(protocol.ResSuccess, "")
			header := protocol.SendMessageResponseHeader{MsgID: []byte("7F000001000000010000000000000000"), QueueID: 1, QueueOffset: -1}
			header.Append(&reply.Fields)
			p.tell(protocol.AppendFrame(nil, &reply)) // an error closes the passage at the next frame
			return nil
		}
		if p.m.hold(f.Body) {
			return nil
		}
	}
	return frame
}

// answer looks at what the broker says: it names the middleman as the broker's address, and may spoil what a pull brings.
func (p *passage) answer(frame []byte) []byte {
	var f protocol.Frame
	if protocol.DecodeFrame(slices.Clone(frame[4:]), &f) != nil {
		return frame
	}
	if p.m.spoil != nil {
		return bytes.ReplaceAll(p.m.spoil.answer(p, &f, frame), []byte(p.m.backend), []byte(p.m.front))
	}
	p.mu.Lock()
	pull := f.IsResponse() && p.pulls[f.Opaque]
	delete(p.pulls, f.Opaque)
	p.mu.Unlock()
	if !pull {
		return bytes.ReplaceAll(frame, []byte(p.m.backend), []byte(p.m.front))
	}
	if f.Code != protocol.ResSuccess {
		return frame
	}
	records := splitRecords(f.Body)
	switch held := p.m.holding(); {
	case len(records) >= 2 && p.m.bite(plantSwap):
		a, b := records[0], records[1]
		offsets := slices.Clone(a[20:36])
		copy(a[20:36], b[20:36])
		copy(b[20:36], offsets)
		records[0], records[1] = b, a
	case held != nil && len(records) > 0 && p.m.bite(plantEarly):
		records = append(records, invent(records[len(records)-1], held))
	default:
		return frame
	}
	f.Body = bytes.Join(records, nil)
	return protocol.AppendFrame(nil, &f)
}

// splitRecords copies the records of a pull's answer.
func splitRecords(body []byte) [][]byte {
	var all [][]byte
	for len(body) > 88 {
		size := int(binary.BigEndian.Uint32(body))
		if size < 88 || size > len(body) {
			break
		}
		all = append(all, slices.Clone(body[:size]))
		body = body[size:]
	}
	return all
}

// invent makes the record that would stand behind another one, with the body of a send that the broker has not got.
func invent(before, body []byte) []byte {
	length := int(binary.BigEndian.Uint32(before[84:]))
	record := append(slices.Clone(before[:88]), body...)
	record = append(record, before[88+length:]...)
	binary.BigEndian.PutUint32(record, uint32(len(record)))
	binary.BigEndian.PutUint32(record[8:], crc32.ChecksumIEEE(body))
	binary.BigEndian.PutUint64(record[20:], binary.BigEndian.Uint64(before[20:])+1)
	binary.BigEndian.PutUint32(record[36:], binary.BigEndian.Uint32(before[36:])&^1) // not compressed
	binary.BigEndian.PutUint32(record[84:], uint32(len(body)))
	return record
}

// bugs maps each planted bug to the fault that the checker must see.
func bugs() map[string]history.Fault {
	return map[string]history.Fault{plantNothing: "", plantAnswer: history.Lost, plantDrop: history.Lost,
		plantSwap: history.Reordered, plantEarly: history.Early}
}
