package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Options configure an [Admin].
type Options struct {
	// NameServers are "host:port"; several mean the same cluster.
	NameServers []string
	// Timeout bounds each single request; default 5 s. The context of a call bounds all of it.
	Timeout time.Duration
	// Dial makes connections; nil is TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Sign signs every request; nil: nobody does. See package auth/sign.
	Sign func(f *protocol.Frame)
	// SignTo tells where requests are signed: whoever reaches a NameServer can register a broker there. nil: everywhere, as mqadmin does.
	SignTo cluster.SignTo
	// Logger gets what happens to connections; nil: nothing is said.
	Logger *slog.Logger
}

// atOnce is how many requests of one call are under way together.
const atOnce = 16

// Admin makes administrative calls. All methods are safe to call at once; [Admin.Close] ends it.
type Admin struct {
	opt     Options
	cluster *cluster.Cluster
}

// New makes an Admin. It connects with the first call.
func New(o Options) (*Admin, error) {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	c, err := cluster.New(cluster.Options{NameServers: o.NameServers, Dial: o.Dial, Sign: o.Sign, SignTo: o.SignTo, Logger: o.Logger})
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return &Admin{opt: o, cluster: c}, nil
}

// Close closes the connections and waits until nothing of the Admin runs any more.
func (a *Admin) Close() error { return a.cluster.Close() }

// header is what a request header of the protocol package can do.
type header interface{ Append(fs *protocol.Fields) }

func frame(code int32, h header, body []byte) *protocol.Frame {
	f := &protocol.Frame{Code: code, Language: protocol.LanguageGo, Version: protocol.CurrentVersion, Body: body}
	if h != nil {
		h.Append(&f.Fields)
	}
	return f
}

// call sends one request to a broker and returns its answer, which is a success.
func (a *Admin) call(ctx context.Context, addr string, code int32, h header, body []byte) (*protocol.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, a.opt.Timeout)
	defer cancel()
	answer, err := a.cluster.Invoke(ctx, addr, frame(code, h, body))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return answer, cluster.Check(answer, addr, code)
}

// ask is call for an answer with a JSON body, which it decodes into out.
func (a *Admin) ask(ctx context.Context, addr string, code int32, h header, out any) error {
	answer, err := a.call(ctx, addr, code, h, nil)
	if err != nil {
		return err
	}
	return decode(answer, addr, code, out)
}

// askNameServer asks whichever NameServer answers.
func (a *Admin) askNameServer(ctx context.Context, code int32, h header, out any) error {
	ctx, cancel := context.WithTimeout(ctx, a.opt.Timeout)
	defer cancel()
	answer, err := a.cluster.InvokeNameServer(ctx, frame(code, h, nil))
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	if err := cluster.Check(answer, "the NameServer", code); err != nil {
		return err
	}
	return decode(answer, "the NameServer", code, out)
}

func decode(answer *protocol.Frame, addr string, code int32, out any) error {
	if len(answer.Body) == 0 {
		return nil // Apache leaves the body out where there is nothing to say
	}
	if err := protocol.UnmarshalBody(answer.Body, out); err != nil {
		return fmt.Errorf("admin: answer of %s to request %d: %w", addr, code, err)
	}
	return nil
}

// refusal is an error in the form of a peer's answer, for what this package finds out itself.
func refusal(code, request int32, format string, args ...any) error {
	return &cluster.Error{Code: code, Request: request, Remark: fmt.Sprintf(format, args...)}
}

// each calls do for every item, several at once, and joins the errors in the order of the items.
func each[T any](items []T, do func(i int, item T) error) error {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i, item := range items {
		room <- struct{}{}
		wg.Go(func() {
			errs[i] = do(i, item)
			<-room
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
