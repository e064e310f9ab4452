package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// newDLQ groups the commands about dead letters.
func newDLQ(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "List and show dead letters, and send them to their group again",
		Long: "List and show dead letters, and send them to their group again: messages that a group has failed to process as often\n" +
			"as it may. For Aerobee alone; an Apache RocketMQ's dead letters are messages of topic %DLQ%GROUP.",
		Example: "  aerobee dlq list\n  aerobee dlq list billing\n  aerobee dlq resend billing --all",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDLQList(e), newDLQShow(e), newDLQResend(e))
	return cmd
}

// ask sends one request of /api/v1 to the first server and reads the answer into out, also where it is no success; then the error says why.
func (c *connection) ask(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	addr := c.nameServers()[0]
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	transport := c.transport()
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return explainStatus(ctx, addr, err)
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		var f v1.Failure
		if json.Unmarshal(text, &f) != nil || f.Error == "" {
			f.Error = answer.Status
		}
		_ = json.Unmarshal(text, out) // what was done before the failure, where the answer says so
		return errors.New(f.Error)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func newDLQList(e env) *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use:     "list [GROUP]",
		Short:   "List the groups that have dead letters, or a group's newest ones",
		Example: "  aerobee dlq list\n  aerobee dlq list billing --count 20",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageErrorf("%d arguments, one GROUP at most", len(args))
			}
			return nil
		},
	}
	c := connected(e, cmd)
	cmd.Flags().IntVar(&count, "count", 100, "at most `N` of a group's letters, the newest")
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			var all v1.DeadGroups
			if err := c.ask(cmd.Context(), http.MethodGet, "/api/v1/dlq", nil, &all); err != nil {
				return err
			}
			return c.printDeadGroups(&all)
		}
		var letters v1.DeadLetters
		if err := c.ask(cmd.Context(), http.MethodGet, fmt.Sprintf("/api/v1/dlq/%s?count=%d", url.PathEscape(args[0]), count), nil, &letters); err != nil {
			return err
		}
		return c.printDeadLetters(&letters)
	}
	return cmd
}

func (c *connection) printDeadGroups(all *v1.DeadGroups) error {
	if c.asJSON {
		return c.e.printJSON(all)
	}
	if len(all.Groups) == 0 {
		return c.e.printf("No group has dead letters\n")
	}
	var rows [][]any
	for _, g := range all.Groups {
		rows = append(rows, []any{g.Group, g.Messages, clock(g.Oldest), clock(g.Newest)})
	}
	return c.e.table(columns("GROUP", "#LETTERS", "OLDEST", "NEWEST"), rows)
}

func (c *connection) printDeadLetters(letters *v1.DeadLetters) error {
	if c.asJSON {
		return c.e.printJSON(letters)
	}
	if len(letters.Letters) == 0 {
		return c.e.printf("Group %s has no dead letters\n", letters.Group)
	}
	var rows [][]any
	for _, l := range letters.Letters {
		rows = append(rows, []any{l.ID, orDash(l.Topic), orDash(l.Keys), l.Reconsumed, l.Bytes, clock(l.DiedAt)})
	}
	return c.e.table(columns("ID", "TOPIC", "KEYS", "#RETRIES", "#BYTES", "DIED"), rows)
}

func newDLQShow(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show GROUP ID",
		Short:   "Show one dead letter with its properties and body",
		Long:    "Show one dead letter with its properties and body. A node shows messages to administrators only.",
		Example: "  aerobee dlq show billing 7F0000010000277800000000000004D2",
		Args:    exactArgs("GROUP", "ID"),
	}
	c := connected(e, cmd)
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var l v1.DeadLetter
		if err := c.ask(cmd.Context(), http.MethodGet, "/api/v1/dlq/"+url.PathEscape(args[0])+"/"+url.PathEscape(args[1]), nil, &l); err != nil {
			return err
		}
		if c.asJSON {
			return e.printJSON(l)
		}
		errs := []error{e.printf("%s of group %s: sent to %s, came back %s, died %s\n", l.ID, args[0], orDash(l.Topic), plural(int64(l.Reconsumed), "time"), clock(l.DiedAt))}
		for _, name := range slices.Sorted(maps.Keys(l.Properties)) {
			errs = append(errs, e.printf("  %s=%s\n", name, l.Properties[name]))
		}
		body := string(l.Body)
		if !utf8.Valid(l.Body) {
			body = fmt.Sprintf("%q", l.Body)
		}
		return errors.Join(append(errs, e.printf("%s\n", body))...)
	}
	return cmd
}

func newDLQResend(e env) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "resend GROUP [ID...]",
		Short: "Send dead letters to their group again, as if they had never failed",
		Long: "Send dead letters to their group again, as if they had never failed: into its retry topic, so that no other group gets\n" +
			"them. The letters stay listed, for the log forgets nothing: note what was sent. A node does so for administrators only.",
		Example: "  aerobee dlq resend billing 7F0000010000277800000000000004D2\n  aerobee dlq resend billing --all",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageErrorf("GROUP is missing")
			}
			if all == (len(args) > 1) {
				return usageErrorf("name the letters, or give --all for all of the group")
			}
			return nil
		},
	}
	c := connected(e, cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all of the group's letters")
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		done := v1.Resent{Group: args[0], IDs: []string{}}
		err := c.ask(cmd.Context(), http.MethodPost, "/api/v1/dlq/"+url.PathEscape(args[0])+"/resend", v1.Resend{IDs: args[1:], All: all}, &done)
		if err != nil && len(done.IDs) == 0 {
			return err
		}
		if c.asJSON {
			return errors.Join(err, e.printJSON(done))
		}
		return errors.Join(err, e.printf("sent %s to group %s again\n", plural(int64(len(done.IDs)), "dead letter"), args[0]))
	}
	return cmd
}
