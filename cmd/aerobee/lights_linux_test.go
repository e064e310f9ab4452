//go:build numbers

package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/machine"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// What 100,000 light queues that hold messages may take of memory, and how soon after a kill they are back.
const (
	lightQueues      = 100_000
	maxLightRSS      = 300 << 20
	maxLightRecovery = 10 * time.Second // with room for a busy machine; the log says what it was
)

// TestLightQueuesSize begins 100,000 light queues with two messages each, kills the node, starts it again and asks for some of them.
// `make bench-lights` runs it: it takes a minute.
func TestLightQueuesSize(t *testing.T) {
	t.Log(machine.Stamp())
	bin, data := buildBinary(t), t.TempDir()
	n := startNode(t, bin, "--data", data)
	idle := n.rss(t)
	began := time.Now()
	sendToLights(t, n.addr, 100) // all of them begin in 1,000 messages
	each := time.Now()
	sendToLights(t, n.addr, 1)
	t.Logf("begun in %v; then one message each in %v", each.Sub(began).Round(time.Millisecond), time.Since(each).Round(time.Millisecond))
	full := n.rss(t)
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait()
	began = time.Now()
	n = startNode(t, bin, "--data", data)
	recovery := time.Since(began)
	conn := dialNode(t, n.addr)
	for _, i := range []int{0, 1, lightQueues / 2, lightQueues - 1} {
		r := ask(t, conn, protocol.ReqGetMaxOffset, "", "topic", lightQueue(i), "queueId", "0")
		if got := r.Fields.String("offset"); got != "2" {
			t.Errorf("light queue %d ends at %s", i, got)
		}
	}
	again := n.rss(t)
	t.Logf("%d light queues: RSS %.1f MiB, idle before %.1f MiB; after the kill back in %v with %.1f MiB",
		lightQueues, mib(full), mib(idle), recovery.Round(time.Millisecond), mib(again))
	if max(full, again) > maxLightRSS || recovery > maxLightRecovery {
		t.Errorf("over the limit: RSS %d and %d of %d bytes, recovery %v of %v", full, again, maxLightRSS, recovery, maxLightRecovery)
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func lightQueue(i int) string { return fmt.Sprintf("%sclient-%d", message.LMQPrefix, i) }

// sendToLights sends to each light queue once, so many of them with one message.
func sendToLights(t *testing.T, addr string, together int) {
	t.Helper()
	const connections, flight = 2, 64
	var work sync.WaitGroup
	next := make(chan int)
	for range connections {
		conn := dialNode(t, addr)
		for range flight {
			work.Go(func() {
				for first := range next {
					names := make([]string, together)
					for i := range names {
						names[i] = lightQueue(first + i)
					}
					properties := message.AppendProperty(nil, message.PropMultiDispatch, strings.Join(names, ","))
					r := ask(t, conn, protocol.ReqSendMessageV2, strings.Repeat("x", 100), "a", "producers", "b", "T", "c", "TBW102", "d", "4", "e", "0",
						"f", "0", "g", "1", "h", "0", "i", string(properties))
					if r.Code != protocol.ResSuccess {
						t.Errorf("send: code %d %s", r.Code, r.Remark)
					}
				}
			})
		}
	}
	for first := 0; first < lightQueues; first += together {
		next <- first
	}
	close(next)
	work.Wait()
}
