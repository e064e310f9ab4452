package cli

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
)

// completeTimeout bounds what a shell waits for while somebody presses the tabulator.
const completeTimeout = time.Second

// newCompletion prints the scripts by which shells complete our command lines.
func newCompletion(e env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print what makes a shell complete command lines, topic and group names among them",
		Long: "Print a script that makes a shell complete commands, flags, and the names of topics and groups, which the running\n" +
			"server is asked for. To install it:\n\n" +
			"  bash        source <(aerobee completion bash)                                  in ~/.bashrc\n" +
			"  zsh         source <(aerobee completion zsh)                                   in ~/.zshrc, behind compinit\n" +
			"  fish        aerobee completion fish > ~/.config/fish/completions/aerobee.fish\n" +
			"  powershell  aerobee completion powershell | Out-String | Invoke-Expression     in the profile",
		Example:   "  source <(aerobee completion bash)\n  aerobee completion fish > ~/.config/fish/completions/aerobee.fish",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      exactArgs("SHELL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return e.bashCompletion(root)
			case "zsh":
				return root.GenZshCompletion(e.stdout)
			case "fish":
				return root.GenFishCompletion(e.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(e.stdout)
			}
			return usageErrorf("there is no completion for the shell %q: bash, zsh, fish or powershell", args[0])
		},
	}
}

// bashCompletion prints cobra's script for bash, made to work also where the package bash-completion is not installed, as in
// most containers: there it lacks the function that splits the command line, and every tabulator prints an error.
func (e env) bashCompletion(root *cobra.Command) error {
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	text := strings.Replace(script.String(), packageSplit, ownSplit, 1)
	return e.printf("%s", text)
}

// packageSplit is the line of the script that needs the package; ownSplit does without it. The words are cut at blanks alone:
// bash itself cuts them at = and : too, and the script joins them with blanks anyway.
const (
	packageSplit = "    _get_comp_words_by_ref \"$@\" cur prev words cword\n"
	ownSplit     = `    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local line=${COMP_LINE:0:COMP_POINT}
    read -ra words <<<"$line"
    [[ $line == *[[:blank:]] ]] && words+=("")
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=${words[cword > 0 ? cword - 1 : 0]}
`
)

// completeValues completes a flag that takes one of a few values.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails for a flag that is not there
}

// completeTopics completes the first argument with names of topics.
func (c *connection) completeTopics(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.complete(cmd, begun, topicNames)
}

func topicNames(ctx context.Context, a *admin.Admin) ([]string, error) {
	topics, err := a.Topics(ctx)
	var names []string
	for _, t := range topics {
		if t.Kind == admin.Normal {
			names = append(names, t.Name)
		}
	}
	return names, err
}

// completeGroups completes the first argument with names of groups.
func (c *connection) completeGroups(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.completeGroupFlag(cmd, args, begun)
}

func (c *connection) completeGroupFlag(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	return c.complete(cmd, begun, groupNames)
}

func groupNames(ctx context.Context, a *admin.Admin) ([]string, error) {
	groups, err := a.Groups(ctx)
	var names []string
	for _, g := range groups {
		if g.Kind == admin.Normal {
			names = append(names, g.Name)
		}
	}
	return names, err
}

// complete asks the server for names. Whoever completes sees no error: there is nothing to propose then.
func (c *connection) complete(cmd *cobra.Command, begun string, ask func(context.Context, *admin.Admin) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	a, err := c.creds.Admin(c.e.variable, admin.Options{NameServers: c.nameServers(), Timeout: completeTimeout, Dial: c.tls.dial()})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completeTimeout)
	defer cancel()
	names, _ := ask(ctx, a) // see above
	var out []string
	for _, name := range names {
		if strings.HasPrefix(name, begun) {
			out = append(out, name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
