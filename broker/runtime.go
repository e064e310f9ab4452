package broker

// GET_BROKER_RUNTIME_INFO (28), GET_BROKER_CONFIG (26).
//
// Callers: mqadmin brokerStatus, clusterList, getBrokerConfig; the dashboard; the exporter.
//
// Behaviour: 28 gives the names that Apache gives, as far as there is an honest number: those that clusterList splits by
// spaces are always there as three rates (10 s, 60 s, 600 s). What has no meaning here (thread pool queues, page cache
// locks) is 0, since tools read it without asking. 26 gives the configuration that the broker runs with, as properties.
//
// Codes: 0.

import (
	"fmt"
	"strconv"

	"github.com/aerobee-mq/aerobee/broker/rates"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleConfig(c *remoting.Conn, f *protocol.Frame) {
	out := f.Reply(protocol.ResSuccess, "")
	out.Fields.Add("version", string(protocol.MarshalBody(protocol.DataVersion{Timestamp: b.start.UnixMilli()})))
	out.Body = []byte(b.opt.ConfigText())
	b.send(c, &out)
}

func (b *Broker) handleRuntimeInfo(c *remoting.Conn, f *protocol.Frame) {
	b.later(c, f, func(f *protocol.Frame) {
		b.answerBody(c, f, protocol.MarshalBody(protocol.KVTable{Table: b.runtimeInfo()}), nil)
	})
}

func (b *Broker) runtimeInfo() map[string]string {
	now := b.opt.Now()
	up := now.Sub(b.start)
	m := map[string]string{
		"brokerActive": "true", "brokerVersion": strconv.Itoa(int(protocol.CurrentVersion)), "brokerVersionDesc": protocol.VersionName(protocol.CurrentVersion),
		"bootTimestamp":                   strconv.FormatInt(b.start.UnixMilli(), 10),
		"runtime":                         fmt.Sprintf("[ %d days, %d hours, %d minutes, %d seconds ]", int(up.Hours())/24, int(up.Hours())%24, int(up.Minutes())%60, int(up.Seconds())%60),
		"startAcceptSendRequestTimeStamp": strconv.FormatInt(b.opt.StartAccept, 10),
		"pageCacheLockTimeMills":          "0",
	}
	b.trafficInfo(m, now.UnixMilli())
	b.storeInfo(m)
	for _, pool := range []string{"send", "pull", "litePull", "query", "ack"} {
		m[pool+"ThreadPoolQueueSize"], m[pool+"ThreadPoolQueueCapacity"], m[pool+"ThreadPoolQueueHeadWaitTimeMills"] = "0", "0", "0"
	}
	m["EndTransactionQueueSize"], m["EndTransactionThreadPoolQueueCapacity"] = "0", "0"
	return m
}

// trafficInfo adds what passed through the broker.
func (b *Broker) trafficInfo(m map[string]string, now int64) {
	put, bytes, got := b.stats.put.Load(), b.stats.putBytes.Load(), b.stats.gotCount.Load()
	number := func(name string, v int64) { m[name] = strconv.FormatInt(v, 10) }
	t := b.rates.At(now, rates.Sample{Millis: now, Put: put, Got: got})
	number("msgPutTotalTodayNow", put)
	number("msgPutTotalTodayMorning", t.Today.Put)
	number("msgPutTotalYesterdayMorning", t.Yesterday.Put)
	number("msgGetTotalTodayNow", got)
	number("msgGetTotalTodayMorning", t.Today.Got)
	number("msgGetTotalYesterdayMorning", t.Yesterday.Got)
	number("putMessageTimesTotal", put)
	number("putMessageFailedTimes", b.stats.putFailed.Load())
	number("putMessageSizeTotal", bytes)
	m["putMessageAverageSize"] = fmt.Sprintf("%.1f", float64(bytes)/float64(max(put, 1)))
	m["putTps"] = triple(t.Put)
	m["getFoundTps"] = triple(t.Got)
	m["getMissTps"] = triple([3]float64{})
	m["getTotalTps"] = triple(t.Got)
	m["getTransferredTps"] = triple(t.Got)
}

func triple(v [3]float64) string { return fmt.Sprintf("%.2f %.2f %.2f", v[0], v[1], v[2]) }

// storeInfo adds what the store says of itself.
func (b *Broker) storeInfo(m map[string]string) {
	s := b.store.Stats()
	number := func(name string, v int64) { m[name] = strconv.FormatInt(v, 10) }
	number("commitLogMinOffset", int64(s.LogStart))
	number("commitLogMaxOffset", int64(s.LogEnd))
	number("dispatchBehindBytes", 0)
	number("remainTransientStoreBufferNumbs", 0)
	number("timerReadBehind", 0)
	number("timerOffsetBehind", 0)
	number("timerCongestNum", int64(s.PendingTimers))
	m["timerEnqueueTps"], m["timerDequeueTps"] = "0.0", "0.0"
	number("dispatchMaxBuffer", 0)
	number("putMessageEntireTimeMax", 0)
	number("getMessageEntireTimeMax", 0)
	number("earliestMessageTimeStamp", b.earliest())
	ratio := 0.0
	if total := s.DiskTotal; total > 0 {
		ratio = float64(s.DiskUsed) / float64(total)
		m["commitLogDirCapacity"] = fmt.Sprintf("Total : %s, Free : %s.", gibibytes(total), gibibytes(s.DiskFree))
	}
	m["commitLogDiskRatio"] = fmt.Sprintf("%.4f", ratio)
	m["consumeQueueDiskRatio"] = m["commitLogDiskRatio"]
	m["remainHowManyDataToFlush"] = fmt.Sprintf("%d B", max(s.LogEnd-s.Synced, 0))
	schedule, _ := b.store.Topic(message.TopicSchedule)
	for level := range schedule.ReadQueues {
		q := message.Queue{Topic: message.TopicSchedule, ID: message.QueueID(level)}
		m["scheduleMessageOffset_"+strconv.Itoa(int(level)+1)] = fmt.Sprintf("%d,%d", b.store.MinOffset(q), b.store.MaxOffset(q))
	}
}

// earliest is the store time of the oldest record, in ms; now when there is none, since tools show its age.
func (b *Broker) earliest() int64 {
	if at, ok := b.store.OldestTime(); ok {
		return int64(at)
	}
	return b.opt.Now().UnixMilli()
}

func gibibytes(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
