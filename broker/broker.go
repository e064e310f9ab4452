package broker

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/broker/hold"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/broker/rates"
	"github.com/aerobee-mq/aerobee/broker/register"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

const (
	permWrite = 2
	permRead  = 4
)

// Broker serves the requests of clients from one store.
//
// Its goroutines: HoldWorkers that answer pulls which wake up, one loop that watches deadlines (holds, silent clients), and
// the registrar's. Close stops and waits for all of them.
type Broker struct {
	opt   Options
	store Store
	codes []errorCode
	start time.Time
	// steady is a clock that nobody can set, for what must end though the clock jumps: holds, and who counts as connected.
	steady func() time.Time
	stats  stats
	rates  rates.Rates
	// filters keeps compiled expressions.
	filters *filter.Cache

	propsTail    []byte          // MSG_REGION, TRACE_ON and CLUSTER as every record carries them
	regionFields protocol.Fields // MSG_REGION and TRACE_ON as every send answer carries them
	uniq         *message.UniqueKeys
	works        sync.Pool // *sendWork, for sends that had to wait
	buffers      buffers
	reading      chan struct{} // held by each pull that may read from the disk and is answered; its capacity bounds their buffers
	makes        *makings
	waitingBytes atomic.Int64  // of request copies, see copyToWait
	turns        chan struct{} // held by the one change of topics or groups that is under way
	registrar    *register.Registrar

	holdMu    sync.Mutex // guards holds, and held and closed of every session
	holds     *hold.Table[*pullRequest]
	held      atomic.Int64 // holds.Len(), so that an arrival that nobody waits for costs no lock
	holdsOver bool         // guarded by holdMu: no new holds
	awake     wakeQueue
	earlier   chan struct{} // a deadline before the one that the loop sleeps towards

	clientMu sync.Mutex // guards clients, pulled and resets
	clients  *member.Table[*session]
	pulled   map[pulledKey]message.QueueOffset
	resets   map[pulledKey]message.QueueOffset // offsets that the next pull will be told

	stop chan struct{}
	wg   sync.WaitGroup
}

// New makes a broker over an open store. The store's OnArrive must be [Broker.Arrived], its OnTopics may be
// [Broker.TopicsChanged]. Topics are announced to registries as well as to the remote NameServers of the options.
// Nothing runs before Start.
func New(s Store, opt Options, registries ...Registry) (*Broker, error) {
	opt = opt.withDefaults()
	if err := opt.validate(); err != nil {
		return nil, err
	}
	b := &Broker{
		opt: opt, store: s, codes: errorCodes(), start: opt.Now(), steady: steadyClock(), filters: filter.NewCache(keptFilters),
		propsTail: property.Tail(opt.Region, opt.ClusterName, !opt.TraceOff),
		uniq:      message.NewUniqueKeys(opt.StoreHost.Addr(), os.Getpid(), uint32(opt.Now().UnixNano()), opt.Now),
		makes:     newMakings(opt.MaxDeferred),
		reading:   make(chan struct{}, opt.readsAtOnce()),
		turns:     make(chan struct{}, 1),
		holds:     hold.New[*pullRequest](opt.MaxHolds),
		earlier:   make(chan struct{}, 1),
		clients:   member.New[*session](opt.ClientExpiry.Milliseconds()),
		pulled:    map[pulledKey]message.QueueOffset{},
		resets:    map[pulledKey]message.QueueOffset{},
		stop:      make(chan struct{}),
	}
	b.works.New = func() any { return &sendWork{} }
	b.regionFields.Add(message.PropRegion, opt.Region)
	b.regionFields.AddBool(message.PropTraceOn, !opt.TraceOff)
	b.awake.init()
	b.registrar = register.New(s, registrarOptions(&opt), registries...)
	return b, nil
}

// Registry is a NameServer in the same process.
type Registry = register.Registry

func registrarOptions(o *Options) register.Options {
	return register.Options{
		BrokerName: o.BrokerName, ClusterName: o.ClusterName, BrokerID: o.BrokerID, Addr: o.Advertise, HAAddr: o.HAAddr, Permission: o.Permission,
		NameServers: o.NameServers, Period: o.RegisterPeriod, Timeout: o.RegisterTimeout, Compressed: o.CompressedRegister, OnChange: o.OnChange,
		Hidden: readForbidden, Logger: o.Logger,
	}
}

