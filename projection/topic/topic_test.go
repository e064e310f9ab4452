package topic

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

func snapshot(t *Table) []string {
	var out []string
	t.Snapshot(func(change []byte) { out = append(out, string(change)) })
	return out
}

func TestJSON(t *testing.T) {
	c := Config{Name: "orders", ReadQueues: 8, WriteQueues: 4, Perm: PermRead | PermWrite, FilterType: MultiTag, SysFlag: 1, Order: true,
		Attributes: map[string]string{"message.type": "FIFO"}}
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"attributes":{"message.type":"FIFO"},"order":true,"perm":6,"readQueueNums":8,"topicFilterType":"MULTI_TAG","topicName":"orders","topicSysFlag":1,"writeQueueNums":4}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back Config
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Error(diff)
	}
	var sparse Config
	if err := json.Unmarshal([]byte(`{"topicName":"t","unknown":{}}`), &sparse); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Config{Name: "t", ReadQueues: 16, WriteQueues: 16, Perm: 6}, sparse); diff != "" {
		t.Error(diff)
	}
	if text, _ := json.Marshal(sparse); !strings.HasPrefix(string(text), `{"attributes":{},`) {
		t.Errorf("no attributes are written as %s", text)
	}
	if err := json.Unmarshal([]byte(`{"topicFilterType":"NO_TAG"}`), &sparse); err == nil || !strings.Contains(err.Error(), "NO_TAG") {
		t.Errorf("an unknown filter type: %v", err)
	}
}

func TestVersion(t *testing.T) {
	v := Version{Counter: 4, StateVersion: 2, Timestamp: 100}
	if got, want := v.Next(90), (Version{Counter: 5, StateVersion: 2, Timestamp: 90}); got != want {
		t.Errorf("next is %v, want %v", got, want)
	}
	for _, c := range []struct {
		a, b Version
		want int
	}{
		{Version{Counter: 1, StateVersion: 0, Timestamp: 9}, Version{Counter: 2, StateVersion: 0, Timestamp: 0}, -1},
		{Version{Counter: 9, StateVersion: 0, Timestamp: 9}, Version{Counter: 1, StateVersion: 1, Timestamp: 0}, -1},
		{Version{Counter: 1, StateVersion: 1, Timestamp: 2}, Version{Counter: 1, StateVersion: 1, Timestamp: 1}, 1},
		{Version{Counter: 1, StateVersion: 1, Timestamp: 1}, Version{Counter: 1, StateVersion: 1, Timestamp: 1}, 0},
	} {
		if got := c.a.Compare(c.b); got != c.want {
			t.Errorf("%v and %v compare as %d, want %d", c.a, c.b, got, c.want)
		}
	}
	text, _ := json.Marshal(v)
	if string(text) != `{"counter":4,"stateVersion":2,"timestamp":100}` {
		t.Errorf("got %s", text)
	}
}

func TestPerm(t *testing.T) {
	for p, want := range map[Perm]string{0: "---", 2: "-W-", 4: "R--", 6: "RW-", 7: "RWX"} {
		if p.String() != want || !p.Valid() {
			t.Errorf("perm %d is %s, valid %v; want %s", p, p, p.Valid(), want)
		}
	}
	if Perm(8).Valid() || Perm(-1).Valid() {
		t.Error("perms 8 and -1 are valid")
	}
}

func config(t *rapid.T) *Config {
	n32 := rapid.Int32()
	c := &Config{
		Name:       rapid.StringMatching("[a-d]").Draw(t, "name"),
		ReadQueues: n32.Draw(t, "read"), WriteQueues: n32.Draw(t, "write"), SysFlag: n32.Draw(t, "flag"),
		Perm:       Perm(n32.Draw(t, "perm")),
		FilterType: FilterType(rapid.IntRange(0, 1).Draw(t, "filter")),
		Order:      rapid.Bool().Draw(t, "order"),
	}
	c.Attributes = rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "attributes")
	if rapid.Bool().Draw(t, "static") {
		c.Static = &Static{Epoch: rapid.Int64().Draw(t, "epoch"), Scope: rapid.String().Draw(t, "scope")}
	}
	return c
}

