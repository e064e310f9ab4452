package aerobee

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// startBound is what a node in memory may take from Start to its first acknowledged message.
const startBound = 20 * time.Millisecond

// TestStartIsQuick takes the best of some starts: a machine that is busy with something else makes single ones slower.
func TestStartIsQuick(t *testing.T) {
	best := time.Hour
	for range 10 {
		best = min(best, firstSend(t))
	}
	t.Logf("best of 10: %v", best)
	if best > startBound {
		t.Errorf("from Start to the first acknowledged message %v at best, the bound is %v", best, startBound)
	}
}

// TestManyNodes runs 8 nodes of the same name side by side, on disk and in memory: nothing of one is seen in another, and
// closing some leaves the others alone.
func TestManyNodes(t *testing.T) {
	const nodes, messages = 8, 30 // one pull answers 32
	var all [nodes]*Server
	for i := range all {
		c := Config{Memory: true, Settings: map[string]string{"brokerName": "b", "mappedFileSizeCommitLog": "16m"}}
		if i%4 == 3 {
			c.Memory, c.Data, c.Listen = false, t.TempDir(), []string{"127.0.0.1:0"}
		}
		all[i] = mustStart(t, c)
	}
	topic := func(i int) string { return fmt.Sprint("T", i) }
	var senders sync.WaitGroup
	for i, s := range all {
		p := s.dial(t)
		senders.Go(func() {
			for n := range messages {
				if r := p.send("shared", fmt.Sprintf("%d/%d;", i, n)); r.Code != protocol.ResSuccess {
					t.Errorf("node %d: code %d %s", i, r.Code, r.Remark)
				}
			}
			p.send(topic(i), "own")
		})
	}
	senders.Wait()
	for i, s := range all {
		if i%2 == 1 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, s := range all {
		if i%2 == 1 {
			continue
		}
		p := s.dial(t)
		if r := p.route("shared"); r == nil || len(r.Brokers) != 1 || r.Brokers[0].Addrs[0] != s.Addr() {
			t.Errorf("node %d at %s has the route %+v", i, s.Addr(), r)
		}
		body := string(p.pull("G", "shared", 0, 0).Body)
		for n := range messages {
			if !strings.Contains(body, fmt.Sprintf("%d/%d;", i, n)) {
				t.Errorf("node %d has lost message %d", i, n)
			}
		}
		for other := range all {
			if other == i {
				continue
			}
			if strings.Contains(body, fmt.Sprintf("%d/0;", other)) || p.route(topic(other)) != nil {
				t.Errorf("node %d has something of node %d", i, other)
			}
		}
	}
}

// TestCloseLeavesNothing starts nodes, uses them, closes them with connections still open, and counts goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	firstSend(t) // what a process makes once for all nodes is made now
	before := goroutines()
	for i := range 4 {
		c := Config{Memory: i%2 == 0, Listen: []string{"127.0.0.1:0", "127.0.0.1:0"}, Settings: map[string]string{"mappedFileSizeCommitLog": "16m"}}
		if !c.Memory {
			c.Data = t.TempDir()
		}
		s, err := Start(c)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := remoting.Dial(t.Context(), s.Addr(), remoting.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{t, conn}
		p.mustSend("T", "x")
		p.pull("G", "T", 0, 0)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
	if _, err := Start(Config{Memory: true, Settings: map[string]string{"advertise": "not an address"}}); err == nil {
		t.Error("a node with a wrong address started")
	}
	// A goroutine that has said that it ends may still be seen for a moment.
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if left = newSince(before); len(left) == 0 {
			return
		}
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

// goroutines returns who created each goroutine, "" for the first.
func goroutines() []string {
	buf := make([]byte, 4<<20)
	var out []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, creator, _ := strings.Cut(g, "created by ")
		out = append(out, creator)
	}
	return out
}

// newSince returns the goroutines beyond those of before.
func newSince(before []string) []string {
	before = slices.Clone(before)
	var out []string
	for _, g := range goroutines() {
		if i := slices.Index(before, g); i >= 0 {
			before = slices.Delete(before, i, i+1)
			continue
		}
		out = append(out, g)
	}
	return out
}
