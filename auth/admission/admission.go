// Package admission is the stage before the handlers of remoting requests that keeps a server safe from its first start: what package auth/access lists as
// closed is accepted from this machine and from the addresses of --admin-from alone, as long as nobody has to sign requests. It also sees to it
// that administrative acts stand in the audit log before they are answered.
//
// The root package makes one [Gate] and puts [Gate.Stage] before all handlers; package api asks the same Gate about addresses. All of it is
// safe to call at once. What this process asks itself passes unseen: who had it do so has been looked at where they came in.
package admission

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Options configure a [Gate].
type Options struct {
	// From are the addresses, beside this machine's loopback ones, that closed requests are accepted from.
	From []netip.Prefix
	// Log is where acts stand.
	Log *audit.Log
	// Signed reports whether by now every request is held to what its user may do, by a stage before this one: then addresses do not
	// count. nil: nobody looks at users.
	Signed func() bool
	// Who is the user whose request this is, by its signature or the connection's certificate; "" for none; nil: nobody looks.
	Who func(c *remoting.Conn, f *protocol.Frame) string
}

// Gate decides by address.
type Gate struct {
	o    Options
	rows map[int32]access.Request
}

// New returns a Gate.
func New(o Options) *Gate {
	return &Gate{o: o, rows: access.Codes()}
}

// Allows tells whether administrators may ask from an address. via is the load balancer that told it, invalid if none did: it has to be trusted
// too, since whoever sends a PROXY header can name any address in it.
func (g *Gate) Allows(from, via netip.Addr) bool {
	return g.trusts(from) && (!via.IsValid() || g.trusts(via))
}

