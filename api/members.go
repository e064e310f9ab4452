package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
)

// atOnce is how many brokers are asked together.
const atOnce = 16

// each has do ask the masters of several brokers at once, and returns what each of them failed with. None keeps the others from being asked.
func each(at []admin.Broker, do func(i int, addr string) error) []error {
	errs := make([]error, len(at))
	var wg sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i := range at {
		addr, ok := at[i].Master()
		if !ok {
			errs[i] = &problem{"unavailable", "broker " + at[i].Name + " has no master now"}
			continue
		}
		room <- struct{}{}
		wg.Go(func() {
			errs[i] = do(i, addr)
			<-room
		})
	}
	wg.Wait()
	return errs
}

// gather is each for a question: what some of the brokers say is an answer, which names the others. Where nobody says anything it is an error.
func gather(at []admin.Broker, do func(i int, addr string) error) (unanswered map[string]string, err error) {
	unanswered = map[string]string{}
	errs := each(at, do)
	for i, err := range errs {
		if err != nil {
			unanswered[at[i].Name] = err.Error()
		}
	}
	if len(at) > 0 && len(unanswered) == len(at) {
		return nil, errors.Join(errs...)
	}
	return unanswered, nil
}

// silentIn finds the brokers that an Admin's error is about, and adds why they did not answer. It reports whether the error is about nothing else.
func silentIn(err error, unanswered map[string]string) bool {
	switch e := err.(type) { //nolint:errorlint // each error of a tree is looked at
	case nil:
		return true
	case interface{ Broker() string }:
		unanswered[e.Broker()] = err.Error()
		return true
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(one error) bool { return !silentIn(one, unanswered) })
	case interface{ Unwrap() error }:
		return silentIn(e.Unwrap(), unanswered)
	}
	return false
}

// notAnswered says in words who has not answered, for what is not found elsewhere.
func notAnswered(unanswered map[string]string) string {
	if len(unanswered) == 0 {
		return ""
	}
	return "; these brokers did not answer: " + strings.Join(sortedKeys(unanswered), ", ")
}

// outcome is what came of a change at one broker.
type outcome struct {
	broker  string
	changed bool
	err     error
}

// change has do change something at several brokers at once, and notes what came of it at each. One that fails keeps none of the others from it.
func (c *call) change(at []admin.Broker, do func(i int, addr string) (changed bool, err error)) []outcome {
	out := make([]outcome, len(at))
	for i, err := range each(at, func(i int, addr string) (err error) {
		out[i].changed, err = do(i, addr)
		return err
	}) {
		out[i].broker, out[i].err = at[i].Name, err
		out[i].changed = out[i].changed && err == nil
	}
	c.act.at(out)
	return out
}

// changedInPart is a problem that names where the change was made all the same.
type changedInPart struct {
	v1.Problem
	Name       string            `json:"name"`
	Brokers    []string          `json:"brokers"`
	Unanswered map[string]string `json:"unanswered"` // why, by broker
}

// inPart answers with the problem of those brokers at which a change was not made, and reports whether there is one.
func (c *call) inPart(name string, out []outcome) bool {
	var errs []error
	body := changedInPart{Name: name, Brokers: []string{}, Unanswered: map[string]string{}}
	for _, o := range out {
		switch {
		case o.err != nil:
			errs = append(errs, o.err)
			body.Unanswered[o.broker] = o.err.Error()
		case o.changed:
			body.Brokers = append(body.Brokers, o.broker)
		}
	}
	if errs == nil {
		return false
	}
	body.Problem = problemOf(ruledOut(errors.Join(errs...)))
	writeProblem(c.w, &body, body.Status)
	return true
}

// changedAt is where a change was made.
func changedAt(name string, out []outcome) v1.Changed {
	body := v1.Changed{Name: name, Brokers: []string{}}
	for _, o := range out {
		if o.changed {
			body.Brokers = append(body.Brokers, o.broker)
		}
	}
	return body
}

// changed answers a change that an Admin has made, or was refused, at brokers.
func (c *call) changed(name string, brokers []admin.Broker, err error) error {
	body, silent := v1.Changed{Name: name, Brokers: []string{}}, map[string]string{}
	known := silentIn(err, silent)
	out := make([]outcome, 0, len(brokers))
	for _, b := range brokers {
		o := outcome{broker: b.Name, changed: true}
		if why, not := silent[b.Name]; not {
			o.changed, o.err = false, errors.New(why)
		} else {
			body.Brokers = append(body.Brokers, b.Name)
		}
		out = append(out, o)
	}
	if err == nil || known && len(body.Brokers) > 0 {
		c.act.at(out)
	}
	if err == nil || !known || len(body.Brokers) == 0 {
		return c.reply(body, ruledOut(err))
	}
	p := changedInPart{problemOf(ruledOut(err)), name, body.Brokers, silent}
	writeProblem(c.w, &p, p.Status)
	return nil
}

// texts are parts of a record as it names them: at most 20, with what is more counted.
func texts[T any](all []T, text func(T) string) string {
	const most = 20
	var out []string
	for _, one := range all[:min(len(all), most)] {
		out = append(out, text(one))
	}
	if more := len(all) - most; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ",")
}
