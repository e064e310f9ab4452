package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/signin"
)

func newTransaction(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "transaction",
		Short: "Look at transactions that nobody has ended, and end them",
		Long: "Look at transactions that nobody has ended, and end them. It asks the node's HTTP interface (/api/v1), which Apache\n" +
			"RocketMQ does not have. A transaction is ended by administrators only, and the audit log keeps who did it and why.",
		Example: "  aerobee transaction list\n  aerobee transaction commit 184273 --why 'paid in cash'",
	}
	cmd.AddCommand(newTransactionList(e), newTransactionEnd(e, "commit", "Hand a half message to its consumers"), newTransactionEnd(e, "rollback", "Drop a half message"))
	return cmd
}

func newTransactionList(e env) *cobra.Command {
	var from int64
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List half messages: whose they are, where they are to go, how often was asked",
		Example: "  aerobee transaction list\n  aerobee transaction list --limit 1000 --json", Args: noArgs,
	}
	c := connected(e, cmd)
	cmd.Flags().Int64Var(&from, "from", 0, "begin at this `HANDLE`")
	cmd.Flags().IntVar(&limit, "limit", 100, "list so many at most")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
		defer cancel()
		transport := c.transport()
		defer transport.CloseIdleConnections()
		var v v1.Transactions
		addr := c.nameServers()[0]
		if err := getJSON(ctx, &http.Client{Transport: transport}, addr, fmt.Sprintf("/api/v1/transactions?from=%d&limit=%d", from, limit), &v); err != nil {
			return explainStatus(cmd.Context(), addr, err)
		}
		if c.asJSON {
			return e.printJSON(v)
		}
		return e.printTransactions(&v)
	}
	return cmd
}

func (e env) printTransactions(v *v1.Transactions) error {
	var rows [][]any
	for _, t := range v.Transactions {
		rows = append(rows, []any{t.Handle, t.Topic, t.Queue, t.Group, t.MessageID, t.StoredAt.Format(time.RFC3339), t.Asked, t.AskAt.Format(time.RFC3339)})
	}
	if err := e.table(columns("#HANDLE", "TOPIC", "#QUEUE", "GROUP", "MESSAGE", "STORED", "#ASKED", "ASKED NEXT"), rows); err != nil {
		return err
	}
	return e.printf("%d of %d half messages\n", len(v.Transactions), v.Pending)
}

func newTransactionEnd(e env, end, short string) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use: end + " HANDLE --why TEXT", Short: short, Args: exactArgs("HANDLE"),
		Long:    short + ", in its producer's place. The node's audit log keeps who did it, and why.",
		Example: "  aerobee transaction " + end + " 184273 --why 'the order was cancelled by hand'",
	}
	c := connected(e, cmd)
	cmd.Flags().StringVar(&why, "why", "", "`TEXT` for the audit record")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		handle, err := strconv.ParseInt(args[0], 10, 64)
		switch {
		case err != nil:
			return usageErrorf("%q is no handle: `aerobee transaction list` shows them", args[0])
		case why == "":
			return usageErrorf("--why is missing: it goes into the audit record")
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
		defer cancel()
		addr := c.nameServers()[0]
		if err := settle(ctx, c.transport(), addr, handle, end, why); err != nil {
			return explainStatus(cmd.Context(), addr, err)
		}
		return e.printf("%s of %d is on disk\n", end, handle)
	}
	return cmd
}

// settle ends a transaction at a node.
func settle(ctx context.Context, transport *signin.Transport, addr string, handle int64, end, why string) error {
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	body, err := json.Marshal(v1.Settlement{Who: who, Reason: why})
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/api/v1/transactions/%d/%s", handle, end)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil || answer.StatusCode == http.StatusOK {
		return err
	}
	var f v1.Failure
	if json.Unmarshal(text, &f) != nil || f.Error == "" {
		f.Error = answer.Status
	}
	return &apiError{"POST " + path, f.Error, answer.StatusCode}
}
