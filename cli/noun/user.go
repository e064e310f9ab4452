package noun

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// User groups the commands about users.
func User(t Tools) *cobra.Command {
	return t.parent("user", "List, create, change and delete users", "List, create, change and delete the users of a cluster, on Aerobee and on Apache RocketMQ 5.3 and later alike. Each broker keeps its own\n"+
		"users, so a change is made at all of them. `aerobee admin help createAcl` is about what a user may do.\n\n"+
		"Requests are asked for a user if the broker runs with authenticationEnabled=true, and for the user's rights with authorizationEnabled=true.",
		"  aerobee user create alice --password secret\n  aerobee user list", userList(t), userCreate(t), userChange(t), userDelete(t))
}

// masters are the addresses of all masters of a cluster, of the only one with "".
func masters(ctx context.Context, a *admin.Admin, cluster string) ([]string, error) {
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	seen := map[string]bool{}
	for _, b := range brokers {
		if cluster != "" && b.Cluster != cluster {
			continue
		}
		seen[b.Cluster] = true
		if addr, ok := b.Master(); ok {
			out = append(out, addr)
		}
	}
	switch {
	case len(out) == 0:
		return nil, fmt.Errorf("there is no broker with a master in cluster %q", cluster)
	case len(seen) > 1:
		return nil, fmt.Errorf("there are %d clusters: name one with --cluster", len(seen))
	}
	return out, nil
}

// everywhere makes a change at all masters.
func everywhere(ctx context.Context, a *admin.Admin, cluster string, do func(addr string) error) (int, error) {
	addrs, err := masters(ctx, a, cluster)
	if err != nil {
		return 0, err
	}
	return len(addrs), each(addrs, do)
}

func each(addrs []string, do func(addr string) error) error {
	var errs []error
	for _, addr := range addrs {
		errs = append(errs, do(addr))
	}
	return errors.Join(errs...)
}

// userView is a user in JSON; passwords are not printed.
type userView struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Status string `json:"status"`
	Broker string `json:"broker"` // address
}

func userList(t Tools) *cobra.Command {
	var cluster, filter string
	cmd := &cobra.Command{Use: "list", Short: "List users", Example: "  aerobee user list\n  aerobee user list --filter ali --json", Args: t.Args()}
	l := t.Connect(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "of the cluster `NAME`")
	cmd.Flags().StringVar(&filter, "filter", "", "only names that hold this `TEXT`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			views := []userView{}
			var rows [][]any
			_, err := everywhere(ctx, a, cluster, func(addr string) error {
				users, err := a.Users(ctx, addr, filter)
				for _, u := range users {
					views = append(views, userView{u.Name, u.Type, u.Status, addr})
					rows = append(rows, []any{u.Name, u.Type, u.Status, addr})
				}
				return err
			})
			switch {
			case err != nil && len(views) == 0:
				return err
			case l.JSON():
				return errors.Join(err, l.PrintJSON(views))
			case len(views) == 0:
				return l.Printf("No users. `aerobee user create NAME --password WORD` makes one\n")
			}
			return errors.Join(err, l.Table([]string{"NAME", "TYPE", "STATUS", "BROKER"}, rows))
		})
	}
	return cmd
}

// notEnforced is said where somebody might think that a door is locked now.
const notEnforced = "Brokers ask for users if they run with authenticationEnabled=true and authorizationEnabled=true.\n"

// change is a command that changes one user at all brokers; it ends with the note.
func change(t Tools, cmd *cobra.Command, verb, note string, flags func(cmd *cobra.Command, u *account.User), do func(ctx context.Context, a *admin.Admin, addr string, u account.User) error) *cobra.Command {
	var cluster string
	var u account.User
	var brokers []string
	cmd.Args = t.Args("NAME")
	l := t.Connect(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "of the cluster `NAME`")
	flags(cmd, &u)
	if cmd.Flags().Lookup("password") != nil {
		cmd.Flags().StringSliceVar(&brokers, "broker", nil, "send the password to the broker at this `ADDR` too, which is neither on this machine nor on a NameServer's")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		u.Name = args[0]
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			addrs, err := masters(ctx, a, cluster)
			if err != nil {
				return err
			}
			var known hosts
			if u.Password != "" {
				known = trustedHosts(ctx, l.NameServers())
			}
			n := len(addrs)
			err = each(addrs, func(addr string) error {
				if u.Password != "" {
					if err := known.mayTell(addr, brokers); err != nil {
						return err
					}
				}
				return do(ctx, a, addr, u)
			})
			if err != nil {
				return err
			}
			if l.JSON() {
				return l.PrintJSON(map[string]any{"user": u.Name, "done": verb, "brokers": n})
			}
			return l.Printf("%s user %s on %d of %d brokers\n%s", verb, u.Name, n, n, note)
		})
	}
	return cmd
}

func userCreate(t Tools) *cobra.Command {
	cmd := &cobra.Command{Use: "create NAME", Short: "Create a user", Example: "  aerobee user create alice --password secret\n  aerobee user create root --password secret --type Super"}
	change(t, cmd, "created", notEnforced, func(cmd *cobra.Command, u *account.User) {
		cmd.Flags().StringVar(&u.Password, "password", "", "the user's `WORD`")
		cmd.Flags().StringVar(&u.Type, "type", "Normal", "`TYPE`: Super, who may do everything, or Normal")
	}, func(ctx context.Context, a *admin.Admin, addr string, u account.User) error {
		return a.CreateUser(ctx, addr, u)
	})
	_ = cmd.MarkFlagRequired("password") // it is there
	return cmd
}

func userChange(t Tools) *cobra.Command {
	cmd := &cobra.Command{Use: "change NAME", Short: "Change a user's password, type or status", Example: "  aerobee user change alice --password other\n  aerobee user change alice --status disable"}
	return change(t, cmd, "changed", notEnforced, func(cmd *cobra.Command, u *account.User) {
		cmd.Flags().StringVar(&u.Password, "password", "", "the user's new `WORD`")
		cmd.Flags().StringVar(&u.Type, "type", "", "`TYPE`: Super or Normal")
		cmd.Flags().StringVar(&u.Status, "status", "", "`STATUS`: enable or disable")
	}, func(ctx context.Context, a *admin.Admin, addr string, u account.User) error {
		return a.UpdateUser(ctx, addr, u)
	})
}

func userDelete(t Tools) *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete a user", Example: "  aerobee user delete alice"}
	return change(t, cmd, "deleted", "", func(*cobra.Command, *account.User) {},
		func(ctx context.Context, a *admin.Admin, addr string, u account.User) error {
			return a.DeleteUser(ctx, addr, u.Name)
		})
}
