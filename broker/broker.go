package broker

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/broker/account"
	"github.com/aerobee-mq/aerobee/broker/ask"
	"github.com/aerobee-mq/aerobee/broker/checkback"
	"github.com/aerobee-mq/aerobee/broker/hold"
	"github.com/aerobee-mq/aerobee/broker/lite"
	"github.com/aerobee-mq/aerobee/broker/making"
	"github.com/aerobee-mq/aerobee/broker/manage"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/broker/operate"
	"github.com/aerobee-mq/aerobee/broker/place"
	"github.com/aerobee-mq/aerobee/broker/popping"
	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/broker/quota"
	"github.com/aerobee-mq/aerobee/broker/recall"
	"github.com/aerobee-mq/aerobee/broker/register"
	"github.com/aerobee-mq/aerobee/broker/statistics"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

const (
	permWrite = 2
	permRead  = 4
)

// Broker serves the requests of clients from one store.
//
// Its goroutines: HoldWorkers that answer pulls which wake up, one loop that watches deadlines (holds, silent clients), one that
// asks producers about their transactions, and the registrar's. Close stops and waits for all of them.
type Broker struct {
	opt   Options                 // as the broker began
	live  atomic.Pointer[Options] // as Change has left them; never nil
	store Store
	codes []errorCode
	// steady is a clock that nobody can set, for what must end though the clock jumps: holds, and who counts as connected.
	steady func() time.Time
	stats  stats
	meters *meter.Meters
	watch  atomic.Pointer[watch] // of the last scrape, nil while one is under way
	// statistics counts by topic and group; puts belongs to the committing goroutine.
	statistics *statistics.Table
	puts       *statistics.Puts
	desk       *operate.Desk
	timed      recall.Rules
	// filters keeps compiled expressions.
	filters *filter.Cache

	propsTail    []byte          // MSG_REGION, TRACE_ON and CLUSTER as every record carries them
	regionFields protocol.Fields // MSG_REGION and TRACE_ON as every send answer carries them
	uniq         *message.UniqueKeys
	works        sync.Pool // *sendWork, for sends that had to wait
	buffers      buffers
	reading      chan struct{} // held by each pull that may read from the disk and is answered; its capacity bounds their buffers
	makes        *making.Table
	waitingBytes atomic.Int64  // of request copies, see copyToWait
	turns        chan struct{} // held by the one change of topics or groups that is under way
	registrar    *register.Registrar
	pops         *popping.Pops
	accounts     *account.Accounts
	manage       *manage.Service
	sends        *quota.Table // of topics
	pulls        *quota.Table // of groups

	holdMu    sync.Mutex // guards holds, and held and closed of every session
	holds     *hold.Table[*pullRequest]
	held      atomic.Int64 // holds.Len(), so that an arrival that nobody waits for costs no lock
	holdsOver bool         // guarded by holdMu: no new holds
	awake     wakeQueue
	earlier   chan struct{} // a deadline before the one that the loop sleeps towards

	clientMu sync.Mutex // guards clients and pulled
	clients  *member.Table[*session]
	pulled   map[pulledKey]lastPull
	mover    *place.Mover
	asking   *ask.Room[*session]
	// lites says who reads which lite topics, liteConns how the clients are reached; clientMu guards both.
	lites     *lite.Registry
	liteConns map[string]*session
	liteInfo  *lite.Info

	checkback *checkback.Loop
	asked     atomic.Uint64 // questions to producers, who take turns

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
		opt: opt, timed: recall.Rules{Broker: opt.BrokerName, NoTimers: opt.DenyTimers, NoRecall: opt.DenyRecall, MaxDelay: opt.MaxTimerDelay},
		store: s, codes: errorCodes(), steady: steadyClock(), filters: filter.NewCache(keptFilters),
		propsTail: property.Tail(opt.Region, opt.ClusterName, !opt.TraceOff),
		uniq:      message.NewUniqueKeys(opt.StoreHost.Addr(), os.Getpid(), uint32(opt.Now().UnixNano()), opt.Now),
		makes:     making.New(opt.MaxDeferred, apart.Refuse(protocol.ResSystemBusy, "%stoo many requests are served to make what up to %d wait for", remarkBusy, opt.MaxDeferred)),
		reading:   make(chan struct{}, opt.readsAtOnce()),
		turns:     make(chan struct{}, 1),
		holds:     hold.New[*pullRequest](opt.MaxHolds),
		earlier:   make(chan struct{}, 1),
		clients:   member.New[*session](opt.ClientExpiry.Milliseconds()),
		pulled:    map[pulledKey]lastPull{},
		lites:     lite.New(maxLiteSubscriptions),
		liteConns: map[string]*session{},
		mover:     place.New(s, opt.Logger),
		asking:    ask.NewRoom[*session](opt.MaxAsked),
		stop:      make(chan struct{}),
	}
	b.live.Store(&b.opt)
	b.statistics = b.newStatistics()
	b.puts, b.desk = b.statistics.Puts(), b.newDesk()
	b.sends, b.pulls = quota.NewTable(b.steady, quota.SendMessages, quota.SendBytes), quota.NewTable(b.steady, quota.ConsumeMessages, quota.ConsumeBytes)
	b.meters = meter.New(opt.MaxSeries, b.systemTopicTest(), opt.Now)
	b.checkback = b.newCheckback()
	b.works.New = func() any { return &sendWork{} }
	b.regionFields.Add(message.PropRegion, opt.Region)
	b.regionFields.AddBool(message.PropTraceOn, !opt.TraceOff)
	b.awake.init()
	b.pops = b.newPops()
	b.accounts, b.manage = account.New(s, opt.Secrets, opt.Logger), b.newManage()
	b.liteInfo = lite.NewInfo(s, liteHost{b}, b.mover.Log, opt.MaxLights)
	b.registrar = register.New(s, registrarOptions(&opt), registries...)
	return b, nil
}

