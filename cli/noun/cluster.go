package noun

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
)

// Cluster groups the commands about clusters.
func Cluster(t Tools) *cobra.Command {
	return t.parent("cluster", "List clusters, and what administrators have done", "List clusters, of Aerobee and of Apache RocketMQ alike, and what administrators have done. `aerobee broker` is about the brokers of one.",
		"  aerobee cluster list\n  aerobee cluster audit\n  aerobee broker list --cluster DefaultCluster", clusterList(t), clusterAudit(t), clusterKV(t))
}

// clusterView is a cluster in JSON.
type clusterView struct {
	Name    string  `json:"name"`
	Masters int     `json:"masters"`
	Slaves  int     `json:"slaves"`
	In      float64 `json:"messagesInPerSecond"`
	Out     float64 `json:"messagesOutPerSecond"`
	Today   int64   `json:"messagesInToday"`
}

// clusterViews adds the members up; they come sorted by cluster.
func clusterViews(all []member) []clusterView {
	out := []clusterView{}
	for _, m := range all {
		if len(out) == 0 || out[len(out)-1].Name != m.Cluster {
			out = append(out, clusterView{Name: m.Cluster})
		}
		c := &out[len(out)-1]
		c.Out += m.Out
		if m.ID != 0 {
			c.Slaves++
			continue
		}
		c.Masters++
		c.In += m.In
		c.Today += m.Today
	}
	return out
}

func clusterList(t Tools) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List clusters with their brokers and what passes through them",
		Example: "  aerobee cluster list\n  aerobee cluster list --json",
		Args:    t.Args(),
	}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			all, err := members(ctx, a)
			if len(all) == 0 && err != nil {
				return err
			}
			views := clusterViews(all)
			if l.JSON() {
				return errors.Join(err, l.PrintJSON(views))
			}
			var rows [][]any
			for _, v := range views {
				rows = append(rows, []any{v.Name, v.Masters, v.Slaves, fmt.Sprintf("%.1f", v.In), fmt.Sprintf("%.1f", v.Out), v.Today})
			}
			return errors.Join(err, l.Table([]string{"CLUSTER", "#MASTERS", "#SLAVES", "#IN/S", "#OUT/S", "#TODAY"}, rows))
		})
	}
	return cmd
}
