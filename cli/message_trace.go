package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/journey"
)

func newMessageTrace(e env) *cobra.Command {
	var topic string
	cmd := &cobra.Command{
		Use:   "trace ID",
		Short: "Say what became of a message: stored, found, pulled, acknowledged, retried, dead",
		Long: "Say what became of a message, from the log and the state of the servers: no client need have written a trace. What clients have\n" +
			"written is added. Of Apache RocketMQ's brokers it is not known who pulled last, and what popping consumers have in flight.",
		Example: "  aerobee message trace AC11000200032A139A550000000000A1 --topic Orders\n" +
			"  aerobee message trace 7F0000010000277800000000000004D2 --json",
		Args: exactArgs("ID"),
	}
	c := connected(e, cmd)
	cmd.Flags().StringVar(&topic, "topic", "", "the message's `TOPIC`, needed for unique ids")
	_ = cmd.RegisterFlagCompletionFunc("topic", c.completeTopicFlag) // fails for a flag that is not there
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{topic: topic}, func(ctx context.Context, a *admin.Admin) error {
			t, err := journey.Of(ctx, a, c.askNode, args[0], topic)
			if err != nil {
				return explainID(err, args[0], topic)
			}
			if c.asJSON {
				return e.printJSON(t)
			}
			return e.printTrace(&t)
		})
	}
	return cmd
}

func (e env) printTrace(t *v1.Trace) error {
	errs := []error{e.printf("Message %s of topic %s, queue %s:%d, offset %d, log offset %d, %s\n", orDash(t.ID), t.Topic, t.Broker, t.Queue, t.Offset, t.Log, plural(int64(t.Bytes), "byte"))}
	if len(t.Indexed) > 0 {
		errs = append(errs, e.printf("  the index finds it by %s\n", strings.Join(t.Indexed, ", ")))
	}
	if len(t.Missing) > 0 {
		errs = append(errs, e.printf("  the index does not find it by %s\n", strings.Join(t.Missing, ", ")))
	}
	if t.Copies > 1 {
		errs = append(errs, e.printf("  it is stored %d times under its unique id: its producer tried again\n", t.Copies))
	}
	for _, g := range t.Groups {
		errs = append(errs, e.printf("  group %s: %s: %s\n", g.Group, g.State, g.Says))
	}
	if len(t.Groups) == 0 {
		errs = append(errs, e.printf("  no group reads its topic\n"))
	}
	var rows [][]any
	for _, v := range t.Events {
		rows = append(rows, []any{v.At.Local().Format("2006-01-02 15:04:05.000"), v.What, orDash(v.Group), v.Says})
	}
	return errors.Join(append(errs, e.table(columns("TIME", "WHAT", "GROUP", "HOW"), rows))...)
}

// explainID says what to try when nothing has an id.
func explainID(err error, id, topic string) error {
	if !errors.Is(err, admin.ErrNoID) {
		return err
	}
	if topic == "" {
		return &hint{fmt.Sprintf("%.100s is no offset message id; if it is the unique id that a client printed, add --topic TOPIC", id), err}
	}
	return &hint{fmt.Sprintf("nothing in topic %s has the id %.100s; it may have been deleted with its segment, be half of a transaction (aerobee transaction list), or lie in another topic", topic, id), err}
}