// Registry is a NameServer in the same process.
type Registry = register.Registry

func registrarOptions(o *Options) register.Options {
	return register.Options{
		BrokerName: o.BrokerName, ClusterName: o.ClusterName, BrokerID: o.BrokerID, Addr: o.Advertise, HAAddr: o.HAAddr, Permission: o.Permission,
		NameServers: o.NameServers, Period: o.RegisterPeriod, Timeout: o.RegisterTimeout, Compressed: o.CompressedRegister, OnChange: o.OnChange,
		Hidden: readForbidden, Sign: o.Sign, Logger: o.Logger,
	}
}

// Register enters the broker's requests into a mux that does not serve yet.
func (b *Broker) Register(mux *remoting.Mux) {
	for _, r := range b.requests() {
		mux.Handle(r.code, r.name, r.handle)
		if short := int32(int16(r.code)); short != r.code { // a binary head has 16 bits for the code
			mux.Handle(short, r.name, r.handle)
		}
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
	b.wg.Go(b.checkLoop)
	b.pops.Start()
	b.registrar.Start(ctx)
	return nil
}

// Close unregisters the broker, answers all pulls on hold and waits for the broker's goroutines. The connections must
// still be open, and the store outlives it. ctx bounds the unregistration.
func (b *Broker) Close(ctx context.Context) error {
	err := b.registrar.Stop(ctx)
	b.releaseHolds()
	b.pops.Close()
	close(b.stop)
	b.awake.close()
	b.wg.Wait()
	return err
}

// Closed is to be called when a connection has ended: its client leaves its groups, its held pulls are dropped.
func (b *Broker) Closed(c *remoting.Conn) {
	b.pops.Closed(c)
	s, ok := c.Session().(*session)
	if !ok {
		return
	}
	b.statistics.Channel(statistics.Disconnected)
	b.dropHolds(s)
	b.clientMu.Lock()
	s.ended = true
	b.dropLites(s)
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
	b.countArrivals(arrivals)
	for i := range arrivals {
		if arrivals[i].Waits {
			continue
		}
		b.pops.Arrived(message.Queue{Topic: arrivals[i].Topic, ID: arrivals[i].Queue}, arrivals[i].TagsCode)
	}
	if b.held.Load() == 0 {
		return
	}
	var woken []*heldPull
	b.holdMu.Lock()
	for i := range arrivals {
		a := &arrivals[i]
		if a.Waits {
			continue
		}
		woken = b.holds.Arrived(woken, message.Queue{Topic: a.Topic, ID: a.Queue}, a.QueueOffset, a.TagsCode)
	}
	b.held.Store(int64(b.holds.Len()))
	b.holdMu.Unlock()
	b.awake.push(woken...)
}

// watchLoop looks after everything that happens by time alone.
func (b *Broker) watchLoop() {
	now := b.steady()
	b.desk.Tick()
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
			b.desk.Tick()
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
