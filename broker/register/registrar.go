package register

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Registry is a NameServer in the same process. Its methods take effect before they return and must not call the broker.
// What they are given may be kept, but not changed.
type Registry interface {
	// RegisterLocal replaces everything that is known of the broker.
	RegisterLocal(h protocol.RegisterBrokerHeader, topics protocol.TopicConfigTable)
	// ChangeLocal replaces what is known of the topics of the table, and forgets those that are gone.
	ChangeLocal(h protocol.RegisterBrokerHeader, topics protocol.TopicConfigTable, gone []string)
	// UnregisterLocal forgets the broker.
	UnregisterLocal(h protocol.BrokerIdentityHeader)
}

// Source is where the topics come from.
type Source interface {
	Topics() []topic.Config
	TopicVersion() topic.Version
	// TopicsSince returns what was made or changed and what is gone since a version, and the version now; not ok if that is not known.
	TopicsSince(v topic.Version) (changed []*topic.Config, gone []string, now topic.Version, ok bool)
}

// Options say who is registered, where and how. The first five fields, Permission, Period, Timeout and Hidden must be set.
type Options struct {
	BrokerName, ClusterName string
	BrokerID                int64
	Addr, HAAddr            string // what remote NameServers hand out, "host:port"
	Permission              int32  // no topic is registered with more than this
	NameServers             []string
	// Period and Timeout are the time between two registrations and the limit of one.
	Period, Timeout time.Duration
	// Compressed compresses the body. OnChange registers only when the NameServer knows another version of the topics.
	Compressed, OnChange bool
	// Hidden reports whether a topic is not for clients and so not registered.
	Hidden func(topic string) bool
	Sign   func(f *protocol.Frame) // signs every request; nil: nobody does
	Logger *slog.Logger            // nil discards
}

// Registrar keeps the NameServers informed of this broker and its topics. A NameServer in the process is told at once; each
// remote one has a goroutine and a connection: a full registration (103) every RegisterPeriod and on every change, after a
// look at its data version (322) when only changes are to be sent, and an unregistration (104) at the end.
type Registrar struct {
	opt     Options
	source  Source
	local   []Registry
	remotes []*nameServer
	poked   chan struct{}
	done    chan struct{}
	wg      sync.WaitGroup

	// turn is held by who tells the local NameServers: an older table must not overtake a newer one, and who finds nothing newer
	// to tell returns only when it has been told.
	turn  chan struct{}
	known topic.Version // what they have been told; belongs to who has the turn

	permission atomic.Int32 // Options.Permission as it is now
	moved      atomic.Int64 // how often it has changed: NameServers look at a table only when its version is another
}

// nameServer is one remote NameServer. Its fields belong to its goroutine, but for up and asks.
type nameServer struct {
	addr string
	asks chan chan struct{}
	up   atomic.Bool // the last registration went through
	conn *remoting.Conn
	sent topic.Version
}

// publishWait is how long the making of a topic waits for remote NameServers to know it.
const publishWait = time.Second

// New makes a registrar. Nothing runs before Start.
func New(source Source, opt Options, local ...Registry) *Registrar {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Registrar{opt: opt, source: source, local: local, poked: make(chan struct{}, 1), done: make(chan struct{}), turn: make(chan struct{}, 1)}
	r.permission.Store(opt.Permission)
	for _, addr := range opt.NameServers {
		r.remotes = append(r.remotes, &nameServer{addr: addr, asks: make(chan chan struct{}, 1)})
	}
	return r
}

// Start registers everywhere, waits a moment for the remote ones, and goes on by itself.
func (r *Registrar) Start(ctx context.Context) {
	for _, n := range r.remotes {
		n.up.Store(true)
		r.wg.Go(func() { r.serve(n) })
	}
	r.wg.Go(r.watch)
	r.Publish(ctx)
}

// Stop unregisters everywhere and waits for the goroutines.
func (r *Registrar) Stop(ctx context.Context) error {
	close(r.done)
	r.turn <- struct{}{}
	for _, l := range r.local {
		l.UnregisterLocal(r.identity())
	}
	<-r.turn
	ended := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("broker: unregister at the NameServers: %w", ctx.Err())
	}
}

// Poke makes the registrar look for changes. It never blocks.
func (r *Registrar) Poke() {
	select {
	case r.poked <- struct{}{}:
	default:
	}
}

func (r *Registrar) watch() {
	for {
		select {
		case <-r.done:
			return
		case <-r.poked:
			r.registerLocal()
			r.nudge()
		}
	}
}

// stamp is the version that NameServers are told.
func (r *Registrar) stamp(v topic.Version) topic.Version {
	v.Counter += r.moved.Load()
	return v
}

// SetPermission changes Options.Permission and registers anew, everywhere.
func (r *Registrar) SetPermission(ctx context.Context, permission int32) {
	r.permission.Store(permission)
	r.moved.Add(1)
	r.turn <- struct{}{}
	r.known = topic.Version{}
	<-r.turn
	r.Publish(ctx)
}

