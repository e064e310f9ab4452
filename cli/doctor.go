package cli

import (
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/doctor"
)

// newDoctor says what is wrong with a cluster; the commands below it, with a topic or a group.
func newDoctor(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong, why, and what to try",
		Long: "Say what is wrong, why, and what to try, with Aerobee and with Apache RocketMQ alike. Alone it asks each NameServer, connects back to\n" +
			"every address by which a broker is known, and looks at versions and, of nodes of ours, at disk, clock and limits.\n" +
			"It exits with 1 when it finds a problem; a note is none.",
		Example: "  aerobee doctor\n  aerobee doctor topic Orders\n  aerobee doctor group billing --json",
		Args:    noArgs,
	}
	c := connected(e, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
		defer cancel()
		one := func(server string) (*admin.Admin, error) {
			return c.creds.Admin(c.e.variable, admin.Options{NameServers: []string{server}, Timeout: c.timeout, Dial: c.tls.dial()})
		}
		d := doctor.AskCluster(ctx, c.nameServers(), one, c.askNode)
		return c.printDiagnosis(&d)
	}
	cmd.AddCommand(newDoctorTopic(e), newDoctorGroup(e))
	return cmd
}

// doctorView is the JSON of `doctor group`.
type doctorView struct {
	v1.Diagnosis
	Group   string `json:"group"`
	Members int    `json:"members"`
	Lag     int64  `json:"lag"`
}

func newDoctorTopic(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topic NAME",
		Short: "Say why a topic has no route, or takes or gives no messages",
		Long: "Say why a topic has no route, or takes or gives no messages: what the NameServer says is held against what each broker has,\n" +
			"and each broker of the route is asked whether it is there.",
		Example: "  aerobee doctor topic Orders\n  aerobee doctor topic Orders --json",
		Args:    exactArgs("NAME"),
	}
	c := connected(e, cmd)
	cmd.ValidArgsFunction = c.completeTopics
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{}, func(ctx context.Context, a *admin.Admin) error {
			d, err := doctor.AskTopic(ctx, a, c.askNode, args[0])
			if err != nil {
				return err
			}
			return c.printDiagnosis(&d)
		})
	}
	return cmd
}

func newDoctorGroup(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "group NAME",
		Short: "Say why a group does not consume",
		Long: "Say why a group does not consume: nobody online, members that do not subscribe alike, queues without an owner, a lock that\n" +
			"another holds, a queue that nobody pulls, a filter that wants nothing of what waits, a group that is switched off. Each member\n" +
			"is asked for its own subscriptions and queues; of nodes of ours the broker knows last pulls, locks and what is in flight.",
		Example: "  aerobee doctor group billing\n  aerobee doctor group billing --json",
		Args:    exactArgs("NAME"),
	}
	c := connected(e, cmd)
	cmd.ValidArgsFunction = c.completeGroups
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{group: args[0]}, func(ctx context.Context, a *admin.Admin) error {
			d, s, err := doctor.AskGroup(ctx, a, c.askNode, args[0])
			if err != nil && d.Subject == "" {
				return err
			}
			v := doctorView{d, s.Name, len(s.Members), s.Lag}
			if c.asJSON {
				return errors.Join(err, e.printJSON(v), doctor.Problems(&d))
			}
			head := e.printf("Group %s: %s, lag %d\n", v.Group, plural(int64(v.Members), "member"), v.Lag)
			return errors.Join(err, head, e.printFindings(&d), doctor.Problems(&d))
		})
	}
	return cmd
}

// printDiagnosis prints what was found; problems are an error.
func (c *connection) printDiagnosis(d *v1.Diagnosis) error {
	if c.asJSON {
		return errors.Join(c.e.printJSON(d), doctor.Problems(d))
	}
	return errors.Join(c.e.printFindings(d), doctor.Problems(d))
}

func (e env) printFindings(d *v1.Diagnosis) error {
	var errs []error
	for _, f := range d.Findings {
		kind := "note"
		if f.Problem {
			kind = "PROBLEM"
		}
		errs = append(errs, e.printf("%s %s: %s\n  why: %s\n  try: %s\n", kind, f.Rule, f.Says, f.Why, f.Try))
	}
	if len(d.Findings) == 0 {
		errs = append(errs, e.printf("nothing is wrong\n"))
	}
	return errors.Join(errs...)
}

// askNode asks the node at a broker's address for a body of /api/v1.
func (c *connection) askNode(ctx context.Context, addr, path string, into any) error {
	transport := c.transport()
	defer transport.CloseIdleConnections()
	return getJSON(ctx, &http.Client{Transport: transport}, addr, path, into)
}
