package lite_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/broker/lite"
	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/protocol"
)

// bug is a mistake that is planted to see whether the model shows it.
type bug string

const (
	noBug     bug = "none"
	shared    bug = "a queue of an exclusive group has two readers"
	remains   bug = "a client that leaves keeps a queue"
	unbounded bug = "there is always room"
	forgets   bug = "a new list of queues keeps the old ones"
)

// TestRegistryAgainstModel: whatever is added and removed, each client reads what it should, and the count is right.
func TestRegistryAgainstModel(t *testing.T) {
	property.Check(t, func(t *rapid.T) { registryAgainstModel(t, noBug) })
}

// TestRegistryFindsPlantedBugs shows that the comparison can fail.
func TestRegistryFindsPlantedBugs(t *testing.T) {
	for _, b := range []bug{shared, remains, unbounded, forgets} {
		property.Finds(t, string(b), func(t *rapid.T) { registryAgainstModel(t, b) })
	}
}

func registryAgainstModel(t *rapid.T, b bug) {
	const limit = 12
	r := lite.New(limit)
	if b == unbounded {
		r = lite.New(10 * limit)
	}
	model := map[lite.Client]map[string]bool{}
	count := func() (n int) {
		for _, queues := range model {
			n += len(queues)
		}
		return n
	}
	clients := []lite.Client{{ID: "a", Group: "g"}, {ID: "b", Group: "g"}, {ID: "a", Group: "h"}}
	add := func(c lite.Client, queues []string, exclusive bool) {
		if model[c] == nil {
			model[c] = map[string]bool{}
		}
		for _, q := range queues {
			for other := range model {
				if exclusive && other.Group == c.Group && other != c {
					delete(model[other], q)
				}
			}
			model[c][q] = true
		}
	}
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		c := rapid.SampledFrom(clients).Draw(t, "client")
		var queues []string
		for range rapid.IntRange(0, 5).Draw(t, "queues") {
			if q := fmt.Sprint("q", rapid.IntRange(0, 6).Draw(t, "queue")); !slices.Contains(queues, q) {
				queues = append(queues, q)
			}
		}
		exclusive := c.Group == "g"
		fresh := 0
		for _, q := range queues {
			if !model[c][q] {
				fresh++
			}
		}
		full := count()+fresh > limit
		op := rapid.IntRange(0, 3).Draw(t, "op")
		var err error
		switch op {
		case 0:
			if _, err = r.Add(c, queues, exclusive && b != shared); err == nil {
				add(c, queues, exclusive)
			}
		case 1:
			if b != remains || len(queues) == 0 {
				r.Remove(c, queues)
			} else {
				r.Remove(c, queues[1:])
			}
			for _, q := range queues {
				delete(model[c], q)
			}
		case 2:
			set := r.Set
			if b == forgets {
				set = r.Add
			}
			if _, err = set(c, queues, exclusive); err == nil {
				model[c] = nil
				add(c, queues, exclusive)
			}
		case 3:
			r.Forget(c.ID)
			for other := range model {
				if other.ID == c.ID {
					delete(model, other)
				}
			}
		}
		var quota *lite.QuotaError
		if (op == 0 || op == 2) && errors.As(err, &quota) != full {
			t.Fatalf("full is %v, the error %v", full, err)
		}
		if r.Len() != count() {
			t.Fatalf("%d subscriptions, want %d", r.Len(), count())
		}
		for _, c := range clients {
			var want []string
			for q := range model[c] {
				want = append(want, q)
			}
			slices.Sort(want)
			if got := r.Of(c); !slices.Equal(got, want) {
				t.Fatalf("%v reads %v, want %v", c, got, want)
			}
		}
	}
}

// TestRoom: what a client reads already takes no room again.
func TestRoom(t *testing.T) {
	r := lite.New(100)
	c := lite.Client{ID: "a", Group: "g"}
	if _, err := r.Add(c, []string{"p", "q", "r"}, false); err != nil {
		t.Fatal(err)
	}
	f := func(have int, all bool, queues ...string) {
		t.Helper()
		var quota *lite.QuotaError
		if err := r.Room(c, queues, all, 4); errors.As(err, &quota) != (have > 4) || quota != nil && quota.Have != have {
			t.Errorf("%v, all %t: %v, want %d", queues, all, err, have)
		}
	}
	f(4, false, "q", "r", "s")
	f(5, false, "q", "s", "t")
	f(4, true, "s", "t", "u", "v")
	f(5, true, "p", "q", "r", "s", "t")
	f(5, false, "p", "q", "r", "s", "t")
	f(3, false)
}

func TestExclusive(t *testing.T) {
	r := lite.New(2)
	a, b := lite.Client{ID: "a", Group: "g"}, lite.Client{ID: "b", Group: "g"}
	if lost, err := r.Add(a, []string{"q"}, true); err != nil || len(lost) != 0 {
		t.Fatal(lost, err)
	}
	lost, err := r.Add(b, []string{"q"}, true)
	if err != nil || !slices.Equal(lost, []lite.Lost{{Client: a, Queue: "q"}}) || len(r.Of(a)) != 0 {
		t.Errorf("lost %v, %v", lost, err)
	}
	_, err = r.Add(b, []string{"r", "s"}, false)
	if err == nil || err.Error() != "lite subscription quota exceeded: there are 1, the limit is 2" {
		t.Error(err)
	}
}

func TestQueuesOfASubscription(t *testing.T) {
	wild := map[string]string{"lite.sub.wildcard": "false", "lite.sub.model": "Exclusive"} // that it is there counts
	for _, c := range []struct {
		action     string
		attributes map[string]string
		names      []string
		want       string
	}{
		{protocol.LitePartialAdd, nil, []string{"b", "a", "b"}, "%LMQ%$chats$a %LMQ%$chats$b"},
		{protocol.LitePartialAdd, nil, []string{"a$b"}, "must not hold"},
		{protocol.LiteCompleteAdd, nil, nil, ""},
		{protocol.LitePartialAdd, wild, []string{"a"}, "not supported for this group"},
		{protocol.LiteCompleteAdd, wild, []string{"a$b"}, "chats@g"},
		{protocol.LiteCompleteAdd, wild, nil, "chats@g"},
		{protocol.LitePartialRemove, wild, []string{"a"}, "%LMQ%$chats$a"},
	} {
		got, err := lite.Queues(&protocol.LiteSubscription{Action: c.action, ClientID: "c", Group: "g", Topic: "chats", LiteTopics: c.names}, c.attributes)
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && strings.Join(got, " ") != c.want {
			t.Errorf("%s of %v: %v, %v, want %q", c.action, c.names, got, err, c.want)
		}
	}
	if lite.Exclusive(wild) || !lite.Exclusive(map[string]string{"lite.sub.model": "Exclusive"}) {
		t.Error("a group that reads all is exclusive, or no group is")
	}
}
