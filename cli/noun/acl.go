package noun

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// ACL groups the commands about access control lists.
func ACL(t Tools) *cobra.Command {
	return t.parent("acl", "List, change and explain what users may do", "List, change and explain what the users of a cluster may do, on Aerobee and on Apache RocketMQ 5.3 and later alike. Each broker keeps its\n"+
		"own lists, so a change is made at all of them. Brokers go by them if they run with authorizationEnabled=true.",
		"  aerobee acl grant alice --topic Orders --action Pub\n  aerobee acl grant alice --group 'billing*' --action Sub --from 10.0.0.0/8\n  aerobee acl explain --user alice --action Pub --topic Orders",
		aclList(t), aclGrant(t), aclRevoke(t), aclExplain(t))
}

// about is what a command line names: one resource.
type about struct{ topic, group, cluster, resource string }

func (a *about) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.topic, "topic", "", "about the topic `NAME`; one that ends in * stands for all that begin so")
	f.StringVar(&a.group, "group", "", "about the consumer group `NAME`; one that ends in * stands for all that begin so")
	f.StringVar(&a.cluster, "on-cluster", "", "about the cluster `NAME` itself, which is what administrators need")
	f.StringVar(&a.resource, "resource", "", "about the `RESOURCE`, as RocketMQ writes it: Topic:Orders, Group:*, *")
}

// read is the resource; a command line must name one.
func (a *about) read(t Tools) (acl.Resource, error) {
	var texts []string
	for _, one := range [][2]string{{"Topic:", a.topic}, {"Group:", a.group}, {"Cluster:", a.cluster}, {"", a.resource}} {
		if one[1] != "" {
			texts = append(texts, one[0]+one[1])
		}
	}
	if len(texts) != 1 {
		return acl.Resource{}, t.Usage("give one of --topic, --group, --on-cluster and --resource")
	}
	r, ok := acl.ParseResource(texts[0])
	if !ok {
		return r, t.Usage("%q is no resource: one is Topic:Orders, Group:billing*, Cluster:* or *", texts[0])
	}
	return r, nil
}

// actions reads names of actions.
func actions(t Tools, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, t.Usage("give --action: Pub, Sub, Create, Update, Delete, Get, List or All")
	}
	var out []string
	for _, name := range names {
		action, ok := acl.Action(name)
		if !ok || action == acl.ActionAny {
			return nil, t.Usage("%q is no action: there are Pub, Sub, Create, Update, Delete, Get, List and All", name)
		}
		out = append(out, action)
	}
	return out, nil
}

// aclView is an entry in JSON.
type aclView struct {
	Subject  string   `json:"subject"`
	Policy   string   `json:"policy"`
	Resource string   `json:"resource"`
	Actions  []string `json:"actions"`
	From     []string `json:"from,omitempty"`
	Decision string   `json:"decision"`
	Broker   string   `json:"broker"` // address
}

func aclList(t Tools) *cobra.Command {
	var cluster, user string
	cmd := &cobra.Command{Use: "list", Short: "List what users may do", Example: "  aerobee acl list\n  aerobee acl list --user alice --json", Args: t.Args()}
	l := t.Connect(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "of the cluster `NAME`")
	cmd.Flags().StringVar(&user, "user", "", "of users whose names hold this `TEXT`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			views := []aclView{}
			_, err := everywhere(ctx, a, cluster, func(addr string) error {
				lists, err := a.ACLs(ctx, addr, user, "")
				for _, one := range lists {
					for _, p := range one.Policies {
						for _, e := range p.Entries {
							views = append(views, aclView{one.Subject, p.Type, e.Resource, e.Actions, e.SourceIPs, e.Decision, addr})
						}
					}
				}
				return err
			})
			switch {
			case err != nil && len(views) == 0:
				return err
			case l.JSON():
				return errors.Join(err, l.PrintJSON(views))
			case len(views) == 0:
				return l.Printf("No lists. `aerobee acl grant USER --topic NAME --action Pub` makes one\n")
			}
			var rows [][]any
			for _, v := range views {
				rows = append(rows, []any{v.Subject, v.Policy, v.Decision, strings.Join(v.Actions, ","), v.Resource, strings.Join(v.From, ","), v.Broker})
			}
			return errors.Join(err, l.Table([]string{"SUBJECT", "POLICY", "DECISION", "ACTIONS", "RESOURCE", "FROM", "BROKER"}, rows))
		})
	}
	return cmd
}