// Publish brings the topics into the route: at once where the NameServer is in the process; remote ones that answered the
// last time are waited for.
func (r *Registrar) Publish(ctx context.Context) {
	r.registerLocal()
	ctx, cancel := context.WithTimeout(ctx, publishWait)
	defer cancel()
	r.ask(ctx)
}

// nudge makes every remote NameServer's goroutine register soon, without waiting for it.
func (r *Registrar) nudge() {
	for _, n := range r.remotes {
		n.nudge()
	}
}

// nudge leaves an ask behind. One that waits already will see the newest topics too.
func (n *nameServer) nudge() {
	select {
	case n.asks <- nil:
	default:
	}
}

// ask makes each remote NameServer's goroutine register now, and waits for it if there is a context.
func (r *Registrar) ask(ctx context.Context) {
	var waits []chan struct{}
	for _, n := range r.remotes {
		if !n.up.Load() {
			n.nudge()
			continue
		}
		wait := make(chan struct{})
		select {
		case n.asks <- wait:
			waits = append(waits, wait)
		case <-ctx.Done():
		case <-r.done:
		}
	}
	for _, wait := range waits {
		select {
		case <-wait:
		case <-ctx.Done():
		case <-r.done:
		}
	}
}

func (r *Registrar) registerLocal() {
	if len(r.local) == 0 {
		return
	}
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	select {
	case <-r.done:
		return // unregistered: a topic that is made while the node stops is not announced
	default:
	}
	if r.known == (topic.Version{}) || !r.changeLocal() {
		known := r.source.TopicVersion() // what comes meanwhile is told once more
		table, _ := r.table()
		r.known = known
		for _, l := range r.local {
			l.RegisterLocal(r.header(nil, false), table)
		}
	}
}

// changeLocal tells the local NameServers what has changed since they were told last: a table of 100,000 topics would take
// as long as the making of one topic may. It reports false if that is not known. The caller has the turn.
func (r *Registrar) changeLocal() bool {
	changed, gone, version, ok := r.source.TopicsSince(r.known)
	if !ok || version == r.known {
		return ok
	}
	table := protocol.TopicConfigTable{DataVersion: protocol.DataVersion(r.stamp(version)), Topics: make(map[string]protocol.TopicConfig, len(changed))}
	for _, c := range changed {
		r.add(&table, c)
	}
	r.known = version
	for _, l := range r.local {
		l.ChangeLocal(r.header(nil, false), table, gone)
	}
	return true
}

// firstRetry is how soon a failed registration is tried again; each further failure doubles it, up to RegisterPeriod.
const firstRetry = time.Second

// serve keeps one remote NameServer informed until the registrar stops.
func (r *Registrar) serve(n *nameServer) {
	period := r.opt.Period
	again := time.NewTimer(period)
	defer again.Stop()
	for retry := firstRetry; ; {
		select {
		case <-r.done:
			r.unregister(n)
			return
		case <-again.C:
			r.register(n, !r.opt.OnChange || !n.up.Load())
		case wait := <-n.asks:
			if _, version := r.table(); !n.up.Load() || version != n.sent {
				r.register(n, true)
			}
			if wait != nil {
				close(wait)
			}
		}
		if n.up.Load() {
			retry = firstRetry
			again.Reset(period)
			continue
		}
		again.Reset(min(retry, period))
		retry = min(2*retry, period)
	}
}

// register sends the whole registration, or asks first whether it is needed.
func (r *Registrar) register(n *nameServer, force bool) {
	ctx, cancel := context.WithTimeout(context.Background(), r.opt.Timeout)
	defer cancel()
	err := r.tryRegister(ctx, n, force)
	if was := n.up.Swap(err == nil); err != nil {
		if n.conn != nil {
			_ = n.conn.Close()
			n.conn = nil
		}
		if was {
			r.opt.Logger.Warn("not registered at NameServer, trying again", "addr", n.addr, "atLeastEvery", r.opt.Period, "error", err)
		}
	} else if !was {
		r.opt.Logger.Info("registered at NameServer", "addr", n.addr)
	}
}

func (r *Registrar) tryRegister(ctx context.Context, n *nameServer, force bool) error {
	table, version := r.table()
	if !force {
		changed, err := r.changed(ctx, n, version)
		if err != nil || !changed {
			return err
		}
	}
	body, err := (&protocol.RegisterBrokerBody{FilterServers: []string{}, Topics: table}).Marshal(r.opt.Compressed)
	if err != nil {
		return err
	}
	f := protocol.Frame{Code: protocol.ReqRegisterBroker, Body: body}
	h := r.header(body, r.opt.Compressed)
	h.Append(&f.Fields)
	if _, err := r.call(ctx, n, &f); err != nil {
		return err
	}
	n.sent = version
	return nil
}

