package route

import (
	"errors"
	"testing"
	"time"
)

// TestNobodyReplacesTheLocalBroker plays what a foreign broker could say to take the place of this process's one.
func TestNobodyReplacesTheLocalBroker(t *testing.T) {
	now := time.Unix(1000, 0)
	table := New(Options{})
	local := Registration{Cluster: "C", Broker: "a", Addr: "10.0.0.1:1", Local: true, Topics: []Topic{{Name: "T", Perm: 6}, {Name: "U", Perm: 6}}}
	if _, err := table.Register(now, &local); err != nil {
		t.Fatal(err)
	}
	intact := func(after string) {
		t.Helper()
		r, ok := table.Route("T")
		if !ok || len(r.Brokers) != 1 || r.Brokers[0].Cluster != "C" || r.Brokers[0].Addrs[0] != "10.0.0.1:1" || len(r.Queues) != 1 || r.Queues[0].Perm != 6 {
			t.Errorf("after %s the route is %+v, %v", after, r, ok)
		}
	}
	other := []Topic{{Name: "T", Perm: 0}, {Name: "V", Perm: 6}}
	for what, r := range map[string]Registration{
		"name and id":           {Cluster: "C", Broker: "a", Addr: "6.6.6.6:1", Topics: other},
		"name in other cluster": {Cluster: "D", Broker: "a", ID: 7, Addr: "6.6.6.6:1", Topics: other},
		"address":               {Cluster: "C", Broker: "b", Addr: "10.0.0.1:1", Topics: other},
		"address elsewhere":     {Cluster: "D", Broker: "b", Addr: "10.0.0.1:1", Topics: other},
		"later state":           {Cluster: "C", Broker: "a", Addr: "6.6.6.6:1", Topics: other, Version: Version{StateVersion: 1 << 60}},
	} {
		if _, err := table.Register(now, &r); !errors.Is(err, ErrLocal) {
			t.Errorf("%s: %v, want ErrLocal", what, err)
		}
		intact(what)
	}
	lower := Registration{Cluster: "C", Broker: "a", ID: -1, Addr: "6.6.6.6:2", Topics: other, ActingMaster: true}
	if _, err := table.Register(now, &lower); err != nil {
		t.Fatal(err)
	}
	intact("a member with a lower id")
	table.Unregister("C", "a", "10.0.0.1:1")
	intact("unregistration")
	table.RegisterTopic("T", []Queue{{Broker: "a", Perm: 0}})
	intact("a topic from elsewhere")
	table.DeleteTopic("T", "")
	table.DeleteTopic("T", "C")
	intact("a deletion from elsewhere")
	table.Expire(now.Add(time.Hour))
	intact("silence")
	table.UnregisterLocal("C", "10.0.0.1:1")
	if r, ok := table.Route("T"); ok {
		t.Errorf("after its own end: %+v", r)
	}
}
