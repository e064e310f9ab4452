package operate

// GET_BROKER_RUNTIME_INFO (28).
//
// Callers: mqadmin brokerStatus, clusterList and exportMetrics, the dashboard, the exporter.
//
// Behaviour: the names that RocketMQ gives, all of them, since tools take them apart without looking: rates of 10 s, 60 s and 600 s
// between spaces, sizes with units. What has no meaning here (thread pools and their queues, page cache locks, a buffer between the log and
// its indexes) is 0.
//
// Codes: 0 with a body.

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// HandleRuntime serves GET_BROKER_RUNTIME_INFO.
func (d *Desk) HandleRuntime(c *remoting.Conn, f *protocol.Frame) {
	d.host.Later(c, f, func(f *protocol.Frame) {
		d.body(c, f, protocol.MarshalBody(protocol.KVTable{Table: d.runtime()}))
	})
}

// info is a table of texts in the making.
type info map[string]string

func (m info) number(name string, v int64) { m[name] = strconv.FormatInt(v, 10) }

func (m info) zero(names ...string) {
	for _, name := range names {
		m[name] = "0"
	}
}

// rates writes a rate of 10 s, 60 s and 600 s.
func (m info) rates(name string, v [3]float64) {
	m[name] = fmt.Sprintf("%.2f %.2f %.2f", v[0], v[1], v[2])
}

func (d *Desk) runtime() info {
	now := d.opt.Now()
	m := info{"brokerActive": "true", "brokerVersion": strconv.Itoa(int(protocol.CurrentVersion)), "brokerVersionDesc": protocol.VersionName(protocol.CurrentVersion),
		"runtime": uptime(now.Sub(d.started))}
	m.number("bootTimestamp", d.started.UnixMilli())
	m.number("startAcceptSendRequestTimeStamp", d.opt.StartAccept)
	d.traffic(m)
	d.stored(m)
	for _, pool := range []string{"send", "pull", "litePull", "query", "ack"} {
		m.zero(pool+"ThreadPoolQueueSize", pool+"ThreadPoolQueueCapacity", pool+"ThreadPoolQueueHeadWaitTimeMills")
	}
	m.zero("EndTransactionQueueSize", "EndTransactionThreadPoolQueueCapacity", "pageCacheLockTimeMills", "dispatchBehindBytes", "dispatchMaxBuffer",
		"remainTransientStoreBufferNumbs")
	return m
}

func uptime(up time.Duration) string {
	s := int64(max(up, 0) / time.Second)
	return fmt.Sprintf("[ %d days, %d hours, %d minutes, %d seconds ]", s/86400, s/3600%24, s/60%60, s%60)
}

// traffic adds what passed through the broker.
func (d *Desk) traffic(m info) {
	s := d.sample()
	t := d.rates.At(s.Millis, s)
	m.number("msgPutTotalTodayNow", s.PlainPut)
	m.number("msgPutTotalTodayMorning", t.Today.PlainPut)
	m.number("msgPutTotalYesterdayMorning", t.Yesterday.PlainPut)
	m.number("msgGetTotalTodayNow", s.PlainGot)
	m.number("msgGetTotalTodayMorning", t.Today.PlainGot)
	m.number("msgGetTotalYesterdayMorning", t.Yesterday.PlainGot)
	m.rates("putTps", t.Put)
	m.rates("getFoundTps", t.Found)
	m.rates("getMissTps", t.Missed)
	m.rates("getTotalTps", [3]float64{t.Found[0] + t.Missed[0], t.Found[1] + t.Missed[1], t.Found[2] + t.Missed[2]})
	m.rates("getTransferredTps", t.Got)
	bytes := d.opt.Statistics.Totals().PutBytes
	m.number("putMessageTimesTotal", s.Put)
	m.number("putMessageSizeTotal", bytes)
	m["putMessageAverageSize"] = strconv.FormatFloat(float64(bytes)/float64(max(s.Put, 1)), 'f', -1, 64)
	times := d.opt.Statistics.PutTimes()
	m.number("putMessageEntireTimeMax", times.Longest)
	m.number("getMessageEntireTimeMax", times.LongestGet)
	m["putMessageDistributeTime"] = times.Ranges
	m["putLatency99"], m["putLatency999"] = fmt.Sprintf("%.2f", times.P99), fmt.Sprintf("%.2f", times.P999)
}

// stored adds what the store says of itself.
func (d *Desk) stored(m info) {
	v := d.host.Vitals()
	m.number("putMessageFailedTimes", v.FailedPuts)
	m.number("commitLogMinOffset", v.LogStart)
	m.number("commitLogMaxOffset", v.LogEnd)
	m["remainHowManyDataToFlush"] = Bytes(max(v.LogEnd-v.Synced, 0))
	m.zero("timerReadBehind", "timerOffsetBehind")
	m.number("timerCongestNum", int64(v.PendingTimers))
	m["timerEnqueueTps"], m["timerDequeueTps"] = fmt.Sprintf("%.1f", d.opt.Statistics.TopicTPS(message.TopicWheel)), "0.0"
	m.number("earliestMessageTimeStamp", d.earliest())
	ratio := 0.0
	if v.DiskTotal > 0 {
		ratio = float64(v.DiskUsed) / float64(v.DiskTotal)
		m["commitLogDirCapacity"] = fmt.Sprintf("Total : %s, Free : %s.", Bytes(int64(v.DiskTotal)), Bytes(int64(v.DiskFree)))
	}
	used := fmt.Sprintf("%.4f", ratio)
	m["commitLogDiskRatio"], m["consumeQueueDiskRatio"] = used, used
	if d.opt.LogDir != "" {
		m["commitLogDiskRatio_"+d.opt.LogDir] = used
	}
	schedule, _ := d.store.Topic(message.TopicSchedule)
	for level := range schedule.ReadQueues {
		q := message.Queue{Topic: message.TopicSchedule, ID: message.QueueID(level)}
		m["scheduleMessageOffset_"+strconv.Itoa(int(level)+1)] = fmt.Sprintf("%d,%d", d.store.MinOffset(q), d.store.MaxOffset(q))
	}
}

// earliest is the store time of the oldest record, in ms; now when there is none, since tools show its age.
func (d *Desk) earliest() int64 {
	if at, ok := d.store.OldestTime(); ok {
		return int64(at)
	}
	return d.opt.Now().UnixMilli()
}

// Bytes writes a size as RocketMQ does: "512 B", "1.5 KiB", "931.3 GiB".
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	power := int(math.Log2(float64(n))) / 10
	return fmt.Sprintf("%.1f %ciB", float64(n)/math.Pow(1024, float64(power)), "KMGTPE"[power-1])
}
