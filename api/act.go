package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/listen"
)

// act is an administrative act under way. It is recorded once: when its answer begins, or is to be an error.
type act struct {
	log   *audit.Log
	r     audit.Record
	ended bool
	entry bool // anybody may do it, so what comes of nothing is recorded at a bounded rate
	idle  bool // it has changed nothing

	results []outcome // at the brokers where it was carried out
}

// unsaid are the members of bodies whose values are not in records: passwords, and what messages say.
var unsaid = []string{"password", "body", "bodyBase64", "properties"}

// about notes what the act is about beside its path and query.
func (a *act) about(format string, args ...any) {
	if a != nil {
		a.r.About = strings.TrimSpace(a.r.About + " " + fmt.Sprintf(format, args...))
	}
}

// asked notes what the act's body asks for, as JSON, which the log cuts where it is long.
func (a *act) asked(body any) {
	var members map[string]any
	text, err := json.Marshal(body)
	if a == nil || err != nil || json.Unmarshal(text, &members) != nil {
		return
	}
	for _, name := range unsaid {
		if _, given := members[name]; given {
			members[name] = "***"
		}
	}
	if text, err = json.Marshal(members); err == nil {
		a.about("%s", text)
	}
}

// at notes what came of the act at the brokers where it changed something, or should have.
func (a *act) at(results []outcome) {
	for _, o := range results {
		if a != nil && (o.changed || o.err != nil) {
			a.results = append(a.results, o)
		}
	}
}

// apart writes a record for each broker where the results differ, as long as there is room in the log, and leaves the last one to the act's own record. Where they
// are the same that one names all of them.
func (a *act) apart() {
	differs := func(o outcome) bool { return (o.err == nil) != (a.results[0].err == nil) }
	if !slices.ContainsFunc(a.results, differs) {
		if len(a.results) > 0 {
			a.about("brokers=%s", texts(a.results, func(o outcome) string { return o.broker }))
		}
		return
	}
	about, left := a.r.About, 0
	slices.SortStableFunc(a.results, func(x, y outcome) int { return failedFirst(x.err) - failedFirst(y.err) }) // the act's own record is of one where it was done
	for i, o := range a.results {
		r := a.r
		r.About, r.Code, r.Outcome = strings.TrimSpace(about+" broker="+o.broker), http.StatusOK, audit.Done
		if o.err != nil {
			p := problemOf(o.err)
			r.Code, r.Outcome, r.Why = p.Status, audit.Failed, strings.TrimPrefix(r.Why+": "+p.Detail, ": ")
		}
		switch {
		case i == len(a.results)-1:
			a.r = r
		case a.log.Begin():
			a.log.Write(r, nil)
		default:
			left++
		}
	}
	if left > 0 {
		a.about("(%d more brokers have no record of their own, there was no room)", left)
	}
}

func failedFirst(err error) int {
	if err != nil {
		return 0
	}
	return 1
}

// begin takes room in the audit log for a request, which has been admitted and read: who sends a body slowly takes none meanwhile. nil without
// error: there is no log, or nothing to record.
func (g *guard) begin(c *call) (*act, error) {
	class := g.classes[c.op.ID]
	if g.Audit == nil || !class.Act() || c.r.Context().Value(ownKey{}) != nil {
		return nil, nil
	}
	take, most := g.Audit.Begin, g.Audit.MaxOpen()
	if class.Anybody() {
		take, most = g.Audit.BeginOpen, g.Audit.MaxAnybody()
	}
	if !take() {
		return nil, &problem{"too-many", "as many administrative acts are under way as there may be, " + itoa(int64(most))}
	}
	return &act{log: g.Audit, r: recordOf(c), entry: class.Public()}, nil
}

// recordOf begins the record of a request. Neither path nor query hold secrets.
func recordOf(c *call) audit.Record {
	r := audit.Record{Who: c.who.Name, From: c.r.RemoteAddr, What: c.r.Method + " " + c.r.URL.Path, About: c.r.URL.RawQuery}
	if _, subject := listen.PeerOf(c.r.Context()); r.Who == "" {
		r.Who = subject
	}
	if via := listen.ViaOf(c.r.Context()); via.IsValid() {
		r.Via = via.String()
	}
	return r
}

// refused records that somebody was not admitted.
func (g *guard) refused(c *call, err error) {
	class := g.classes[c.op.ID]
	if g.Audit == nil || !class.Act() && !class.Closed() {
		return
	}
	p := problemOf(err)
	r := recordOf(c)
	r.Code, r.Why = p.Status, p.Detail
	g.Audit.Refused(r)
}

// end records what came of the act and waits until that is on the disk; the second time it does nothing, and so does nil.
func (a *act) end(status int, why string) {
	if a == nil || a.ended {
		return
	}
	a.ended = true
	if a.r.Why != "" && why != "" {
		why = a.r.Why + ": " + why
	} else if why == "" {
		why = a.r.Why
	}
	a.r.Code, a.r.Why, a.r.Outcome = status, why, audit.Failed
	switch {
	case a.idle, a.entry && status >= http.StatusBadRequest:
		a.log.Leave()
		a.log.Refused(a.r)
		return
	case status < http.StatusBadRequest:
		a.r.Outcome = audit.Done
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests:
		a.log.Leave()
		a.log.Refused(a.r)
		return
	}
	a.apart()
	written := make(chan struct{})
	a.log.Write(a.r, func() { close(written) })
	<-written
}

// fail records an act that is answered with an error, or none.
func (a *act) fail(err error) {
	if a == nil || a.ended || err == nil {
		return
	}
	p := problemOf(err)
	a.end(p.Status, p.Detail)
}

// recorded is an answer that begins when its act is recorded.
type recorded struct {
	http.ResponseWriter
	a *act
}

// WriteHeader begins the answer.
func (w *recorded) WriteHeader(status int) {
	w.a.end(status, "")
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer, unless it has begun.
func (w *recorded) Write(b []byte) (int, error) {
	w.a.end(http.StatusOK, "")
	return w.ResponseWriter.Write(b)
}

// Unwrap is for what sets deadlines.
func (w *recorded) Unwrap() http.ResponseWriter { return w.ResponseWriter }
