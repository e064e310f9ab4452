package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

func statistics(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		topic, group := c.v.Text("topic"), c.v.Text("group")
		route, err := a.Route(ctx, topic)
		if err != nil {
			return err
		}
		slices.SortFunc(route.Brokers, func(x, y protocol.BrokerData) int { return strings.Compare(x.Name, y.Name) })
		wanted := [][2]string{{"TOPIC_PUT_NUMS", topic}, {"TOPIC_PUT_SIZE", topic}}
		if group != "" {
			for _, name := range []string{"GROUP_GET_NUMS", "GROUP_GET_SIZE", "SNDBCK_PUT_NUMS"} {
				wanted = append(wanted, [2]string{name, topic + "@" + group})
			}
		}
		body := operate.Statistics{Topic: topic, Group: group, Statistics: []operate.Statistic{}}
		for _, b := range route.Brokers {
			addr, ok := b.Addrs[protocol.MasterID]
			for _, w := range wanted {
				if !ok {
					break
				}
				data, err := a.StatsData(ctx, addr, w[0], w[1])
				if refused := (*cluster.Error)(nil); err != nil && !errors.As(err, &refused) { // what was never counted is refused
					return err
				}
				body.Statistics = append(body.Statistics, operate.Statistic{Broker: b.Name, Name: w[0], Minute: flow(&data.StatsMinute), Hour: flow(&data.StatsHour), Day: flow(&data.StatsDay)})
			}
		}
		return c.reply(body, nil)
	})
}

func flow(i *protocol.BrokerStatsItem) operate.Flow {
	return operate.Flow{Sum: i.Sum, PerSecond: float64(i.TPS)}
}

func producers(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		list, err := a.Brokers(ctx)
		if err != nil {
			return err
		}
		told := make([][]operate.Producer, len(list))
		unanswered, err := gather(list, func(i int, addr string) error {
			groups, err := a.Producers(ctx, addr)
			for group, members := range groups {
				for _, m := range members {
					told[i] = append(told[i], operate.Producer{Group: group, ClientID: m.ClientID, Broker: list[i].Name, Address: strings.TrimPrefix(m.RemoteIP, "/"), Language: m.Language,
						Version: protocol.VersionName(m.Version), LastSeen: stamp(time.UnixMilli(m.LastSeen).UTC())})
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		all := slices.Concat(told...)
		key := func(p *operate.Producer) string { return p.Group + " " + p.ClientID + " " + p.Broker + " " + p.Address }
		slices.SortFunc(all, func(x, y operate.Producer) int { return strings.Compare(key(&x), key(&y)) })
		group, body := c.v.Text("group"), operate.Producers{Producers: []operate.Producer{}, Unanswered: unanswered}
		part, next := page(c, all, key, func(p *operate.Producer) bool { return group == "" || p.Group == group })
		body.Producers, body.Next = append(body.Producers, part...), next
		return c.reply(body, nil)
	})
}

// oneMember passes on what a member of a group says, by way of the first broker that it is connected to. Ours are asked before those that may be anybody's, which
// would take the time.
func oneMember(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		list, err := a.Brokers(ctx)
		if err != nil {
			return err
		}
		slices.SortStableFunc(list, func(x, y admin.Broker) int { return c.rank(&x) - c.rank(&y) })
		group, client, unanswered := c.v.Text("group"), c.v.Text("client"), map[string]string{}
		var errs []error
		for i := range list {
			addr, ok := list[i].Master()
			if !ok {
				continue
			}
			said, err := a.RunningInfo(ctx, addr, group, client, c.v.Bool("stack"))
			if err == nil {
				said, err = protocol.NormalizeJSON(said)
			}
			switch {
			case err == nil:
				return c.reply(json.RawMessage(said), nil)
			case !offline(err):
				unanswered[list[i].Name] = err.Error()
			}
			errs = append(errs, err)
		}
		if err = errors.Join(errs...); err == nil || len(unanswered) < len(errs) {
			err = &problem{"not-found", "group " + group + " has no member " + client + " at any of the brokers now" + notAnswered(unanswered)}
		}
		return err
	})
}

// offline tells whether a broker says that nobody is there.
func offline(err error) bool {
	refused := (*cluster.Error)(nil)
	return errors.As(err, &refused) && strings.Contains(refused.Remark, "not online")
}

func try(c *call) error {
	var want operate.Trial
	if err := c.body(&want); err != nil {
		return err
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		m, err := a.FindHead(ctx, want.ID, want.Topic)
		if err != nil {
			return badID(err)
		}
		b, err := brokerNamed(ctx, a, m.BrokerName)
		if err != nil {
			return err
		}
		addr, ok := b.Master()
		if !ok {
			return &problem{"unavailable", "broker " + b.Name + " has no master now"}
		}
		done, err := a.ConsumeDirectly(ctx, addr, &protocol.ConsumeDirectlyHeader{ConsumerGroup: c.v.Text("group"), ClientID: want.ClientID, MsgID: m.OffsetID, BrokerName: m.BrokerName, Topic: want.Topic})
		return c.reply(operate.Tried{Result: done.Result, Remark: done.Remark, Millis: done.Millis}, err)
	})
}
