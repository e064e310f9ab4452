package protocol

import (
	"fmt"
	"strconv"
	"time"
)

// Double is a Java double in a body: with at least one digit behind the point.
type Double float64

// MarshalJSON writes the number.
func (d Double) MarshalJSON() ([]byte, error) { return appendJSONFloat(nil, float64(d)), nil }

// BrokerStatsItem is what came in one span of time; AvgPT is the average of one time that it was counted.
type BrokerStatsItem struct {
	AvgPT Double `json:"avgpt"`
	Sum   int64  `json:"sum"`
	TPS   Double `json:"tps"`
}

// BrokerStatsData is the answer's body of VIEW_BROKER_STATS_DATA (315).
type BrokerStatsData struct {
	StatsDay    BrokerStatsItem `json:"statsDay"`
	StatsHour   BrokerStatsItem `json:"statsHour"`
	StatsMinute BrokerStatsItem `json:"statsMinute"`
}

// GroupConsumeStats are the places of one group, for each of its topics.
type GroupConsumeStats struct {
	Group  string
	Topics []ConsumeStats
}

// ConsumeStatsList is the answer's body of GET_BROKER_CONSUME_STATS (317):
//
//	{"brokerAddr":"10.0.0.1:10911","consumeStatsList":[{"group":[{"consumeTps":0.0,"offsetTable":{…}}]}],"totalDiff":5,"totalInflightDiff":0}
type ConsumeStatsList struct {
	BrokerAddr                   string
	Groups                       []GroupConsumeStats
	TotalDiff, TotalInflightDiff int64
}

// Append appends the body's text to dst.
func (l *ConsumeStatsList) Append(dst []byte) []byte {
	dst = append(dst, `{"brokerAddr":`...)
	dst = appendJSONText(dst, l.BrokerAddr, false)
	dst = append(dst, `,"consumeStatsList":[`...)
	for i := range l.Groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONText(append(dst, '{'), l.Groups[i].Group, false)
		dst = append(dst, `:[`...)
		for j := range l.Groups[i].Topics {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = l.Groups[i].Topics[j].Append(dst)
		}
		dst = append(dst, `]}`...)
	}
	dst = append(dst, `],"totalDiff":`...)
	dst = strconv.AppendInt(dst, l.TotalDiff, 10)
	dst = append(dst, `,"totalInflightDiff":`...)
	return append(strconv.AppendInt(dst, l.TotalInflightDiff, 10), '}')
}

// QueueTimeSpan says which messages a queue has and where a group is in it, by store times in milliseconds. DelayTime is how long
// the next one has waited for the group, 0 if there is none. The texts are the times for people, see [HumanTime].
type QueueTimeSpan struct {
	ConsumeTimeStamp     int64        `json:"consumeTimeStamp"`
	ConsumeTimeStampText string       `json:"consumeTimeStampStr"`
	DelayTime            int64        `json:"delayTime"`
	MaxTimeStamp         int64        `json:"maxTimeStamp"`
	MaxTimeStampText     string       `json:"maxTimeStampStr"`
	MessageQueue         MessageQueue `json:"messageQueue"`
	MinTimeStamp         int64        `json:"minTimeStamp"`
	MinTimeStampText     string       `json:"minTimeStampStr"`
}

// HumanTime writes a time in milliseconds as RocketMQ does in bodies, in the local zone: "2026-01-31#23:59:59:999".
func HumanTime(millis int64) string {
	t := time.UnixMilli(millis)
	return t.Format("2006-01-02#15:04:05:") + fmt.Sprintf("%03d", t.Nanosecond()/int(time.Millisecond))
}

// ConsumeTimeSpans is the answer's body of QUERY_CONSUME_TIME_SPAN (303).
type ConsumeTimeSpans struct {
	ConsumeTimeSpanSet []QueueTimeSpan `json:"consumeTimeSpanSet"`
}

// TimerMetric counts the messages of one topic that wait for their time.
type TimerMetric struct {
	Count     int64 `json:"count"`
	TimeStamp int64 `json:"timeStamp"`
}

// TimerMetrics is the answer's body of GET_TIMER_METRICS (61).
type TimerMetrics struct {
	DataVersion DataVersion            `json:"dataVersion"`
	TimingCount map[string]TimerMetric `json:"timingCount"`
}

// HAClientInfo is how a replica follows its master. A master has none: all of it is 0.
type HAClientInfo struct {
	LastReadTimestamp       int64 `json:"lastReadTimestamp"`
	LastWriteTimestamp      int64 `json:"lastWriteTimestamp"`
	MasterFlushOffset       int64 `json:"masterFlushOffset"`
	MaxOffset               int64 `json:"maxOffset"`
	TransferredByteInSecond int64 `json:"transferredByteInSecond"`
}

// HARuntimeInfo is the answer's body of GET_BROKER_HA_STATUS (907), of a master without replicas.
type HARuntimeInfo struct {
	HAClientRuntimeInfo      HAClientInfo `json:"haClientRuntimeInfo"`
	HAConnectionInfo         []struct{}   `json:"haConnectionInfo"`
	InSyncSlaveNums          int32        `json:"inSyncSlaveNums"`
	Master                   bool         `json:"master"`
	MasterCommitLogMaxOffset int64        `json:"masterCommitLogMaxOffset"`
}

// ColdDataFlow is the answer's body of GET_COLD_DATA_FLOW_CTR_INFO (2003): which groups read old messages, and how many bytes of them each
// may read.
type ColdDataFlow struct {
	RuntimeTable            map[string]struct{} `json:"runtimeTable"`
	ConfigTable             map[string]int64    `json:"configTable"`
	CGColdReadThreshold     int64               `json:"cgColdReadThreshold"`
	GlobalColdReadThreshold int64               `json:"globalColdReadThreshold"`
	GlobalAcc               int64               `json:"globalAcc"`
}
