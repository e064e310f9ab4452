package aerobee

import (
	"time"

	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/store"
)

// metrics tells what the store and the network hold at this moment; names are RocketMQ's where it has them.
func (s *Server) metrics(emit func(metrics.Sample)) {
	gauge := func(name, help string, v float64, labels ...string) {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Gauge, Value: v, Labels: labels})
	}
	ready := 1.0
	if s.ready() != nil {
		ready = 0
	}
	gauge("aerobee_ready", "1 when the node serves requests.", ready)
	gauge("aerobee_build_info", "The version of this build.", 1, "version", Version())
	gauge("aerobee_connections", "Open connections of all kinds.", float64(s.listeners.Open()))
	s.handshakes(emit)
	s.latencies.Emit(s.requestName, emit)
	s.spans.Emit(emit)
	if ready == 0 || s.store == nil {
		return
	}
	st := s.store.Stats()
	gauge("rocketmq_topic_number", "Topics.", float64(st.Topics))
	gauge("rocketmq_consumer_group_number", "Consumer groups.", float64(st.Groups))
	s.storage(&st, emit)
	s.timerMetrics(emit)
	gauge("aerobee_log_offset", "Bounds of the commit log.", float64(st.LogStart), "bound", "start")
	gauge("aerobee_log_offset", "Bounds of the commit log.", float64(st.LogEnd), "bound", "end")
	gauge("aerobee_log_segments", "Segments of the commit log.", float64(st.Segments))
	gauge("aerobee_replay_bytes", "Bytes of commit log that a restart would read again.", float64(st.LogEnd-st.Cut))
	gauge("aerobee_queues", "Queues that hold or held messages.", float64(st.Queues))
	gauge("aerobee_pending_timers", "Messages that wait for their time.", float64(st.PendingTimers))
	gauge("aerobee_pops_in_flight", "Popped messages that are neither acknowledged nor in a retry topic.", float64(st.PopsInFlight))
	gauge("aerobee_disk_bytes", "The disk that holds the store.", float64(st.DiskUsed), "state", "used")
	gauge("aerobee_disk_bytes", "The disk that holds the store.", float64(st.DiskFree), "state", "free")
	full := 0.0
	if st.Full != nil {
		full = 1
	}
	gauge("aerobee_disk_full", "1 while messages are refused for want of disk.", full)
	s.troubles(emit)
	s.broker.Metrics(emit)
}

// storageLabels are those of everything that RocketMQ tells of its store.
func storageLabels() []string { return []string{"storage_type", "local", "storage_medium", "disk"} }

// storage tells of the store under RocketMQ's names.
func (s *Server) storage(st *store.Stats, emit func(metrics.Sample)) {
	gauge := func(name, unit, help string, v int64) {
		emit(metrics.Sample{Name: name, Unit: unit, Help: help, Kind: metrics.Gauge, Value: float64(v), Labels: storageLabels()})
	}
	gauge("rocketmq_storage_size_bytes", "bytes", "Bytes of commit log.", int64(st.LogEnd-st.LogStart))
	gauge("rocketmq_storage_flush_behind_bytes", "", "Bytes of commit log that are not known to be on disk.", int64(st.LogEnd-st.Synced))
	gauge("rocketmq_storage_dispatch_behind_bytes", "", "Bytes of commit log that are not indexed: a message is visible when it is.", 0)
	if at, ok := s.store.OldestTime(); ok {
		gauge("rocketmq_storage_message_reserve_time_milliseconds", "milliseconds", "Age of the oldest message.", max(time.Now().UnixMilli()-int64(at), 0))
	}
}

// troubles tells what disk and clock have done to the store. All of it is 0 in a sound one.
func (s *Server) troubles(emit func(metrics.Sample)) {
	t := s.store.Troubles()
	gauge := func(name, help string, on bool) {
		v := 0.0
		if on {
			v = 1
		}
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Gauge, Value: v})
	}
	count := func(name, help string, v int64, labels ...string) {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Counter, Value: float64(v), Labels: labels})
	}
	gauge("aerobee_sync_failed", "1 after a failed sync of the commit log: nothing is written until a restart.", t.LogFailed)
	gauge("aerobee_cache_failed", "1 after the cache has failed: a restart replays more of the log.", t.CacheFailed)
	gauge("aerobee_disk_refuses_writes", "1 while the disk does not take what is written to the commit log.", t.Refusing != nil)
	count("aerobee_refused_groups_total", "Groups of messages that could not be written to the commit log and were refused.", t.RefusedGroups)
	count("aerobee_damaged_records_total", "Stored messages that were found damaged and passed over.", t.DamagedRecords)
	count("aerobee_damaged_reads_total", "Times that a damaged message was passed over.", t.DamagedReads)
	count("aerobee_unreadable_reads_total", "Reads that the disk has refused.", t.UnreadableReads)
	count("aerobee_damaged_blocks_total", "Index blocks that were damaged and made again from the log.", t.DamagedBlocks)
	emit(metrics.Sample{Name: "aerobee_log_missing_bytes", Help: "Bytes of the commit log's beginning that were missing when the store was opened.",
		Kind: metrics.Gauge, Value: float64(t.MissingBytes)})
	for what, n := range t.Upkeep {
		count("aerobee_maintenance_failures_total", "Failures of work in the background, which is tried again.", n, "work", what)
	}
	count("aerobee_clock_jumps_total", "Jumps of the clock by more than an hour.", t.ClockForth, "direction", "forth")
	count("aerobee_clock_jumps_total", "Jumps of the clock by more than an hour.", t.ClockBack, "direction", "back")
	emit(metrics.Sample{Name: "aerobee_retention_age_waits_seconds", Help: "For how long no segment is deleted for its age, since the clock has jumped.",
		Kind: metrics.Gauge, Value: t.AgeWaits.Seconds()})
}
