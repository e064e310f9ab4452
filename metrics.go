package aerobee

import "github.com/aerobee-mq/aerobee/metrics"

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
	if ready == 0 || s.store == nil {
		return
	}
	st := s.store.Stats()
	gauge("rocketmq_topic_number", "Topics.", float64(st.Topics))
	gauge("rocketmq_consumer_group_number", "Consumer groups.", float64(st.Groups))
	gauge("rocketmq_storage_size", "Bytes of commit log.", float64(st.LogEnd-st.LogStart))
	gauge("rocketmq_storage_flush_behind_bytes", "Bytes of commit log that are not known to be on disk.", float64(st.LogEnd-st.Synced))
	gauge("aerobee_log_offset", "Bounds of the commit log.", float64(st.LogStart), "bound", "start")
	gauge("aerobee_log_offset", "Bounds of the commit log.", float64(st.LogEnd), "bound", "end")
	gauge("aerobee_log_segments", "Segments of the commit log.", float64(st.Segments))
	gauge("aerobee_replay_bytes", "Bytes of commit log that a restart would read again.", float64(st.LogEnd-st.Cut))
	gauge("aerobee_queues", "Queues that hold or held messages.", float64(st.Queues))
	gauge("aerobee_pending_timers", "Messages that wait for their time.", float64(st.PendingTimers))
	gauge("aerobee_disk_bytes", "The disk that holds the store.", float64(st.DiskUsed), "state", "used")
	gauge("aerobee_disk_bytes", "The disk that holds the store.", float64(st.DiskFree), "state", "free")
	full := 0.0
	if st.Full != nil {
		full = 1
	}
	gauge("aerobee_disk_full", "1 while messages are refused for want of disk.", full)
	s.broker.Metrics(emit)
}
