package lock

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

func snapshot(t *Table) []string {
	var out []string
	t.Snapshot(func(change []byte) { out = append(out, string(change)) })
	return out
}

// TestScripts runs the scripts in testdata. Each line of a command's input names queues as topic/id; changes reach the
// log at once and come back from it with the command "apply".
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		var tab Table
		var log [][]byte
		applied := 0
		write := func(change []byte) string {
			if len(change) == 0 {
				return "nothing to log\n"
			}
			log = append(log, change)
			return "logged\n"
		}
		apply := func() {
			for ; applied < len(log); applied++ {
				if err := tab.Apply(log[applied], message.LogOffset(applied)); err != nil {
					t.Fatal(err)
				}
			}
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			group, client, now := "g", "", int64(0)
			d.MaybeScanArgs(t, "group", &group)
			d.MaybeScanArgs(t, "client", &client)
			d.MaybeScanArgs(t, "now", &now)
			queues := parseQueues(t, d.Input)
			switch d.Cmd {
			case "lock":
				held, change := tab.Lock(nil, group, client, queues, now)
				return fmt.Sprintf("held: %v, %s", held, write(change))
			case "unlock":
				return write(tab.Unlock(nil, group, client, queues))
			case "owner":
				var b strings.Builder
				for _, q := range queues {
					owner, ok := tab.Owner(group, q, now)
					fmt.Fprintf(&b, "%v: %q %v\n", q, owner, ok)
				}
				return b.String()
			case "held":
				return fmt.Sprintln(tab.Held(group, now))
			case "sweep":
				out := ""
				for _, change := range tab.Sweep(now) {
					out += write(change)
				}
				return out + "swept\n"
			case "apply":
				apply()
				return fmt.Sprintf("%d changes in the log, %d locks\n", len(log), len(tab.logged))
			case "restart":
				tab, applied = Table{}, 0
				apply()
				tab.Restore(now)
				return fmt.Sprintf("%d locks\n", len(tab.logged))
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func parseQueues(t *testing.T, text string) (queues []message.Queue) {
	for _, word := range strings.Fields(text) {
		topic, id, _ := strings.Cut(word, "/")
		n, err := strconv.Atoi(id)
		if err != nil {
			t.Fatal(err)
		}
		queues = append(queues, message.Queue{Topic: topic, ID: message.QueueID(n)})
	}
	return queues
}

func TestApplyRefuses(t *testing.T) {
	q := []message.Queue{{Topic: "t", ID: 1}}
	whole := appendLock(nil, 1, "g", "c", q)
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "unknown kind 0"},
		{[]byte{3}, "log offset 77 has the unknown kind 3"},
		{whole[:len(whole)-1], "cut short"},
		{append(whole[:len(whole):len(whole)], 0), "1 bytes too many"},
		{appendUnlock(nil, "g", "", q), "no client id"},
		{[]byte{kindUnlock, 1, 'g', 1, 'c', 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, "cut short"},
	} {
		var tab Table
		if err := tab.Apply(c.change, 77); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.change, err, c.want)
		}
		if len(tab.logged) != 0 {
			t.Errorf("%x changed the table", c.change)
		}
	}
}

func FuzzApply(f *testing.F) {
	q := []message.Queue{{Topic: "t", ID: 1}, {Topic: "t", ID: 2}}
	f.Add(appendLock(nil, 7, "g", "c", q))
	f.Add(appendUnlock(nil, "g", "c", q[:1]))
	f.Fuzz(func(t *testing.T, change []byte) {
		var tab, again Table
		if err := tab.Apply(appendLock(nil, 0, "g", "c", q), 0); err != nil {
			t.Fatal(err)
		}
		if tab.Apply(change, 0) != nil {
			return
		}
		tab.Restore(1)
		for _, c := range snapshot(&tab) {
			if err := again.Apply([]byte(c), 0); err != nil {
				t.Fatal(err)
			}
		}
		again.Restore(1)
		if diff := cmp.Diff(tab, again, cmp.AllowUnexported(Table{}, key{}, holder{})); diff != "" {
			t.Fatal(diff)
		}
		if !slices.Equal(snapshot(&tab), snapshot(&again)) {
			t.Fatal("the snapshots differ")
		}
	})
}

func TestClockThatGoesBackKeepsNoDeadOwner(t *testing.T) {
	var tab Table
	q := []message.Queue{{Topic: "T"}}
	const ahead, now = 1_000_000_000, 5000
	tab.Lock(nil, "g", "dead", q, ahead)
	tab.Sweep(now)
	if held, _ := tab.Lock(nil, "g", "b", q, now+TTLMillis); len(held) != 0 {
		t.Errorf("b gets %v while its owner may still consume", held)
	}
	if held, _ := tab.Lock(nil, "g", "b", q, now+TTLMillis+1); len(held) != 1 {
		t.Errorf("b gets %v, want the queue of the dead owner", held)
	}
}

// TestHolder asks who holds a lock, and for how long.
func TestHolder(t *testing.T) {
	var table Table
	q := message.Queue{Topic: "t", ID: 1}
	table.Lock(nil, "g", "c@1", []message.Queue{q}, 1000)
	f := func(group string, now, age int64, client string) {
		t.Helper()
		if got, gotAge, ok := table.Holder(group, q, now); got != client || gotAge != age || ok != (client != "") {
			t.Errorf("%s at %d: %q for %d ms, %v; want %q for %d", group, now, got, gotAge, ok, client, age)
		}
	}
	f("g", 1000, 0, "c@1")
	f("g", 900, 0, "c@1")
	f("g", 31_000, 30_000, "c@1")
	f("g", 1000+TTLMillis+1, 0, "")
	f("other", 1000, 0, "")
}
