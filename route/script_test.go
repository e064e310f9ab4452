package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// The scripts in testdata/scripts drive the table with these commands; time is in seconds from the script's beginning.
//
//	new [acting] [timeout=S] [complete]
//	register broker=B [id=N] [addr=A] [cluster=C] [zone=Z] [conn=K] [timeout=S] [version=V] [state=V] [acting] [legacy] [complete] [local] [filter=F] [static=T] at=S
//	<topic> <read> <write> <perm> [flag]       one line a topic
//	unregister|touch broker= addr= | disconnect conn= | expire at= | wipe broker= | add broker= | delete topic= [cluster=]
//	topic topic=T, lines: <broker> <read> <write> <perm>
//	route topic= [zone=] | brokers | topics [cluster=] | flagged has= hasnot= | system | members broker= | changed addr= version=
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{t: t, table: New(Options{})}
		datadriven.RunTest(t, path, s.run)
	})
}

type script struct {
	t     *testing.T
	table *Table
}

// args are a command's words.
type args struct {
	t *testing.T
	d *datadriven.TestData
}

func (a args) str(name, absent string) string {
	if a.d.HasArg(name) {
		for _, arg := range a.d.CmdArgs {
			if arg.Key == name && len(arg.Vals) == 1 {
				return arg.Vals[0]
			}
		}
	}
	return absent
}

func (a args) num(name string, absent int64) int64 {
	n, err := strconv.ParseInt(a.str(name, strconv.FormatInt(absent, 10)), 10, 64)
	if err != nil {
		a.t.Fatalf("%s: %v", a.d.Pos, err)
	}
	return n
}

func (a args) at() time.Time { return time.Unix(a.num("at", 0), 0) }

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	a := args{t, d}
	cluster, broker, addr, topic := a.str("cluster", "c"), a.str("broker", ""), a.str("addr", ""), a.str("topic", "")
	switch d.Cmd {
	case "new":
		s.table = New(Options{Timeout: time.Duration(a.num("timeout", 0)) * time.Second, SupportActingMaster: d.HasArg("acting"),
			DeleteTopicWithBrokerRegistration: d.HasArg("complete")})
		return ""
	case "register":
		return s.register(a)
	case "unregister":
		s.table.Unregister(cluster, broker, addr)
		return s.brokers()
	case "touch":
		s.table.Touch(a.at(), cluster, addr)
		return ""
	case "disconnect":
		return fmt.Sprintf("%d out\n%s", s.table.Disconnect(a.str("conn", "")), s.brokers())
	case "expire":
		return fmt.Sprintf("close %v\n%s", s.table.Expire(a.at()), s.brokers())
	case "wipe":
		return fmt.Sprintln(s.table.WipeWrite(broker))
	case "add":
		return fmt.Sprintln(s.table.AddWrite(broker))
	case "delete":
		s.table.DeleteTopic(topic, a.str("cluster", ""))
		return fmt.Sprintln(s.table.Topics())
	case "topic":
		var queues []Queue
		for _, w := range words(d.Input) {
			queues = append(queues, Queue{Broker: w[0], ReadQueues: i32(w[1]), WriteQueues: i32(w[2]), Perm: i32(w[3])})
		}
		s.table.RegisterTopic(topic, queues)
		return s.route(topic, "")
	case "route":
		return s.route(topic, a.str("zone", ""))
	case "brokers":
		return s.brokers()
	case "topics":
		if d.HasArg("cluster") {
			return fmt.Sprintln(s.table.TopicsOf(cluster))
		}
		return fmt.Sprintln(s.table.Topics())
	case "flagged":
		return fmt.Sprintln(s.table.TopicsFlagged(int32(a.num("has", 0)), int32(a.num("hasnot", 0))))
	case "system":
		names, one := s.table.SystemTopics()
		return fmt.Sprintln(names, one.First())
	case "members":
		return fmt.Sprintln(s.table.Members(broker))
	case "changed":
		return fmt.Sprintln(s.table.Changed(cluster, addr, Version{Counter: a.num("version", 1)}))
	}
	t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return ""
}

func (s *script) register(a args) string {
	r := &Registration{Cluster: a.str("cluster", "c"), Broker: a.str("broker", ""), ID: a.num("id", 0), Addr: a.str("addr", ""), Zone: a.str("zone", ""),
		Timeout: time.Duration(a.num("timeout", 0)) * time.Second, Legacy: a.d.HasArg("legacy"), ActingMaster: a.d.HasArg("acting"),
		Version:  Version{Counter: a.num("version", 1), StateVersion: a.num("state", 0)},
		Complete: a.d.HasArg("complete"), Local: a.d.HasArg("local")}
	r.HAAddr = "ha-" + r.Addr
	if conn := a.str("conn", ""); conn != "" {
		r.Conn = conn
	}
	if f := a.str("filter", ""); f != "" {
		r.FilterServers = []string{f}
	}
	if topic := a.str("static", ""); topic != "" {
		r.Mappings = map[string]Mapping{topic: {BrokerName: r.Broker, Topic: topic, TotalQueues: 8, CurrIDMap: map[int32]int32{0: 0}}}
	}
	for _, w := range words(a.d.Input) {
		topic := Topic{Name: w[0], ReadQueues: i32(w[1]), WriteQueues: i32(w[2]), Perm: i32(w[3])}
		if len(w) > 4 {
			topic.SysFlag = i32(w[4])
		}
		r.Topics = append(r.Topics, topic)
	}
	master, err := s.table.Register(a.at(), r)
	switch {
	case errors.Is(err, ErrNotRegistered):
		return "refused: not registered\n" + s.brokers()
	case err != nil:
		return err.Error() + "\n"
	case master != (Master{}):
		return fmt.Sprintf("master %s %s\n", master.Addr, master.HAAddr)
	}
	return "ok\n"
}

func words(input string) [][]string {
	var out [][]string
	for line := range strings.Lines(input) {
		if w := strings.Fields(line); len(w) > 0 {
			out = append(out, w)
		}
	}
	return out
}

func i32(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		panic(err)
	}
	return int32(n)
}

func (s *script) brokers() string {
	var b strings.Builder
	for _, g := range s.table.Brokers() {
		fmt.Fprintf(&b, "%s/%s %v\n", g.Cluster, g.Name, g.Addrs)
	}
	clusters := s.table.Clusters()
	for _, c := range slices.Sorted(maps.Keys(clusters)) {
		fmt.Fprintf(&b, "cluster %s %v\n", c, clusters[c])
	}
	return b.String()
}

func (s *script) route(topic, zone string) string {
	r, ok := s.table.Route(topic)
	if !ok {
		return "none\n"
	}
	if zone != "" {
		r.InZone(zone)
	}
	var b strings.Builder
	for _, g := range r.Brokers {
		fmt.Fprintf(&b, "%s %v\n", g.Name, g.Addrs)
	}
	for _, q := range r.Queues {
		fmt.Fprintf(&b, "  %s read %d write %d perm %d\n", q.Broker, q.ReadQueues, q.WriteQueues, q.Perm)
	}
	if len(r.FilterServers) > 0 {
		fmt.Fprintf(&b, "  filter %v\n", r.FilterServers)
	}
	for broker, m := range r.Mappings {
		fmt.Fprintf(&b, "  static %s %d queues\n", broker, m.TotalQueues)
	}
	return b.String()
}