func (g *Gate) trusts(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || slices.ContainsFunc(g.o.From, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Stage puts the Gate before a request's handler. It is given to [remoting.Mux.Wrap].
func (g *Gate) Stage(code int32, name string, next remoting.Handler) remoting.Handler {
	class := g.rows[code].Class
	if !class.Closed() && !class.Act() {
		return next
	}
	return func(c *remoting.Conn, f *protocol.Frame) {
		switch {
		case c.Own():
			next(c, f)
		case class.Closed() && !(g.o.Signed != nil && g.o.Signed()) && !g.Allows(c.RemoteAddr().Addr(), c.Via()):
			g.refuse(c, f, name, class)
		case class.Act():
			g.act(c, f, name, next)
		default:
			next(c, f)
		}
	}
}

// refuse says who is refused what, and how to allow it.
func (g *Gate) refuse(c *remoting.Conn, f *protocol.Frame, name string, class access.Class) {
	from := c.RemoteAddr().Addr().Unmap()
	remark := fmt.Sprintf("%s (%d) %s: it is accepted from this machine and from the addresses of --admin-from only, and %s is none of them; %s",
		name, f.Code, class.Does(), asked(from, c.Via()), g.remedy(from, c.Via()))
	g.Denied(c, f, "not an administrator's address")
	c.Refuse(f, protocol.ResNoPermission, remark)
}

// Denied records that somebody was refused what is closed, or an act. Of other requests there is nothing to record.
func (g *Gate) Denied(c *remoting.Conn, f *protocol.Frame, why string) {
	row := g.rows[f.Code]
	if !row.Class.Closed() && !row.Class.Act() {
		return
	}
	r := g.record(c, f, row.Name)
	r.Code, r.Why = protocol.ResNoPermission, why
	g.o.Log.Refused(r)
}

// asked names who asks.
func asked(from, via netip.Addr) string {
	if via.IsValid() {
		return fmt.Sprintf("%s (as %s says)", from, via)
	}
	return from.String()
}

// remedy says how to have it accepted.
func (g *Gate) remedy(from, via netip.Addr) string {
	flags := "--admin-from " + single(from)
	if via.IsValid() && !g.trusts(via) {
		flags += " --admin-from " + single(via.Unmap())
	}
	text := "to allow it, start the server with " + flags
	if g.o.Signed != nil {
		text += ", or make a user (aerobee user create, on the server's machine) and have the server ask for signatures and rights (authenticationEnabled, authorizationEnabled)"
	}
	return text
}

// single is the prefix of one address alone.
func single(a netip.Addr) string { return netip.PrefixFrom(a.WithZone(""), a.BitLen()).String() }

// act has a request handled, and its answer sent when the audit log has it.
func (g *Gate) act(c *remoting.Conn, f *protocol.Frame, name string, next remoting.Handler) {
	r := g.record(c, f, name)
	take, most := g.o.Log.Begin, g.o.Log.MaxOpen()
	if g.rows[f.Code].Class.Anybody() {
		take, most = g.o.Log.BeginOpen, g.o.Log.MaxAnybody()
	}
	room := take()
	switch {
	case !room:
	case f.IsOneway():
		r.Outcome, r.Why = audit.Unknown, "nobody wants an answer"
		g.o.Log.Write(r, nil)
		next(c, f)
		return
	}
	diverted := !f.IsOneway() && c.Divert(f, func(answer *protocol.Frame) {
		switch {
		case !room:
			send(c, answer)
		case answer == nil:
			r.Outcome, r.Why = audit.Unknown, "the connection ended before the answer"
			g.o.Log.Write(r, nil)
		default:
			r.Outcome, r.Code, r.Why = outcome(answer.Code), int(answer.Code), answer.Remark
			g.o.Log.Write(r, func() { send(c, answer) })
		}
	})
	switch {
	case !diverted: // its answer could be taken for that of another act
		if room {
			r.Outcome, r.Why = audit.Refused, "a request of this number is not answered yet"
			g.o.Log.Write(r, nil)
		}
		_ = c.Close()
	case !room:
		answer := f.Reply(protocol.ResSystemBusy, fmt.Sprintf("%s: %d administrative acts are under way, as many as there may be", name, most))
		_ = c.Send(&answer)
	default:
		next(c, f)
	}
}

// send sends an answer, of which there may be none.
func send(c *remoting.Conn, answer *protocol.Frame) {
	if answer != nil {
		_ = c.Send(answer) // the connection may be gone, and then nobody wants it
	}
}

func outcome(code int32) string {
	switch code {
	case protocol.ResSuccess:
		return audit.Done
	case protocol.ResNoPermission:
		return audit.Refused
	}
	return audit.Failed
}

// record begins the record of a request.
func (g *Gate) record(c *remoting.Conn, f *protocol.Frame, name string) audit.Record {
	r := audit.Record{Who: c.Subject(), From: c.RemoteAddr().String(), What: name, About: about(f)}
	if g.o.Who != nil {
		if who := g.o.Who(c, f); who != "" {
			r.Who = who
		}
	}
	if via := c.Via(); via.IsValid() {
		r.Via = via.String()
	}
	return r
}

// told are the header fields that say what a request is about. None of them is a secret, or a message's.
func told() []string {
	return []string{"topic", "topicName", "groupName", "group", "consumerGroup", "originGroup", "username", "subject", "resource", "policyType", "brokerName", "namespace", "key", "isForce", "timestamp", "filter"}
}

// about says what a request is about: its telling header fields, and the settings that it wants to change.
func about(f *protocol.Frame) string {
	var out []string
	for _, name := range told() {
		if v, ok := f.Fields.Get(name); ok && len(v) > 0 {
			out = append(out, fmt.Sprintf("%s=%.100s", name, v))
		}
	}
	if f.Code == protocol.ReqUpdateBrokerConfig || f.Code == protocol.ReqUpdateNamesrvConfig {
		out = append(out, settings(f.Body)...)
	}
	return strings.Join(out, " ")
}

// maxSettings bounds how many settings one record names.
const maxSettings = 20

// settings are those of a body. The values of such as cannot be changed while a server runs are left out: they may be secrets.
func settings(body []byte) (out []string) {
	pairs, err := config.ParseProperties(string(body))
	if err != nil {
		return []string{"(settings that cannot be read)"}
	}
	for i, p := range pairs {
		if i == maxSettings {
			return append(out, fmt.Sprintf("and %d more", len(pairs)-i))
		}
		text := fmt.Sprintf("%.60s", p.Key)
		if slices.Contains(config.Live(), p.Key) {
			text += fmt.Sprintf("=%.60s", p.Value)
		}
		out = append(out, text)
	}
	return out
}
