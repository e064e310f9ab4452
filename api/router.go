package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/session"
	"github.com/aerobee-mq/aerobee/broker/dead"
	"github.com/aerobee-mq/aerobee/client/cluster"
)

// handler carries out one operation. It answers through the call, or returns why it cannot.
type handler func(c *call) error

// call is one request of an operation, with its parameters.
type call struct {
	o  *Options
	op *v1.Operation
	v  v1.Values
	w  http.ResponseWriter
	r  *http.Request

	g   *guard
	who session.Signed // as far as somebody had to sign in
	act *act           // nil where nothing is recorded

	text []byte // the body, of operations that have one
}

// route is an operation with what carries it out.
type route struct {
	op       v1.Operation
	segments []string
	handle   handler
}

// router finds the operation of a request, and holds the request against it.
type router struct {
	o      *Options
	routes []route
	guard  *guard
	origin *http.CrossOriginProtection
}

func newRouter(o *Options, g *guard) *router {
	rt := &router{o: o, guard: g, origin: http.NewCrossOriginProtection()}
	handlers := o.handlers()
	for _, op := range v1.Operations() {
		rt.routes = append(rt.routes, route{op, op.Segments(), handlers[op.ID]})
	}
	return rt
}

// problem is an error of a known kind.
type problem struct{ kind, detail string }

func (p *problem) Error() string { return p.detail }

// ServeHTTP answers every request below /api.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := rt.serve(w, r); err != nil {
		p := problemOf(err)
		writeProblem(w, &p, p.Status)
	}
}

func writeProblem(w http.ResponseWriter, body any, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the peer has gone if this fails, and nobody is left to tell
}

func (rt *router) serve(w http.ResponseWriter, r *http.Request) error {
	segments, err := segmentsOf(r.URL)
	if err != nil {
		return &problem{"bad-request", err.Error()}
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for i := range rt.routes {
		t := &rt.routes[i]
		path, ok := t.op.Match(t.segments, segments)
		if !ok || literalWins(rt.routes, t, segments) {
			continue
		}
		if t.op.Method == method {
			return rt.call(&call{o: rt.o, op: &t.op, w: w, r: r, g: rt.guard}, t.handle, path)
		}
		allowed = append(allowed, t.op.Method)
	}
	what := r.Method + " " + r.URL.Path + " is not served"
	if len(allowed) == 0 {
		return &problem{"not-found", what + "; GET /api/v1 lists what is"}
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(slices.Compact(allowed), ", "))
	return &problem{"no-such-method", what + "; the path has " + strings.Join(slices.Compact(allowed), ", ")}
}

// literalWins reports whether another route names with its own words what this one takes for a parameter: timers/count is no handle.
func literalWins(routes []route, t *route, segments []string) bool {
	return slices.ContainsFunc(routes, func(other route) bool {
		if _, ok := other.op.Match(other.segments, segments); !ok {
			return false
		}
		for i := range segments {
			if named := strings.HasPrefix(t.segments[i], "{"); named != strings.HasPrefix(other.segments[i], "{") {
				return named
			}
		}
		return false
	})
}

// segmentsOf are the parts of a path, each without its escapes.
func segmentsOf(u *url.URL) ([]string, error) {
	segments := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, s := range segments {
		var err error
		if segments[i], err = url.PathUnescape(s); err != nil {
			return nil, err
		}
	}
	return segments, nil
}

// call checks a request against its operation and carries it out.
func (rt *router) call(c *call, handle handler, path v1.Values) error {
	if handle == nil {
		return errNotServed
	}
	var err error
	if c.who, err = rt.guard.admit(c.r, rt.guard.classes[c.op.ID]); err != nil {
		rt.guard.refused(c, err)
		return err
	}
	if err := rt.origin.Check(c.r); err != nil {
		err = &problem{"other-origin", "a page of another origin may not make changes here: " + err.Error()}
		rt.guard.refused(c, err)
		return err
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return &problem{"bad-request", "the query cannot be read: " + err.Error()}
	}
	if c.v, err = c.op.Query(path, query); err != nil {
		return &problem{"bad-request", err.Error()}
	}
	if c.op.Body != nil {
		if err := c.read(rt.guard.classes[c.op.ID]); err != nil {
			return err
		}
	}
	if c.act, err = rt.guard.begin(c); err != nil {
		return err
	}
	if c.act == nil {
		return handle(c)
	}
	c.w = &recorded{c.w, c.act}
	err = handle(c)
	c.act.fail(err)
	c.act.end(http.StatusOK, "") // of what has answered nothing
	return err
}

// maxEntry bounds the bodies that anybody may send before it is known who they are, in bytes: room for a name and a password, however they are escaped.
const maxEntry = 16 << 10

// read reads the request's body.
func (c *call) read(class access.Class) error {
	most := int64(v1.MaxBody)
	if class.Public() {
		most = maxEntry
	}
	var err error
	c.text, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, most))
	if large := (*http.MaxBytesError)(nil); err == nil || errors.As(err, &large) {
		return err
	}
	return &problem{"bad-request", "the body cannot be read: " + err.Error()}
}

