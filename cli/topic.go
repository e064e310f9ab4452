package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

// newTopic groups the commands about topics.
func newTopic(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topic",
		Short: "List, create, describe and delete topics",
		Long:  "List, create, describe and delete topics, on Aerobee and on Apache RocketMQ alike.",
		Example: "  aerobee topic list\n" +
			"  aerobee topic create Orders --queues 4 --type FIFO\n" +
			"  aerobee topic describe Orders",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTopicList(e), newTopicCreate(e), newTopicDescribe(e), newTopicDelete(e))
	return cmd
}

// topicLine is a topic in the JSON of `topic list`.
type topicLine struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"` // normal, retry, dead-letter, system
	Type        string   `json:"type"` // message.type, "" without
	ReadQueues  int32    `json:"readQueues"`
	WriteQueues int32    `json:"writeQueues"`
	Perm        string   `json:"perm"`
	Brokers     []string `json:"brokers"`
}

func lineOfTopic(t *admin.Topic) topicLine {
	l := topicLine{Name: t.Name, Kind: string(t.Kind), Type: t.MessageType(), Perm: "-", Brokers: slices.Sorted(maps.Keys(t.Configs))}
	if l.Brokers == nil {
		l.Brokers = []string{}
	}
	for _, c := range t.Configs {
		l.ReadQueues += c.ReadQueueNums
		l.WriteQueues += c.WriteQueueNums
		l.Perm = permText(c.Perm)
	}
	return l
}

// queuesText is the number of queues, both numbers where they differ.
func queuesText(read, write int32) string {
	if read == write {
		return strconv.Itoa(int(read))
	}
	return fmt.Sprintf("%d read, %d write", read, write)
}

// queuesPhrase is the number with its noun.
func queuesPhrase(read, write int32) string {
	if read == write {
		return plural(int64(read), "queue")
	}
	return queuesText(read, write) + " queues"
}

func permText(perm int32) string {
	out := ""
	if perm&protocol.PermRead != 0 {
		out += "r"
	}
	if perm&protocol.PermWrite != 0 {
		out += "w"
	}
	return orDash(out)
}

func newTopicList(e env) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List topics",
		Example: "  aerobee topic list\n  aerobee topic list --all --json\n  aerobee topic list --namesrv rocketmq.example.com:9876",
		Args:    noArgs,
	}
	c := connected(e, cmd)
	cmd.Flags().BoolVar(&all, "all", false, "retry, dead letter and system topics too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.run(cmd, subject{}, func(ctx context.Context, a *admin.Admin) error {
			topics, err := a.Topics(ctx)
			if err != nil && len(topics) == 0 {
				return err
			}
			lines := []topicLine{}
			for i := range topics {
				if topics[i].Kind == admin.Normal || all {
					lines = append(lines, lineOfTopic(&topics[i]))
				}
			}
			if c.asJSON {
				return errors.Join(err, e.printJSON(lines))
			}
			return errors.Join(err, e.printTopics(lines))
		})
	}
	return cmd
}

func (e env) printTopics(lines []topicLine) error {
	if len(lines) == 0 {
		return e.printf("No topics but the system's (--all shows them). The first send makes one: aerobee send Orders hello\n")
	}
	var rows [][]any
	for _, l := range lines {
		rows = append(rows, []any{l.Name, orDash(l.Type), queuesText(l.ReadQueues, l.WriteQueues), l.Perm, orDash(strings.Join(l.Brokers, ", "))})
	}
	return e.table(columns("NAME", "TYPE", "QUEUES", "PERM", "BROKERS"), rows)
}

// placeFlags adds the flags that say on which brokers a change is made.
func placeFlags(cmd *cobra.Command, at *admin.Target) {
	cmd.Flags().StringVar(&at.Cluster, "cluster", "", "only on the brokers of the cluster `NAME`")
	cmd.Flags().StringVar(&at.Broker, "broker", "", "only on the broker `NAME`, or the one whose master has this address")
}

// topicChange is what the flags of `topic create` say.
type topicChange struct {
	at                  admin.Target
	queues, read, write int32
	perm, kind          string
	attributes          []string
}

