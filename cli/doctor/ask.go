package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/internal/editdist"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// reachTimeout bounds the question to one address.
const reachTimeout = 3 * time.Second

// AskCluster looks at the NameServers, each of which one makes an Admin for, and connects back to every address by which they know a
// broker.
func AskCluster(ctx context.Context, servers []string, one func(server string) (*admin.Admin, error), node Node) v1.Diagnosis {
	c := &Cluster{NameServers: make([]NameServer, len(servers))}
	found := make([][]Reached, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		c.NameServers[i].Addr = server
		wg.Go(func() { found[i] = askNameServer(ctx, &c.NameServers[i], one, node) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, b := range slices.Concat(found...) {
		if !seen[b.Name+" "+b.Addr] {
			c.Brokers = append(c.Brokers, b)
		}
		seen[b.Name+" "+b.Addr] = true
	}
	return diagnosis("cluster", Look(c))
}

func askNameServer(ctx context.Context, n *NameServer, one func(server string) (*admin.Admin, error), node Node) []Reached {
	a, err := one(n.Addr)
	if err != nil {
		n.Error = err.Error()
		return nil
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	brokers, err := a.Brokers(ctx)
	if err != nil {
		n.Error = err.Error()
		return nil
	}
	var out []Reached
	for _, b := range brokers {
		_, has := b.Master()
		for id, addr := range b.Addrs {
			out = append(out, Reached{Name: b.Name, Addr: addr, ID: id, HasMaster: has})
			n.Brokers = append(n.Brokers, b.Name+" at "+addr)
		}
	}
	slices.Sort(n.Brokers)
	slices.SortFunc(out, func(x, y Reached) int { return strings.Compare(x.Name+" "+x.Addr, y.Name+" "+y.Addr) })
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() { out[i].ask(ctx, a, node) })
	}
	wg.Wait()
	return out
}

// ask connects to one address.
func (b *Reached) ask(ctx context.Context, a *admin.Admin, node Node) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	begun := time.Now()
	runtime, err := a.RuntimeInfo(ctx, b.Addr)
	b.Took = time.Since(begun)
	if err != nil {
		b.Error = err.Error()
		return
	}
	b.Version = runtime["brokerVersionDesc"]
	begun = time.Now()
	var n v1.Node
	if node(ctx, b.Addr, "/api/v1/node", &n) != nil {
		return // none of ours
	}
	took := time.Since(begun)
	b.Node = &n
	if !n.Now.IsZero() {
		b.Skew = n.Now.Sub(begun.Add(took / 2))
	}
	var s v1.Store
	if node(ctx, b.Addr, "/api/v1/store", &s) == nil {
		b.Store = &s
	}
}

// AskTopic looks at a topic.
func AskTopic(ctx context.Context, a *admin.Admin, node Node, name string) (v1.Diagnosis, error) {
	t := &TopicFacts{Name: name, Configs: map[string]protocol.TopicConfig{}, Unreachable: map[string]string{}, Stores: map[string]v1.Store{}}
	var err error
	if t.Brokers, err = a.Brokers(ctx); err != nil {
		return v1.Diagnosis{}, err
	}
	all, _ := a.Topics(ctx) // of brokers that do not answer nothing is known
	for _, other := range all {
		if other.Name == name {
			t.Configs = other.Configs
		} else if other.Kind == admin.Normal && editdist.Between(strings.ToLower(name), strings.ToLower(other.Name)) <= (len(name)+2)/3 {
			t.Near = append(t.Near, other.Name)
		}
		if other.Name == message.TopicAutoName {
			t.AutoCreate = true
		}
	}
	t.Near = t.Near[:min(len(t.Near), 3)]
	state, err := a.Topic(ctx, name)
	if err != nil && !errors.Is(err, cluster.ErrTopicNotFound) && len(state.Brokers) == 0 {
		return v1.Diagnosis{}, err
	}
	t.Routed, t.Groups = state.Brokers, state.Groups
	for _, q := range state.Queues {
		t.Waiting += q.Max - q.Min
	}
	for _, b := range t.Routed {
		t.reach(ctx, a, node, &b)
	}
	return diagnosis("topic "+name, Topic(t)), nil
}

func (t *TopicFacts) reach(ctx context.Context, a *admin.Admin, node Node, b *admin.Broker) {
	addr, ok := b.Master()
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if _, err := a.RuntimeInfo(ctx, addr); err != nil {
		t.Unreachable[b.Name] = err.Error()
		return
	}
	var s v1.Store
	if node(ctx, addr, "/api/v1/store", &s) == nil {
		t.Stores[b.Name] = s
	}
}

// AskGroup looks at a group. The state is what the brokers say of it, in part where an error comes along.
func AskGroup(ctx context.Context, a *admin.Admin, node Node, name string) (v1.Diagnosis, admin.GroupState, error) {
	state, err := a.Group(ctx, name)
	if err != nil && len(state.Configs) == 0 && len(state.Queues) == 0 {
		return v1.Diagnosis{}, state, err
	}
	g := &GroupFacts{State: state, Now: time.Now()}
	brokers, _ := a.Brokers(ctx) // they have just answered
	for _, b := range brokers {
		if addr, ok := b.Master(); ok {
			g.told(ctx, node, addr)
		}
	}
	if names, namesErr := a.TopicNames(ctx); namesErr == nil {
		g.Topics = names
	}
	if letters, lettersErr := a.Topic(ctx, message.DLQTopic(name)); lettersErr == nil {
		for _, q := range letters.Queues {
			g.Dead += q.Max - q.Min
		}
	}
	g.sample(ctx, a)
	return diagnosis("group "+name, Group(g)), state, err
}

// told asks a broker of ours for what others do not tell.
func (g *GroupFacts) told(ctx context.Context, node Node, addr string) {
	path := "/api/v1/groups/" + url.PathEscape(g.State.Name)
	var d v1.Disagreements
	if node(ctx, addr, path+"/disagreements", &d) != nil {
		return
	}
	for _, one := range d.Disagreements {
		g.Told = append(g.Told, one.String())
	}
	var q v1.GroupQueues
	if node(ctx, addr, path+"/queues", &q) == nil {
		g.Queues = append(g.Queues, q)
	}
}

// Bounds of what is looked at of messages that wait.
const (
	sampledQueues   = 16
	sampledMessages = 320
	sampledTags     = 10
)

// sample looks at what stands before the group in queues of topics of which it does not want everything.
func (g *GroupFacts) sample(ctx context.Context, a *admin.Admin) {
	for _, q := range g.State.Queues {
		i := slices.IndexFunc(g.State.Subscriptions, func(s admin.Subscription) bool { return s.Topic == q.Topic })
		if q.Lag == 0 || i < 0 || len(g.Samples) == sampledQueues {
			continue
		}
		sub := g.State.Subscriptions[i]
		want, err := filter.Compile(sub.Type, sub.Expression)
		if err != nil || want.MatchesAll() {
			continue
		}
		s := Sample{Topic: q.Topic, Broker: q.BrokerName, Queue: q.QueueID, Type: sub.Type, Expression: sub.Expression}
		reader, err := a.Reader(ctx, q.Queue, q.ConsumerOffset)
		if err != nil {
			continue
		}
		reader.NoBody = true
		if s.look(ctx, reader, want) == nil {
			g.Samples = append(g.Samples, s)
		}
	}
}

// look reads messages until one is wanted, or enough were looked at.
func (s *Sample) look(ctx context.Context, r *admin.Reader, want *filter.Filter) error {
	for s.Looked < sampledMessages && s.Wanted == 0 {
		before := r.Next
		list, err := r.Read(ctx, 0)
		if err != nil {
			return err
		}
		for i := range list {
			s.Looked++
			if list[i].Wanted(want) {
				s.Wanted++
			}
			if tag := list[i].Tag; tag != "" && !slices.Contains(s.Tags, tag) && len(s.Tags) < sampledTags {
				s.Tags = append(s.Tags, tag)
			}
		}
		if r.Next == before {
			break
		}
	}
	slices.Sort(s.Tags)
	return nil
}

// Problems is the error that stands for problems that were found, nil for none.
func Problems(d *v1.Diagnosis) error {
	if d.Problems == 0 {
		return nil
	}
	noun := "problems"
	if d.Problems == 1 {
		noun = "problem"
	}
	return fmt.Errorf("%s: %d %s", d.Subject, d.Problems, noun)
}