// Register enters the broker's requests into a mux that does not serve yet.
func (b *Broker) Register(mux *remoting.Mux) {
	for _, r := range b.requests() {
		mux.Handle(r.code, r.name, r.handle)
	}
}

// Start makes the topics that every broker has, registers at the NameServers and begins to watch deadlines. ctx bounds the
// first part; remote NameServers that do not answer are tried again later.
func (b *Broker) Start(ctx context.Context) error {
	for _, c := range b.systemTopicConfigs() {
		if _, ok := b.store.Topic(c.Name); ok {
			continue
		}
		if err := b.store.PutTopic(ctx, c); err != nil {
			return fmt.Errorf("broker: make system topic %s: %w", c.Name, err)
		}
	}
	for range b.opt.HoldWorkers {
		b.wg.Go(b.wakeLoop)
	}
	b.wg.Go(b.watchLoop)
	b.registrar.Start(ctx)
	return nil
}

// Close unregisters the broker, answers all pulls on hold and waits for the broker's goroutines. The connections must
// still be open, and the store outlives it. ctx bounds the unregistration.
func (b *Broker) Close(ctx context.Context) error {
	err := b.registrar.Stop(ctx)
	b.releaseHolds()
	close(b.stop)
	b.awake.close()
	b.wg.Wait()
	return err
}

// Closed is to be called when a connection has ended: its client leaves its groups, its held pulls are dropped.
func (b *Broker) Closed(c *remoting.Conn) {
	s, ok := c.Session().(*session)
	if !ok {
		return
	}
	b.dropHolds(s)
	b.clientMu.Lock()
	s.ended = true
	notices := b.clients.Closed(s)
	b.clientMu.Unlock()
	b.notify(notices...)
}

// AfterRead is to be called when a connection's reader has handled all frames that it had read: what was put begins its
// way to the disk. The reader has more to read if more.
func (b *Broker) AfterRead(c *remoting.Conn, more bool) {
	if more {
		b.store.KickAside()
	} else {
		b.store.Kick()
	}
	c.Flush()
}

// TopicsChanged announces a change of topics that did not come through this broker, such as a replica's. It never blocks.
func (b *Broker) TopicsChanged() { b.registrar.Poke() }

// Arrived wakes the pulls that wait for messages which have just become visible. The store calls it on its committing
// goroutine; it never blocks.
func (b *Broker) Arrived(arrivals []store.Arrival) {
	if b.held.Load() == 0 {
		return
	}
	var woken []*heldPull
	b.holdMu.Lock()
	for i := range arrivals {
		a := &arrivals[i]
		woken = b.holds.Arrived(woken, message.Queue{Topic: a.Topic, ID: a.Queue}, a.QueueOffset, a.TagsCode)
	}
	b.held.Store(int64(b.holds.Len()))
	b.holdMu.Unlock()
	b.awake.push(woken...)
}

// watchLoop looks after everything that happens by time alone.
func (b *Broker) watchLoop() {
	now := b.steady()
	b.rates.Add(rates.Sample{Millis: b.opt.Now().UnixMilli()})
	recheck, scan := now.Add(b.opt.HoldRecheck), now.Add(clientScan)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-timer.C:
		case <-b.earlier:
		}
		now = b.steady()
		b.expireHolds(now.UnixMilli())
		if !now.Before(recheck) {
			b.recheckHolds()
			recheck = now.Add(b.opt.HoldRecheck)
		}
		if !now.Before(scan) {
			b.expireClients(now.UnixMilli())
			b.rates.Add(rates.Sample{Millis: b.opt.Now().UnixMilli(), Put: b.stats.put.Load(), Got: b.stats.gotCount.Load()})
			scan = now.Add(clientScan)
		}
		next := recheck
		if scan.Before(next) {
			next = scan
		}
		timer.Reset(b.untilDeadline(now, next))
	}
}

// steadyClock returns a clock that starts with the real time and goes on by what has passed.
func steadyClock() func() time.Time {
	start := time.Now()
	return func() time.Time { return start.Add(time.Since(start)) }
}
