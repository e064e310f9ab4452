package noun

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/auth/audit"
)

// clusterAudit prints the end of a node's audit log.
func clusterAudit(t Tools) *cobra.Command {
	var count int
	var match string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show the newest administrative acts: who, from where, what, with which outcome",
		Long: "Show the newest administrative acts of the node at the NameServer's address: who, from where, what, with which outcome. It asks the node's\n" +
			"HTTP interface (/api/v1), which Apache RocketMQ does not have, and which tells it to administrators. All of them stand in the node's store\n" +
			"directory, in audit.log and the older files beside it, as lines of JSON.",
		Example: "  aerobee cluster audit\n  aerobee cluster audit --match Orders\n  aerobee cluster audit --count 1000 --json",
		Args:    t.Args(),
	}
	l := t.Connect(cmd)
	cmd.Flags().IntVar(&count, "count", 50, "show so many at most, 1000 or fewer")
	cmd.Flags().StringVar(&match, "match", "", "only acts that hold this `TEXT` somewhere: a topic's or a user's name, an address, an outcome's reason")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var page audit.Page
		if err := l.Get(cmd, fmt.Sprintf("/api/v1/audit?limit=%d&match=%s", count, url.QueryEscape(match)), &page); err != nil {
			return err
		}
		if l.JSON() {
			return l.PrintJSON(page.Records)
		}
		var rows [][]any
		for _, r := range page.Records {
			who := r.Who
			if who == "" {
				who = "-"
			}
			rows = append(rows, []any{r.At.Format(time.RFC3339), who, r.From, r.What, r.About, r.Outcome, said(&r)})
		}
		return l.Table([]string{"TIME", "WHO", "FROM", "WHAT", "ABOUT", "OUTCOME", "WHY"}, rows)
	}
	return cmd
}

// said is what a record says besides, on one line.
func said(r *audit.Record) string {
	why := strings.Join(strings.Fields(r.Why), " ")
	if r.Left > 0 {
		why += fmt.Sprintf(" (%d refusals before it were left out)", r.Left)
	}
	return strings.TrimSpace(why)
}
