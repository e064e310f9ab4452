package interop

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// abuse is one way to make a server hold memory for its clients.
type abuse struct {
	name    string
	backlog bool   // needs 128 MB to ask for
	growth  uint64 // most MiB of resident memory that it may cost, whatever the limit; 0: the limit alone counts
	do      func(a *abuser) error
}

func abuses() []abuse {
	return []abuse{
		{"10,000 idle connections", false, 80, (*abuser).idle},
		{"half-open connections", false, 30, (*abuser).halfOpen},
		{"frames of 64 MiB announced and never sent", false, 20, (*abuser).announce},
		{"frames of 15 MiB sent but for the last byte", false, 0, (*abuser).unfinished},
		{"2 GB asked for and nothing read", true, 0, (*abuser).deaf},
		{"slow consumers", true, 0, (*abuser).slow},
	}
}

// TestBoundedAbuser is the process of the abusing clients; it does nothing unless TestBounded has started it.
func TestBoundedAbuser(t *testing.T) {
	name := os.Getenv("AEROBEE_INTEROP_BOUNDED_ABUSE")
	if name == "" {
		return
	}
	a := &abuser{broker: os.Getenv("AEROBEE_INTEROP_BOUNDED_BROKER"), ended: make(chan struct{})}
	for _, kind := range abuses() {
		if kind.name == name {
			if err := kind.do(a); err != nil {
				t.Fatal(err)
			}
		}
	}
	fmt.Println("READY")
	io.Copy(io.Discard, os.Stdin) // until the test has seen enough
	closed := 0
	for _, conn := range a.conns {
		if !established(conn) {
			closed++
		}
	}
	fmt.Printf("END %d connections, the server closed %d\n", len(a.conns), closed)
	close(a.ended)
	for _, conn := range a.conns {
		conn.Close()
	}
	a.running.Wait()
}

// abuser holds the abusing connections.
type abuser struct {
	broker  string
	conns   []net.Conn
	running sync.WaitGroup
	ended   chan struct{}
}

// open makes n connections.
func (a *abuser) open(n int) ([]net.Conn, error) {
	begin := len(a.conns)
	for range n {
		conn, err := net.DialTimeout("tcp", a.broker, 10*time.Second)
		if err != nil {
			return nil, fmt.Errorf("connection %d: %w", len(a.conns), err)
		}
		a.conns = append(a.conns, conn)
	}
	return a.conns[begin:], nil
}

// write sends all of b, or as much as the server takes within five seconds. That the server closes the connection is what
// some abuses deserve.
func (a *abuser) write(conn net.Conn, b []byte) {
	conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	conn.Write(b)
}

// frameOf is a request in JSON.
func frameOf(code int, fields map[string]string) []byte {
	header, err := json.Marshal(map[string]any{"code": code, "language": "GO", "version": 513, "opaque": 1, "flag": 0,
		"serializeTypeCurrentRPC": "JSON", "extFields": fields})
	if err != nil {
		panic(err) // BUG: texts and numbers only
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	return append(frame, header...)
}

func pullBig(offset int) []byte {
	return frameOf(codePull, map[string]string{
		"consumerGroup": "bounded-bad", "topic": bigTopic, "queueId": "0", "queueOffset": strconv.Itoa(offset), "maxMsgNums": "32", "sysFlag": "4",
		"commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0", "expressionType": "TAG"})
}

// idle asks each connection's server for something, takes the answer, and says no more.
func (a *abuser) idle() error {
	conns, err := a.open(10_000)
	if err != nil {
		return err
	}
	ask := frameOf(codeGetRoute, map[string]string{"topic": goodTopic})
	for _, conn := range conns {
		a.write(conn, ask)
	}
	for _, conn := range conns {
		if _, err := readAnswer(conn); err != nil {
			return err
		}
	}
	return nil
}

// halfOpen leaves the server with connections whose peer says no more in the middle of a frame, as one does whose machine is gone.
func (a *abuser) halfOpen() error {
	conns, err := a.open(2000)
	if err != nil {
		return err
	}
	frame := frameOf(codeGetRoute, map[string]string{"topic": goodTopic})
	for i, conn := range conns {
		a.write(conn, frame[:5+i%(len(frame)-6)])
	}
	return nil
}

// announce promises frames that never come.
func (a *abuser) announce() error {
	conns, err := a.open(1000)
	if err != nil {
		return err
	}
	promise := binary.BigEndian.AppendUint32(nil, 64<<20)
	promise = append(binary.BigEndian.AppendUint32(promise, 100), make([]byte, 1000)...)
	for _, conn := range conns {
		a.write(conn, promise)
	}
	return nil
}

// unfinished sends frames below the limit, 1.5 GB in all, and keeps the last byte of each.
func (a *abuser) unfinished() error {
	conns, err := a.open(100)
	if err != nil {
		return err
	}
	const size = 15 << 20
	frame := binary.BigEndian.AppendUint32(nil, size)
	frame = append(binary.BigEndian.AppendUint32(frame, 100), make([]byte, size-5)...)
	for _, conn := range conns {
		a.write(conn, frame)
	}
	return nil
}

// deaf asks for 2 GB in answers of 256 KiB, and reads nothing.
func (a *abuser) deaf() error {
	conns, err := a.open(40)
	if err != nil {
		return err
	}
	for i := range (2 << 30) / (256 << 10) / len(conns) {
		for _, conn := range conns {
			a.write(conn, pullBig(i*4%1900))
		}
	}
	return nil
}

// slow reads what it asked for in small pieces.
func (a *abuser) slow() error {
	conns, err := a.open(200)
	if err != nil {
		return err
	}
	for i, conn := range conns {
		for range 4 {
			a.write(conn, pullBig(i*8))
		}
		a.running.Go(func() { a.sip(conn) })
	}
	return nil
}

func (a *abuser) sip(conn net.Conn) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	var sip [1024]byte
	for {
		select {
		case <-a.ended:
			return
		case <-ticker.C:
		}
		if _, err := conn.Read(sip[:]); err != nil {
			return
		}
	}
}