// changed asks a NameServer whether it knows another version of the topics than ours.
func (r *Registrar) changed(ctx context.Context, n *nameServer, version topic.Version) (bool, error) {
	f := protocol.Frame{Code: protocol.ReqQueryDataVersion, Body: protocol.MarshalBody(version)}
	h := r.identity()
	h.Append(&f.Fields)
	answer, err := r.call(ctx, n, &f)
	if err != nil {
		return false, err
	}
	var rh protocol.QueryDataVersionResponseHeader
	if err := rh.Decode(answer.Fields); err != nil {
		return false, err
	}
	var theirs topic.Version
	if len(answer.Body) > 0 {
		if err := protocol.UnmarshalBody(answer.Body, &theirs); err != nil {
			return false, err
		}
	}
	return rh.Changed || theirs != version, nil
}

func (r *Registrar) unregister(n *nameServer) {
	if n.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishWait)
	defer cancel()
	f := protocol.Frame{Code: protocol.ReqUnregisterBroker}
	h := r.identity()
	h.Append(&f.Fields)
	if _, err := r.call(ctx, n, &f); err != nil {
		r.opt.Logger.Warn("not unregistered at NameServer", "addr", n.addr, "error", err)
	}
	_ = n.conn.Close()
	n.conn.Wait()
}

// call sends one request and turns every answer but success into an error.
func (r *Registrar) call(ctx context.Context, n *nameServer, f *protocol.Frame) (*protocol.Frame, error) {
	if n.conn != nil {
		select {
		case <-n.conn.Done():
			n.conn = nil
		default:
		}
	}
	if n.conn == nil {
		conn, err := remoting.Dial(ctx, n.addr, remoting.Options{Sign: r.opt.Sign, Logger: r.opt.Logger})
		if err != nil {
			return nil, err
		}
		n.conn = conn
	}
	f.Language, f.Version = protocol.LanguageJava, protocol.CurrentVersion
	answer, err := n.conn.Invoke(ctx, f)
	if err != nil {
		return nil, err
	}
	if answer.Code != protocol.ResSuccess {
		return nil, fmt.Errorf("request %d answered with code %d: %s", f.Code, answer.Code, answer.Remark)
	}
	return answer, nil
}

func (r *Registrar) identity() protocol.BrokerIdentityHeader {
	o := &r.opt
	return protocol.BrokerIdentityHeader{BrokerName: o.BrokerName, BrokerAddr: o.Addr, ClusterName: o.ClusterName, BrokerID: o.BrokerID}
}

func (r *Registrar) header(body []byte, compressed bool) protocol.RegisterBrokerHeader {
	o := &r.opt
	return protocol.RegisterBrokerHeader{BrokerName: o.BrokerName, BrokerAddr: o.Addr, ClusterName: o.ClusterName, HAServerAddr: o.HAAddr,
		BrokerID: o.BrokerID, HasEnableActingMaster: true, Compressed: compressed, BodyCRC32: int32(message.CRC(body))}
}

// table is the broker's topics as NameServers get them: each no more permitted than the broker itself. Topics that are not
// for clients are left out.
func (r *Registrar) table() (protocol.TopicConfigTable, topic.Version) {
	version := r.stamp(r.source.TopicVersion())
	t := protocol.TopicConfigTable{DataVersion: protocol.DataVersion(version), Topics: map[string]protocol.TopicConfig{}}
	for _, c := range r.source.Topics() {
		r.add(&t, &c)
	}
	return t, version
}

// add puts a topic into a table, unless it is not for clients.
func (r *Registrar) add(t *protocol.TopicConfigTable, c *topic.Config) {
	if r.opt.Hidden(c.Name) {
		return
	}
	p := TopicConfig(c)
	if most := r.permission.Load(); most != int32(topic.PermRead|topic.PermWrite) {
		p.Perm &= most // Apache drops the inherit bit too then
	}
	t.Topics[c.Name] = p
	if c.Static != nil {
		if t.Mappings == nil {
			t.Mappings = map[string]protocol.TopicQueueMappingInfo{}
		}
		t.Mappings[c.Name] = mapping(c, r.opt.BrokerName)
	}
}

// mapping is what clients have to know of a static topic, all of whose queues are here under their own numbers.
func mapping(c *topic.Config, broker string) protocol.TopicQueueMappingInfo {
	m := protocol.TopicQueueMappingInfo{BrokerName: broker, Topic: c.Name, TotalQueues: c.WriteQueues, Epoch: c.Static.Epoch, Scope: c.Static.Scope,
		CurrIDMap: make(map[int32]int32, c.WriteQueues)}
	for id := range c.WriteQueues {
		m.CurrIDMap[id] = id
	}
	return m
}

// TopicConfig is a topic as bodies carry it.
func TopicConfig(c *topic.Config) protocol.TopicConfig {
	return protocol.TopicConfig{TopicName: c.Name, ReadQueueNums: c.ReadQueues, WriteQueueNums: c.WriteQueues, Perm: int32(c.Perm),
		TopicFilterType: c.FilterType.String(), TopicSysFlag: c.SysFlag, Order: c.Order, Attributes: c.Attributes}
}