func newTopicCreate(e env) *cobra.Command {
	var change topicChange
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a topic, or change one",
		Long: "Create a topic, or change one: what no flag names stays as it is. A new topic has 8 queues.\n" +
			"Topics are also made by the first send, where the broker is set to do so (autoCreateTopicEnable).",
		Example: "  aerobee topic create Orders\n" +
			"  aerobee topic create Orders --queues 16\n" +
			"  aerobee topic create Payments --queues 4 --type FIFO --broker broker-a\n" +
			"  aerobee topic create Closed --perm r",
		Args: exactArgs("NAME"),
	}
	c := connected(e, cmd)
	f := cmd.Flags()
	f.Int32Var(&change.queues, "queues", 8, "queues on each broker, `N` to read and to write")
	f.Int32Var(&change.read, "read-queues", 0, "queues to read, if not --queues `N`")
	f.Int32Var(&change.write, "write-queues", 0, "queues to write, if not --queues `N`")
	f.StringVar(&change.perm, "perm", "rw", "what is allowed: `rw`, r, w or - for nothing")
	f.StringVar(&change.kind, "type", "", "`TYPE` of its messages: NORMAL, FIFO, DELAY or TRANSACTION")
	f.StringArrayVar(&change.attributes, "attribute", nil, "another attribute, `KEY=VALUE`; an empty value takes it away")
	placeFlags(cmd, &change.at)
	cmd.ValidArgsFunction = c.completeTopics
	completeValues(cmd, "perm", "rw", "r", "w", "-")
	completeValues(cmd, "type", "NORMAL", "FIFO", "DELAY", "TRANSACTION")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		return c.run(cmd, subject{topic: name}, func(ctx context.Context, a *admin.Admin) error {
			state, err := a.Topic(ctx, name)
			isNew := errors.Is(err, cluster.ErrTopicNotFound)
			if err != nil && !isNew {
				return err
			}
			config, err := change.apply(cmd, name, &state)
			if err != nil {
				return usageError{error: err}
			}
			brokers, err := a.PutTopic(ctx, change.at, config)
			if err != nil {
				return err
			}
			before := ""
			if !isNew {
				before = topicText(&state.Topic)
			}
			return c.printCreated(ctx, a, &config, before, brokers)
		})
	}
	return cmd
}

// apply makes the configuration that the flags ask for out of the one that is there.
func (t *topicChange) apply(cmd *cobra.Command, name string, state *admin.TopicState) (protocol.TopicConfig, error) {
	config := protocol.TopicConfig{TopicName: name, ReadQueueNums: 8, WriteQueueNums: 8, Perm: protocol.PermRead | protocol.PermWrite}
	for _, broker := range slices.Sorted(maps.Keys(state.Configs)) {
		config = state.Configs[broker]
		break
	}
	given := func(flag string) bool { return cmd.Flags().Changed(flag) }
	if given("queues") {
		config.ReadQueueNums, config.WriteQueueNums = t.queues, t.queues
	}
	if given("read-queues") {
		config.ReadQueueNums = t.read
	}
	if given("write-queues") {
		config.WriteQueueNums = t.write
	}
	if config.ReadQueueNums < 1 || config.WriteQueueNums < 1 {
		return config, fmt.Errorf("a topic has at least one queue to read and one to write, not %d and %d", config.ReadQueueNums, config.WriteQueueNums)
	}
	if given("perm") {
		bits, ok := map[string]int32{"rw": 6, "wr": 6, "r": 4, "w": 2, "-": 0}[t.perm]
		if !ok {
			return config, fmt.Errorf("--perm %q is none of rw, r, w and -", t.perm)
		}
		config.Perm = bits
	}
	attributes := maps.Clone(config.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	changes := t.attributes
	if given("type") {
		changes = append(changes, "message.type="+strings.ToUpper(t.kind))
	}
	for _, a := range changes {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return config, fmt.Errorf("--attribute %q is not KEY=VALUE", a)
		}
		attributes[key] = value
		if value == "" {
			delete(attributes, key)
		}
	}
	config.Attributes = nil
	if len(changes) > 0 {
		config.Attributes = attributes
	}
	return config, nil
}

// printCreated reads the topic again: brokers of RocketMQ 4 take attributes without a word and keep none.
func (c *connection) printCreated(ctx context.Context, a *admin.Admin, config *protocol.TopicConfig, before string, brokers []admin.Broker) error {
	name := config.TopicName
	state, err := a.Topic(ctx, name)
	if err != nil {
		return err
	}
	for broker, kept := range state.Configs {
		if len(config.Attributes) > 0 && len(kept.Attributes) == 0 {
			fmt.Fprintf(c.e.stderr, "aerobee: broker %s keeps no attributes of topics, as RocketMQ before 5.0: the topic has none\n", broker)
		}
	}
	if c.asJSON {
		return c.e.printJSON(lineOfTopic(&state.Topic))
	}
	switch now := topicText(&state.Topic); before {
	case "":
		return c.e.printf("created topic %s on %s: %s\n", name, brokerNames(brokers), now)
	case now:
		return c.e.printf("topic %s is there already on %s: %s\n", name, brokerNames(brokers), now)
	default:
		return c.e.printf("changed topic %s on %s: %s; it was %s\n", name, brokerNames(brokers), now, before)
	}
}

// topicText is what can be said of a topic in a few words.
func topicText(t *admin.Topic) string {
	line := lineOfTopic(t)
	text := queuesPhrase(line.ReadQueues, line.WriteQueues) + ", " + line.Perm
	if line.Type != "" {
		text += ", " + line.Type
	}
	return text
}

func brokerNames(brokers []admin.Broker) string {
	var names []string
	for _, b := range brokers {
		names = append(names, b.Name)
	}
	return strings.Join(names, ", ")
}

