package cli

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/protocol"
)

// newGroup groups the commands about consumer groups.
func newGroup(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "group",
		Short: "List, describe, create, delete and reset consumer groups",
		Long:  "List, describe, create, delete and reset consumer groups, on Aerobee and on Apache RocketMQ alike.",
		Example: "  aerobee group list\n" +
			"  aerobee group describe billing\n" +
			"  aerobee group reset billing Orders --to 10m",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGroupList(e), newGroupDescribe(e), newGroupCreate(e), newGroupDelete(e), newGroupReset(e))
	return cmd
}

// groupLine is a group in the JSON of `group list`.
type groupLine struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // normal, system
	Model   string   `json:"model"`
	Members int      `json:"members"`
	Topics  []string `json:"topics"`
	Lag     int64    `json:"lag"`
	Brokers []string `json:"brokers"`
}

// topicsOf are the topics that a group subscribes to or has offsets in, without its retry topic.
func topicsOf(s *admin.GroupState) []string {
	set := map[string]bool{}
	for _, sub := range s.Subscriptions {
		set[sub.Topic] = true
	}
	for _, q := range s.Queues {
		set[q.Topic] = true
	}
	maps.DeleteFunc(set, func(name string, _ bool) bool { return strings.HasPrefix(name, "%") })
	out := slices.Sorted(maps.Keys(set))
	if out == nil {
		return []string{}
	}
	return out
}

func lineOfGroup(s *admin.GroupState) groupLine {
	brokers := slices.Sorted(maps.Keys(s.Configs))
	if brokers == nil {
		brokers = []string{}
	}
	return groupLine{Name: s.Name, Kind: string(s.Kind), Model: s.MessageModel, Members: len(s.Members), Topics: topicsOf(s), Lag: s.Lag, Brokers: brokers}
}

func newGroupList(e env) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List consumer groups with their members and lag",
		Example: "  aerobee group list\n  aerobee group list --all --json",
		Args:    noArgs,
	}
	c := connected(e, cmd)
	cmd.Flags().BoolVar(&all, "all", false, "the system's groups too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.run(cmd, subject{}, func(ctx context.Context, a *admin.Admin) error {
			groups, err := a.Groups(ctx)
			if err != nil && len(groups) == 0 {
				return err
			}
			lines := []groupLine{}
			for _, g := range groups {
				if g.Kind != admin.Normal && !all {
					continue
				}
				s, errProgress := a.GroupProgress(ctx, g.Name)
				err = errors.Join(err, errProgress)
				s.Group = g
				lines = append(lines, lineOfGroup(&s))
			}
			if c.asJSON {
				return errors.Join(err, e.printJSON(lines))
			}
			return errors.Join(err, e.printGroups(lines))
		})
	}
	return cmd
}

func (e env) printGroups(lines []groupLine) error {
	if len(lines) == 0 {
		return e.printf("No groups but the system's (--all shows them). The first consumer makes one: aerobee receive Orders --group billing\n")
	}
	var rows [][]any
	for _, l := range lines {
		rows = append(rows, []any{l.Name, l.Members, l.Lag, orDash(strings.Join(l.Topics, ", "))})
	}
	return e.table(columns("NAME", "#MEMBERS", "#LAG", "TOPICS"), rows)
}

// groupView is the JSON of `group describe`.
type groupView struct {
	groupLine
	ConsumeType   string               `json:"consumeType"`
	From          string               `json:"consumeFromWhere"`
	MaxRetries    int32                `json:"maxRetries"`
	Enabled       bool                 `json:"consumeEnabled"`
	Orderly       bool                 `json:"orderly"`
	Clients       []v1.Member          `json:"clients"`
	Subscriptions []admin.Subscription `json:"subscriptions"`
	Queues        []v1.Progress        `json:"queues"`
}

