package mqadmin

import (
	"context"
	"errors"

	"github.com/aerobee-mq/aerobee/config"
)

func getNamesrvConfig(ctx context.Context, c *call) error {
	servers, err := c.NameServers(ctx)
	if err != nil {
		return err
	}
	all := map[string]map[string]string{}
	var errs []error
	for _, addr := range servers {
		pairs, err := c.NameServerConfig(ctx, addr)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.Say("============%s============\n", addr)
		all[addr] = c.settings(pairs)
	}
	c.Set("nameServers", all)
	return errors.Join(errs...)
}

// settings prints settings, a line each, and returns them by name.
func (c *call) settings(pairs []config.Property) map[string]string {
	byName := map[string]string{}
	for _, p := range pairs {
		c.Say("%-50s=  %s\n", p.Key, p.Value)
		byName[p.Key] = p.Value
	}
	return byName
}

func updateNamesrvConfig(ctx context.Context, c *call) error {
	servers, err := c.NameServers(ctx)
	if err != nil {
		return err
	}
	key, value := c.text("key"), c.text("value")
	var errs []error
	for _, addr := range servers {
		errs = append(errs, c.SetNameServerConfig(ctx, addr, config.Property{Key: key, Value: value}))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.Set("nameServers", servers)
	c.Set("value", value)
	c.Fact("key", key, "update name server config success!%s\n%s : %s\n", servers, key, value)
	return nil
}

func updateKvConfig(ctx context.Context, c *call) error {
	if err := c.PutKV(ctx, c.text("namespace"), c.text("key"), c.text("value")); err != nil {
		return err
	}
	c.Set("namespace", c.text("namespace"))
	c.Set("value", c.text("value"))
	c.Fact("key", c.text("key"), "create or update kv config to namespace success.\n")
	return nil
}

func deleteKvConfig(ctx context.Context, c *call) error {
	if err := c.DeleteKV(ctx, c.text("namespace"), c.text("key")); err != nil {
		return err
	}
	c.Set("namespace", c.text("namespace"))
	c.Fact("key", c.text("key"), "delete kv config from namespace success.\n")
	return nil
}

func wipeWritePerm(ctx context.Context, c *call) error {
	return c.writePerm(ctx, "wipe", c.WipeWritePerm)
}

func addWritePerm(ctx context.Context, c *call) error {
	return c.writePerm(ctx, "add", c.AddWritePerm)
}

func (c *call) writePerm(ctx context.Context, verb string, change func(ctx context.Context, addr, broker string) (int, error)) error {
	servers, err := c.NameServers(ctx)
	if err != nil {
		return err
	}
	broker := c.text("brokerName")
	done := c.Quiet("nameServers", verb+" write perm of broker[%s] in name server[%s] OK, %d\n", "brokerName", "addr", "topics")
	var errs []error
	for _, addr := range servers {
		n, err := change(ctx, addr, broker)
		if err != nil {
			c.Say("%s write perm of broker[%s] in name server[%s] Failed\n", verb, broker, addr)
			errs = append(errs, err)
			continue
		}
		done.Add(broker, addr, n)
	}
	return errors.Join(errs...)
}
