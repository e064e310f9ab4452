package allocate_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/internal/property"
)

func queuesOf(brokers []string, each int) []allocate.Queue {
	var all []allocate.Queue
	for _, b := range brokers {
		for id := range each {
			all = append(all, allocate.Queue{Topic: "orders", BrokerName: b, QueueID: int32(id)})
		}
	}
	slices.SortFunc(all, allocate.Queue.Compare)
	return all
}

func clientIDs(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("room%d-10.0.0.%d@%d#%d", i%3+1, i*7+1, 100+i, 1234567+i*1001))
	}
	slices.Sort(ids)
	return ids
}

func nearby(inner allocate.Strategy) allocate.Strategy {
	before := func(text, sep string) string {
		head, _, _ := strings.Cut(text, sep)
		return head
	}
	return allocate.MachineRoomNearby{Strategy: inner, BrokerRoom: func(q allocate.Queue) string { return before(q.BrokerName, "@") },
		ClientRoom: func(id string) string { return before(id, "-") }}
}

func strategy(t *testing.T, name, param string) allocate.Strategy {
	t.Helper()
	switch name {
	case "AVG":
		return allocate.Averagely{}
	case "AVG_BY_CIRCLE":
		return allocate.ByCircle{}
	case "CONSISTENT_HASH":
		n, err := strconv.Atoi(param)
		if err != nil {
			t.Fatal(err)
		}
		if n == 10 {
			n = 0 // the default
		}
		return allocate.ConsistentHash{VirtualNodes: n}
	case "MACHINE_ROOM":
		return allocate.ByMachineRoom{Rooms: strings.Split(param, ",")}
	case "MACHINE_ROOM_NEARBY-AVG":
		return nearby(allocate.Averagely{})
	case "MACHINE_ROOM_NEARBY-AVG_BY_CIRCLE":
		return nearby(allocate.ByCircle{})
	}
	t.Fatalf("no strategy %q", name)
	return nil
}

// TestAsJavaDoes compares every strategy with what RocketMQ's own classes have answered.
func TestAsJavaDoes(t *testing.T) {
	f, err := os.Open("testdata/java.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		fields := strings.Split(lines.Text(), "\t")
		each, _ := strconv.Atoi(fields[3])
		n, _ := strconv.Atoi(fields[4])
		s := strategy(t, fields[0], fields[1])
		if s.Name() != fields[0] {
			t.Errorf("name is %q, want %q", s.Name(), fields[0])
		}
		queues, clients := queuesOf(strings.Split(fields[2], ","), each), clientIDs(n)
		var got []string
		for _, me := range clients {
			mine, err := s.Allocate(me, queues, clients)
			if err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			var places []string
			for _, q := range mine {
				places = append(places, strconv.Itoa(slices.Index(queues, q)))
			}
			got = append(got, strings.Join(places, " "))
		}
		if d := cmp.Diff(fields[5], strings.Join(got, "|")); d != "" {
			t.Errorf("%s %s, brokers %s with %d queues, %d clients: -java +ours\n%s", fields[0], fields[1], fields[2], each, n, d)
		}
		cases++
	}
	if cases != 735 {
		t.Errorf("%d cases, want 735", cases)
	}
}

// TestShares states what makes a strategy one: over all members every queue has exactly one owner, whoever asks first.
func TestShares(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]allocate.Strategy{allocate.Averagely{}, allocate.ByCircle{}, allocate.ConsistentHash{}, nearby(allocate.Averagely{})}).Draw(t, "strategy")
		brokers := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"room1@a", "room2@a", "room2@b", "room4@a", "x"}), 1, 4, rapid.ID[string]).Draw(t, "brokers")
		queues, clients := queuesOf(brokers, rapid.IntRange(1, 12).Draw(t, "queues")), clientIDs(rapid.IntRange(1, 9).Draw(t, "clients"))
		before := slices.Clone(queues)
		owner := map[allocate.Queue]string{}
		for _, me := range clients {
			mine, err := s.Allocate(me, queues, clients)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := s.Allocate(me, queues, clients)
			if !slices.Equal(mine, again) {
				t.Fatalf("%s changed its mind: %v, then %v", s.Name(), mine, again)
			}
			for _, q := range mine {
				if other, taken := owner[q]; taken {
					t.Fatalf("%s gave %v to %s and %s", s.Name(), q, other, me)
				}
				owner[q] = me
			}
		}
		if len(owner) != len(queues) {
			t.Fatalf("%s gave away %d of %d queues", s.Name(), len(owner), len(queues))
		}
		if !slices.Equal(before, queues) {
			t.Fatal("the caller's list was changed")
		}
	})
}

func TestFewQueuesMoveOnTheRing(t *testing.T) {
	queues, clients := queuesOf([]string{"a", "b", "c"}, 32), clientIDs(6)
	left := clients[2]
	for _, me := range slices.Delete(slices.Clone(clients), 2, 3) {
		before, _ := allocate.ConsistentHash{}.Allocate(me, queues, clients)
		after, _ := allocate.ConsistentHash{}.Allocate(me, queues, slices.Delete(slices.Clone(clients), 2, 3))
		for _, q := range before {
			if !slices.Contains(after, q) {
				t.Errorf("%s lost %v when %s left", me, q, left)
			}
		}
	}
}

func TestStrangersAndRooms(t *testing.T) {
	queues, clients := queuesOf([]string{"a"}, 4), clientIDs(2)
	for _, s := range []allocate.Strategy{allocate.Averagely{}, allocate.ByCircle{}, allocate.ConsistentHash{}, allocate.ByMachineRoom{}, nearby(allocate.ByCircle{})} {
		if mine, err := s.Allocate("stranger", queues, clients); err != nil || len(mine) > 0 {
			t.Errorf("%s gave a stranger %v, %v", s.Name(), mine, err)
		}
	}
	told := []allocate.Queue{{Topic: "orders", BrokerName: "z", QueueID: 9}, {Topic: "other", BrokerName: "z"}}
	if mine, err := (allocate.ByConfig{Queues: told}).Allocate("c", queues, clients); err != nil || !slices.Equal(mine, told[:1]) {
		t.Errorf("config: %v, %v", mine, err)
	}
	if (allocate.ByConfig{}).Name() != "CONFIG" {
		t.Error("name")
	}
	if _, err := (allocate.ConsistentHash{VirtualNodes: -1}).Allocate(clients[0], queues, clients); err == nil {
		t.Error("a ring with -1 nodes was taken")
	}
	nowhere := allocate.MachineRoomNearby{Strategy: allocate.Averagely{}, BrokerRoom: func(allocate.Queue) string { return "" }, ClientRoom: func(string) string { return "r" }}
	if _, err := nowhere.Allocate(clients[0], queues, clients); err == nil {
		t.Error("a broker without a room was taken")
	}
	nowhere.BrokerRoom, nowhere.ClientRoom = func(allocate.Queue) string { return "r" }, func(string) string { return "" }
	if _, err := nowhere.Allocate(clients[0], queues, clients); err == nil {
		t.Error("a client without a room was taken")
	}
}
