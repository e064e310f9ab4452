package mqadmin

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// exportMetrics writes what brokers carry: what an operator needs to know for the size of another cluster.
func exportMetrics(ctx context.Context, c *call) error {
	brokers, err := c.fleet(ctx, c.text("clusterName"))
	if err != nil {
		return err
	}
	tps := map[string]float64{"totalNormalInTps": 0, "totalNormalOutTps": 0, "totalTransInTps": 0, "totalScheduleInTps": 0}
	day := map[string]int64{"normalOneDayInNum": 0, "normalOneDayOutNum": 0, "transOneDayInNum": 0, "scheduleOneDayInNum": 0}
	report := map[string]any{}
	for i := range brokers {
		addr, err := masterOf(&brokers[i])
		if err != nil {
			return err
		}
		if report[brokers[i].Name], err = c.carries(ctx, brokers, &brokers[i], addr, tps, day); err != nil {
			return err
		}
	}
	return c.write("metrics.json", map[string]any{"evaluateReport": report, "totalData": map[string]any{"totalTps": tps, "totalOneDayNum": day}})
}

// carries is what one broker carries; it adds to the totals.
func (c *call) carries(ctx context.Context, brokers []admin.Broker, b *admin.Broker, addr string, tps map[string]float64, day map[string]int64) (map[string]any, error) {
	info, err := c.RuntimeInfo(ctx, addr)
	if err != nil {
		return nil, err
	}
	topics, err := c.userTopics(ctx, addr, false)
	if err != nil {
		return nil, err
	}
	groups, err := c.userGroups(ctx, addr)
	if err != nil {
		return nil, err
	}
	route := protocol.RouteData{Brokers: []protocol.BrokerData{{Name: b.Name, Addrs: b.Addrs}}}
	trans, err := c.flow(ctx, &route, topicPutNums, message.TopicHalf)
	if err != nil {
		return nil, err
	}
	schedule, err := c.flow(ctx, &route, topicPutNums, message.TopicSchedule)
	if err != nil {
		return nil, err
	}
	rates := map[string]float64{"normalInTps": fraction(info, "putTps"), "normalOutTps": fraction(info, "getTransferredTps"), "transInTps": trans.tps, "scheduleInTps": schedule.tps}
	numbers := map[string]int64{"normalOneDayInNum": whole(info, "msgPutTotalTodayMorning") - whole(info, "msgPutTotalYesterdayMorning"),
		"normalOneDayOutNum": whole(info, "msgGetTotalTodayMorning") - whole(info, "msgGetTotalYesterdayMorning"), "transOneDayInNum": trans.day, "scheduleOneDayInNum": schedule.day}
	for name, total := range map[string]string{"normalInTps": "totalNormalInTps", "normalOutTps": "totalNormalOutTps", "transInTps": "totalTransInTps", "scheduleInTps": "totalScheduleInTps"} {
		tps[total] += rates[name]
	}
	for name, n := range numbers {
		day[name] += n
	}
	quota := map[string]any{"diskRatio": map[string]string{"commitLogDiskRatio": info["commitLogDiskRatio"], "consumeQueueDiskRatio": info["consumeQueueDiskRatio"]},
		"tps": rates, "oneDayNum": numbers, "messageAverageSize": info["putMessageAverageSize"], "topicSize": len(topics.Topics), "groupSize": len(groups.Groups)}
	version := map[string]any{"rocketmqVersion": protocol.VersionName(protocol.CurrentVersion), "clientInfo": c.clients(ctx, brokers, groups.Groups)}
	env, err := c.machine(ctx, addr, info)
	return map[string]any{"runtimeEnv": env, "runtimeQuota": quota, "runtimeVersion": version}, err
}

// machine is what mqadmin takes for a broker's processors and memory, as far as the broker tells.
func (c *call) machine(ctx context.Context, addr string, info map[string]string) (map[string]string, error) {
	env := map[string]string{}
	if total, ok := info["totalMemKBytes"]; ok {
		env["totalMemKBytes"] = total
	}
	settings, err := c.BrokerConfig(ctx, addr)
	for _, p := range settings {
		if p.Key == "clientCallbackExecutorThreads" {
			env["cpuNum"] = p.Value
		}
	}
	return env, err
}

// clients are the languages and versions of all who consume.
func (c *call) clients(ctx context.Context, brokers []admin.Broker, groups map[string]protocol.SubscriptionGroupConfig) []string {
	seen := map[string]bool{}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		online, err := c.onlineAt(ctx, brokers, group)
		if err != nil {
			continue // nobody is there
		}
		for _, m := range online.ConnectionSet {
			seen[fmt.Sprintf("%s%%%s", m.Language, protocol.VersionName(m.Version))] = true
		}
	}
	return append([]string{}, slices.Sorted(maps.Keys(seen))...)
}
