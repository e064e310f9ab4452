package api

import (
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/broker/dead"
)

// withDead gives an operation the node's dead letters.
func withDead(do func(c *call, l *dead.Letters) error) handler {
	return func(c *call) error {
		if c.o.DeadLetters == nil {
			return errNotServed
		}
		l, err := c.o.DeadLetters()
		if err != nil {
			return err
		}
		return do(c, l)
	}
}

func deadGroups(c *call, l *dead.Letters) error {
	body := v1.DeadGroups{Groups: []v1.DeadGroup{}}
	for _, g := range l.Groups() {
		body.Groups = append(body.Groups, v1.DeadGroup(g))
	}
	return c.reply(body, nil)
}

func deadLetters(c *call, l *dead.Letters) error {
	body := v1.DeadLetters{Group: c.v.Text("group"), Letters: []v1.DeadLetter{}}
	list, err := l.List(body.Group, int(c.v.Int("count")))
	for _, letter := range list {
		body.Letters = append(body.Letters, v1.DeadLetter(letter))
	}
	return c.reply(body, err)
}

func deadLetter(c *call, l *dead.Letters) error {
	letter, err := l.Get(c.v.Text("group"), c.v.Text("id"))
	return c.reply(v1.DeadLetter(letter), err)
}

// resentInPart is a problem that names what was done before it.
type resentInPart struct {
	v1.Problem
	Group string   `json:"group"`
	IDs   []string `json:"ids"`
}

func resend(c *call, l *dead.Letters) error {
	var want v1.Resend
	if err := c.body(&want); err != nil {
		return err
	}
	if want.All != (len(want.IDs) == 0) {
		return &problem{"bad-request", "either ids or all: the body names neither or both"}
	}
	group := c.v.Text("group")
	done, err := l.Resend(c.r.Context(), c.r.RemoteAddr, group, want.IDs)
	if done == nil {
		done = []string{}
	}
	if err != nil {
		p := resentInPart{problemOf(err), group, done}
		writeProblem(c.w, &p, p.Status)
		return nil
	}
	return c.reply(v1.Resent{Group: group, IDs: done}, nil)
}
