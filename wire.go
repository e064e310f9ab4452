package aerobee

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/broker"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/nameserver"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

func (s *Server) listen() error {
	handler := s.withControl(api.New(s.apiOptions()))
	var err error
	s.listeners, err = listen.New(listen.Options{Addrs: s.cfg.Listen, Remoting: s.gate.pass, HTTP: handler, MaxConns: s.cfg.MaxConnections, Logger: s.log})
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
		Route:     route.Options{SupportActingMaster: s.cfg.SupportActingMaster},
		Settings:  nameserver.Settings{OrderMessageEnable: s.cfg.OrderMessage},
		Advertise: s.addr.rules,
		Canonical: s.addr.canonical,
		Logger:    s.log,
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
	opt, err := s.storeOptions()
	if err != nil {
		return err
	}
	var late atomic.Pointer[broker.Broker]
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
	if s.broker, err = broker.New(s.store, s.brokerOptions(), registries...); err != nil {
		return err
	}
	late.Store(s.broker)
	s.broker.Register(mux)
	return nil
}

func (s *Server) storeOptions() (store.Options, error) {
	c := &s.cfg
	levels, err := message.ParseDelayLevels(c.DelayLevels)
	if err != nil {
		return store.Options{}, fmt.Errorf("messageDelayLevel: %w", err)
	}
	var hours []int
	for _, h := range strings.FieldsFunc(c.DeleteWhen, func(r rune) bool { return r == ';' || r == ',' }) {
		n, err := strconv.Atoi(strings.TrimSpace(h))
		if err != nil {
			return store.Options{}, fmt.Errorf("deleteWhen: %w", err)
		}
		hours = append(hours, n)
	}
	used := float64(c.DiskMaxUsedRatio) / 100
	o := store.Options{
		Dir: c.Data, CommitLogDir: c.CommitLogDir, Memory: c.Memory, SegmentSize: c.SegmentSize, SyncTimeout: c.SyncFlushTimeout, Buffered: !c.DirectIO, StoreHost: s.addr.canonical,
		MaxPendingBytes: c.MaxPendingBytes, MemoryLimit: c.MemoryLimit / 4, DelayLevels: levels, NoKeyIndex: !c.MessageIndex, Logger: s.log,
		Retention: store.Retention{Age: c.FileReserved, Size: c.MaxStoreSize, DeleteWhen: hours, MaxUsedRatio: used,
			ForceRatio: max(used, 0.85), WarnRatio: max(used, 0.90), MinFree: c.MinFreeDisk, Interval: s.world.lookEvery},
		FS: s.world.disk, Now: s.world.now,
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
	s.others = otherNameServers(c.Namesrv, s.listeners.Addrs(), cardAddresses(), lookupHost)
	return broker.Options{
		BrokerName: c.BrokerName, ClusterName: c.ClusterName, BrokerID: c.BrokerID, StoreHost: s.addr.canonical,
		HAAddr: net.JoinHostPort(ha, strconv.Itoa(c.HAPort)), Permission: c.BrokerPermission, TraceOff: !c.TraceOn,
		DenyTopicCreation: !c.AutoCreateTopic, DenyGroupCreation: !c.AutoCreateGroup, DefaultTopicQueueNums: c.DefaultTopicQueueNums,
		TraceTopic: c.TraceTopic, MaxMessageSize: c.MaxMessageSize, PullMaxMessages: c.MaxTransferCount,
		NoLongPolling: !c.LongPolling, DenyPropertyFilter: !c.PropertyFilter, NameServers: s.others, CompressedRegister: c.CompressedRegister,
		ConfigText: func() string { return c.Properties() }, Logger: s.log, MaxWaitingBytes: heldBytes(c.MemoryLimit),
		Now: s.world.now,
	}
}

func (s *Server) remotingOptions(mux *remoting.Mux) remoting.Options {
	o := remoting.Options{Mux: mux, MaxConns: s.cfg.MaxConnections, IdleTimeout: 120 * time.Second, Logger: s.log}
	o.MaxHeldBytes = heldBytes(s.cfg.MemoryLimit)
	o.MaxPendingBytes = min(64<<20, o.MaxHeldBytes)
	o.MaxTasks = maxTasks(s.cfg.MemoryLimit)
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
	}
	return o
}

// heldBytes is what clients may make the node hold for them in unfinished frames and in answers that they do not take: a quarter
// of its memory, but room for a frame of the largest size.
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
