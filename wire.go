package aerobee

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/broker"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/broker/popping"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/nameserver"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
)

func (s *Server) listen() error {
	s.api = api.New(s.apiOptions())
	handler := s.withRate(s.withControl(s.api))
	o := listen.Options{Addrs: s.cfg.Listen, Remoting: s.gate.pass, HTTP: handler, HTTP2: s.gate.passHTTP2, MaxConns: s.cfg.MaxConnections, MaxConnsPerAddr: s.cfg.PerAddress(), Logger: s.log}
	o.User = userOfCertificate(s.cfg.TLS.UserFrom)
	err := s.openCertificate(&o)
	if err != nil {
		return err
	}
	s.listeners, err = listen.New(o)
	if err != nil {
		return fmt.Errorf("%w; --listen chooses other addresses", err)
	}
	s.addr, err = resolveAddresses(&s.cfg, s.listeners.Addrs())
	return err
}

// withControl adds to a handler what makes disk and clock fail, if there is such a thing.
func (s *Server) withControl(h http.Handler) http.Handler {
	if s.world.control == nil {
		return h
	}
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle(s.world.controlPath, s.world.control)
	return mux
}

func (s *Server) startNameServer(mux *remoting.Mux) error {
	o := nameserver.Options{
		Route:       route.Options{SupportActingMaster: s.cfg.SupportActingMaster, MaxRows: maxRows(s.cfg.MemoryLimit)},
		Settings:    nameserver.Settings{OrderMessageEnable: s.cfg.OrderMessage},
		Advertise:   s.addr.rules,
		Canonical:   s.addr.canonical,
		MaxRegister: maxRegister(s.cfg.MemoryLimit),
		Logger:      s.log,
	}
	if !s.cfg.Memory {
		disk := cmp.Or(s.world.disk, vfs.Default)
		if err := disk.MkdirAll(s.cfg.Data, 0o700); err != nil {
			return fmt.Errorf("make the directory of the store: %w", err)
		}
		o.KV = nameserver.NewFileKV(disk, s.cfg.Data, "kvConfig.json")
	}
	server, err := nameserver.New(o)
	if err != nil {
		return err
	}
	s.nameserver = server
	server.Mount(mux)
	return nil
}

// openBroker opens the store and makes the broker over it. The store tells the broker of arrivals, and the broker exists
// only after the store: what arrives in between, due messages of a replayed log, no client can be waiting for.
func (s *Server) openBroker(mux *remoting.Mux) error {
	dropped, err := s.restoreChanges()
	if err != nil {
		return err
	}
	opt, err := s.storeOptions()
	if err != nil {
		return err
	}
	var late atomic.Pointer[broker.Broker]
	opt.TellWaiting = true
	opt.OnArrive = func(arrivals []store.Arrival) {
		if b := late.Load(); b != nil {
			b.Arrived(arrivals)
		}
	}
	opt.OnTopics = func() {
		if b := late.Load(); b != nil {
			b.TopicsChanged()
		}
	}
	if s.store, err = store.Open(opt); err != nil {
		return err
	}
	var registries []broker.Registry
	if s.nameserver != nil {
		registries = append(registries, localRegistry{s.nameserver})
	}
	bo := s.brokerOptions()
	if s.sharing, err = s.newSharing(); err != nil {
		return err
	}
	bo.Pop.Queues = s.sharing.queues
	s.safety.seals = s.secrets()
	bo.Secrets = s.safety.seals
	if a := &s.cfg.Auth; a.Authorize || a.Plain {
		bo.MayReach = s.mayReach
	}
	if bo.Spans, err = s.startSpans(); err != nil {
		return err
	}
	if s.broker, err = broker.New(s.boundedStore(), bo, registries...); err != nil {
		return err
	}
	late.Store(s.broker)
	s.broker.Register(mux)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := s.startGuard(ctx, bo.Secrets); err != nil {
		return err
	}
	return s.applyRestored(dropped)
}

