package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/credential"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/internal/editdist"
)

// defaultNameServer is where a node without settings listens.
const defaultNameServer = "127.0.0.1:9876"

// connection is what every command that talks to a running server has in common: where it is, how long to wait, and how to
// print the answer.
type connection struct {
	e       env
	given   []string // --namesrv
	timeout time.Duration
	asJSON  bool
	tls     tlsFlags
	creds   credential.Flags
}

// connected adds the common flags to a command.
func connected(e env, cmd *cobra.Command) *connection {
	c := &connection{e: e}
	c.where(cmd)
	cmd.Flags().DurationVar(&c.timeout, "timeout", 10*time.Second, "give up after so long")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print JSON")
	return c
}

// where adds the flag that says where the server is.
func (c *connection) where(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&c.given, "namesrv", "n", nil,
		"NameServer `ADDR`, \"host:port\" (default $AEROBEE_NAMESRV, $NAMESRV_ADDR, else "+defaultNameServer+")")
	c.tls.add(cmd)
	c.creds.Add(cmd)
}

// nameServers are the addresses of the flag, else of the environment, else the default. A host alone gets the usual port.
func (c *connection) nameServers() []string {
	texts := c.given
	for _, name := range []string{"AEROBEE_NAMESRV", "NAMESRV_ADDR"} {
		if v := c.e.variable(name); len(texts) == 0 && v != "" {
			texts = []string{v}
		}
	}
	if len(texts) == 0 {
		texts = []string{defaultNameServer}
	}
	var out []string
	for _, text := range texts {
		for _, addr := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				addr = net.JoinHostPort(strings.Trim(addr, "[]"), "9876")
			}
			out = append(out, addr)
		}
	}
	return out
}

// variable is an environment variable's value, "" if it is not set.
func (e env) variable(name string) string {
	value := ""
	for _, pair := range e.environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v // of several the last one counts
		}
	}
	return value
}

// run gives do an Admin and a bounded context, and explains its error to a person. about names what the command is about.
func (c *connection) run(cmd *cobra.Command, about subject, do func(ctx context.Context, a *admin.Admin) error) error {
	return c.runUnbounded(cmd, about, func(ctx context.Context, a *admin.Admin) error {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		return do(ctx, a)
	})
}

// runUnbounded is run for what may take as long as it takes: --timeout bounds each request alone.
func (c *connection) runUnbounded(cmd *cobra.Command, about subject, do func(ctx context.Context, a *admin.Admin) error) error {
	a, err := c.creds.Admin(c.e.variable, admin.Options{NameServers: c.nameServers(), Timeout: c.timeout, Dial: c.tls.dial()})
	if err != nil {
		return usageError{error: err}
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	return c.explain(cmd.Context(), a, about, do(cmd.Context(), a))
}

// subject is the topic and group that a command was given, for its errors.
type subject struct{ topic, group string }

// hint is an error with other words: what went wrong and what to try.
type hint struct {
	text string
	err  error
}

func (h *hint) Error() string { return h.text }
func (h *hint) Unwrap() error { return h.err }

// explainTimeout bounds what is asked to explain an error.
const explainTimeout = 2 * time.Second

// explain says what to try for the errors that everybody meets.
func (c *connection) explain(ctx context.Context, a *admin.Admin, about subject, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	switch {
	case c.tls.refused(err):
		return c.tls.explain(err)
	case errors.Is(err, cluster.ErrTopicNotFound) && about.topic != "":
		names, _ := a.TopicNames(ctx) // without the names the hint is shorter
		return &hint{"there is no topic " + about.topic + nearest(about.topic, names) + " `aerobee topic list` lists all", err}
	case errors.Is(err, admin.ErrGroupNotFound) && about.group != "":
		groups, _ := a.Groups(ctx)
		var names []string
		for _, g := range groups {
			names = append(names, g.Name)
		}
		return &hint{"there is no group " + about.group + nearest(about.group, names) + " `aerobee group list` lists all", err}
	case errors.Is(err, cluster.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		list := c.nameServers()
		if why := unreachable(ctx, list); why != nil {
			return &hint{"no NameServer answers at " + strings.Join(list, ", ") + because(why) + "; is the server running? try `aerobee serve`, or --namesrv HOST:PORT", err}
		}
		return fmt.Errorf("%w; the NameServer at %s answers: can this machine reach the address by which the broker is known? `aerobee status` tells an Aerobee's, --advertise sets it", err, strings.Join(list, ", "))
	}
	return err
}

// unreachable says why nobody answers at any of the addresses, nil when somebody does.
func unreachable(ctx context.Context, addrs []string) error {
	var why error
	for _, addr := range addrs {
		var d net.Dialer
		nc, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = nc.Close() // nothing was sent
			return nil
		}
		why = err
	}
	return why
}

// because is the reason in parentheses, such as a name that nobody knows; nothing where nobody listens, which goes without saying.
func because(why error) string {
	if errors.Is(why, syscall.ECONNREFUSED) {
		return ""
	}
	return " (" + why.Error() + ")"
}

// maxNearest is how many names an error proposes.
const maxNearest = 3

// nearest ends a sentence by proposing names, if some are near.
func nearest(name string, names []string) string {
	near := nearNames(name, names)
	if len(near) == 0 {
		return ";"
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}

// nearNames are the names with a few letters of difference, or that begin alike; the nearest first.
func nearNames(name string, names []string) []string {
	byDistance, most := map[int][]string{}, (len(name)+2)/3
	lower := strings.ToLower(name)
	for _, n := range names {
		if strings.HasPrefix(n, "%") || strings.HasPrefix(n, "rmq_sys_") {
			continue
		}
		d := editdist.Between(lower, strings.ToLower(n))
		if strings.HasPrefix(strings.ToLower(n), lower) {
			d = min(d, 1)
		}
		if d <= most {
			byDistance[d] = append(byDistance[d], n)
		}
	}
	var out []string
	for d := range most + 1 {
		out = append(out, byDistance[d]...)
	}
	return out[:min(len(out), maxNearest)]
}
