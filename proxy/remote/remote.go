// Package remote answers the proxy's requests with the brokers of a cluster, Aerobee's or Apache's, which it finds at NameServers. Each client
// of the proxy has connections of its own to those brokers that it uses, so that a broker sees it as any other client: its membership of
// groups, its heartbeats, the questions to it.
//
// A [Backend] may be used by all clients at once. Its goroutines are those of its links, and [Backend.Close] waits for them.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
)

// Options configure a [Backend].
type Options struct {
	NameServers []string // "host:port"
	Dial        func(ctx context.Context, addr string) (net.Conn, error)
	// Advertised is the address by which a client reaches this process, "" for that which it has dialled.
	Advertised func(remote, local netip.AddrPort) string
	// MaxWaiting bounds the requests of one client that wait for a connection to one broker; default 4096.
	MaxWaiting int
	Logger     *slog.Logger
}

// Backend is the brokers of one cluster.
type Backend struct {
	opt     Options
	cluster *cluster.Cluster
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup // links' goroutines; added to under mu while not closed

	mu      sync.Mutex           // guards what follows
	brokers map[string]string    // masters' addresses by name
	asked   time.Time            // when all of them were asked for
	silent  map[string]time.Time // when brokers did not answer
	links   map[*Link]struct{}
	closed  bool

	topics kept[*topic.Config]
	groups kept[groupFound]
}

type groupFound struct {
	config group.Config
	known  bool
}

const (
	// keepFor is how long a topic's or a group's configuration is believed.
	keepFor = 20 * time.Second
	// askAllEvery is the least time between two looks for all brokers.
	askAllEvery = 5 * time.Second
	// listFor is how long the list of all brokers is believed.
	listFor           = 30 * time.Second
	defaultMaxWaiting = 4096
)

