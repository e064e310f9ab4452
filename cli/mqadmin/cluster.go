package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
)

func clusterList(ctx context.Context, c *call) error {
	return c.rounds(ctx, "interval", func() error {
		brokers, err := c.fleet(ctx, c.text("clusterName"))
		if err != nil {
			return err
		}
		if c.has("moreStats") {
			return c.printTotals(ctx, brokers)
		}
		return c.printFleet(ctx, brokers)
	})
}

// eachMember asks every member of every broker for what it tells of itself; one that does not answer has an empty table.
func (c *call) eachMember(ctx context.Context, brokers []admin.Broker, show func(b *admin.Broker, id int64, info map[string]string)) error {
	var errs []error
	for i := range brokers {
		for _, id := range slices.Sorted(maps.Keys(brokers[i].Addrs)) {
			info, err := c.RuntimeInfo(ctx, brokers[i].Addrs[id])
			errs = append(errs, err)
			show(&brokers[i], id, info)
		}
	}
	return errors.Join(errs...)
}

func whole(info map[string]string, name string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(info[name]), 10, 64) // 0 where a broker does not say so, as mqadmin prints it
	return n
}

func fraction(info map[string]string, name string) float64 {
	first, _, _ := strings.Cut(strings.TrimSpace(info[name]), " ")
	v, _ := strconv.ParseFloat(first, 64) // the same
	return v
}

func (c *call) printTotals(ctx context.Context, brokers []admin.Broker) error {
	const format = "%-16s  %-32s %14v %14v %14v %14v\n"
	t := c.Table("brokers", format, format, "#Cluster Name", "#Broker Name", "#InTotalYest", "#OutTotalYest", "#InTotalToday", "#OutTotalToday")
	return c.eachMember(ctx, brokers, func(b *admin.Broker, _ int64, info map[string]string) {
		t.Add(b.Cluster, b.Name, whole(info, "msgPutTotalTodayMorning")-whole(info, "msgPutTotalYesterdayMorning"),
			whole(info, "msgGetTotalTodayMorning")-whole(info, "msgGetTotalYesterdayMorning"),
			whole(info, "msgPutTotalTodayNow")-whole(info, "msgPutTotalTodayMorning"),
			whole(info, "msgGetTotalTodayNow")-whole(info, "msgGetTotalTodayMorning"))
	})
}

func (c *call) printFleet(ctx context.Context, brokers []admin.Broker) error {
	t := c.Table("brokers", "%-22s  %-22s  %-4s  %-22s %-16s  %16s  %30s  %-22s  %-11s  %-12s  %-8s  %-10s\n",
		"%-22s  %-22s  %-4d  %-22s %-16s  %16s  %30s  %-22s  %11s  %-12s  %-8s  %10s\n",
		"#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Version", "#InTPS(LOAD)", "#OutTPS(LOAD)", "#Timer(Progress)", "#PCWait(ms)", "#Hour", "#SPACE", "#ACTIVATED")
	return c.eachMember(ctx, brokers, func(b *admin.Broker, id int64, info map[string]string) {
		or := func(name, without string) string {
			if v, ok := info[name]; ok {
				return v
			}
			return without
		}
		in := fmt.Sprintf("%9.2f(%s,%sms)", fraction(info, "putTps"), info["sendThreadPoolQueueSize"], info["sendThreadPoolQueueHeadWaitTimeMills"])
		out := fmt.Sprintf("%9.2f(%s,%sms|%s,%sms)", fraction(info, "getTransferredTps"), info["pullThreadPoolQueueSize"], info["pullThreadPoolQueueHeadWaitTimeMills"],
			or("ackThreadPoolQueueSize", "N"), or("ackThreadPoolQueueHeadWaitTimeMills", "N"))
		timer := fmt.Sprintf("%d-%d(%.1fw, %.1f, %.1f)", whole(info, "timerReadBehind"), whole(info, "timerOffsetBehind"), float64(whole(info, "timerCongestNum"))/10000,
			fraction(info, "timerEnqueueTps"), fraction(info, "timerDequeueTps"))
		hours := 0.0
		if info["earliestMessageTimeStamp"] != "" {
			hours = float64(c.env.Now().UnixMilli()-whole(info, "earliestMessageTimeStamp")) / 3_600_000
		}
		t.Add(b.Cluster, b.Name, id, b.Addrs[id], info["brokerVersionDesc"], in, out, timer, info["pageCacheLockTimeMills"], fmt.Sprintf("%2.2f", hours),
			fmt.Sprintf("%.4f", fraction(info, "commitLogDiskRatio")), strconv.FormatBool(strings.EqualFold(info["brokerActive"], "true")))
	})
}