func aclGrant(t Tools) *cobra.Command {
	var cluster string
	var of about
	var names, from []string
	var deny bool
	cmd := &cobra.Command{Use: "grant USER", Short: "Allow a user to do something, or deny it", Args: t.Args("USER"),
		Example: "  aerobee acl grant alice --topic 'Orders*' --action Pub,Sub\n  aerobee acl grant alice --topic OrdersSecret --action All --deny"}
	l := t.Connect(cmd)
	of.add(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "at the brokers of the cluster `NAME`")
	cmd.Flags().StringSliceVar(&names, "action", nil, "`ACTIONS`: Pub, Sub, Create, Update, Delete, Get, List, All")
	cmd.Flags().StringSliceVar(&from, "from", nil, "only from this `ADDR`, or this prefix such as 10.0.0.0/8")
	cmd.Flags().BoolVar(&deny, "deny", false, "deny it instead")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		resource, err := of.read(t)
		if err != nil {
			return err
		}
		e := account.Entry{Resource: resource.String(), SourceIPs: from, Decision: acl.Allow}
		if e.Actions, err = actions(t, names); err != nil {
			return err
		}
		if deny {
			e.Decision = acl.Deny
		}
		body := account.ACL{Subject: acl.User(args[0]), Policies: []account.Policy{{Type: acl.Custom, Entries: []account.Entry{e}}}}
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			n, err := everywhere(ctx, a, cluster, func(addr string) error { return a.UpdateACL(ctx, addr, body) })
			if err != nil {
				return err
			}
			if l.JSON() {
				return l.PrintJSON(map[string]any{"user": args[0], "done": "granted", "resource": e.Resource, "brokers": n})
			}
			return l.Printf("%s: %s %s on %s, on %d of %d brokers\n", args[0], e.Decision, strings.Join(e.Actions, ","), e.Resource, n, n)
		})
	}
	return cmd
}

func aclRevoke(t Tools) *cobra.Command {
	var cluster string
	var of about
	cmd := &cobra.Command{Use: "revoke USER", Short: "Take back what was granted to a user, or denied", Args: t.Args("USER"), Example: "  aerobee acl revoke alice --topic 'Orders*'"}
	l := t.Connect(cmd)
	of.add(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "at the brokers of the cluster `NAME`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		resource, err := of.read(t)
		if err != nil {
			return err
		}
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			n, err := everywhere(ctx, a, cluster, func(addr string) error { return a.DeleteACL(ctx, addr, acl.User(args[0]), resource.String()) })
			if err != nil {
				return err
			}
			if l.JSON() {
				return l.PrintJSON(map[string]any{"user": args[0], "done": "revoked", "resource": resource.String(), "brokers": n})
			}
			return l.Printf("%s: nothing more is said of %s, on %d of %d brokers\n", args[0], resource, n, n)
		})
	}
	return cmd
}

// explained is an explanation in JSON.
type explained struct {
	User     string `json:"user"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	From     string `json:"from,omitempty"`
	Allowed  bool   `json:"allowed"`
	Reason   string `json:"reason"`
	Broker   string `json:"broker"` // address
}

func aclExplain(t Tools) *cobra.Command {
	var cluster, user, action, from string
	var of about
	cmd := &cobra.Command{Use: "explain", Short: "Name the rule that decides what a user may do", Args: t.Args(),
		Long:    "Name the rule that decides what a user may do. Of the entries that fit, Custom goes before Default, then a name before a prefix before all of the kind,\nand a longer prefix before a shorter one; super users may do everything, and where nothing fits the answer is no.",
		Example: "  aerobee acl explain --user alice --action Pub --topic Orders\n  aerobee acl explain --user alice --action Sub --group billing --from 10.0.0.7"}
	l := t.Connect(cmd)
	of.add(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "at the brokers of the cluster `NAME`")
	cmd.Flags().StringVar(&user, "user", "", "the user's `NAME`")
	cmd.Flags().StringVar(&action, "action", "", "`ACTION`: Pub, Sub, Create, Update, Delete, Get or List")
	cmd.Flags().StringVar(&from, "from", "", "from this `ADDR`; without it, no entry fits that is about addresses")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		resource, err := of.read(t)
		if err != nil {
			return err
		}
		wanted, err := actions(t, strings.Fields(action))
		if err != nil {
			return err
		}
		q := decide.Question{Subject: acl.User(user), Actions: wanted, Resource: resource}
		if from != "" {
			if q.Source, err = netip.ParseAddr(from); err != nil {
				return t.Usage("--from %q is no address", from)
			}
		}
		if user == "" || resource.Pattern != acl.Exactly {
			return t.Usage("give --user NAME, and a resource that is one, without *")
		}
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			views, err := explain(ctx, a, cluster, user, from, &q)
			if l.JSON() && len(views) > 0 {
				return errors.Join(err, l.PrintJSON(views))
			}
			var rows [][]any
			for _, v := range views {
				answer := "denied"
				if v.Allowed {
					answer = "allowed"
				}
				rows = append(rows, []any{answer, v.Reason, v.Broker})
			}
			if len(rows) > 0 {
				err = errors.Join(err, l.Table([]string{"ANSWER", "RULE", "BROKER"}, rows))
			}
			return err
		})
	}
	return cmd
}

// explain answers by the lists of each broker.
func explain(ctx context.Context, a *admin.Admin, cluster, user, from string, q *decide.Question) ([]explained, error) {
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	clusterOf := map[string]string{}
	for _, b := range brokers {
		if addr, ok := b.Master(); ok {
			clusterOf[addr] = b.Cluster
		}
	}
	var out []explained
	_, err = everywhere(ctx, a, cluster, func(addr string) error {
		e := explained{User: user, Action: strings.Join(q.Actions, ","), Resource: q.Resource.String(), From: from, Broker: addr}
		var err error
		if e.Allowed, e.Reason, err = a.Explain(ctx, addr, clusterOf[addr], q); err != nil {
			return err
		}
		out = append(out, e)
		return nil
	})
	return out, err
}