// New makes a backend. It does no I/O.
func New(o Options) (*Backend, error) {
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = defaultMaxWaiting
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	c, err := cluster.New(cluster.Options{NameServers: o.NameServers, Dial: o.Dial, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Backend{opt: o, cluster: c, ctx: ctx, cancel: cancel, brokers: map[string]string{}, links: map[*Link]struct{}{}}, nil
}

// Close closes all links and connections and waits for their goroutines.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	links := slices.Collect(maps.Keys(b.links))
	b.mu.Unlock()
	b.cancel()
	for _, l := range links {
		l.Close()
	}
	err := b.cluster.Close()
	b.wg.Wait()
	return err
}

// NameServer asks a NameServer and returns its answer, of any code.
func (b *Backend) NameServer(ctx context.Context, f *protocol.Frame) (*protocol.Frame, error) {
	return b.cluster.InvokeNameServer(ctx, f)
}

// Route says on which brokers a topic lies.
func (b *Backend) Route(ctx context.Context, name string) ([]backend.Part, error) {
	r, err := b.route(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []backend.Part
	for _, q := range r.Data.Queues {
		if _, ok := r.Master(q.BrokerName); ok {
			out = append(out, backend.Part{Broker: q.BrokerName, Perm: topic.Perm(q.Perm), ReadQueues: q.ReadQueueNums, WriteQueues: q.WriteQueueNums})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("topic %.300s: no broker that has it has a master now: %w", name, backend.ErrNoBroker)
	}
	return out, nil
}

func (b *Backend) route(ctx context.Context, name string) (*cluster.Route, error) {
	r, err := b.cluster.Route(ctx, name)
	if errors.Is(err, cluster.ErrTopicNotFound) {
		return nil, fmt.Errorf("no topic route info for the topic %.300s: %w", name, backend.ErrNoTopic)
	}
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for broker := range r.Brokers {
		if addr, ok := r.Master(broker); ok {
			b.brokers[broker] = addr
		}
	}
	return r, nil
}

// Topic is a topic's configuration on one of its brokers, as it was last if none answers. Brokers of 4.x tell none but what is in the route.
func (b *Backend) Topic(ctx context.Context, name string) (*topic.Config, error) {
	if t, ok := b.topics.get(name); ok {
		return t, nil
	}
	t, err := b.askTopic(ctx, name)
	if err != nil && !errors.Is(err, backend.ErrNoTopic) {
		if old, ok := b.topics.again(name); ok {
			return old, nil
		}
	}
	return t, err
}

func (b *Backend) askTopic(ctx context.Context, name string) (*topic.Config, error) {
	parts, err := b.Route(ctx, name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(parts))
	for i := range parts {
		names[i] = parts[i].Broker
	}
	f := &protocol.Frame{Code: protocol.ReqGetTopicConfig}
	(&protocol.TopicHeader{Topic: name}).Append(&f.Fields)
	answer, broker, err := b.ask(ctx, names, f)
	if err != nil {
		return nil, err
	}
	p := parts[slices.Index(names, broker)]
	t := &topic.Config{Name: name, Perm: p.Perm, ReadQueues: p.ReadQueues, WriteQueues: p.WriteQueues}
	switch answer.Code {
	case protocol.ResSuccess:
		if err := protocol.UnmarshalBody(answer.Body, t); err != nil {
			return nil, fmt.Errorf("topic %.300s: the configuration of broker %s: %w", name, p.Broker, err)
		}
	case protocol.ResRequestCodeNotSupported:
	case protocol.ResTopicNotExist:
		return nil, fmt.Errorf("topic %.300s: %w", name, backend.ErrNoTopic)
	default:
		return nil, cluster.Check(answer, p.Broker, f.Code)
	}
	b.topics.put(name, t)
	return t, nil
}

// Group is a group's configuration on one broker, as it was last if none answers.
func (b *Backend) Group(ctx context.Context, name string) (group.Config, bool, error) {
	if g, ok := b.groups.get(name); ok {
		return g.config, g.known, nil
	}
	g, known, err := b.askGroup(ctx, name)
	if err != nil {
		if old, ok := b.groups.again(name); ok {
			return old.config, old.known, nil
		}
	}
	return g, known, err
}

func (b *Backend) askGroup(ctx context.Context, name string) (group.Config, bool, error) {
	all, err := b.Brokers(ctx)
	if err != nil {
		return group.Config{}, false, err
	}
	f := &protocol.Frame{Code: protocol.ReqGetSubscriptionGroupConfig}
	(&protocol.GroupHeader{Group: name}).Append(&f.Fields)
	answer, broker, err := b.ask(ctx, all, f)
	if err != nil {
		return group.Config{}, false, err
	}
	found := groupFound{config: group.New(name), known: true}
	switch answer.Code {
	case protocol.ResSuccess:
		if len(answer.Body) == 0 {
			found.known = false
			break
		}
		if err := protocol.UnmarshalBody(answer.Body, &found.config); err != nil {
			return group.Config{}, false, fmt.Errorf("group %.300s: %w", name, err)
		}
	case protocol.ResRequestCodeNotSupported:
	case protocol.ResSubscriptionGroupNotExist:
		return group.Config{}, false, nil // it may be made at any moment
	default:
		return group.Config{}, false, cluster.Check(answer, broker, f.Code)
	}
	b.groups.put(name, found)
	return found.config, found.known, nil
}

// Brokers are the names of all brokers that have a master, sorted.
func (b *Backend) Brokers(ctx context.Context) ([]string, error) {
	b.mu.Lock()
	fresh := time.Since(b.asked) < listFor && len(b.brokers) > 0
	b.mu.Unlock()
	var err error
	if !fresh {
		err = b.askAll(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.brokers) == 0 {
		return nil, errors.Join(fmt.Errorf("the NameServers know no broker with a master: %w", backend.ErrNoBroker), err)
	}
	return slices.Sorted(maps.Keys(b.brokers)), nil
}

// find returns a broker's address; for "" it takes the first that is not known to be silent.
func (b *Backend) find(ctx context.Context, broker string) (name, addr string, err error) {
	if broker == "" {
		all, err := b.Brokers(ctx)
		if err != nil {
			return "", "", err
		}
		broker = b.lively(all)[0]
	}
	b.mu.Lock()
	addr, late := b.brokers[broker], time.Since(b.asked) > askAllEvery
	b.mu.Unlock()
	if addr == "" && late {
		err = b.askAll(ctx)
		b.mu.Lock()
		addr = b.brokers[broker]
		b.mu.Unlock()
	}
	if addr == "" {
		return "", "", errors.Join(fmt.Errorf("broker %.300s: %w", broker, backend.ErrNoBroker), err)
	}
	return broker, addr, nil
}

// lost says that a broker's address did not answer: it is looked for again.
func (b *Backend) lost(broker, addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.brokers[broker] == addr {
		b.asked = time.Time{}
	}
}

// askAll asks a NameServer for all brokers. What it does not name is forgotten.
func (b *Backend) askAll(ctx context.Context) error {
	f := &protocol.Frame{Code: protocol.ReqGetBrokerClusterInfo}
	answer, err := b.cluster.InvokeNameServer(ctx, f)
	if err == nil {
		err = cluster.Check(answer, "", f.Code)
	}
	if err != nil {
		return err
	}
	var info protocol.ClusterInfo
	if err := protocol.UnmarshalBody(answer.Body, &info); err != nil {
		return fmt.Errorf("the NameServer's list of brokers: %w", err)
	}
	brokers := map[string]string{}
	for name, data := range info.Brokers {
		if addr := data.Addrs[protocol.MasterID]; addr != "" {
			brokers[name] = addr
		}
	}
	b.mu.Lock()
	moved := map[string]string{}
	for name, addr := range b.brokers {
		if now := brokers[name]; now != "" && now != addr {
			moved[name] = now
		}
	}
	b.brokers, b.asked = brokers, time.Now()
	var links []*Link
	if len(moved) > 0 {
		links = slices.Collect(maps.Keys(b.links))
	}
	b.mu.Unlock()
	for _, l := range links {
		l.moved(moved)
	}
	return nil
}

// address is a broker's address as far as it is known.
func (b *Backend) address(broker string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.brokers[broker]
}

// Endpoint is the address that a client is told.
func (b *Backend) Endpoint(who backend.Client) string {
	if b.opt.Advertised == nil {
		return ""
	}
	return b.opt.Advertised(who.Remote, who.Local)
}

// kept is what brokers have said, for a while.
type kept[T any] struct {
	mu  sync.Mutex
	all map[string]keptOne[T] // guarded by mu
}

type keptOne[T any] struct {
	v     T
	until time.Time
}

// mostKept bounds what is kept. Beyond it all is forgotten: it comes again with the next questions.
const mostKept = 20_000

func (k *kept[T]) get(name string) (v T, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	one, ok := k.all[name]
	if !ok || time.Now().After(one.until) {
		return v, false
	}
	return one.v, true
}

// again believes what was kept once more, when nobody can be asked.
func (k *kept[T]) again(name string) (v T, ok bool) {
	k.mu.Lock()
	one, ok := k.all[name]
	k.mu.Unlock()
	if ok {
		k.put(name, one.v)
	}
	return one.v, ok
}

func (k *kept[T]) put(name string, v T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil || len(k.all) >= mostKept {
		k.all = map[string]keptOne[T]{}
	}
	k.all[name] = keptOne[T]{v: v, until: time.Now().Add(keepFor)}
}
