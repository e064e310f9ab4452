package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/credential"
	"github.com/aerobee-mq/aerobee/cli/mqadmin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/command"
	"github.com/aerobee-mq/aerobee/cli/noun"
	"github.com/aerobee-mq/aerobee/client"
)

// newAdmin is mqadmin. It reads its options itself, since they are not like ours.
func newAdmin(e env) *cobra.Command {
	return &cobra.Command{
		Use:   "admin COMMAND [OPTIONS]",
		Short: "Run one of RocketMQ's mqadmin commands, with its options and fields",
		Long: "Run one of RocketMQ's mqadmin commands, with its options and fields, against Aerobee and Apache RocketMQ clusters.\n" +
			"`aerobee admin` alone lists them, `aerobee admin help COMMAND` describes one.",
		Example: "  aerobee admin clusterList -n 127.0.0.1:9876\n" +
			"  aerobee admin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t Orders -r 4 -w 4\n" +
			"  aerobee admin consumerProgress -g billing --json",
		DisableFlagParsing: true,
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return command.Names(begun), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			inv, err := command.Parse(args)
			if err != nil {
				return adminUsage(err, args)
			}
			if inv.Help != "" {
				return e.printf("%s", inv.Help)
			}
			c := &connection{e: e, given: inv.NameServers, timeout: inv.Timeout, asJSON: inv.JSON, tls: tlsFlags{on: inv.TLS, Visitor: inv.Certificates}, creds: credential.Flags{File: inv.Credentials}}
			return c.runUnbounded(cmd, subject{topic: inv.Topic, group: inv.Group}, func(ctx context.Context, a *admin.Admin) error {
				err := mqadmin.Run(ctx, inv, a, mqadmin.Env{Out: e.stdout, Err: e.stderr, Client: func(trace bool) (*client.Client, error) {
					return c.creds.Client(e.variable, client.Config{NameServers: c.nameServers(), Dial: c.tls.dial(), Trace: trace})
				}})
				if mqadmin.IsUsage(err) {
					return adminUsage(err, args)
				}
				return err
			})
		},
	}
}

// adminUsage is an error of a command line of mqadmin's: its help is of another form than ours.
func adminUsage(err error, args []string) error {
	try := "aerobee admin"
	if _, unknown := command.Parse([]string{"help", args[0]}); unknown == nil {
		try += " help " + args[0]
	}
	return usageError{error: err, try: try}
}

// tools are what the commands of package noun need of this one.
func tools(e env) noun.Tools {
	return noun.Tools{Connect: func(cmd *cobra.Command) noun.Line { return &line{connected(e, cmd)} }, Args: exactArgs, NoArgs: noArgs, Usage: usageErrorf}
}

// line is a connection as package noun sees it.
type line struct{ *connection }

// Run is run.
func (l *line) Run(cmd *cobra.Command, do func(ctx context.Context, a *admin.Admin) error) error {
	return l.run(cmd, subject{}, do)
}

// Get asks the server's /api/v1 for a body.
func (l *line) Get(cmd *cobra.Command, path string, body any) error {
	return l.overHTTP(cmd.Context(), func(_ context.Context, get httpCall) error { return get("GET", path, body) })
}

// NameServers are those of the command line.
func (l *line) NameServers() []string { return l.nameServers() }

// JSON tells whether --json was given.
func (l *line) JSON() bool { return l.asJSON }

// PrintJSON prints a value as a line of JSON.
func (l *line) PrintJSON(v any) error { return l.e.printJSON(v) }

// Table prints rows under names.
func (l *line) Table(names []string, rows [][]any) error { return l.e.table(columns(names...), rows) }

// Printf prints text.
func (l *line) Printf(format string, args ...any) error { return l.e.printf(format, args...) }
