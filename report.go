package aerobee

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/broker/dead"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/store/trouble"
)

// apiOptions are what the HTTP handler tells of this node.
func (s *Server) apiOptions() api.Options {
	return api.Options{
		Version: Version(), Ready: s.ready, Healthy: s.healthy, Metrics: []metrics.Source{s.metrics}, MetricLabels: s.metricLabels(),
		Node: s.reportNode, Settings: s.reportSettings, Store: s.reportStore, Connections: s.reportConnections,
		Timers: s.timerSource(), Transactions: s.reportTransactions, Settle: s.settleTransaction, Send: s.sendTest, Refused: s.reportRefused,
		Backup: s.backup, DeadLetters: s.deadLetters, Disagreements: s.disagreements,
		Admin: s.askBrokers, Answers: s.answers(), Queues: s.reportQueues, PopState: s.popState, Clients: s.reportClients, Live: s.reportLive, Stopping: s.stopping,
		Guard: s.guarding(),
	}
}

// errNoBroker answers what only a broker knows.
var errNoBroker = errors.New("the node does not have the role broker")

func (s *Server) disagreements(group string) ([]member.Disagreement, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if s.broker == nil {
		return nil, errNoBroker
	}
	return s.broker.Disagreements(group), nil
}

func (s *Server) deadLetters() (*dead.Letters, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if s.broker == nil {
		return nil, errNoBroker
	}
	return s.broker.DeadLetters(), nil
}

func (s *Server) reportNode() (v1.Node, error) {
	why := s.state.Load()
	if why != nil && *why == starting {
		return v1.Node{}, s.ready() // it does not know its addresses yet
	}
	n := v1.Node{
		Version: Version(), Speaks: Speaks, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, PID: os.Getpid(),
		StartedAt: s.started, UptimeSeconds: int64(time.Since(s.started).Seconds()), Ready: why == nil,
		Name: s.cfg.BrokerName, Cluster: s.cfg.ClusterName, Roles: s.cfg.Roles, Listeners: s.Addrs(), NameServers: append([]string{}, s.others...),
		Advertised: v1.Advertised{Address: s.addr.announced, Guessed: s.addr.guessed, Rules: append([]string{}, s.cfg.Advertise...)},
	}
	open, most := openFiles()
	n.Now, n.Limits = s.world.clock().UTC(), v1.Limits{OpenFiles: open, MaxOpenFiles: most, Connections: s.cfg.MaxConnections, MemoryBytes: s.cfg.MemoryLimit}
	if s.cfg.BrokerIP1 != "" {
		n.Advertised.Rules = append(n.Advertised.Rules, s.cfg.BrokerIP1)
	}
	if err := errors.Join(s.ready(), s.healthy()); err != nil {
		n.Reason = err.Error()
	}
	return n, nil
}

// reportSettings lists the settings in the order of [config.Keys]. Where a value came from is known if who loaded the settings
// noted it in their Origins; else it is the default or not.
func (s *Server) reportSettings() ([]v1.Setting, error) {
	now, err := values(s.inForce.Load())
	if err != nil {
		return nil, err
	}
	began, err := values(&s.cfg)
	if err != nil {
		return nil, err
	}
	usual := config.Default()
	defaults, err := values(&usual)
	if err != nil {
		return nil, err
	}
	var out []v1.Setting
	for _, k := range config.Keys() {
		if !k.Effective {
			continue
		}
		origin := s.cfg.Origins[k.Name]
		switch {
		case now[k.Name] != began[k.Name]:
			origin = "changed while running"
		case origin != "":
		case now[k.Name] == defaults[k.Name]:
			origin = "default"
		default:
			origin = "set"
		}
		out = append(out, v1.Setting{Key: k.Name, Value: now[k.Name], Default: defaults[k.Name], Origin: origin, Apache: k.Apache, Live: slices.Contains(config.Live(), k.Name), About: k.Doc})
	}
	return out, nil
}

// values are all settings as text.
func values(c *config.Config) (map[string]string, error) {
	pairs, err := config.ParseProperties(c.Properties())
	all := map[string]string{}
	for _, p := range pairs {
		all[p.Key] = p.Value
	}
	return all, err
}

func (s *Server) reportStore() (v1.Store, error) {
	if err := s.ready(); err != nil {
		return v1.Store{}, err
	}
	if s.store == nil {
		return v1.Store{}, errNoBroker
	}
	st, c := s.store.Stats(), s.inForce.Load()
	r := v1.Store{
		Directory: s.DataDir(), Memory: s.cfg.Memory, Flush: s.cfg.FlushDiskType,
		LogStart: int64(st.LogStart), LogEnd: int64(st.LogEnd), LogBytes: int64(st.LogEnd - st.LogStart), SyncedOffset: int64(st.Synced),
		ReplayBytes: int64(st.LogEnd - st.Cut), Segments: st.Segments, SegmentBytes: st.SegmentSize,
		Topics: st.Topics, Groups: st.Groups, Queues: st.Queues, PendingDelayed: st.PendingTimers,
		Disk: v1.Disk{Used: st.DiskUsed, Free: st.DiskFree, Total: st.DiskTotal},
		Retention: v1.Retention{AgeSeconds: int64(c.FileReserved.Seconds()), DeleteWhen: c.DeleteWhen, MaxBytes: c.MaxStoreSize,
			MaxUsedPercent: c.DiskMaxUsedRatio, MinFreeBytes: c.MinFreeDisk},
	}
	if st.Full != nil {
		r.Full = st.Full.Error()
	}
	r.Troubles = troubleTexts(s.store.Troubles())
	return r, nil
}

// troubleTexts says in words what has happened to a store.
func troubleTexts(t trouble.Report) []string {
	out := []string{}
	say := func(yes bool, format string, args ...any) {
		if yes {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	say(t.LogFailed, "a sync of the commit log has failed: nothing is written until a restart")
	say(t.Refusing != nil, "%v", t.Refusing)
	say(t.Refusing == nil && t.RefusedGroups > 0, "groups of messages refused because the disk did not take them: %d; it takes them again", t.RefusedGroups)
	say(t.CacheFailed, "the cache has failed: no cuts are made until a restart, which will replay more of the log")
	say(t.DamagedRecords > 0, "stored messages found damaged and passed over: %d, in %d reads; the log of this node names them", t.DamagedRecords, t.DamagedReads)
	say(t.MissingBytes > 0, "the first %d bytes of the commit log were missing when the store was opened, and their messages with them", t.MissingBytes)
	say(t.UnreadableReads > 0, "reads that the disk has refused: %d", t.UnreadableReads)
	say(t.DamagedBlocks > 0, "index blocks that were damaged and made again from the log: %d", t.DamagedBlocks)
	for _, what := range slices.Sorted(maps.Keys(t.Upkeep)) {
		say(t.Upkeep[what] > 0, "failures of %s: %d; each is tried again", what, t.Upkeep[what])
	}
	say(t.ClockForth+t.ClockBack > 0, "jumps of the clock by more than an hour: %d forward, %d back", t.ClockForth, t.ClockBack)
	say(t.AgeWaits > 0, "no segment is deleted for its age for %v, since the clock has jumped; an operator who asks for it is heard", t.AgeWaits.Round(time.Minute))
	return out
}

func (s *Server) reportConnections() (v1.Connections, error) {
	if err := s.ready(); err != nil {
		return v1.Connections{}, err
	}
	r := v1.Connections{Open: s.listeners.Open(), Limit: s.cfg.MaxConnections}
	if s.broker != nil {
		r.Producers, r.Consumers, r.PullsHeld = s.broker.Connected()
	}
	return r, nil
}