func (s *Server) storeOptions() (store.Options, error) {
	c := &s.cfg
	levels, err := message.ParseDelayLevels(c.DelayLevels)
	if err != nil {
		return store.Options{}, fmt.Errorf("messageDelayLevel: %w", err)
	}
	kept, err := s.retention(s.inForce.Load())
	if err != nil {
		return store.Options{}, err
	}
	o := store.Options{
		Dir: c.Data, CommitLogDir: c.CommitLogDir, Memory: c.Memory, SegmentSize: c.SegmentSize, SyncTimeout: c.SyncFlushTimeout, Buffered: !c.DirectIO, StoreHost: s.addr.canonical,
		MaxPendingBytes: min(c.MaxPendingBytes, heldBytes(c.MemoryLimit)), MemoryLimit: c.MemoryLimit / 4, DelayLevels: levels, TimerPrecision: c.TimerPrecision, HalfImmunity: c.TransactionTimeout, NoKeyIndex: !c.MessageIndex, Logger: s.log, RetryTopicV2: c.Pop.RetryV2,
		MaxLights: c.MaxLightQueues, NoLights: !c.LightQueues || !c.MultiDispatch,
		Retention: kept,
		FS:        s.world.disk, Now: s.world.now,
	}
	if c.FlushDiskType == config.AsyncFlush {
		o.Flush = commitlog.AsyncFlush
	}
	if c.Memory && o.SegmentSize == config.Default().SegmentSize {
		o.SegmentSize = 0 // the store's own default: it is smaller in memory
	}
	return o, nil
}

func (s *Server) brokerOptions() broker.Options {
	c := &s.cfg
	ha := c.BrokerIP2
	if ha == "" {
		ha = s.addr.canonical.Addr().String()
	}
	logDir := cmp.Or(c.CommitLogDir, filepath.Join(c.Data, directory.LogDir))
	if c.Memory {
		logDir = ""
	}
	levels, _ := message.ParseDelayLevels(c.DelayLevels) // storeOptions has refused what cannot be read
	s.others = otherNameServers(c.Namesrv, s.listeners.Addrs(), cardAddresses(), lookupHost)
	return broker.Options{
		MaxAsked: maxTasks(s.cfg.MemoryLimit) / 2,
		MaxHolds: c.Limits.LongPolls, Members: member.Limits{Subscriptions: c.Limits.SubscriptionsPerGroup, Groups: c.Limits.GroupsPerConnection},
		BrokerName: c.BrokerName, ClusterName: c.ClusterName, BrokerID: c.BrokerID, StoreHost: s.addr.canonical, Advertise: s.addr.announced,
		HAAddr: net.JoinHostPort(ha, strconv.Itoa(c.HAPort)), Permission: c.BrokerPermission, TraceOff: !c.TraceOn,
		DenyTopicCreation: !c.AutoCreateTopic, DenyGroupCreation: !c.AutoCreateGroup, DefaultTopicQueueNums: c.DefaultTopicQueueNums,
		TraceTopic: c.TraceTopic, MaxMessageSize: c.MaxMessageSize, PullMaxMessages: c.MaxTransferCount,
		NoLongPolling: !c.LongPolling, DenyPropertyFilter: !c.PropertyFilter, DropReplies: !c.StoreReplies, ClientSideReset: !c.ServerSideReset, LockQuorum: lockQuorum(c),
		MixedTopics: c.MixedMessageType, NoLights: !c.LightQueues || !c.MultiDispatch, MaxLights: c.MaxLightQueues, DenyTimers: !c.TimerWheel, DenyRecall: !c.RecallMessage, MaxTimerDelay: c.TimerMaxDelay, NameServers: s.others, CompressedRegister: c.CompressedRegister,
		ConfigText: func() string { return s.inForce.Load().Told() }, ChangeConfig: s.changeSettings, LogDir: logDir, Logger: s.log, MaxWaitingBytes: heldBytes(c.MemoryLimit),
		DenyTransactions: c.RejectTransaction, TransactionTimeout: c.TransactionTimeout, TransactionInterval: c.TransactionInterval,
		TransactionChecks: c.TransactionChecks, TransactionMaxAge: c.FileReserved,
		DelayLevels: levels, Sign: s.signer(), Now: s.world.now, Pop: popOptions(&c.Pop), Latencies: s.latencies, MaxSeries: c.Metrics.MaxSeries,
	}
}

