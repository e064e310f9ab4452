package mqadmin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// write writes a file of an export and says so.
func (c *call) write(name string, content any) error {
	dir := c.textOr("filePath", filepath.Join(c.env.TempDir, "rocketmq", "export"))
	text, err := json.MarshalIndent(content, "", "\t")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return elsewhere(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return elsewhere(err)
	}
	c.Fact("file", path, "export %s success\n", path)
	return nil
}

// elsewhere says what to do when a folder cannot be written to, as another user's.
func elsewhere(err error) error { return fmt.Errorf("%w; -f names another folder", err) }

// exportedSettings are the settings that exportConfigs writes.
func exportedSettings() []string {
	return []string{"brokerClusterName", "brokerId", "brokerName", "brokerRole", "fileReservedTime", "filterServerNums", "flushDiskType", "maxMessageSize",
		"messageDelayLevel", "msgTraceTopicName", "slaveReadEnable", "traceOn", "traceTopicEnable", "useTLS", "autoCreateTopicEnable",
		"autoCreateSubscriptionGroup"}
}

func exportConfigs(ctx context.Context, c *call) error {
	brokers, err := c.fleet(ctx, c.text("clusterName"))
	if err != nil {
		return err
	}
	servers, err := c.NameServers(ctx)
	if err != nil {
		return err
	}
	configs, masters, slaves := map[string]map[string]string{}, 0, 0
	for i := range brokers {
		addr, ok := brokers[i].Master()
		slaves += len(brokers[i].Addrs)
		if !ok {
			continue
		}
		masters, slaves = masters+1, slaves-1
		pairs, err := c.BrokerConfig(ctx, addr)
		if err != nil {
			return err
		}
		configs[brokers[i].Name] = chosen(pairs)
	}
	return c.write("configs.json", map[string]any{"brokerConfigs": configs,
		"clusterScale": map[string]int{"namesrvSize": len(servers), "masterBrokerSize": masters, "slaveBrokerSize": slaves}})
}

func chosen(pairs []config.Property) map[string]string {
	out, names := map[string]string{}, exportedSettings()
	for _, p := range pairs {
		if slices.Contains(names, p.Key) {
			out[p.Key] = p.Value
		}
	}
	return out
}

// userTopics are a broker's topics without those that it made for itself; retry and dead letter topics only if asked for.
func (c *call) userTopics(ctx context.Context, addr string, special bool) (protocol.TopicConfigTable, error) {
	table, err := c.TopicTable(ctx, addr)
	if err != nil {
		return table, err
	}
	system, err := c.SystemTopics(ctx, addr)
	if err != nil {
		return table, err
	}
	for name := range table.Topics {
		if slices.Contains(system, name) || !special && (message.IsRetry(name) || message.IsDLQ(name)) {
			delete(table.Topics, name)
		}
	}
	return table, nil
}

// userGroups are a broker's groups without those that it made for itself.
func (c *call) userGroups(ctx context.Context, addr string) (protocol.SubscriptionGroupTable, error) {
	table, err := c.GroupTable(ctx, addr)
	for name := range table.Groups {
		if admin.KindOfGroup(name) == admin.System {
			delete(table.Groups, name)
		}
	}
	return table, err
}

func exportMetadata(ctx context.Context, c *call) error {
	special := c.has("specialTopic")
	if c.has("brokerAddr") {
		addr := c.text("brokerAddr")
		switch {
		case c.has("topic"):
			table, err := c.userTopics(ctx, addr, special)
			if err != nil {
				return err
			}
			return c.write("topic.json", map[string]any{"dataVersion": table.DataVersion, "topicConfigTable": table.Topics})
		case c.has("subscriptionGroup"):
			table, err := c.userGroups(ctx, addr)
			if err != nil {
				return err
			}
			groups, err := exportedGroups(table.Groups)
			if err != nil {
				return err
			}
			return c.write("subscriptionGroup.json", map[string]any{"dataVersion": table.DataVersion, "forbiddenTable": table.Forbidden, "subscriptionGroupTable": groups})
		}
		return c.usage("of one broker, topics or groups: give -t or -g")
	}
	if !c.has("clusterName") {
		return c.usage("give -b or -c: of which broker, or of which cluster")
	}
	topics, groups := map[string]protocol.TopicConfig{}, map[string]protocol.SubscriptionGroupConfig{}
	if err := c.onMembers(ctx, c.text("clusterName"), false, func(addr string) error { return c.gather(ctx, addr, special, topics, groups) }); err != nil {
		return err
	}
	content, name := map[string]any{"exportTime": c.env.Now().UnixMilli()}, "metadata.json"
	if !c.has("subscriptionGroup") || c.has("topic") {
		content["topicConfigTable"], name = topics, "topic.json"
	}
	if !c.has("topic") {
		exported, err := exportedGroups(groups)
		if err != nil {
			return err
		}
		content["subscriptionGroupTable"], name = exported, "subscriptionGroup.json"
	}
	if !c.has("topic") && !c.has("subscriptionGroup") {
		name = "metadata.json"
	}
	return c.write(name, content)
}

// exportedGroups are groups as mqadmin writes them: their attributes too where there are none.
func exportedGroups(groups map[string]protocol.SubscriptionGroupConfig) (map[string]map[string]json.RawMessage, error) {
	out := map[string]map[string]json.RawMessage{}
	for name, g := range groups {
		text, err := json.Marshal(g)
		if err != nil {
			return nil, err
		}
		members := map[string]json.RawMessage{"attributes": json.RawMessage("{}")}
		if err := json.Unmarshal(text, &members); err != nil {
			return nil, err
		}
		out[name] = members
	}
	return out, nil
}

// gather adds the topics and groups of a broker to those of others: their queues add up.
func (c *call) gather(ctx context.Context, addr string, special bool, topics map[string]protocol.TopicConfig, groups map[string]protocol.SubscriptionGroupConfig) error {
	table, err := c.userTopics(ctx, addr, special)
	if err != nil {
		return err
	}
	for name, t := range table.Topics {
		t.ReadQueueNums += topics[name].ReadQueueNums
		t.WriteQueueNums += topics[name].WriteQueueNums
		topics[name] = t
	}
	more, err := c.userGroups(ctx, addr)
	if err != nil {
		return err
	}
	for name, g := range more.Groups {
		if have, ok := groups[name]; ok {
			g.RetryQueueNums += have.RetryQueueNums
		}
		groups[name] = g
	}
	return nil
}
