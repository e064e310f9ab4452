package api

import (
	"context"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// Answers are the answers to "why". They ask brokers, so that their time is bounded by the context.
type Answers struct {
	Node  func(ctx context.Context) (v1.Diagnosis, error)
	Topic func(ctx context.Context, topic string) (v1.Diagnosis, error)
	Group func(ctx context.Context, group string) (v1.Diagnosis, error)
	// Trace is what became of the message with an id, in a topic where it is a unique id.
	Trace func(ctx context.Context, id, topic string) (v1.Trace, error)
}

func nodeDoctor(c *call) error {
	if c.o.Answers.Node == nil {
		return errNotServed
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), askTimeout)
	defer cancel()
	body, err := c.o.Answers.Node(ctx)
	return c.reply(body, err)
}

func topicDoctor(c *call) error { return diagnose(c, c.o.Answers.Topic, c.v.Text("topic")) }

func groupDoctor(c *call) error { return diagnose(c, c.o.Answers.Group, c.v.Text("group")) }

func diagnose(c *call, ask func(ctx context.Context, name string) (v1.Diagnosis, error), name string) error {
	if ask == nil {
		return errNotServed
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), askTimeout)
	defer cancel()
	body, err := ask(ctx, name)
	return c.reply(body, err)
}

func trace(c *call) error {
	if c.o.Answers.Trace == nil {
		return errNotServed
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), askTimeout)
	defer cancel()
	body, err := c.o.Answers.Trace(ctx, c.v.Text("id"), c.v.Text("topic"))
	if err != nil {
		return badID(err)
	}
	return c.reply(body, nil)
}

func groupQueues(c *call) error {
	if c.o.Queues == nil {
		return errNotServed
	}
	body, err := c.o.Queues(c.v.Text("group"))
	topic, list := c.v.Text("topic"), []v1.GroupQueue{}
	for _, q := range body.Queues {
		if topic != "" && q.Topic != topic || c.v.Has("queue") && int64(q.Queue) != c.v.Int("queue") {
			continue
		}
		if c.v.Has("offset") && q.Popped && c.o.PopState != nil {
			q.State = c.o.PopState(body.Group, q.Topic, q.Queue, c.v.Int("offset"))
		}
		list = append(list, q)
	}
	body.Queues = list
	return c.reply(body, err)
}

func disagreements(c *call) error {
	if c.o.Disagreements == nil {
		return errNotServed
	}
	body := v1.Disagreements{Group: c.v.Text("group"), Disagreements: []v1.Disagreement{}}
	list, err := c.o.Disagreements(body.Group)
	for _, d := range list {
		told := v1.Disagreement{Topic: d.Topic, Opinions: []v1.Opinion{}, Text: d.String()}
		for _, o := range d.Opinions {
			told.Opinions = append(told.Opinions, v1.Opinion(o))
		}
		body.Disagreements = append(body.Disagreements, told)
	}
	return c.reply(body, err)
}
