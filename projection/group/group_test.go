package group

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
)

func snapshot(t *Table) []string {
	var out []string
	t.Snapshot(func(change []byte) { out = append(out, string(change)) })
	return out
}

func put(t testing.TB, c *Config, v Version) []byte {
	t.Helper()
	change, err := AppendPut(nil, c, v)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

const defaultJSON = `{"attributes":{},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,` +
	`"consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"g","groupRetryPolicy":{"type":"CUSTOMIZED"},"groupSysFlag":0,` +
	`"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}`

func TestJSON(t *testing.T) {
	text, err := json.Marshal(New("g"))
	if err != nil || string(text) != defaultJSON {
		t.Errorf("got  %s %v\nwant %s", text, err, defaultJSON)
	}
	for _, c := range []struct{ name, in, want string }{
		{"only a name gets the defaults", `{"groupName":"g"}`, defaultJSON},
		{"unknown members survive, sorted and compact", `{"zeta": [1, 2],"groupName":"g","alpha":{"x" : null}}`,
			defaultJSON[:len(defaultJSON)-1] + `,"alpha":{"x":null},"zeta":[1,2]}`},
		{"known members in another case are not unknown", `{"GroupName":"g"}`, defaultJSON},
		{"no policy is the usual one", `{"groupName":"g","groupRetryPolicy":null}`, defaultJSON},
		{"a policy without a type is the usual one", `{"groupName":"g","groupRetryPolicy":{"type":""}}`, defaultJSON},
		{"everything set", `{"attributes":{"a":"b"},"brokerId":3,"consumeBroadcastEnable":false,"consumeEnable":false,"consumeFromMinEnable":false,` +
			`"consumeMessageOrderly":true,"consumeTimeoutMinute":5,"groupName":"g","groupRetryPolicy":{"customizedRetryPolicy":{"next":[1,2]},` +
			`"exponentialRetryPolicy":{"initial":1,"max":9,"multiplier":2},"type":"EXPONENTIAL"},"groupSysFlag":1,"notifyConsumerIdsChangedEnable":false,` +
			`"retryMaxTimes":2,"retryQueueNums":4,"subscriptionDataSet":[{"expression":"*","expressionType":"TAG","topic":"t","version":7}],` +
			`"whichBrokerWhenConsumeSlowly":2}`, "same"},
	} {
		var g Config
		if err := json.Unmarshal([]byte(c.in), &g); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		want := c.want
		if want == "same" {
			want = c.in
		}
		if got, err := json.Marshal(g); err != nil || string(got) != want {
			t.Errorf("%s:\ngot  %s %v\nwant %s", c.name, got, err, want)
		}
		var tab Table
		if err := tab.Apply(put(t, &g, Version{}), 0); err != nil {
			t.Fatal(err)
		}
		stored, _ := tab.Get("g")
		if diff := cmp.Diff(&g, stored, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: the change loses something: %s", c.name, diff)
		}
	}
}

func TestRetryDelay(t *testing.T) {
	exponential := &RetryPolicy{Type: RetryExponential, Exponential: &Exponential{Initial: 5000, Max: 7_200_000, Multiplier: 2}}
	custom := &RetryPolicy{Type: RetryCustomized, Customized: &Customized{Next: []int64{1, 2}}}
	for _, c := range []struct {
		policy *RetryPolicy
		times  int
		want   int64
	}{
		{nil, 0, 10_000}, {nil, -1, 10_000}, {nil, 1, 30_000}, {nil, 15, 7_200_000}, {nil, 99, 7_200_000},
		{&RetryPolicy{Type: RetryExponential}, 0, 10_000},
		{&RetryPolicy{Type: RetryCustomized, Customized: &Customized{}}, 0, 10_000},
		{custom, 0, 2}, {custom, 5, 2},
		{exponential, 0, 5000}, {exponential, 3, 40_000}, {exponential, 1000, 7_200_000},
		{&RetryPolicy{Type: RetryExponential, Exponential: &Exponential{Initial: 1 << 40, Max: 1 << 60, Multiplier: 1 << 40}}, 32, 1 << 60},
	} {
		if got := c.policy.DelayMillis(c.times); got != c.want {
			t.Errorf("%+v after %d times: %d ms, want %d", c.policy, c.times, got, c.want)
		}
	}
}

func TestValidateName(t *testing.T) {
	long := strings.Repeat("g", 121)
	for _, c := range []struct{ name, want string }{
		{"orders", ""},
		{long[1:], ""},
		{"", "The specified group is blank."},
		{"\n", "The specified group is blank."},
		{"a.b", "The specified group: a.b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"},
		{long, "The specified group: " + long + ", is longer than group max length: 120 (it has 121)"},
	} {
		got := ""
		if err := ValidateName(c.name); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	for _, c := range Predefined() {
		if !IsSystem(c.Name) || ValidateName(c.Name) != nil {
			t.Errorf("the predefined group %s is not a valid system group", c.Name)
		}
	}
	if IsSystem("orders") || !IsSystem("CID_RMQ_SYS_X") {
		t.Error("orders is a system group, or CID_RMQ_SYS_X is none")
	}
}

func TestAlterAttributes(t *testing.T) {
	type m = map[string]string
	has := m{"consume.quota.bytes": "7"}
	for _, c := range []struct {
		current, change, want m
		refusal               string
	}{
		{nil, nil, nil, ""},
		{has, nil, has, ""},
		{has, m{"+consume.quota.messages": "5"}, m{"consume.quota.bytes": "7", "consume.quota.messages": "5"}, ""},
		{has, m{"-consume.quota.bytes": ""}, m{}, ""},
		{nil, m{"+consume.quota.messages": "5"}, m{"consume.quota.messages": "5"}, ""},
		{nil, m{"+priority.factor": "5"}, nil, "unsupported key: priority.factor"},
		{nil, m{"consume.quota.bytes": "5"}, nil, "kv string format wrong."},
		{nil, m{"-consume.quota.bytes": ""}, nil, "attempt to delete a nonexistent key: consume.quota.bytes"},
		{nil, m{"+consume.quota.bytes": "-2"}, nil, "value is not in range(-1, 9223372036854775807)"},
		{nil, m{"+consume.quota.bytes": "x"}, nil, `For input string: "x"`},
	} {
		got, err := AlterAttributes(c.current, c.change)
		if err == nil && (c.refusal != "" || !maps.Equal(got, c.want)) || err != nil && err.Error() != c.refusal {
			t.Errorf("%v changed by %v: %v, %v", c.current, c.change, got, err)
		}
	}
}

func drawConfig(t *rapid.T) *Config {
	c := New(rapid.StringMatching("[a-d]").Draw(t, "name"))
	flip := rapid.Bool()
	c.ConsumeEnable, c.ConsumeFromMinEnable = flip.Draw(t, "enable"), flip.Draw(t, "min")
	c.ConsumeBroadcastEnable, c.ConsumeMessageOrderly = flip.Draw(t, "broadcast"), flip.Draw(t, "orderly")
	c.NotifyConsumerIDsChanged = flip.Draw(t, "notify")
	c.RetryQueues, c.RetryMaxTimes = rapid.Int32().Draw(t, "queues"), rapid.Int32().Draw(t, "times")
	c.BrokerID, c.WhichBrokerWhenConsumeSlowly = rapid.Int64().Draw(t, "broker"), rapid.Int64().Draw(t, "slow")
	c.SysFlag, c.ConsumeTimeoutMinute = rapid.Int32().Draw(t, "flag"), rapid.Int32().Draw(t, "timeout")
	if flip.Draw(t, "policy") {
		c.RetryPolicy = &RetryPolicy{Type: RetryExponential, Exponential: &Exponential{Initial: rapid.Int64().Draw(t, "initial")}}
	}
	if flip.Draw(t, "no policy") {
		c.RetryPolicy = nil
	}
	if flip.Draw(t, "extra") {
		c.Extra = map[string]json.RawMessage{"later": json.RawMessage(`{"a":[1]}`)}
	}
	return &c
}

func TestHistories(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var tab, again Table
		groups, forbidden := map[string]*Config{}, map[string]map[string]int32{}
		name := rapid.StringMatching("[a-d]")
		var v Version
		for range rapid.IntRange(0, 25).Draw(t, "steps") {
			v = v.Next(rapid.Int64().Draw(t, "now"))
			var change []byte
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				g := name.Draw(t, "group")
				delete(groups, g)
				delete(forbidden, g)
				change = AppendDelete(nil, g, v)
			case 1, 2:
				g, topic, bits := name.Draw(t, "group"), name.Draw(t, "topic"), rapid.Int32Range(0, 2).Draw(t, "bits")
				if forbidden[g] == nil {
					forbidden[g] = map[string]int32{}
				}
				forbidden[g][topic] = bits
				if bits == 0 {
					delete(forbidden[g], topic)
				}
				if len(forbidden[g]) == 0 {
					delete(forbidden, g)
				}
				change = AppendForbid(nil, g, topic, bits, v)
			case 3:
				v.StateVersion++
				change = AppendVersion(nil, v)
			default:
				c := drawConfig(t)
				groups[c.Name] = c
				var err error
				if change, err = AppendPut(nil, c, v); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second time does nothing
				if err := tab.Apply(change, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		for g, want := range groups {
			got, _ := tab.GetBytes([]byte(g))
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
		if tab.Len() != len(groups) || len(tab.All()) != len(groups) || tab.Version() != v {
			t.Fatalf("%d groups at %v, want %d at %v", tab.Len(), tab.Version(), len(groups), v)
		}
		if diff := cmp.Diff(forbidden, tab.AllForbidden()); diff != "" {
			t.Fatal(diff)
		}
		for _, c := range snapshot(&tab) {
			for _, to := range []*Table{&again, &tab} { // a checkpoint changes nothing where its state is known
				if err := to.Apply([]byte(c), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(tab, again, cmp.AllowUnexported(Table{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the snapshot rebuilds something else: %s", diff)
		}
	})
}

func TestForbidden(t *testing.T) {
	var tab Table
	for _, c := range [][]byte{
		AppendForbid(nil, "g", "t", ForbidRead, Version{}),
		AppendForbid(nil, "g", "u", ForbidRead, Version{}),
		AppendForbid(nil, "g", "t", 0, Version{}),
	} {
		if err := tab.Apply(c, 0); err != nil {
			t.Fatal(err)
		}
	}
	if tab.Forbidden("g", "t") != 0 || tab.Forbidden("g", "u") != 4 || tab.Forbidden("x", "u") != 0 {
		t.Errorf("forbidden: %v", tab.AllForbidden())
	}
}

func TestCloneSharesNothing(t *testing.T) {
	c := New("g")
	c.Attributes = map[string]string{"a": "b"}
	c.Subscriptions = []Subscription{{Topic: "t"}}
	c.RetryPolicy = &RetryPolicy{Customized: &Customized{Next: []int64{1}}, Exponential: &Exponential{Initial: 1}}
	d := c.Clone()
	d.Attributes["a"], d.Subscriptions[0].Topic, d.RetryPolicy.Customized.Next[0], d.RetryPolicy.Exponential.Initial = "x", "x", 9, 9
	if c.Attributes["a"] != "b" || c.Subscriptions[0].Topic != "t" || c.RetryPolicy.Customized.Next[0] != 1 || c.RetryPolicy.Exponential.Initial != 1 {
		t.Errorf("the original is %+v now", c)
	}
}

func TestApplyRefuses(t *testing.T) {
	g := New("g")
	whole := put(t, &g, Version{})
	broken := append(whole[:len(whole)-1:len(whole)-1], 3, '{', '"', '}')
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "unknown kind 0"},
		{[]byte{5}, "log offset 77 has the unknown kind 5"},
		{whole[:len(whole)-1], "cut short"},
		{append(whole[:len(whole):len(whole)], 0), "1 bytes too many"},
		{AppendDelete(nil, "", Version{}), "no group name"},
		{broken, `configuration of group "g" is damaged`},
	} {
		var tab Table
		if err := tab.Apply(c.change, 77); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.change, err, c.want)
		}
		if tab.Len() != 0 {
			t.Errorf("%x changed the table", c.change)
		}
	}
	g.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")}
	if _, err := AppendPut(nil, &g, Version{}); err == nil {
		t.Error("a configuration with a broken member can be encoded")
	}
}

func FuzzApply(f *testing.F) {
	g := New("g")
	f.Add(put(f, &g, Version{Counter: 1, StateVersion: 2, Timestamp: 3}))
	g.Extra = map[string]json.RawMessage{"x": json.RawMessage(`{"a":"<\u2028"}`)}
	f.Add(put(f, &g, Version{Counter: 1, StateVersion: 2, Timestamp: 3}))
	f.Add(AppendDelete(nil, "g", Version{}))
	f.Add(AppendForbid(nil, "g", "t", 4, Version{}))
	f.Fuzz(func(t *testing.T, change []byte) {
		var tab, again Table
		if tab.Apply(change, 0) != nil {
			return
		}
		for _, c := range snapshot(&tab) {
			if err := again.Apply([]byte(c), 0); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(snapshot(&tab), snapshot(&again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(defaultJSON))
	f.Add([]byte(`{"groupName":"g","x":{},"groupRetryPolicy":{"type":""}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c, again Config
		if json.Unmarshal(text, &c) != nil {
			return
		}
		out, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if back, err := json.Marshal(again); err != nil || string(back) != string(out) {
			t.Fatalf("%s comes back as %s, %v", out, back, err)
		}
	})
}