func viewOfGroup(s *admin.GroupState) groupView {
	v := groupView{groupLine: lineOfGroup(s), ConsumeType: s.ConsumeType, From: s.FromWhere, Enabled: true, Clients: []v1.Member{},
		Subscriptions: s.Subscriptions, Queues: []v1.Progress{}}
	for _, broker := range slices.Sorted(maps.Keys(s.Configs)) {
		config := s.Configs[broker]
		v.MaxRetries, v.Enabled, v.Orderly = config.RetryMaxTimes, config.ConsumeEnable, config.ConsumeMessageOrderly
		break
	}
	owned := map[string]int{}
	for _, q := range s.Queues {
		owned[q.Owner]++
		v.Queues = append(v.Queues, v1.Progress{Topic: q.Topic, Broker: q.BrokerName, Queue: q.QueueID, Offset: q.ConsumerOffset,
			End: q.BrokerOffset, Lag: q.Lag, LastConsumed: stamp(q.LastConsumed), Owner: q.Owner})
	}
	for _, m := range s.Members {
		v.Clients = append(v.Clients, v1.Member{ClientID: m.ClientID, Address: m.Addr, Language: m.Language, Version: m.Version, Queues: owned[m.ClientID], Silent: m.Silent})
	}
	return v
}

func newGroupDescribe(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show a group's members, and for each queue its offset, lag and owner",
		Long: "Show a group's members, and for each queue how far the group is, how many messages lie before it (LAG), when the last\n" +
			"one that it consumed was stored, and which member has the queue now.",
		Example: "  aerobee group describe billing\n  aerobee group describe billing --json",
		Args:    exactArgs("NAME"),
	}
	c := connected(e, cmd)
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{group: args[0]}, func(ctx context.Context, a *admin.Admin) error {
			s, err := a.Group(ctx, args[0])
			if err != nil && len(s.Configs) == 0 && len(s.Queues) == 0 {
				return err
			}
			view := viewOfGroup(&s)
			if c.asJSON {
				return errors.Join(err, e.printJSON(view))
			}
			return errors.Join(err, e.printGroup(&view))
		})
	}
	return cmd
}

func (e env) printGroup(v *groupView) error {
	how := "nobody consumes"
	if v.Members > 0 {
		how = plural(int64(v.Members), "member") + ", " + strings.ToLower(v.Model)
	}
	errs := []error{e.printf("Group %s: %s, lag %d, gives up after %s\n", v.Name, how, v.Lag, plural(int64(v.MaxRetries), "retry"))}
	if !v.Enabled {
		errs = append(errs, e.printf("  consuming is switched off: aerobee group create %s --enable\n", v.Name))
	}
	for _, s := range v.Subscriptions {
		if !strings.HasPrefix(s.Topic, "%") {
			errs = append(errs, e.printf("  subscribes to %s: %s %s\n", s.Topic, strings.ToLower(s.Type), s.Expression))
		}
	}
	var rows [][]any
	for _, m := range v.Clients {
		queues := any(m.Queues)
		if m.Silent != "" {
			queues = "?"
		}
		rows = append(rows, []any{m.ClientID, m.Address, m.Language, m.Version, queues})
	}
	if len(rows) > 0 {
		errs = append(errs, e.table(columns("CLIENT", "ADDRESS", "LANGUAGE", "VERSION", "#QUEUES"), rows))
	}
	rows = nil
	for _, q := range v.Queues {
		last := "-"
		if q.LastConsumed != nil {
			last = clock(*q.LastConsumed)
		}
		rows = append(rows, []any{q.Topic, q.Broker, q.Queue, q.Offset, q.End, q.Lag, last, orDash(q.Owner)})
	}
	if len(rows) == 0 {
		return errors.Join(append(errs, e.printf("  it has no offset in any topic yet\n"))...)
	}
	errs = append(errs, e.table(columns("TOPIC", "BROKER", "#QUEUE", "#OFFSET", "#END", "#LAG", "LAST CONSUMED", "OWNER"), rows))
	return errors.Join(errs...)
}

// groupChange is what the flags of `group create` say.
type groupChange struct {
	at                       admin.Target
	retries, timeout         int32
	orderly, enable, disable bool
	noBroadcast              bool
}

