package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// newTimer groups the commands about messages that wait for their time.
func newTimer(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "timer",
		Short: "List, count and cancel messages that wait for their time",
		Long: "List, count and cancel messages that wait for their time: timer messages, delayed ones, and retries of failed ones.\n" +
			"These commands ask the node's HTTP interface (/api/v1), which Apache RocketMQ does not have.",
		Example: "  aerobee timer count\n" +
			"  aerobee timer list --topic Orders\n" +
			"  aerobee timer cancel 81604378624",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTimerList(e), newTimerCount(e), newTimerCancel(e))
	return cmd
}

func newTimerList(e env) *cobra.Command {
	var topic string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List waiting messages, those that are due first",
		Example: "  aerobee timer list\n  aerobee timer list --topic Orders --limit 500 --json",
		Args:    noArgs,
	}
	c := connected(e, cmd)
	cmd.Flags().StringVar(&topic, "topic", "", "only those that go to this topic")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 1 {
			return usageErrorf("--limit is %d, it must be at least 1", limit)
		}
		lines, more := []v1.Timer{}, true
		err := c.overHTTP(cmd.Context(), func(ctx context.Context, get httpCall) error {
			for after := ""; more && len(lines) < limit; {
				var page v1.Timers
				q := url.Values{"topic": {topic}, "limit": {strconv.Itoa(min(limit-len(lines), 1000))}, "after": {after}}
				if err := get(http.MethodGet, "/api/v1/timers?"+q.Encode(), &page); err != nil {
					return err
				}
				lines = append(lines, page.Timers...)
				after, more = page.Next, page.Next != ""
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case c.asJSON:
			return e.printJSON(lines)
		}
		return e.printTimers(lines, more)
	}
	return cmd
}

func (e env) printTimers(lines []v1.Timer, more bool) error {
	if len(lines) == 0 {
		return e.printf("No message waits for its time.\n")
	}
	var rows [][]any
	for _, t := range lines {
		how := "time"
		if t.Level > 0 {
			how = "level " + strconv.Itoa(t.Level)
		}
		rows = append(rows, []any{t.Handle, clock(t.Due), how, orDash(t.Topic), orDash(t.UniqueKey), orDash(t.Keys), orDash(t.Tags), bytesText(int64(t.BodyBytes))})
	}
	if err := e.table(columns("#HANDLE", "DUE", "BY", "TOPIC", "UNIQUE KEY", "KEYS", "TAGS", "#BODY"), rows); err != nil || !more {
		return err
	}
	return e.printf("There may be more: --limit shows them, `aerobee timer count` counts them.\n")
}

func newTimerCount(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "count",
		Short:   "Count waiting messages by topic",
		Example: "  aerobee timer count\n  aerobee timer count --json",
		Args:    noArgs,
	}
	c := connected(e, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var all v1.TimerCounts
		err := c.overHTTP(cmd.Context(), func(_ context.Context, get httpCall) error { return get(http.MethodGet, "/api/v1/timers/count", &all) })
		switch {
		case err != nil:
			return err
		case c.asJSON:
			return e.printJSON(all)
		case all.Pending == 0:
			return e.printf("No message waits for its time.\n")
		}
		var rows [][]any
		for _, t := range all.Topics {
			rows = append(rows, []any{orDash(t.Topic), t.Pending, clock(t.First), clock(t.Last)})
		}
		if err := e.table(columns("TOPIC", "#PENDING", "FIRST", "LAST"), rows); err != nil {
			return err
		}
		return e.printf("%s in all\n", plural(int64(all.Pending), "message"))
	}
	return cmd
}

func newTimerCancel(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel HANDLE…",
		Short: "Cancel waiting messages: they are not delivered",
		Long: "Cancel waiting messages by their handles, which `aerobee timer list` shows: they are not delivered. A node takes this\n" +
			"from administrators only. A message whose delivery has begun cannot be cancelled any more.",
		Example: "  aerobee timer cancel 81604378624\n  aerobee timer cancel 81604378624 81604379136 --json",
		Args:    cobra.MinimumNArgs(1),
	}
	c := connected(e, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, text := range args {
			if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < 1 {
				return usageErrorf("%q is no handle: `aerobee timer list` shows them", text)
			}
		}
		gone := []v1.Timer{}
		err := c.overHTTP(cmd.Context(), func(_ context.Context, do httpCall) error {
			for _, handle := range args {
				var t v1.Timer
				if err := do(http.MethodDelete, "/api/v1/timers/"+handle, &t); err != nil {
					return err
				}
				gone = append(gone, t)
			}
			return nil
		})
		if c.asJSON {
			if printed := e.printJSON(gone); err == nil {
				err = printed
			}
			return err
		}
		for _, t := range gone {
			if printed := e.printf("cancelled %d: to %s, due %s, unique key %s\n", t.Handle, orDash(t.Topic), clock(t.Due), orDash(t.UniqueKey)); err == nil {
				err = printed
			}
		}
		return err
	}
	return cmd
}

// httpCall makes one request of /api/v1 and reads the answer's body.
type httpCall func(method, path string, body any) error

// overHTTP gives do a way to ask the node, and explains its error to a person.
func (c *connection) overHTTP(parent context.Context, do func(ctx context.Context, call httpCall) error) error {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	transport := c.transport()
	defer transport.CloseIdleConnections()
	addr := c.nameServers()[0]
	err := do(ctx, func(method, path string, body any) error { return callHTTP(ctx, transport, method, addr, path, body) })
	if err != nil {
		return explainStatus(parent, addr, err)
	}
	return nil
}

func callHTTP(ctx context.Context, transport http.RoundTripper, method, addr, path string, body any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
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
		return &hint{f.Error, &apiError{path, f.Error, answer.StatusCode}}
	}
	if err := json.Unmarshal(text, body); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
