package noun

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
)

// clusterKV groups the commands about the key-value configuration of NameServers.
func clusterKV(t Tools) *cobra.Command {
	return t.parent("kv", "List, read, set and delete the key-value configuration of the NameServers",
		"List, read, set and delete the key-value configuration of the NameServers, on Aerobee and on Apache RocketMQ alike. Each keeps its own, so a change\n"+
			"is made at all of --namesrv. The namespace ORDER_TOPIC_CONFIG holds the order configurations of topics.",
		"  aerobee cluster kv set ORDER_TOPIC_CONFIG Orders 'broker-a:8;broker-b:8'\n  aerobee cluster kv list ORDER_TOPIC_CONFIG", kvList(t), kvGet(t), kvSet(t), kvDelete(t))
}

func kvList(t Tools) *cobra.Command {
	cmd := &cobra.Command{Use: "list NAMESPACE", Short: "List the values of a namespace", Example: "  aerobee cluster kv list ORDER_TOPIC_CONFIG", Args: t.Args("NAMESPACE")}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			values, err := a.KVs(ctx, args[0])
			if err != nil {
				return err
			}
			if l.JSON() {
				return l.PrintJSON(values)
			}
			var rows [][]any
			for _, key := range slices.Sorted(maps.Keys(values)) {
				rows = append(rows, []any{key, values[key]})
			}
			return l.Table([]string{"KEY", "VALUE"}, rows)
		})
	}
	return cmd
}

// oneKV is a command about one value, which do returns; text says what was done.
func oneKV(t Tools, use, short, example, text string, names []string, do func(ctx context.Context, a *admin.Admin, args []string) (string, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Example: example, Args: t.Args(names...)}
	l := t.Connect(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return l.Run(cmd, func(ctx context.Context, a *admin.Admin) error {
			value, err := do(ctx, a, args)
			switch {
			case err != nil:
				return err
			case l.JSON():
				return l.PrintJSON(map[string]string{"namespace": args[0], "key": args[1], "value": value})
			case text == "":
				return l.Printf("%s\n", value)
			}
			return l.Printf("%s %s in %s\n", text, args[1], args[0])
		})
	}
	return cmd
}

func kvGet(t Tools) *cobra.Command {
	return oneKV(t, "get NAMESPACE KEY", "Print a value", "  aerobee cluster kv get ORDER_TOPIC_CONFIG Orders", "", []string{"NAMESPACE", "KEY"},
		func(ctx context.Context, a *admin.Admin, args []string) (string, error) {
			return a.KV(ctx, args[0], args[1])
		})
}

func kvSet(t Tools) *cobra.Command {
	return oneKV(t, "set NAMESPACE KEY VALUE", "Set a value at all NameServers", "  aerobee cluster kv set ORDER_TOPIC_CONFIG Orders 'broker-a:8;broker-b:8'", "set", []string{"NAMESPACE", "KEY", "VALUE"},
		func(ctx context.Context, a *admin.Admin, args []string) (string, error) {
			return args[2], a.PutKV(ctx, args[0], args[1], args[2])
		})
}

func kvDelete(t Tools) *cobra.Command {
	return oneKV(t, "delete NAMESPACE KEY", "Take a value away from all NameServers", "  aerobee cluster kv delete ORDER_TOPIC_CONFIG Orders", "deleted", []string{"NAMESPACE", "KEY"},
		func(ctx context.Context, a *admin.Admin, args []string) (string, error) {
			return a.TakeKV(ctx, args[0], args[1])
		})
}
