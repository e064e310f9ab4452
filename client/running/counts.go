package running

import (
	"runtime"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Counts counts what was handled, by topic. The zero value is ready; its user's lock guards it.
type Counts struct {
	done, failed map[string]int64
	since        time.Time
}

// Add counts messages.
func (c *Counts) Add(topic string, done, failed int) {
	if c.done == nil {
		c.done, c.failed, c.since = map[string]int64{}, map[string]int64{}, time.Now()
	}
	c.done[topic] += int64(done)
	if failed > 0 {
		c.failed[topic] += int64(failed)
	}
}

// Table is what has been counted, for [Info].
func (c *Counts) Table(now time.Time) map[string]TopicInfo {
	table := map[string]TopicInfo{}
	seconds := max(now.Sub(c.since).Seconds(), 1)
	for topic, done := range c.done {
		failed := c.failed[topic]
		table[topic] = TopicInfo{ConsumeOKTPS: float64(done) / seconds, ConsumeFailedTPS: float64(failed) / seconds, ConsumeFailedMsgs: failed}
	}
	return table
}

// Millis is a time in Unix milliseconds, 0 for none.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Properties are those that all kinds of consumers have, by Java's names. kind is one of the types of heartbeats.
func Properties(group, kind string, ordered bool, started time.Time, nameServers string) map[string]string {
	return map[string]string{"PROP_CONSUMEORDERLY": strconv.FormatBool(ordered), "PROP_CONSUME_TYPE": kind,
		"PROP_CLIENT_VERSION": protocol.VersionName(protocol.CurrentVersion), "PROP_CONSUMER_START_TIMESTAMP": strconv.FormatInt(started.UnixMilli(), 10),
		"PROP_NAMESERVER_ADDR": nameServers + ";", "PROP_THREADPOOL_CORE_SIZE": "0", "consumerGroup": group}
}

// Stacks are those of all goroutines, as far as one answer should hold them: what hangs in a handler is seen there.
func Stacks() string {
	text := make([]byte, 1<<20)
	return string(text[:runtime.Stack(text, true)])
}
