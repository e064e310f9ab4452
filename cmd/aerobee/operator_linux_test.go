//go:build numbers

package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/machine"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// What an operator waits for.
const (
	listedTopics     = 10_000
	maxTopicList     = 30 * time.Millisecond // of `aerobee admin topicList`, from exec to its end
	registeredTopics = 100_000
	maxRegister      = time.Second // until the NameServer has answered all of a broker's registration
	partTopics       = 800         // of a registration in parts: splitRegistrationSize of RocketMQ's brokers
)

// median is the middle one of so many measurements.
func median(n int, measure func() time.Duration) (middle, least, most time.Duration) {
	var all []time.Duration
	for range n {
		all = append(all, measure())
	}
	slices.Sort(all)
	return all[n/2], all[0], all[n-1]
}

// TestTopicListTime lists 10,000 topics with the binary. `make bench-operate` runs it.
func TestTopicListTime(t *testing.T) {
	t.Log(machine.Stamp())
	bin := buildBinary(t)
	n := startNode(t, bin, "--memory")
	makeTopics(t, n.addr, listedTopics)
	middle, least, most := median(21, func() time.Duration {
		began := time.Now()
		out, err := exec.Command(bin, "admin", "topicList", "-n", n.addr).Output()
		took := time.Since(began)
		if count := strings.Count(string(out), "Topic-"); err != nil || count != listedTopics {
			t.Fatalf("%d topics of %d, %v", count, listedTopics, err)
		}
		return took
	})
	t.Logf("aerobee admin topicList of %d topics: median %v (%v to %v), must %v", listedTopics, middle, least, most, maxTopicList)
	if middle >= maxTopicList {
		t.Errorf("aerobee admin topicList takes %v, it must be less than %v", middle, maxTopicList)
	}
}

// makeTopics makes so many topics of one queue.
func makeTopics(t *testing.T, addr string, n int) {
	t.Helper()
	conn := dialNode(t, addr)
	var work sync.WaitGroup
	for part := range 32 {
		work.Go(func() {
			for i := part; i < n; i += 32 {
				r := ask(t, conn, protocol.ReqUpdateAndCreateTopic, "", "topic", fmt.Sprintf("Topic-%05d", i), "defaultTopic", "TBW102", "readQueueNums", "1", "writeQueueNums", "1",
					"perm", "6", "topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false")
				if r.Code != protocol.ResSuccess {
					t.Errorf("topic %d: code %d %s", i, r.Code, r.Remark)
					return
				}
			}
		})
	}
	work.Wait()
}

// registrations are the requests by which a broker registers so many topics, at most so many in each.
func registrations(t *testing.T, round, topics, part int, compressed bool) (out []*protocol.Frame) {
	t.Helper()
	for from := 0; from < topics; from += part {
		body := protocol.RegisterBrokerBody{Topics: protocol.TopicConfigTable{DataVersion: protocol.DataVersion{Timestamp: int64(round), Counter: int64(round)},
			Topics: map[string]protocol.TopicConfig{}}}
		for i := from; i < min(from+part, topics); i++ {
			name := fmt.Sprintf("Topic-%06d", i)
			body.Topics.Topics[name] = protocol.TopicConfig{TopicName: name, ReadQueueNums: 8, WriteQueueNums: 8, Perm: 6, TopicFilterType: "SINGLE_TAG"}
		}
		b, err := body.Marshal(compressed)
		if err != nil {
			t.Fatal(err)
		}
		f := &protocol.Frame{Code: protocol.ReqRegisterBroker, Version: protocol.CurrentVersion, Body: b}
		h := protocol.RegisterBrokerHeader{BrokerName: "broker-x", BrokerAddr: "192.0.2.1:10911", ClusterName: "DefaultCluster", HAServerAddr: "192.0.2.1:10912",
			HasEnableActingMaster: true, Compressed: compressed, BodyCRC32: int32(message.CRC(b))}
		h.Append(&f.Fields)
		out = append(out, f)
	}
	return out
}

// TestRegisterTime registers a broker with 100,000 topics at a NameServer, as one request, compressed, and in parts, one behind the other as RocketMQ's
// brokers send them. Each round they have changed. `make bench-operate` runs it.
func TestRegisterTime(t *testing.T) {
	t.Log(machine.Stamp())
	bin := buildBinary(t)
	f := func(what string, part int, compressed bool) {
		t.Helper()
		n := startNode(t, bin, "--memory", "--set", "roles=namesrv")
		conn := dialNode(t, n.addr)
		round := 0
		middle, least, most := median(5, func() time.Duration {
			round++
			requests := registrations(t, round, registeredTopics, part, compressed)
			began := time.Now()
			for _, f := range requests {
				register(t, conn, f)
			}
			return time.Since(began)
		})
		r := ask(t, conn, protocol.ReqGetRouteInfoByTopic, "", "topic", fmt.Sprintf("Topic-%06d", registeredTopics-1))
		if r.Code != protocol.ResSuccess || !strings.Contains(string(r.Body), "broker-x") {
			t.Errorf("%s: the route of the last topic: code %d %s %s", what, r.Code, r.Remark, r.Body)
		}
		t.Logf("%s: %d topics registered in a median of %v (%v to %v), must %v", what, registeredTopics, middle, least, most, maxRegister)
		if middle >= maxRegister {
			t.Errorf("%s: registering %d topics takes %v, it must be less than %v", what, registeredTopics, middle, maxRegister)
		}
	}
	f("in one request, compressed", registeredTopics, true)
	f("in parts", partTopics, false)
}

func register(t *testing.T, conn *remoting.Conn, f *protocol.Frame) {
	t.Helper()
	r, err := conn.Invoke(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if r.Code != protocol.ResSuccess {
		t.Fatalf("register: code %d %s", r.Code, r.Remark)
	}
}