// lockQuorum is how many brokers must have given a queue lock.
func lockQuorum(c *config.Config) int {
	if !c.LockInStrictMode {
		return 1
	}
	return c.TotalReplicas/2 + 1
}

func popOptions(c *config.Pop) popping.Options {
	o := popping.Options{
		Total: c.Total, Waiting: c.Waiting, WaitingPerQueue: c.WaitingPerQueue, RetryTopicV2: c.RetryV2, OnlyRetryV2: !c.ReadRetryV1,
		RetryLast: cmp.Or(100-c.RetryFirst, -1), ActualRetryTopic: c.ActualRetryTopic, Mode: pop.Mode{Pop: c.Mode == "POP", Share: c.Share},
	}
	if c.Bounded {
		o.PerQueue = c.PerQueue
	}
	return o
}

func (s *Server) remotingOptions(mux *remoting.Mux) remoting.Options {
	o := remoting.Options{Mux: mux, Latencies: s.latencies, MaxConns: s.cfg.MaxConnections, IdleTimeout: 120 * time.Second, Logger: s.log}
	o.MaxHeldBytes = heldBytes(s.cfg.MemoryLimit)
	o.MaxPendingBytes = min(64<<20, o.MaxHeldBytes)
	o.MaxTasks = maxTasks(s.cfg.MemoryLimit)
	o.MaxHeader, o.Rates = s.cfg.Limits.HeaderSize, s.rates
	o.Refused = s.noteRefused
	if s.asksUsers() {
		o.Admit = s.admit
	}
	if s.broker != nil {
		o.AfterRead = s.broker.AfterRead
	}
	o.Closed = func(c *remoting.Conn) {
		if s.broker != nil {
			s.broker.Closed(c)
		}
		if s.nameserver != nil {
			s.nameserver.ConnClosed(c)
		}
		if s.relay != nil {
			s.relay.Closed(c)
		}
	}
	return o
}

// heldBytes is what clients may make the node hold for them in unfinished frames and in answers that they do not take, and at most in messages
// that wait for the disk: a quarter of its memory, but room for a frame of the largest size.
func heldBytes(memoryLimit int64) int64 {
	const least, most = 20 << 20, 1 << 30
	if memoryLimit <= 0 {
		return most
	}
	return min(max(memoryLimit/4, least), most)
}

// maxTasks is how many requests may be served by goroutines of their own at once. Their stacks, 8 KiB each, may take an eighth of the memory.
func maxTasks(memoryLimit int64) int {
	const least, most = 256, 4096
	if memoryLimit <= 0 {
		return most
	}
	return int(min(max(memoryLimit/8/(8<<10), least), most))
}

// localRegistry tells the NameServer of this process about the broker of this process.
type localRegistry struct{ server *nameserver.Server }

func (l localRegistry) RegisterLocal(h protocol.RegisterBrokerHeader, topics protocol.TopicConfigTable) {
	r := nameserver.Registration(&h, &protocol.RegisterBrokerBody{Topics: topics})
	r.Complete = true // a deleted topic must leave the routes
	l.server.RegisterLocal(*r)
}

func (l localRegistry) ChangeLocal(h protocol.RegisterBrokerHeader, topics protocol.TopicConfigTable, gone []string) {
	r := nameserver.Registration(&h, &protocol.RegisterBrokerBody{Topics: topics})
	r.Gone = gone
	l.server.RegisterLocal(*r)
}

func (l localRegistry) UnregisterLocal(protocol.BrokerIdentityHeader) { l.server.UnregisterLocal() }