// body decodes the request's body.
func (c *call) body(into any) error {
	given := c.r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(given); err != nil || media != "application/json" { // which a web page cannot send by itself
		return &problem{"not-json", "the body must be application/json, Content-Type says " + orElse(given, "nothing")}
	}
	if err := v1.Decode(c.text, into); err != nil {
		return &problem{"bad-request", err.Error()}
	}
	c.act.asked(into)
	return nil
}

// reply answers with a body.
func (c *call) reply(body any, err error) error {
	if err != nil {
		return err
	}
	reply(c.w, http.StatusOK, body)
	return nil
}

// problemOf is the problem that an error is.
func problemOf(err error) v1.Problem {
	var own *problem
	var bad *BadRequest
	var large *http.MaxBytesError
	var refused *cluster.Error
	kind, is := "unavailable", func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
	switch {
	case errors.As(err, &own):
		kind = own.kind
	case errors.As(err, &bad):
		kind = v1.OfStatus(bad.Status)
	case errors.As(err, &large):
		return v1.NewProblem("too-large", "the body is larger than "+itoa(large.Limit)+" bytes")
	case is(dead.ErrNone, ErrNotPending, admin.ErrGroupNotFound, cluster.ErrTopicNotFound, cluster.ErrNotFound, cluster.ErrNoRoute):
		kind = "not-found"
	case is(cluster.ErrBusy, cluster.ErrUnavailable, cluster.ErrUnreachable, cluster.ErrClosed):
	case is(context.DeadlineExceeded):
		kind = "no-answer"
	case errors.As(err, &refused):
		kind = "refused"
	}
	return v1.NewProblem(kind, err.Error())
}

// handlers are the functions that carry the operations out, by their ids.
func (o *Options) handlers() map[string]handler {
	heavy := make(few, maxHeavy)
	return map[string]handler{
		"index": index, "document": document, "node": from(o.Node), "settings": settings, "login": login, "logout": logout, "whoAmI": whoAmI, "audit": auditTail, "refusals": refusals, "connections": from(o.Connections), "store": from(o.Store), "clients": clients,
		"live": newLive().serve, "doctor": heavy.of(nodeDoctor), "backup": backup, "users": users, "user": oneUser, "putUser": putUser, "deleteUser": deleteUser,
		"acls": heavy.of(acls), "acl": heavy.of(oneACL), "putACL": putACL, "deleteACL": deleteACL, "explain": heavy.of(explain),
		"brokerSettings": brokerSettings, "putBrokerSettings": putBrokerSettings, "putWrites": putWrites, "clean": clean,
		"kvs": kvs, "kv": kv, "putKV": putKV, "deleteKV": deleteKV, "order": order, "putOrder": putOrder, "deleteOrder": deleteOrder,
		"topicRoute": topicRoute, "send": heavy.of(send),
		"statistics": heavy.of(statistics), "producers": heavy.of(producers), "member": heavy.of(oneMember), "try": heavy.of(try),
		"brokers": brokers, "broker": oneBroker, "topics": topics, "topic": oneTopic, "putTopic": putTopic, "deleteTopic": deleteTopic, "topicDoctor": heavy.of(topicDoctor),
		"groups": heavy.of(groups), "group": heavy.of(oneGroup), "putGroup": putGroup, "deleteGroup": deleteGroup, "reset": reset,
		"groupQueues": groupQueues, "disagreements": disagreements, "groupDoctor": heavy.of(groupDoctor),
		"messages": heavy.of(messages), "message": heavy.of(oneMessage), "trace": heavy.of(trace),
		"timers": timers, "timerCounts": from(o.Timers.Count), "cancelTimer": cancelTimer,
		"dlq": heavy.of(withDead(deadGroups)), "deadLetters": heavy.of(withDead(deadLetters)), "deadLetter": heavy.of(withDead(deadLetter)), "resend": withDead(resend),
		"transactions": transactions, "settle": settle,
	}
}

// from answers with what a source says.
func from[T any](source func() (T, error)) handler {
	return func(c *call) error {
		if source == nil {
			return errNotServed
		}
		body, err := source()
		return c.reply(body, err)
	}
}
