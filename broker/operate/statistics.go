package operate

// VIEW_BROKER_STATS_DATA (315).
//
// Callers: mqadmin statsAll and exportMetrics, the dashboard, the exporter.
//
// Behaviour: what was counted under one of RocketMQ's names and a key in the last minute, hour and day; package statistics knows the
// names. As in RocketMQ there is nothing under the names of what is counted for billing, nor of how far groups fall behind.
//
// Codes: 0 with a body; 1 nothing was counted under the key, or the name is none.

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/broker/statistics"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// HandleStatistics serves VIEW_BROKER_STATS_DATA.
func (d *Desk) HandleStatistics(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.BrokerStatsHeader
	if err := h.Decode(f.Fields); err != nil {
		d.host.Answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	data, ok := d.opt.Statistics.View(h.StatsName, h.StatsKey)
	if !ok {
		d.host.Answer(c, f, protocol.ResSystemError, fmt.Sprintf("The stats <%.300s> <%.300s> not exist", h.StatsName, h.StatsKey))
		return
	}
	d.body(c, f, protocol.MarshalBody(protocol.BrokerStatsData{StatsDay: item(data.Day), StatsHour: item(data.Hour), StatsMinute: item(data.Minute)}))
}

func item(s statistics.Span) protocol.BrokerStatsItem {
	return protocol.BrokerStatsItem{Sum: s.Sum, TPS: protocol.Double(s.TPS), AvgPT: protocol.Double(s.Average)}
}
