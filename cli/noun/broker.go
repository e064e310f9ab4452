package noun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/config"
)

// Broker groups the commands about brokers.
func Broker(t Tools) *cobra.Command {
	return t.parent("broker", "List and describe brokers, read and change their settings, take them out of routes",
		"List and describe brokers, read and change their settings, take them out of routes, on Aerobee and on Apache RocketMQ alike.\n"+
			"A broker is given by its name or its address.",
		"  aerobee broker list\n  aerobee broker describe broker-a\n  aerobee broker config broker-a flushDiskType\n  aerobee broker set broker-a fileReservedTime=48",
		brokerList(t), brokerDescribe(t), brokerConfig(t), brokerSet(t), brokerWrites(t, "close", "Route no more sends to a broker, before it is stopped", false),
		brokerWrites(t, "open", "Route sends to a broker again", true))
}

func brokerList(t Tools) *cobra.Command {
	var cluster string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List brokers with what passes through them",
		Example: "  aerobee broker list\n  aerobee broker list --cluster DefaultCluster --json",
		Args:    t.Args(),
	}
	l := t.Connect(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "only those of the cluster `NAME`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			all, err := members(ctx, a)
			if len(all) == 0 && err != nil {
				return err
			}
			if cluster != "" {
				var none error
				if all, none = inCluster(all, cluster); none != nil {
					return errors.Join(none, err)
				}
			}
			if l.JSON() {
				return errors.Join(err, l.PrintJSON(all))
			}
			var rows [][]any
			for _, m := range all {
				rows = append(rows, m.row())
			}
			return errors.Join(err, l.Table([]string{"CLUSTER", "BROKER", "#ID", "ADDRESS", "VERSION", "#IN/S", "#OUT/S", "#DISK", "OLDEST MESSAGE"}, rows))
		})
	}
	return cmd
}

// inCluster leaves the members of a cluster.
func inCluster(all []member, cluster string) ([]member, error) {
	var names []string
	for _, m := range all {
		names = append(names, m.Cluster)
	}
	if !slices.Contains(names, cluster) {
		return nil, fmt.Errorf("there is no cluster %s; the clusters are %s", cluster, strings.Join(slices.Compact(names), ", "))
	}
	return slices.DeleteFunc(all, func(m member) bool { return m.Cluster != cluster }), nil
}

func (m *member) row() []any {
	if !m.Answers {
		return []any{m.Cluster, m.Broker, m.ID, m.Addr, "does not answer", "-", "-", "-", "-"}
	}
	oldest := "-"
	if !m.OldestTime.IsZero() {
		oldest = m.OldestTime.Local().Format(time.DateTime)
	}
	return []any{m.Cluster, m.Broker, m.ID, m.Addr, m.Version, fmt.Sprintf("%.1f", m.In), fmt.Sprintf("%.1f", m.Out), fmt.Sprintf("%.0f%%", 100*m.DiskRatio), oldest}
}

// find is the broker of that name or address.
func find(ctx context.Context, a *admin.Admin, given string) (admin.Broker, error) {
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return admin.Broker{}, err
	}
	var names []string
	for _, b := range brokers {
		if b.Name == given || slices.Contains(slices.Collect(maps.Values(b.Addrs)), given) {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return admin.Broker{}, fmt.Errorf("there is no broker %s; the brokers are %s", given, strings.Join(names, ", "))
}

// address is where to ask the broker of that name or address: there, or at its master.
func address(ctx context.Context, a *admin.Admin, given string) (string, error) {
	b, err := find(ctx, a, given)
	if err != nil || b.Name != given {
		return given, err
	}
	master, ok := b.Master()
	if !ok {
		return "", fmt.Errorf("broker %s has no master now", given)
	}
	return master, nil
}

func brokerDescribe(t Tools) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Show what a broker tells of itself",
		Example: "  aerobee broker describe broker-a\n  aerobee broker describe 127.0.0.1:10911 --json",
		Args:    t.Args("NAME"),
	}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			addr, err := address(ctx, a, args[0])
			if err != nil {
				return err
			}
			info, err := a.RuntimeInfo(ctx, addr)
			if err != nil {
				return err
			}
			if l.JSON() {
				return l.PrintJSON(info)
			}
			return printPairs(l, info)
		})
	}
	return cmd
}

func printPairs(l Line, pairs map[string]string) error {
	var rows [][]any
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		rows = append(rows, []any{name, pairs[name]})
	}
	return l.Table([]string{"NAME", "VALUE"}, rows)
}

func brokerConfig(t Tools) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config NAME [KEY...]",
		Short:   "Show the settings of a broker",
		Example: "  aerobee broker config broker-a\n  aerobee broker config broker-a flushDiskType fileReservedTime --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return t.Args("NAME")(cmd, args)
			}
			return nil
		},
	}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			addr, err := address(ctx, a, args[0])
			if err != nil {
				return err
			}
			pairs, err := a.BrokerConfig(ctx, addr)
			if err != nil {
				return err
			}
			chosen := map[string]string{}
			for _, p := range pairs {
				if len(args) == 1 || slices.Contains(args[1:], p.Key) {
					chosen[p.Key] = p.Value
				}
			}
			for _, key := range args[1:] {
				if _, ok := chosen[key]; !ok {
					return fmt.Errorf("broker %s has no setting %s", args[0], key)
				}
			}
			if l.JSON() {
				return l.PrintJSON(chosen)
			}
			return printPairs(l, chosen)
		})
	}
	return cmd
}

func brokerSet(t Tools) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "set NAME KEY=VALUE...",
		Short:   "Change settings of a running broker",
		Example: "  aerobee broker set broker-a fileReservedTime=48",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return t.Args("NAME", "KEY=VALUE")(cmd, args)
			}
			return nil
		},
	}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var change []config.Property
		for _, arg := range args[1:] {
			key, value, ok := strings.Cut(arg, "=")
			if !ok || key == "" {
				return t.Usage("%q is not KEY=VALUE", arg)
			}
			change = append(change, config.Property{Key: key, Value: value})
		}
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			addr, err := address(ctx, a, args[0])
			if err != nil {
				return err
			}
			if err := a.SetBrokerConfig(ctx, addr, change...); err != nil {
				return err
			}
			if l.JSON() {
				return l.PrintJSON(map[string]any{"broker": args[0], "changed": args[1:]})
			}
			return l.Printf("changed %s of broker %s\n", strings.Join(args[1:], ", "), args[0])
		})
	}
	return cmd
}

// brokerWrites is a command that lets all NameServers route sends to a broker, or no more.
func brokerWrites(t Tools, verb, short string, open bool) *cobra.Command {
	cmd := &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Example: "  aerobee broker " + verb + " broker-a",
		Args:    t.Args("NAME"),
	}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			b, err := find(ctx, a, args[0])
			if err != nil {
				return err
			}
			topics, err := a.SetWrites(ctx, b.Name, open)
			if topics == nil {
				return err
			}
			errs := []error{err}
			for _, addr := range slices.Sorted(maps.Keys(topics)) {
				if !l.JSON() {
					errs = append(errs, l.Printf("%s of broker %s changed at the NameServer %s\n", topicCount(topics[addr]), b.Name, addr))
				}
			}
			if l.JSON() {
				errs = append(errs, l.PrintJSON(map[string]any{"broker": b.Name, "topics": topics}))
			}
			return errors.Join(errs...)
		})
	}
	return cmd
}

func topicCount(n int) string {
	if n == 1 {
		return "1 topic"
	}
	return fmt.Sprintf("%d topics", n)
}
