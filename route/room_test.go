package route

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is kept of brokers that anybody may register is bounded, and counted rightly whatever comes and goes.
func TestTableHasRoomForSoMuch(t *testing.T) {
	tab := New(Options{MaxRows: 10})
	now := time.Unix(1, 0)
	register := func(broker string, conn any, topics ...string) error {
		r := Registration{Cluster: "c", Broker: broker, Addr: broker + ":1", Conn: conn, Version: Version{Counter: 1}}
		for _, name := range topics {
			r.Topics = append(r.Topics, Topic{Name: name})
		}
		_, err := tab.Register(now, &r)
		return err
	}
	if err := errors.Join(register("a", "A", "t", "u", "v"), register("b", "B", "t", "u", "w")); err != nil {
		t.Fatal(err)
	}
	if err := register("x", "X", "1", "2"); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "8 rows and 3 more, the limit is 10") {
		t.Errorf("three rows where two have room: %v", err)
	}
	if err := register("a", "A", "t", "u", "v"); err != nil {
		t.Errorf("what is there already: %v", err)
	}
	tab.RegisterTopic("1", []Queue{{Broker: "a"}, {Broker: "b"}})
	tab.RegisterTopic("2", []Queue{{Broker: "a"}})
	if r, ok := tab.Route("2"); ok || tab.rows != 10 {
		t.Errorf("a single topic beyond the limit: %+v, %d rows", r, tab.rows)
	}
	if err := register("b", "B2", "t", "u", "w", "more"); !errors.Is(err, ErrFull) {
		t.Errorf("one topic more: %v", err)
	}
	local := Registration{Cluster: "own", Broker: "own", Addr: "own:1", Local: true, Mappings: map[string]Mapping{"m": {BrokerName: "own"}}}
	for i := range 20 {
		local.Topics = append(local.Topics, Topic{Name: fmt.Sprint(i)})
	}
	if _, err := tab.Register(now, &local); err != nil {
		t.Errorf("this process's broker: %v", err)
	}
	if err := register("b", "B", "t", "u", "w"); err != nil || tab.foreign() != 11 {
		t.Errorf("another broker afterwards: %v, %d rows", err, tab.foreign())
	}
	tab.UnregisterLocal("own", "own:1")
	tab.Disconnect("A")
	if tab.rows != 5 {
		t.Errorf("%d rows of one broker with four topics", tab.rows)
	}
	servers := Registration{Cluster: "c", Broker: "s", Addr: "s:1", FilterServers: make([]string, 1025)}
	if _, err := tab.Register(now, &servers); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "1025 filter servers") {
		t.Errorf("many filter servers: %v", err)
	}
	for want, r := range map[string]Registration{
		"a topic's name has 1025 bytes":                        {Topics: []Topic{{Name: "u"}, {Name: strings.Repeat("t", 1025)}}},
		"a static topic has a text of 1025 bytes and 0 queues": {Mappings: map[string]Mapping{"m": {BrokerName: "s", Scope: strings.Repeat("s", 1025)}}},
		"a static topic has a text of 1 bytes and 4097 queues": {Mappings: map[string]Mapping{"m": {BrokerName: "s", CurrIDMap: manyIDs(4097)}}},
	} {
		r.Cluster, r.Broker, r.Addr = "c", "s", "s:1"
		if _, err := tab.Register(now, &r); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	static := func(ids int32) error {
		r := Registration{Cluster: "c", Broker: "s", Addr: "s:1", Version: Version{Counter: int64(ids)}, Mappings: map[string]Mapping{"m": {BrokerName: "s", CurrIDMap: manyIDs(ids)}}}
		_, err := tab.Register(now, &r)
		return err
	}
	before := tab.foreign()
	for _, ids := range []int32{15, 16, 32, 16} { // each mapping for the one before, and a row for the broker itself
		if err := static(ids); err != nil || tab.foreign() != before+2+int(ids)/16 {
			t.Errorf("a static topic of %d queues: %v, %d rows more", ids, err, tab.foreign()-before)
		}
	}
	if err := static(4096); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "255 more") {
		t.Errorf("a static topic of 4096 queues in the place of one of 16: %v", err)
	}
	tab.Expire(now.Add(time.Hour))
	if tab.rows != 0 || len(tab.topics)+len(tab.live)+len(tab.mappings) != 0 {
		t.Errorf("%d rows are left, %d topics, %d brokers", tab.rows, len(tab.topics), len(tab.live))
	}
}

func manyIDs(n int32) map[int32]int32 {
	ids := make(map[int32]int32, n)
	for id := range n {
		ids[id] = id
	}
	return ids
}