// topicView is the JSON of `topic describe`.
type topicView struct {
	topicLine
	Messages int64               `json:"messages"`
	Configs  []topicOnBroker     `json:"configs"`
	Queues   []queueLine         `json:"queues"`
	Groups   []string            `json:"groups"`
	Attrs    protocol.Attributes `json:"attributes"`
}

type topicOnBroker struct {
	Broker      string `json:"broker"`
	Cluster     string `json:"cluster"`
	ReadQueues  int32  `json:"readQueues"`
	WriteQueues int32  `json:"writeQueues"`
	Perm        string `json:"perm"`
}

type queueLine struct {
	Broker     string     `json:"broker"`
	Queue      int32      `json:"queue"`
	First      int64      `json:"first"`
	End        int64      `json:"end"`
	Messages   int64      `json:"messages"`
	LastStored *time.Time `json:"lastStored"` // null when the queue is empty
}

// stamp is a time in UTC, nil for the zero time.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func viewOfTopic(s *admin.TopicState) topicView {
	v := topicView{topicLine: lineOfTopic(&s.Topic), Configs: []topicOnBroker{}, Queues: []queueLine{}, Groups: s.Groups}
	for _, b := range s.Brokers {
		config, ok := s.Configs[b.Name]
		if !ok {
			continue
		}
		v.Attrs = config.Attributes
		v.Configs = append(v.Configs, topicOnBroker{b.Name, b.Cluster, config.ReadQueueNums, config.WriteQueueNums, permText(config.Perm)})
	}
	for _, q := range s.Queues {
		v.Messages += q.Max - q.Min
		v.Queues = append(v.Queues, queueLine{q.BrokerName, q.QueueID, q.Min, q.Max, q.Max - q.Min, stamp(q.LastStored)})
	}
	return v
}

func newTopicDescribe(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Show a topic's configuration, queues and groups",
		Example: "  aerobee topic describe Orders\n  aerobee topic describe Orders --json",
		Args:    exactArgs("NAME"),
	}
	c := connected(e, cmd)
	cmd.ValidArgsFunction = c.completeTopics
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{topic: args[0]}, func(ctx context.Context, a *admin.Admin) error {
			s, err := a.Topic(ctx, args[0])
			if err != nil && len(s.Configs) == 0 {
				return err
			}
			view := viewOfTopic(&s)
			if c.asJSON {
				return errors.Join(err, e.printJSON(view))
			}
			return errors.Join(err, e.printTopic(&view))
		})
	}
	return cmd
}

func (e env) printTopic(v *topicView) error {
	errs := []error{e.printf("Topic %s: %s, %s\n", v.Name, orNone(v.Type, "no message type"), plural(v.Messages, "message"))}
	for _, name := range slices.Sorted(maps.Keys(v.Attrs)) {
		if name != "message.type" {
			errs = append(errs, e.printf("  %s = %s\n", name, v.Attrs[name]))
		}
	}
	for _, c := range v.Configs {
		errs = append(errs, e.printf("  on broker %s of cluster %s: %s, %s\n", c.Broker, c.Cluster, queuesPhrase(c.ReadQueues, c.WriteQueues), c.Perm))
	}
	if len(v.Groups) == 0 {
		errs = append(errs, e.printf("  no group consumes it\n"))
	} else {
		errs = append(errs, e.printf("  consumed by %s\n", strings.Join(v.Groups, ", ")))
	}
	var rows [][]any
	for _, q := range v.Queues {
		last := "-"
		if q.LastStored != nil {
			last = clock(*q.LastStored)
		}
		rows = append(rows, []any{q.Broker, q.Queue, q.First, q.End, q.Messages, last})
	}
	errs = append(errs, e.table(columns("BROKER", "#QUEUE", "#FIRST", "#END", "#MESSAGES", "LAST STORED"), rows))
	return errors.Join(errs...)
}

func orNone(text, none string) string {
	if text == "" {
		return none
	}
	return text
}

func newTopicDelete(e env) *cobra.Command {
	var at admin.Target
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a topic and all of its messages",
		Example: "  aerobee topic delete Orders\n  aerobee topic delete Orders --cluster DefaultCluster",
		Args:    exactArgs("NAME"),
	}
	c := connected(e, cmd)
	placeFlags(cmd, &at)
	cmd.ValidArgsFunction = c.completeTopics
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{topic: args[0]}, func(ctx context.Context, a *admin.Admin) error {
			brokers, err := a.DeleteTopic(ctx, at, args[0])
			if err != nil {
				return err
			}
			if c.asJSON {
				return e.printJSON(deleted{args[0], brokerList(brokers)})
			}
			return e.printf("deleted topic %s on %s\n", args[0], brokerNames(brokers))
		})
	}
	return cmd
}

// deleted is the JSON of the commands that delete.
type deleted struct {
	Name    string   `json:"deleted"`
	Brokers []string `json:"brokers"`
}

func brokerList(brokers []admin.Broker) []string {
	out := []string{}
	for _, b := range brokers {
		out = append(out, b.Name)
	}
	return out
}
