package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/config"
)

// atMaster gives do the master of the broker that the path names.
func (c *call) atMaster(do func(ctx context.Context, a *admin.Admin, b *admin.Broker, addr string) error) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		b, err := brokerNamed(ctx, a, c.v.Text("broker"))
		if err != nil {
			return err
		}
		addr, ok := b.Master()
		if !ok {
			return &problem{"unavailable", "broker " + b.Name + " has no master now"}
		}
		return do(ctx, a, b, addr)
	})
}

// settingsOf are a broker's settings by key, secrets masked whatever the broker does with them.
func settingsOf(ctx context.Context, a *admin.Admin, addr string) ([]operate.BrokerSetting, error) {
	pairs, err := a.BrokerConfig(ctx, addr)
	if err != nil {
		return nil, err
	}
	secret, live := secretKeys(), config.Live()
	out := make([]operate.BrokerSetting, 0, len(pairs))
	for _, p := range pairs {
		s := operate.BrokerSetting{Key: p.Key, Value: p.Value, Live: slices.Contains(live, p.Key)}
		if secret[p.Key] && s.Value != "" {
			s.Value = mask
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(x, y operate.BrokerSetting) int { return strings.Compare(x.Key, y.Key) })
	return out, nil
}

func brokerSettings(c *call) error {
	return c.atMaster(func(ctx context.Context, a *admin.Admin, b *admin.Broker, addr string) error {
		all, err := settingsOf(ctx, a, addr)
		if err != nil {
			return err
		}
		part, next := page(c, all, func(s *operate.BrokerSetting) string { return s.Key }, func(*operate.BrokerSetting) bool { return true })
		return c.reply(operate.BrokerSettings{Broker: b.Name, Settings: append([]operate.BrokerSetting{}, part...), Next: next}, nil)
	})
}

// putBrokerSettings changes settings that are in the closed list, whichever broker it is: what else Apache's would take is no business of a console's.
func putBrokerSettings(c *call) error {
	var change operate.SettingsChange
	if err := c.body(&change); err != nil {
		return err
	}
	live := config.Live()
	var pairs []config.Property
	for _, key := range sortedKeys(change.Settings) {
		if !slices.Contains(live, key) {
			return &problem{"bad-request", fmt.Sprintf("settings has a member %.60q, which cannot be changed here; these can: %s", key, strings.Join(live, ", "))}
		}
		pairs = append(pairs, config.Property{Key: key, Value: change.Settings[key]})
	}
	return c.atMaster(func(ctx context.Context, a *admin.Admin, b *admin.Broker, addr string) error {
		if err := a.SetBrokerConfig(ctx, addr, pairs...); err != nil {
			return err
		}
		all, err := settingsOf(ctx, a, addr)
		named := slices.DeleteFunc(all, func(s operate.BrokerSetting) bool {
			_, given := change.Settings[s.Key]
			return !given
		})
		return c.reply(operate.BrokerSettings{Broker: b.Name, Settings: append([]operate.BrokerSetting{}, named...)}, err)
	})
}

func putWrites(c *call) error {
	var change operate.WritesChange
	if err := c.body(&change); err != nil {
		return err
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		b, err := brokerNamed(ctx, a, c.v.Text("broker"))
		if err != nil {
			return err
		}
		topics, err := a.SetWrites(ctx, b.Name, change.Open)
		body := operate.Writes{Broker: b.Name, Open: change.Open, NameServers: []operate.WritesRouted{}}
		for _, addr := range sortedKeys(topics) {
			body.NameServers = append(body.NameServers, operate.WritesRouted{Address: addr, Topics: topics[addr]})
		}
		return c.reply(body, err)
	})
}

func clean(c *call) error {
	var what operate.Cleaning
	if err := c.body(&what); err != nil {
		return err
	}
	return c.atMaster(func(ctx context.Context, a *admin.Admin, b *admin.Broker, addr string) error {
		do := map[string]func(context.Context, string) error{"expired-queues": a.CleanExpiredQueues, "unused-topics": a.CleanUnusedTopics, "expired-log": a.DeleteExpiredLog}[what.What]
		return c.changed(what.What, []admin.Broker{*b}, do(ctx, addr))
	})
}
