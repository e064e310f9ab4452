// Package noun is the commands of the aerobee binary that are about a cluster's brokers: aerobee cluster, aerobee broker,
// aerobee user and aerobee acl. It owns what they print; package cli calls [Cluster], [Broker], [User] and [ACL] once each and lends its flags and its printing as [Tools]. A command runs once in a process.
package noun

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
)

// Line is one command line that talks to a server.
type Line interface {
	// Run gives do an Admin and a bounded context, and explains its error to a person.
	Run(cmd *cobra.Command, do func(ctx context.Context, a *admin.Admin) error) error
	// Get asks the server's /api/v1 for a body, and explains its error to a person.
	Get(cmd *cobra.Command, path string, body any) error
	// NameServers are the "host:port" that the operator named.
	NameServers() []string
	// JSON tells whether JSON is wanted instead of text.
	JSON() bool
	// PrintJSON prints a value as a line of JSON.
	PrintJSON(v any) error
	// Table prints rows under names; a name that begins with # is of numbers.
	Table(names []string, rows [][]any) error
	// Printf prints text.
	Printf(format string, args ...any) error
}

// Tools are what the commands need of the command line.
type Tools struct {
	// Connect adds the flags of a command that talks to a server.
	Connect func(cmd *cobra.Command) Line
	// Args wants arguments of these names.
	Args func(names ...string) cobra.PositionalArgs
	// NoArgs wants none, and proposes a command for a wrong one.
	NoArgs cobra.PositionalArgs
	// Usage makes an error of the command line.
	Usage func(format string, args ...any) error
}

// parent groups commands.
func (t Tools) parent(use, short, long, example string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: t.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(children...)
	return cmd
}
