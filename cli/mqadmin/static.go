package mqadmin

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/cli/mqadmin/static"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

func updateStaticTopic(ctx context.Context, c *call) error {
	queues, err := c.small("totalQueueNum", 0)
	if err == nil && queues < 1 {
		err = c.usage("option totalQueueNum: %d queues, the least is 1", queues)
	}
	if err != nil {
		return err
	}
	return c.planStatic(ctx, queues)
}

func remappingStaticTopic(ctx context.Context, c *call) error { return c.planStatic(ctx, 0) }

// planStatic gives a static topic a number of queues, 0 for those that it has, and writes into files what was and what is to be.
func (c *call) planStatic(ctx context.Context, queues int32) error {
	if c.has("mapFile") {
		return c.usage("option mapFile: %s is not read; mqadmin does not read it either", c.text("mapFile"))
	}
	topic := c.text("topic")
	brokers, err := c.staticBrokers(ctx, topic)
	if err != nil {
		return err
	}
	before, after, err := static.Plan(topic, queues, brokers, c.env.Now().UnixMilli())
	if err != nil {
		return err
	}
	for _, f := range [][]any{{"old", "before", &before, before.Epoch}, {"new", "after", &after, after.Epoch}} {
		file, err := c.keep(c.env.TempDir, fmt.Sprintf("%s-%d.%s", topic, f[3], f[1]), string(protocol.MarshalBody(f[2])))
		if err != nil {
			return err
		}
		c.Say("The %s mapping data is written to file %s\n", f[0], file)
		c.Set(f[1].(string), f[2])
	}
	for _, b := range brokers {
		if t, ok := after.Brokers[b.Name]; ok {
			if err := c.SetStaticTopic(ctx, b.Addr, t); err != nil {
				return fmt.Errorf("broker %s: %w", b.Name, err)
			}
		}
	}
	return nil
}

// staticBrokers are all brokers with what their masters have of a topic.
func (c *call) staticBrokers(ctx context.Context, topic string) (out []static.Broker, err error) {
	all, err := c.Brokers(ctx)
	for _, b := range all {
		addr, ok := b.Master()
		if !ok {
			continue
		}
		s := static.Broker{Name: b.Name, Cluster: b.Cluster, Addr: addr, Wanted: static.Named(c.text("brokers"), b.Name) || static.Named(c.text("clusters"), b.Cluster)}
		if s.Topic, err = c.StaticTopic(ctx, addr, topic); err != nil && !errors.Is(err, cluster.ErrTopicNotFound) {
			return nil, err
		}
		out, err = append(out, s), nil
	}
	return out, cmp.Or(err, static.Known(out, c.text("brokers"), c.text("clusters")))
}
