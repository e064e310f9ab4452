package operate

// CLEAN_EXPIRED_CONSUMEQUEUE (306), CLEAN_UNUSED_TOPIC (316), DELETE_EXPIRED_COMMITLOG (329), GET_TIMER_CHECK_POINT (60), GET_TIMER_METRICS (61),
// GET_BROKER_HA_STATUS (907), RESET_MASTER_FLUSH_OFFSET (908), GET_BROKER_EPOCH_CACHE (1007).
//
// Callers: mqadmin cleanExpiredCQ, cleanUnusedTopic, deleteExpiredCommitLog, haStatus, resetMasterFlushOffset and getBrokerEpoch; RocketMQ's
// replicas, which a broker here has none of.
//
// Behaviour: 329 has the segments past their age deleted soon, whatever the hour; the others leave nothing to be cleaned up. 61 counts the messages
// that wait for their time. There is no timer check point (60): the log says what waits. 907 is that of a master without replicas, which
// 908 has nothing to reset of, as in RocketMQ. Epochs (1007) belong to brokers under a controller.
//
// Codes: 0; 1 for 60 and 1007.

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// HandleNothingToDo answers a command for which there is nothing to be done.
func (d *Desk) HandleNothingToDo(c *remoting.Conn, f *protocol.Frame) {
	d.host.Answer(c, f, protocol.ResSuccess, "")
}

// HandleDeleteExpired serves DELETE_EXPIRED_COMMITLOG.
func (d *Desk) HandleDeleteExpired(c *remoting.Conn, f *protocol.Frame) {
	d.opt.Logger.Info("the segments past their age are to be deleted now", "by", c.RemoteAddr())
	d.store.DeleteExpired()
	d.host.Answer(c, f, protocol.ResSuccess, "")
}

// HandleTimerCheckPoint serves GET_TIMER_CHECK_POINT.
func (d *Desk) HandleTimerCheckPoint(c *remoting.Conn, f *protocol.Frame) {
	d.host.Answer(c, f, protocol.ResSystemError, "The checkpoint is null: what waits for its time stands in the log alone")
}

// HandleTimerMetrics serves GET_TIMER_METRICS.
func (d *Desk) HandleTimerMetrics(c *remoting.Conn, f *protocol.Frame) {
	d.host.Later(c, f, func(f *protocol.Frame) {
		now := d.opt.Now().UnixMilli()
		m := protocol.TimerMetrics{DataVersion: protocol.DataVersion{Timestamp: now}, TimingCount: map[string]protocol.TimerMetric{}}
		for name, n := range d.host.Timers() {
			m.TimingCount[name] = protocol.TimerMetric{Count: n, TimeStamp: now}
		}
		d.body(c, f, protocol.MarshalBody(m))
	})
}

// HandleReplication serves GET_BROKER_HA_STATUS.
func (d *Desk) HandleReplication(c *remoting.Conn, f *protocol.Frame) {
	d.host.Later(c, f, func(f *protocol.Frame) {
		d.body(c, f, protocol.MarshalBody(protocol.HARuntimeInfo{HAConnectionInfo: []struct{}{}, Master: true, MasterCommitLogMaxOffset: d.host.Vitals().LogEnd}))
	})
}

// HandleEpochs serves GET_BROKER_EPOCH_CACHE.
func (d *Desk) HandleEpochs(c *remoting.Conn, f *protocol.Frame) {
	d.host.Answer(c, f, protocol.ResSystemError, "this request only for controllerMode ")
}