func TestHistories(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var tab, again Table
		model := map[string]*Config{}
		var v Version
		past := map[Version]map[string]*Config{}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			past[v] = maps.Clone(model)
			v = v.Next(rapid.Int64().Draw(t, "now"))
			var change []byte
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				name := rapid.StringMatching("[a-d]").Draw(t, "name")
				delete(model, name)
				change = AppendDelete(nil, name, v)
			case 1:
				v.StateVersion++
				change = AppendVersion(nil, v)
			default:
				c := config(t)
				model[c.Name] = c
				change = AppendPut(nil, c, v)
			}
			for range 2 { // the second time does nothing
				if err := tab.Apply(change, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, want := range model {
			got, _ := tab.GetBytes([]byte(name))
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
		if tab.Len() != len(model) || tab.Version() != v {
			t.Fatalf("%d topics at %v, want %d at %v", tab.Len(), tab.Version(), len(model), v)
		}
		checkSince(t, &tab, past, model)
		for _, c := range snapshot(&tab) {
			for _, to := range []*Table{&again, &tab} { // a checkpoint changes nothing where its state is known
				if err := to.Apply([]byte(c), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(tab, again, cmp.AllowUnexported(Table{}), cmpopts.IgnoreFields(Table{}, "recent"), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the snapshot rebuilds something else: %s", diff)
		}
		names := make([]string, 0)
		for _, c := range tab.All() {
			names = append(names, c.Name)
		}
		if !slices.IsSorted(names) || len(names) != len(model) {
			t.Fatalf("All gives %q", names)
		}
	})
}

// checkSince adds what the table says of the time since a version to what there was then: that is what there is now.
func checkSince(t *rapid.T, tab *Table, past map[Version]map[string]*Config, now map[string]*Config) {
	known := 0
	for v, then := range past {
		changed, gone, ok := tab.Since(v)
		if !ok {
			continue
		}
		known++
		for _, c := range changed {
			then[c.Name] = c
		}
		for _, name := range gone {
			delete(then, name)
		}
		if diff := cmp.Diff(now, then, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("since %v: %s", v, diff)
		}
	}
	if v := tab.Version(); v.StateVersion == 0 && known != len(past) {
		t.Fatalf("%d of %d versions are known", known, len(past))
	}
}

// Two changes that were under way at once carry one counter; neither is lost on who knows the version between them.
func TestSinceOneCounterTwice(t *testing.T) {
	var tab Table
	apply := func(name string, v Version) {
		t.Helper()
		if err := tab.Apply(AppendPut(nil, &Config{Name: name}, v), 0); err != nil {
			t.Fatal(err)
		}
	}
	apply("first", Version{Counter: 10, Timestamp: 1})
	apply("a", Version{Counter: 11, Timestamp: 2})
	between := tab.Version()
	apply("b", Version{Counter: 11, Timestamp: 3})
	apply("c", Version{Counter: 12, Timestamp: 4})
	var names []string
	changed, gone, ok := tab.Since(between)
	for _, c := range changed {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"b", "c"}, names); diff != "" || len(gone) > 0 || !ok {
		t.Errorf("known %v, gone %v: %s", ok, gone, diff)
	}
	if _, _, ok := tab.Since(Version{Counter: 11, Timestamp: 9}); ok {
		t.Error("a version that the table never had is known")
	}
}

func TestApplyRefuses(t *testing.T) {
	put := AppendPut(nil, &Config{Name: "orders", Attributes: map[string]string{"a": "b"}}, Version{})
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "unknown kind 0"},
		{[]byte{5}, "log offset 77 has the unknown kind 5"},
		{put[:len(put)-1], "cut short"},
		{append(put, 0), "1 bytes too many"},
		{append([]byte{kindStatic}, put[1:]...), "cut short"},
		{AppendDelete(nil, "", Version{}), "has no name"},
		// 2^63 attributes promised, none there
		{append(AppendPut(nil, &Config{Name: "x"}, Version{})[:12], 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F), "cut short"},
	} {
		var tab Table
		if err := tab.Apply(c.change, 77); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.change, err, c.want)
		}
		if tab.Len() != 0 {
			t.Errorf("%x changed the table", c.change)
		}
	}
}

func TestLookUpAllocatesNothing(t *testing.T) {
	var tab Table
	if err := tab.Apply(AppendPut(nil, &Config{Name: "orders"}, Version{}), 0); err != nil {
		t.Fatal(err)
	}
	name := []byte("orders")
	if n := testing.AllocsPerRun(100, func() { tab.GetBytes(name) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	c := &Config{Name: "t", Attributes: map[string]string{"a": "b"}}
	d := c.Clone()
	d.Attributes["a"] = "changed"
	d.Name = "changed"
	if c.Attributes["a"] != "b" || c.Name != "t" {
		t.Errorf("the original is %v now", c)
	}
}

func FuzzApply(f *testing.F) {
	f.Add(AppendPut(nil, &Config{Name: "orders", ReadQueues: 8, WriteQueues: 8, Perm: 6, Order: true, Attributes: map[string]string{"a": "b"}}, Version{Counter: 1, StateVersion: 2, Timestamp: 3}))
	f.Add(AppendDelete(nil, "orders", Version{Counter: 4, StateVersion: 5, Timestamp: 6}))
	f.Add(AppendVersion(nil, Version{Counter: 7, StateVersion: 8, Timestamp: 9}))
	f.Fuzz(func(t *testing.T, change []byte) {
		var tab, again Table
		if tab.Apply(change, message.LogOffset(1)) != nil {
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

func TestEqual(t *testing.T) {
	base := Config{Name: "t", ReadQueues: 4, WriteQueues: 4, Perm: 6, Attributes: map[string]string{"a": "1"}, Static: &Static{Epoch: 1, Scope: GlobalScope}}
	if same := base.Clone(); !base.Equal(same) {
		t.Errorf("%+v differs from its copy", same)
	}
	for what, change := range map[string]func(*Config){
		"read queues":  func(c *Config) { c.ReadQueues++ },
		"write queues": func(c *Config) { c.WriteQueues++ },
		"perm":         func(c *Config) { c.Perm = 4 },
		"flag":         func(c *Config) { c.SysFlag = 1 },
		"order":        func(c *Config) { c.Order = true },
		"filter type":  func(c *Config) { c.FilterType = MultiTag },
		"attributes":   func(c *Config) { c.Attributes["a"] = "2" },
		"static":       func(c *Config) { c.Static = nil },
		"epoch":        func(c *Config) { c.Static = &Static{Epoch: 2, Scope: GlobalScope} },
		"scope":        func(c *Config) { c.Static = &Static{Epoch: 1, Scope: "s"} },
	} {
		other := base.Clone()
		change(other)
		if base.Equal(other) || other.Equal(&base) {
			t.Errorf("another %s makes no difference", what)
		}
	}
}
