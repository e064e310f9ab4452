package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/cli/member"
	"github.com/aerobee-mq/aerobee/protocol"
)

// runningInfo asks one member, through the first broker that knows it.
func (c *call) runningInfo(ctx context.Context, group, clientID string, stack bool) (*member.Info, error) {
	body, err := c.viaBrokers(ctx, func(addr string) ([]byte, error) { return c.RunningInfo(ctx, addr, group, clientID, stack) })
	if err != nil {
		return nil, err
	}
	info, err := member.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("what %s says of itself: %w", clientID, err)
	}
	return info, nil
}

// viaBrokers asks one broker after the other until one does not refuse, that of -b alone if it is given.
func (c *call) viaBrokers(ctx context.Context, ask func(addr string) ([]byte, error)) ([]byte, error) {
	addrs := []string{c.text("brokerAddr")}
	if !c.has("brokerAddr") {
		brokers, err := c.fleet(ctx, "")
		if err != nil {
			return nil, err
		}
		addrs = nil
		for _, b := range brokers {
			addrs = append(addrs, anyAddr(b.Addrs))
		}
	}
	var errs []error
	for _, addr := range addrs {
		body, err := ask(addr)
		if err == nil {
			return body, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func consumerStatus(ctx context.Context, c *call) error {
	group := c.text("consumerGroup")
	if c.has("clientId") {
		info, err := c.runningInfo(ctx, group, c.text("clientId"), c.has("jstack"))
		if err != nil {
			return err
		}
		c.Fact("member", info.View(), "%s", info.Page(c.stampMillis))
		return nil
	}
	all, err := c.online(ctx, group)
	if err != nil {
		return err
	}
	dir := strconv.FormatInt(c.env.Now().UnixMilli(), 10)
	t := c.Table("members", "%-10s %-40s %-20s %s\n", "%-10d %-40s %-20s %s\n", "#Index", "#ClientId", "#Version", "#ConsumerRunningInfoFile")
	infos := map[string]*member.Info{}
	var errs []error
	for _, m := range all.ConnectionSet {
		info, err := c.runningInfo(ctx, group, m.ClientID, c.has("jstack"))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		infos[m.ClientID] = info
		file, err := c.keep(dir, m.ClientID, info.Page(c.stampMillis))
		errs = append(errs, err)
		t.Add(len(infos), m.ClientID, protocol.VersionName(m.Version), file)
	}
	if len(infos) > 0 {
		c.judge(infos)
	}
	return errors.Join(errs...)
}

// keep writes a file in the working directory, with --json none, and returns its name.
func (c *call) keep(dir, name, text string) (string, error) {
	if c.JSON {
		return "", nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // a directory
	name = strings.NewReplacer("/", "_", `\`, "_").Replace(name)
	return dir + "/" + name, root.WriteFile(name, []byte(text), 0o600)
}

// judge says whether the members of a group fit together.
func (c *call) judge(infos map[string]*member.Info) {
	same := member.Same(infos)
	c.Set("sameSubscription", same)
	if !same {
		c.Say("\n\nWARN: Different subscription in the same group of consumer!!!")
		return
	}
	c.Say("\n\nSame subscription in the same group of consumer")
	c.Say("\n\nRebalance OK\n")
	troubles := []string{}
	for _, id := range slices.Sorted(maps.Keys(infos)) {
		for _, text := range infos[id].Troubles(id, c.env.Now().UnixMilli()) {
			troubles = append(troubles, text)
			c.Say("%s\n", text)
		}
	}
	c.Set("troubles", troubles)
}
