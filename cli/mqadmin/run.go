package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/command"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/internal/commonscli"
	"github.com/aerobee-mq/aerobee/internal/report"
)

// Env is what a command sees beside the cluster.
type Env struct {
	Out, Err io.Writer
	// Now is the clock; nil is the system's. Its location is the one in which times are printed and read.
	Now func() time.Time
	// TempDir is where bodies of messages and exports go, below rocketmq/; default the system's.
	TempDir string
	// Client makes a client for the commands that send; it writes traces of what it sends if it is told to.
	Client func(trace bool) (*client.Client, error)
}

func (e Env) withDefaults() Env {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.TempDir == "" {
		e.TempDir = os.TempDir()
	}
	return e
}

// usageError is an error of the command line that a command finds itself.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// IsUsage reports whether an error of [Run] is about the command line.
func IsUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

// Run runs a command line. What it prints before an error stands.
func Run(ctx context.Context, inv *command.Invocation, a *admin.Admin, e Env) error {
	if inv.Refusal != "" {
		return errors.New(inv.Refusal)
	}
	e = e.withDefaults()
	c := &call{Admin: a, Report: report.New(e.Out, inv.JSON), given: inv.Given, env: e, name: inv.Name}
	for _, word := range inv.Ignored {
		c.warn("%q is no option and means nothing", word)
	}
	err := runs()[inv.Name](ctx, c)
	if inv.Endless && ctx.Err() != nil {
		err = nil // it was asked to stop
	}
	if err != nil {
		return errors.Join(err, c.Flush())
	}
	return c.End()
}

// call is one run of a command: the cluster, the options, and where it prints.
type call struct {
	*admin.Admin
	*report.Report
	given commonscli.Given
	env   Env
	name  string
}

func (c *call) has(name string) bool {
	_, ok := c.given[name]
	return ok
}

// text is an option's value without blanks around it, "" where it is not given.
func (c *call) text(name string) string { return strings.TrimSpace(c.given[name]) }

// textOr is text, or a default where the option is not given.
func (c *call) textOr(name, without string) string {
	if !c.has(name) {
		return without
	}
	return c.text(name)
}

// truth is an option's value as Java reads it: only true, in any case, is true.
func (c *call) truth(name string) bool { return strings.EqualFold(c.text(name), "true") }

// number is an option's value, or a default where the option is not given.
func (c *call) number(name string, without int64) (int64, error) {
	if !c.has(name) {
		return without, nil
	}
	n, err := strconv.ParseInt(c.text(name), 10, 64)
	if err != nil {
		return 0, c.usage("option %s: %q is no number", name, c.text(name))
	}
	return n, nil
}

// small is number for what RocketMQ keeps in 32 bits.
func (c *call) small(name string, without int32) (int32, error) {
	n, err := c.number(name, int64(without))
	if err == nil && int64(int32(n)) != n {
		err = c.usage("option %s: %d is over 32 bits", name, n)
	}
	return int32(n), err //nolint:gosec // looked at above
}

// moment is an option's value as a time: milliseconds, or yyyy-MM-dd#HH:mm:ss:SSS.
func (c *call) moment(name string) (time.Time, error) {
	text := c.text(name)
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	at, err := parseMoment(text, c.env.Now().Location())
	if err != nil {
		return at, c.usage("option %s: %q is neither milliseconds nor a time such as 2026-01-31#15:04:05:000", name, text)
	}
	return at, nil
}

func parseMoment(text string, in *time.Location) (time.Time, error) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return time.Time{}, fmt.Errorf("no time")
	}
	at, err := time.ParseInLocation("2006-01-02#15:04:05", text[:i], in)
	if err != nil {
		return at, err
	}
	ms, err := strconv.ParseUint(text[i+1:], 10, 16)
	return at.Add(time.Duration(ms) * time.Millisecond), err //nolint:gosec // 16 bits
}

func (c *call) usage(format string, args ...any) error {
	return &usageError{c.name + ": " + fmt.Sprintf(format, args...)}
}

// warn says something that is not a result.
func (c *call) warn(format string, args ...any) {
	_, _ = fmt.Fprintf(c.env.Err, "aerobee: "+format+"\n", args...) // whoever does not read it misses nothing
}

// stamp is a time as most commands print it.
func (c *call) stamp(millis int64) string {
	return time.UnixMilli(millis).In(c.env.Now().Location()).Format("2006-01-02 15:04:05")
}

// stampMillis is a time with its milliseconds.
func (c *call) stampMillis(millis int64) string {
	return time.UnixMilli(millis).In(c.env.Now().Location()).Format("2006-01-02 15:04:05,000")
}

// pause waits; false tells that the command shall end.
func (c *call) pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// rounds does something once or, where the option interval is given, over and over.
func (c *call) rounds(ctx context.Context, name string, once func() error) error {
	seconds, err := c.number(name, 0)
	if err != nil {
		return err
	}
	for {
		if err := errors.Join(once(), c.Flush()); err != nil || !c.has(name) {
			return err
		}
		if !c.pause(ctx, time.Duration(seconds)*time.Second) {
			return nil
		}
	}
}
