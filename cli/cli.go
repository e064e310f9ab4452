// Package cli is the command tree of the aerobee binary. It parses flags and prints; everything else is done by the
// packages below it. [Main] is called once, by package main.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aerobee-mq/aerobee/cli/noun"
)

// Main runs the command that args name and returns the process's exit code: 0 done, 1 failed, 2 wrong usage.
func Main(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return execute(ctx, args, env{environ: environ, stdin: os.Stdin, stdout: stdout, stderr: stderr, release: stop})
}

// execute is Main in an environment. The end of ctx is a signal.
func execute(ctx context.Context, args []string, e env) int {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	ran, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		try := usage.try
		if try == "" {
			try = ran.CommandPath() + " --help"
		}
		fmt.Fprintf(e.stderr, "aerobee: %s\nTry '%s'.\n", plainError(err), try)
		return 2
	default:
		fmt.Fprintf(e.stderr, "aerobee: %s\n", plainError(err))
		return 1
	}
}

// plainError is an error's text without the names of our packages before it, which tell a user nothing.
func plainError(err error) string {
	text := err.Error()
	for _, name := range []string{"backup: ", "bench: ", "client: ", "admin: ", "cluster: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}

// env is what a command sees of its process. release gives signals their default effect back, so that a second one ends
// a stop that hangs.
type env struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	release        func()
}

// usageError marks an error of the command line itself. Try is the command line that helps, by default the command with --help.
type usageError struct {
	error
	try string
}

func (e usageError) Unwrap() error { return e.error }

func usageErrorf(format string, args ...any) error {
	return usageError{error: fmt.Errorf(format, args...)}
}

func newRoot(e env) *cobra.Command {
	serve := newServe(e)
	root := &cobra.Command{
		Use:   "aerobee",
		Short: "A message broker for RocketMQ clients: NameServer, broker and tools in one binary",
		Long: "Aerobee serves RocketMQ clients: NameServer and broker in one process, durable by default.\n" +
			"Without a command it serves, as `aerobee serve` does.",
		Example: "  aerobee                                    serve on ports 9876, 10911, 10909 and 8081, store in ./aerobee-data\n" +
			"  aerobee --memory --listen 127.0.0.1:9876   serve one port, keep nothing\n" +
			"  aerobee -c broker.conf                     serve with a RocketMQ broker's settings\n" +
			"  aerobee topic list                         what the server at 127.0.0.1:9876 has\n" +
			"  aerobee group describe billing             how far a group's consumers are, queue by queue\n" +
			"  aerobee store verify ./aerobee-data        check every record of a store",
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          serve.RunE,
	}
	root.Flags().AddFlagSet(serve.Flags())
	root.SetFlagErrorFunc(flagError)
	root.Version = versionText() // printed behind the name; a template of our own would link text/template, and with it 6 MB of methods
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(serve, newProxy(e), newSend(e), newReceive(e), newTopic(e), newGroup(e), newMessage(e), newTimer(e), newTransaction(e), newDLQ(e), newDoctor(e), newStatus(e), newAdmin(e), noun.Cluster(tools(e)), noun.Broker(tools(e)), noun.User(tools(e)), noun.ACL(tools(e)), newStore(e), newBench(e), newConfig(e), newVersion(e), newCompletion(e))
	return root
}

// flagError proposes the flag that was meant instead of one that is not there.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{error: err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	near := nearNames(unknown.GetSpecifiedName(), names)
	if len(near) == 0 {
		return usageError{error: err}
	}
	return usageErrorf("%w; did you mean --%s?", err, strings.Join(near, ", --"))
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return exactArgs()(cmd, args)
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return usageError{error: errors.New(text + strings.TrimSuffix(nearest(args[0], names), ";"))}
}

func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageErrorf("%s is missing: %s %s", names[len(args)], cmd.CommandPath(), strings.Join(names, " "))
		case len(args) > len(names):
			return usageErrorf("%q is one argument too many: %s", args[len(names)], strings.Join(append([]string{cmd.CommandPath()}, names...), " "))
		}
		return nil
	}
}
