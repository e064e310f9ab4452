package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
)

// movedLine is one queue in the JSON of `group reset`.
type movedLine struct {
	Broker string `json:"broker"`
	Queue  int32  `json:"queue"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

// resetView is the JSON of `group reset`.
type resetView struct {
	Group  string      `json:"group"`
	Topic  string      `json:"topic"`
	DryRun bool        `json:"dryRun"`
	Queues []movedLine `json:"queues"`
}

func newGroupReset(e env) *cobra.Command {
	var to, queue string
	var dry bool
	cmd := &cobra.Command{
		Use:   "reset GROUP TOPIC --to WHERE",
		Short: "Set where a group goes on in a topic",
		Long: "Set where a group goes on in a topic. WHERE is " + momentHelp + ".\n" +
			"Aerobee and RocketMQ 5 move running consumers too; with RocketMQ 4 see the error messages, or stop them before.",
		Example: "  aerobee group reset billing Orders --to first --dry-run\n" +
			"  aerobee group reset billing Orders --to last\n" +
			"  aerobee group reset billing Orders --to 10m\n" +
			"  aerobee group reset billing Orders --to 42 --queue broker-a:0",
		Args: exactArgs("GROUP", "TOPIC"),
	}
	c := connected(e, cmd)
	cmd.Flags().StringVar(&to, "to", "", "`WHERE` to go on")
	cmd.Flags().StringVar(&queue, "queue", "", "only this queue, `BROKER:NUMBER`")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, change nothing")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return c.completeTopics(cmd, nil, begun)
		}
		return c.completeGroups(cmd, args, begun)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := resetOf(args[0], args[1], to, queue, time.Now())
		if err != nil {
			return err
		}
		return c.run(cmd, subject{topic: r.Topic, group: r.Group}, func(ctx context.Context, a *admin.Admin) error {
			do := a.Reset
			if dry {
				do = a.PlanReset
			}
			moved, err := do(ctx, r)
			if err != nil {
				return err
			}
			return c.printMoved(resetView{Group: r.Group, Topic: r.Topic, DryRun: dry}, moved)
		})
	}
	return cmd
}

// resetOf makes the reset that the flags ask for.
func resetOf(group, topic, to, queue string, now time.Time) (admin.Reset, error) {
	r := admin.Reset{Group: group, Topic: topic}
	if to == "" {
		return r, usageErrorf("--to is missing: give %s", momentHelp)
	}
	m, err := parseMoment(to, now)
	if err != nil {
		return r, err
	}
	if queue != "" {
		q, err := parseQueue(topic, queue)
		if err != nil {
			return r, err
		}
		r.Queue = &q
	}
	switch {
	case m.offset >= 0 && r.Queue == nil:
		return r, usageErrorf("--to %d is an offset of one queue: name it with --queue BROKER:NUMBER", m.offset)
	case m.offset >= 0:
		r.Offset = &m.offset
	case m.last:
		r.Timestamp = -1
	case !m.first:
		r.Timestamp = max(m.at.UnixMilli(), 0)
	}
	return r, nil
}

// parseQueue reads BROKER:NUMBER.
func parseQueue(topic, text string) (admin.Queue, error) {
	i := strings.LastIndexByte(text, ':')
	if i > 0 {
		if n, err := strconv.ParseInt(text[i+1:], 10, 32); err == nil && n >= 0 {
			return admin.Queue{BrokerName: text[:i], QueueID: int32(n), Topic: topic}, nil
		}
	}
	return admin.Queue{}, usageErrorf("--queue %q is not BROKER:NUMBER, such as broker-a:0", text)
}

func (c *connection) printMoved(v resetView, moved []admin.Moved) error {
	v.Queues = []movedLine{}
	var rows [][]any
	for _, m := range moved {
		v.Queues = append(v.Queues, movedLine{m.BrokerName, m.QueueID, m.From, m.To})
		rows = append(rows, []any{m.BrokerName, m.QueueID, m.From, m.To})
	}
	if c.asJSON {
		return c.e.printJSON(v)
	}
	if v.DryRun {
		if err := c.e.printf("would reset, --dry-run changes nothing:\n"); err != nil {
			return err
		}
	}
	return c.e.table(columns("BROKER", "#QUEUE", "#FROM", "#TO"), rows)
}