// groupChanged is the JSON of `group create`: what it says, by the names of groupView.
type groupChanged struct {
	Name       string   `json:"name"`
	MaxRetries int32    `json:"maxRetries"`
	Enabled    bool     `json:"consumeEnabled"`
	Orderly    bool     `json:"orderly"`
	Brokers    []string `json:"brokers"`
}

func newGroupCreate(e env) *cobra.Command {
	var change groupChange
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a consumer group, or change one",
		Long: "Create a consumer group, or change one: what no flag names stays as it is.\n" +
			"Groups are also made by their first consumer, where the broker is set to do so (autoCreateSubscriptionGroup).",
		Example: "  aerobee group create billing\n" +
			"  aerobee group create billing --max-retries 3\n" +
			"  aerobee group create billing --disable",
		Args: exactArgs("NAME"),
	}
	c := connected(e, cmd)
	f := cmd.Flags()
	f.Int32Var(&change.retries, "max-retries", 16, "give a message up into the dead letter topic after `N` retries")
	f.Int32Var(&change.timeout, "consume-timeout", 15, "`MINUTES` that a message may take")
	f.BoolVar(&change.orderly, "orderly", false, "it consumes in order")
	f.BoolVar(&change.enable, "enable", false, "let it consume again")
	f.BoolVar(&change.disable, "disable", false, "let it consume nothing")
	f.BoolVar(&change.noBroadcast, "no-broadcast", false, "refuse members that broadcast")
	placeFlags(cmd, &change.at)
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		return c.run(cmd, subject{group: name}, func(ctx context.Context, a *admin.Admin) error {
			groups, err := a.Groups(ctx)
			if err != nil {
				return err
			}
			config, verb := protocol.NewSubscriptionGroupConfig(name), "created"
			if i := slices.IndexFunc(groups, func(g admin.Group) bool { return g.Name == name }); i >= 0 {
				verb = "changed"
				for _, broker := range slices.Sorted(maps.Keys(groups[i].Configs)) {
					config = groups[i].Configs[broker]
					break
				}
			}
			change.apply(cmd, &config)
			brokers, err := a.PutGroup(ctx, change.at, config)
			if err != nil {
				return err
			}
			if c.asJSON {
				return e.printJSON(groupChanged{name, config.RetryMaxTimes, config.ConsumeEnable, config.ConsumeMessageOrderly, brokerList(brokers)})
			}
			return e.printf("%s group %s on %s: gives up after %s\n", verb, name, brokerNames(brokers), plural(int64(config.RetryMaxTimes), "retry"))
		})
	}
	return cmd
}

// apply changes what flags name.
func (g *groupChange) apply(cmd *cobra.Command, config *protocol.SubscriptionGroupConfig) {
	given := func(flag string) bool { return cmd.Flags().Changed(flag) }
	if given("max-retries") {
		config.RetryMaxTimes = g.retries
	}
	if given("consume-timeout") {
		config.ConsumeTimeoutMinute = g.timeout
	}
	if given("orderly") {
		config.ConsumeMessageOrderly = g.orderly
	}
	if g.enable || g.disable {
		config.ConsumeEnable = g.enable
	}
	if given("no-broadcast") {
		config.ConsumeBroadcastEnable = !g.noBroadcast
	}
}

func newGroupDelete(e env) *cobra.Command {
	var at admin.Target
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a consumer group with its offsets and its retry topic",
		Long: "Delete a consumer group with its offsets and its retry topic; its dead letters (%DLQ%NAME) stay. Stop its consumers\n" +
			"before: a group that somebody still consumes with comes back, without offsets.",
		Example: "  aerobee group delete billing",
		Args:    exactArgs("NAME"),
	}
	c := connected(e, cmd)
	placeFlags(cmd, &at)
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{group: args[0]}, func(ctx context.Context, a *admin.Admin) error {
			brokers, err := a.DeleteGroup(ctx, at, args[0])
			if err != nil {
				return err
			}
			if c.asJSON {
				return e.printJSON(deleted{args[0], brokerList(brokers)})
			}
			return e.printf("deleted group %s on %s\n", args[0], brokerNames(brokers))
		})
	}
	return cmd
}
